/** One visit of a viewer in a browser: opens an address, and tells when what was there. */
import type { BrowserContext, Frame, Page } from 'playwright-core';

/** Milliseconds since the navigation began. */
export interface Visit {
  /** Of the server, while the viewer starts. */
  readonly previewMs?: number;
  readonly firstImageMs: number;
  /** Frames of the series that was shown, all of them decoded. */
  readonly wholeSeriesMs: number;
}

/** Runs in every frame before anything else there. Times since 1970 of the same clock in all of them. */
const watcher = `(() => {
  const seen = { done: 0, frames: 0 };
  window.benchSeen = seen;
  const now = () => performance.timeOrigin + performance.now();
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => { seen.firstImage ??= now(); }, true);
  new PerformanceObserver((list) => {
    for (const { url, startTime } of list.getEntries()) {
      if (/\\/apercu\\//.test(url)) seen.preview ??= performance.timeOrigin + startTime;
    }
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  const waiting = setInterval(() => {
    const { cornerstone } = window;
    if (cornerstone?.eventTarget === undefined) return;
    clearInterval(waiting);
    const cached = new Set();
    cornerstone.eventTarget.addEventListener('CORNERSTONE_IMAGE_CACHE_IMAGE_ADDED', ({ detail }) => {
      cached.add(detail.image.imageId);
      seen.done = cached.size;
      seen.lastDone = now();
    });
  }, 20);
})()`;

interface Seen {
  readonly done: number;
  readonly preview?: number;
  readonly firstImage?: number;
  readonly lastDone?: number;
}

const read = (frame: Frame): Promise<Seen | undefined> =>
  frame.evaluate<Seen | undefined>('window.benchSeen').catch(() => undefined);

const watch = async (page: Page, images: number, timeoutMs: number): Promise<readonly Seen[]> => {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('requestfailed', (asked) => complaints.push(`${asked.url().slice(0, 200)} ${asked.failure()?.errorText}`));
  const until = performance.now() + timeoutMs;
  for (;;) {
    const seen = (await Promise.all(page.frames().map(read))).filter((one) => one !== undefined);
    if (seen.some(({ done }) => done >= images)) return seen;
    if (performance.now() > until) {
      const what = JSON.stringify({ seen, complaints: complaints.slice(0, 20) });
      throw new Error(`${page.url().slice(0, 40)}…: not within ${timeoutMs} ms, ${what}`);
    }
    await page.waitForTimeout(200);
  }
};

/**
 * @param images  of the series that is shown first
 * @throws Error when they are not all there in time
 */
export const visitViewer = async (
  context: BrowserContext,
  url: string,
  { images, timeoutMs }: { readonly images: number; readonly timeoutMs: number },
): Promise<Visit> => {
  const page = await context.newPage();
  try {
    await page.addInitScript(watcher);
    await page.goto(url, { waitUntil: 'commit' });
    const startedAt = await page.evaluate<number>('performance.timeOrigin');
    const seen = await watch(page, images, timeoutMs);
    const since = (pick: (one: Seen) => number | undefined): number | undefined => {
      const times = seen.map(pick).filter((time) => time !== undefined);
      return times.length === 0 ? undefined : Math.min(...times) - startedAt;
    };
    const previewMs = since(({ preview }) => preview);
    return {
      ...(previewMs === undefined ? {} : { previewMs }),
      firstImageMs: since(({ firstImage }) => firstImage) ?? Number.NaN,
      wholeSeriesMs: since(({ lastDone }) => lastDone) ?? Number.NaN,
    };
  } finally {
    await page.close();
  }
};
