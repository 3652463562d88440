/**
 * A file written as it arrives, taken up where it stopped when the line breaks. For browsers that let a page write a file;
 * others download by themselves, which also shows progress and resumes.
 */

export interface FileSink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

export interface DownloadRun {
  readonly path: string;
  readonly totalBytes: number;
  readonly sink: FileSink;
  readonly onProgress: (bytes: number) => void;
  /** Nothing comes now; it is asked for again. */
  readonly onPause?: () => void;
  readonly signal: AbortSignal;
  /** Pause before each further attempt, from the first one on again once bytes have come. */
  readonly waitMs?: readonly number[];
}

/** `unwritable`: the file does not take it (a full disk, a drive that was pulled out); `busy`: the server wants fewer requests. */
export type DownloadEnd = 'done' | 'cancelled' | 'refused' | 'broken' | 'busy' | 'unwritable';

/** A server that asks for more patience is left. */
const maxPatienceMs = 300_000;

const ask = (path: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Response> =>
  fetch(path, {
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
    // If the archive was made anew meanwhile the server sends it whole, and the pieces are not joined.
    headers: from === 0 ? {} : { range: `bytes=${from}-`, ...(tag === undefined ? {} : { 'if-range': tag }) },
  });

/** Two minutes without a line: a phone between two places. */
const usualWaitMs: readonly number[] = [1_000, 3_000, 10_000, 20_000, 30_000, 60_000];

/** Until the time is over, the person has enough or, where the line broke, the browser has one again. */
const pause = (ms: number, kind: Pending['kind'], signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = new AbortController();
    const end = (): void => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { signal: over.signal });
    const browser = globalThis as unknown as Partial<EventTarget>;
    if (kind === 'broken') browser.addEventListener?.('online', end, { signal: over.signal });
  });

/** RFC 9110 10.2.3, in seconds: our server writes no date. */
const readRetryAfter = ({ headers }: Response): number => {
  const seconds = Number(headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) ? seconds * 1_000 : 0;
};

class UnwritableError extends Error {}

/** What was written so far, by all attempts. */
interface Progress {
  bytes: number;
  tag?: string;
}

/** What may be tried again, after so long. */
interface Pending {
  readonly kind: 'busy' | 'broken';
  readonly waitMs: number;
}

const isBusy = ({ status }: Response): boolean => status === 429 || status === 503;

/** @throws UnwritableError · any: the line broke */
const attempt = async (run: DownloadRun, progress: Progress): Promise<DownloadEnd | Pending> => {
  const { path, totalBytes, sink, onProgress, signal } = run;
  const answer = await ask(path, progress.bytes, progress.tag, signal);
  if (isBusy(answer)) return { kind: 'busy', waitMs: readRetryAfter(answer) };
  if (answer.status >= 400 && answer.status < 500) return 'refused';
  // Whole again though a part was asked for: another file.
  if (progress.bytes > 0 && answer.ok && answer.status !== 206) return 'broken';
  if (!answer.ok || answer.body === null) return { kind: 'broken', waitMs: 0 };
  const tag = progress.tag ?? answer.headers.get('etag');
  if (tag !== null) progress.tag = tag;
  const toFile = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (cause) {
      throw new UnwritableError('the file takes no more', { cause });
    }
  };
  const reader = answer.body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      const { value } = piece;
      await toFile(() => sink.write(value));
      progress.bytes += value.length;
      onProgress(progress.bytes);
    }
  } finally {
    // After an error of the file the rest of it is not wanted.
    await reader.cancel().catch(() => undefined);
  }
  if (totalBytes > 0 && progress.bytes < totalBytes) return { kind: 'broken', waitMs: 0 };
  await toFile(() => sink.close());
  return 'done';
};

/** Never throws. After any end but `done` the file is given up. */
export const runDownload = async (run: DownloadRun): Promise<DownloadEnd> => {
  const { sink, onPause, signal, waitMs = usualWaitMs } = run;
  const progress: Progress = { bytes: 0 };
  const giveUp = async (end: DownloadEnd): Promise<DownloadEnd> => {
    await sink.abort().catch(() => undefined);
    return end;
  };
  let nextWait = 0;
  for (;;) {
    if (signal.aborted) return giveUp('cancelled');
    const bytesBefore = progress.bytes;
    let last: Pending = { kind: 'broken', waitMs: 0 };
    try {
      const end = await attempt(run, progress);
      if (end === 'done') return end;
      if (typeof end === 'string') return await giveUp(end);
      last = end;
    } catch (error) {
      if (error instanceof UnwritableError) return giveUp('unwritable');
      if (signal.aborted) return giveUp('cancelled');
    }
    if (progress.bytes > bytesBefore) nextWait = 0;
    const pauseMs = waitMs[nextWait];
    nextWait += 1;
    if (pauseMs === undefined || last.waitMs > maxPatienceMs) return giveUp(last.kind);
    onPause?.();
    await pause(Math.max(pauseMs, last.waitMs), last.kind, signal);
  }
};
