/**
 * The viewer behind a report's link beside OHIF as published: the same study, Orthanc and Chromium (WebGL of software), each
 * behind a line of its own. From the navigation to the images, once signed in: the first picture, the first image of OHIF, the
 * whole series decoded in the browser, and the bytes that came.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineShape } from '../../test/peers/line/index.ts';
import { isChromiumHere, openPersonalChromium } from '../../test/viewer/chromium.ts';
import { type BenchSettings, type Figure, judge, milliseconds } from './figures.ts';
import { type Entrance, startViewerSite, type ViewerSite } from './viewer-site.ts';
import { type Visit, visitViewer } from './viewer-visit.ts';

const lines: readonly { readonly name: string; readonly shape?: LineShape }[] = [
  { name: 'no limit' },
  { name: '20 Mb/s, 40 ms', shape: { megabitsPerSecond: 20, roundTripMs: 40 } },
];

/** A person takes longer to sign in with a card or a telephone. */
const signingInMs = 10_000;

const Kept = { nothing: 'cold', signIn: 'after sign-in', everything: 'warm' } as const;
type Kept = (typeof Kept)[keyof typeof Kept];

interface Measured extends Visit {
  readonly bytes: number;
}

const withCookies = async (
  folder: string,
  { publicKey }: ViewerSite,
  { cookies, url }: Entrance,
): ReturnType<typeof openPersonalChromium> => {
  const context = await openPersonalChromium(folder, publicKey);
  const session = await context.newCDPSession(context.pages()[0] ?? (await context.newPage()));
  // A name that begins with __Host- is only taken together with the address it is of.
  for (const { name, value } of cookies) {
    await session.send('Network.setCookie', { name, value, url, secure: true, httpOnly: true, path: '/' });
  }
  return context;
};

interface Round {
  readonly images: number;
  readonly timeoutMs: number;
  readonly shape?: LineShape;
}

const measure = async (
  context: Awaited<ReturnType<typeof withCookies>>,
  { name, line, url }: Entrance,
  round: Round,
): Promise<Measured> => {
  const before = await line.meter();
  const visit = await visitViewer(context, url, round);
  const after = await line.meter();
  console.log(`bench: viewer: ${name}, whole series after ${Math.round(visit.wholeSeriesMs)} ms`);
  return { ...visit, bytes: after.down - before.down };
};

/** A browser that was never here; then the same again, closed in between as a browser is. */
const visitTwice = async (site: ViewerSite, entrance: Entrance, round: Round): Promise<Record<string, Measured>> => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-browser-'));
  try {
    await entrance.line.reshape(round.shape);
    const found: Record<string, Measured> = {};
    for (const kept of [Kept.nothing, Kept.everything]) {
      const context = await withCookies(folder, site, entrance);
      found[kept] = await measure(context, entrance, round);
      await context.close();
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** A browser that was never here, whose person spends a while on the page before. */
const visitAfterSignIn = async (site: ViewerSite, entrance: Entrance, round: Round): Promise<Measured> => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-browser-'));
  try {
    await entrance.line.reshape(round.shape);
    const context = await withCookies(folder, site, entrance);
    const page = await context.newPage();
    await page.goto(entrance.before ?? entrance.url);
    await sleep(signingInMs);
    const measured = await measure(context, entrance, round);
    await context.close();
    return measured;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const ratio = (value: number): string => value.toFixed(2);
const megabytes = (value: number): string => `${(value / 1e6).toFixed(1)} MB`;

const tell = (name: string, { previewMs, firstImageMs, wholeSeriesMs, bytes }: Measured): readonly Figure[] => [
  ...(previewMs === undefined ? [] : [judge(`${name}: first picture`, previewMs, milliseconds, { below: 1_000 })]),
  judge(`${name}: first image of OHIF`, firstImageMs, milliseconds),
  judge(`${name}: whole series`, wholeSeriesMs, milliseconds),
  judge(`${name}: bytes`, bytes, megabytes),
];

const compare = (name: string, kept: Kept, shape: LineShape | undefined, ours: Measured, stock: Measured): Figure[] => [
  judge(
    `${name}: first image, ours ÷ stock`,
    ours.firstImageMs / stock.firstImageMs,
    ratio,
    kept === Kept.everything ? undefined : { below: 0.5 },
  ),
  judge(
    `${name}: whole series, stock ÷ ours`,
    stock.wholeSeriesMs / ours.wholeSeriesMs,
    ratio,
    shape === undefined ? undefined : { atLeast: 1.5 },
  ),
];

export const measureViewer = async (settings: BenchSettings): Promise<readonly Figure[]> => {
  if (!isChromiumHere()) throw new Error('Chromium is not here: run scripts/setup');
  const images = settings.isQuick ? 60 : 300;
  const site = await startViewerSite(settings, images);
  try {
    const figures: Figure[] = [];
    for (const { name, shape } of lines) {
      const round: Round = { images, timeoutMs: 240_000, ...(shape === undefined ? {} : { shape }) };
      const stock = await visitTwice(site, site.stock, round);
      const ours: Record<string, Measured> = {
        ...(await visitTwice(site, site.ours, round)),
        [Kept.signIn]: await visitAfterSignIn(site, site.ours, round),
      };
      for (const kept of Object.values(Kept)) {
        const [our, their] = [ours[kept], stock[kept] ?? stock[Kept.nothing]];
        if (our === undefined || their === undefined) throw new Error(`not measured: ${kept}`);
        const head = `${images} slices, ${name}, ${kept}`;
        figures.push(...(kept === Kept.signIn ? [] : tell(`${head}, stock`, their)), ...tell(`${head}, ours`, our));
        figures.push(...compare(head, kept, shape, our, their));
      }
    }
    return figures;
  } finally {
    await site.stop();
  }
};
