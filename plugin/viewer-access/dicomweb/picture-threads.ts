/** Threads that decode, draw and code single frames: no codec runs on the main thread. */
import { DrimboxError } from '../../errors.ts';
import { createWorkerPool, type WorkerOutcome } from '../../renditions/index.ts';
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

const workerFile = new URL('./picture-worker.ts', import.meta.url);

const bytesOf = (outcome: WorkerOutcome<PictureAnswer>): Buffer => {
  switch (outcome.kind) {
    case 'answered':
      if (outcome.answer.kind === 'failed') throw new DrimboxError(outcome.answer.code);
      return Buffer.from(outcome.answer.bytes.buffer);
    case 'timed-out':
      throw new DrimboxError('renditions/timeout');
    case 'died':
      throw new DrimboxError('renditions/decode-failed');
    case 'cancelled':
      throw new DrimboxError('viewer-access/images-cancelled');
  }
};

/** Threads start with the first tasks. */
export const createPictureThreads = ({ threads, timeoutMs }: PictureThreadsOptions): PictureThreads => {
  const pool = createWorkerPool<PictureTask, PictureAnswer>({ file: workerFile, threads, timeoutMs });
  return {
    run: async (task, signal) => bytesOf(await pool.run(task, { transfer: [], signal })),
    close: () => pool.close(),
  };
};
