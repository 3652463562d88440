/**
 * Makes renditions in threads of their own, so that neither Orthanc nor this process's event loop decodes what a stranger
 * stored. Files are read when their turn comes: memory is bounded by the budget, not by how many ask.
 */
import type { ErrorCode } from '../errors.ts';
import { createByteBudget } from './byte-budget.ts';
import type { RenditionOptions } from './options.ts';
import type { RenderOutcome } from './render-file.ts';
import { giveAway } from './transferable-bytes.ts';
import type { TranscodingRequest } from './transcoding-worker.ts';
import { createWorkerPool, type WorkerOutcome } from './worker-pool.ts';

/** As configured, the number of threads decided: only the composition root counts cores. */
export type TranscoderOptions = Omit<RenditionOptions, 'threads'> & { readonly threads: number };

export interface TranscodingJob {
  /** Of the stored file. */
  readonly byteLength: number;
  /** Reads the whole stored file; called once, when there is room. Its memory is given away. */
  readonly load: () => Promise<Uint8Array>;
  /** One of `renditionTargets`. */
  readonly to: string;
  readonly signal?: AbortSignal;
}

export type TranscodingOutcome =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly code: ErrorCode }
  | { readonly kind: 'cancelled' };

export interface TranscoderCounts {
  readonly running: number;
  /** For a thread, or for room. */
  readonly waiting: number;
  readonly heldBytes: number;
}

export interface Transcoder {
  /** Rejects only with what `load` rejects with. */
  readonly render: (job: TranscodingJob) => Promise<TranscodingOutcome>;
  readonly counts: () => TranscoderCounts;
  /** Cancels everything and ends the threads. */
  readonly close: () => Promise<void>;
}

/** A file and its rendition, which may be native while the file is compressed. */
const heldPerStoredByte = 2;

const outcomeOf = (outcome: WorkerOutcome<RenderOutcome>): TranscodingOutcome => {
  switch (outcome.kind) {
    case 'answered':
      return outcome.answer.kind === 'made' ? outcome.answer : { kind: 'failed', code: outcome.answer.code };
    case 'timed-out':
      return { kind: 'failed', code: 'renditions/timeout' };
    case 'died':
      return { kind: 'failed', code: 'renditions/encode-failed' };
    case 'cancelled':
      return outcome;
  }
};

/** Threads start with the first jobs. */
export const createTranscoder = (options: TranscoderOptions): Transcoder => {
  const { threads, timeoutMs, maxFrameBytes, maxFileBytes, lossyQuality } = options;
  const budget = createByteBudget(options.maxQueuedBytes);
  const file = new URL('./transcoding-worker.ts', import.meta.url);
  const pool = createWorkerPool<TranscodingRequest, RenderOutcome>({ file, threads, timeoutMs });
  const closing = new AbortController();

  const render = async (job: TranscodingJob): Promise<TranscodingOutcome> => {
    const signal = job.signal === undefined ? closing.signal : AbortSignal.any([closing.signal, job.signal]);
    const release = await budget.acquire(job.byteLength * heldPerStoredByte, signal);
    if (release === undefined) return { kind: 'cancelled' };
    try {
      const bytes = giveAway(await job.load());
      const request = { bytes, to: job.to, limits: { maxFrameBytes, maxFileBytes, lossyQuality } };
      return outcomeOf(await pool.run(request, { transfer: [bytes.buffer], signal }));
    } finally {
      release();
    }
  };

  return {
    render,
    counts: () => {
      const { running, waiting } = pool.counts();
      return { running, waiting: waiting + budget.waiting(), heldBytes: budget.heldBytes() };
    },
    close: async () => {
      closing.abort();
      await pool.close();
    },
  };
};
