/** A thread of the transcoder: one file in, one file out. Started by `transcoder.ts`, never imported. */
import { parentPort } from 'node:worker_threads';
import { loadFrameCodecs } from './frame-codecs.ts';
import { type RenderLimits, type RenderOutcome, renderFile } from './render-file.ts';
import { giveAway } from './transferable-bytes.ts';
import type { WorkerAnswer } from './worker-pool.ts';

/** What the transcoder posts. */
export interface TranscodingRequest {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly to: string;
  readonly limits: RenderLimits;
}

/** WebAssembly memory grows and never shrinks: after a file this large a new thread costs less. */
const largeBytes = 2 ** 26;

const codecs = await loadFrameCodecs();

parentPort?.on('message', ({ bytes, to, limits }: TranscodingRequest) => {
  const outcome = renderFile(codecs, bytes, to, limits);
  if (outcome.kind === 'failed') {
    const failed: WorkerAnswer<RenderOutcome> = { answer: outcome, isSpent: outcome.isCodecSuspect };
    parentPort?.postMessage(failed, []);
    return;
  }
  const made = giveAway(outcome.bytes);
  const isSpent = Math.max(bytes.byteLength, made.byteLength) > largeBytes;
  const answer: WorkerAnswer<RenderOutcome> = { answer: { kind: 'made', bytes: made }, isSpent };
  parentPort?.postMessage(answer, [made.buffer]);
});
