/**
 * Threads that decode, draw and code single frames: no codec runs on the main thread. One that hangs or dies is replaced, and
 * costs its own task alone.
 */
import { Worker } from 'node:worker_threads';
import { DrimboxError } from '../../errors.ts';
import type { PictureAnswer, PictureTask } from './picture-task.ts';

export interface PictureThreads {
  /**
   * @throws renditions/decode-failed, renditions/encode-failed, renditions/unsupported, renditions/timeout,
   *   viewer-access/image-not-displayable; viewer-access/images-cancelled
   */
  run(task: PictureTask, signal: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}

export interface PictureThreadsOptions {
  readonly threads: number;
  /** From the moment a thread takes the task. */
  readonly timeoutMs: number;
}

interface Waiting {
  readonly task: PictureTask;
  readonly signal: AbortSignal;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: DrimboxError) => void;
}

const cancelled = (): DrimboxError => new DrimboxError('viewer-access/images-cancelled');
/** A thread that nobody waits for any more ends its task; if it takes longer than this, it is ended. */
const abandonedMs = 1_000;

const workerFile = new URL('./picture-worker.ts', import.meta.url);

/** Threads start with the first tasks. */
export const createPictureThreads = ({ threads, timeoutMs }: PictureThreadsOptions): PictureThreads => {
  const idle: Worker[] = [];
  const busy = new Set<Worker>();
  const line = new Set<Waiting>();
  let isClosed = false;

  const spawn = (): Worker => {
    // What codecs print may quote an image: it is read and dropped.
    const worker = new Worker(workerFile, { execArgv: [], env: {}, stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      const at = idle.indexOf(worker);
      if (at !== -1) idle.splice(at, 1);
    });
    return worker;
  };

  const serveLine = (): void => {
    for (const waiting of line) {
      if (isClosed || busy.size >= threads) return;
      line.delete(waiting);
      start(idle.pop() ?? spawn(), waiting);
    }
  };

  const start = (worker: Worker, { task, signal, resolve, reject }: Waiting): void => {
    busy.add(worker);
    const leave = (isSpent: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abandon);
      worker.off('message', take).off('error', die).off('exit', die);
      busy.delete(worker);
      if (isSpent || isClosed) void worker.terminate();
      else idle.push(worker);
      serveLine();
    };
    const give = (isSpent: boolean, error: DrimboxError): void => {
      leave(isSpent);
      reject(error);
    };
    const take = (answer: PictureAnswer): void => {
      leave(answer.isSpent);
      if (answer.kind === 'made') resolve(Buffer.from(answer.bytes.buffer));
      else reject(new DrimboxError(answer.code));
    };
    const die = (): void => give(true, isClosed ? cancelled() : new DrimboxError('renditions/decode-failed'));
    const abandon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => give(true, cancelled()), abandonedMs);
      reject(cancelled());
    };
    let timer = setTimeout(() => give(true, new DrimboxError('renditions/timeout')), timeoutMs);
    signal.addEventListener('abort', abandon, { once: true });
    worker.on('message', take).on('error', die).on('exit', die);
    worker.postMessage(task, []);
  };

  const run = (task: PictureTask, signal: AbortSignal): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      if (isClosed || signal.aborted) return reject(cancelled());
      const forget = (): void => {
        if (line.delete(waiting)) reject(cancelled());
      };
      const waiting: Waiting = { task, signal, resolve, reject };
      signal.addEventListener('abort', forget, { once: true });
      line.add(waiting);
      serveLine();
    });

  const close = async (): Promise<void> => {
    isClosed = true;
    for (const waiting of line) waiting.reject(cancelled());
    line.clear();
    await Promise.all([...idle, ...busy].map((worker) => worker.terminate()));
  };

  return { run, close };
};
