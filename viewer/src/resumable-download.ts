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
  readonly signal: AbortSignal;
  /** Pause before each further attempt. */
  readonly waitMs?: readonly number[];
}

export type DownloadEnd = 'done' | 'cancelled' | 'refused' | 'broken';

const ask = (path: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Response> =>
  fetch(path, {
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
    // If the archive was made anew meanwhile the server sends it whole, and the pieces are not joined.
    headers: from === 0 ? {} : { range: `bytes=${from}-`, ...(tag === undefined ? {} : { 'if-range': tag }) },
  });

/** Until the time is over or the person has enough. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Never throws. After any end but `done` the file is given up. */
export const runDownload = async (run: DownloadRun): Promise<DownloadEnd> => {
  const { path, totalBytes, sink, onProgress, signal, waitMs = [1_000, 3_000, 10_000] } = run;
  let written = 0;
  let tag: string | undefined;
  const giveUp = async (end: DownloadEnd): Promise<DownloadEnd> => {
    await sink.abort().catch(() => undefined);
    return end;
  };
  for (const pauseMs of [0, ...waitMs]) {
    if (pauseMs > 0) await pause(pauseMs, signal);
    if (signal.aborted) return giveUp('cancelled');
    try {
      const answer = await ask(path, written, tag, signal);
      if (answer.status >= 400 && answer.status < 500) return await giveUp('refused');
      // Whole again though a part was asked for: another file.
      if (written > 0 && answer.status !== 206) return await giveUp('broken');
      if (!answer.ok || answer.body === null) continue;
      tag ??= answer.headers.get('etag') ?? undefined;
      const reader = answer.body.getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        await sink.write(piece.value);
        written += piece.value.length;
        onProgress(written);
      }
      if (totalBytes > 0 && written < totalBytes) continue;
      await sink.close();
      return 'done';
    } catch {
      if (signal.aborted) return giveUp('cancelled');
    }
  }
  return giveUp('broken');
};
