export { type FrameCodecs, loadFrameCodecs, type NativeFrame } from './frame-codecs.ts';
export { type RenditionOptions, renditionOptions } from './options.ts';
export { type RenderLimits, type RenderOutcome, renderFile } from './render-file.ts';
export {
  type CachedFile,
  openRenditionCache,
  type PutOutcome,
  type RenditionCache,
  type RenditionCacheOptions,
  type RenditionCachePorts,
  type RenditionCacheStats,
  type RenditionKey,
} from './rendition-cache.ts';
export {
  canProduce,
  decodedPhotometric,
  isLossyTarget,
  renderedPhotometric,
  renditionTargets,
} from './rendition-targets.ts';
export { createWorkerPool, type WorkerAnswer, type WorkerOutcome } from './worker-pool.ts';
export {
  createTranscoder,
  type Transcoder,
  type TranscoderCounts,
  type TranscoderOptions,
  type TranscodingJob,
  type TranscodingOutcome,
} from './transcoder.ts';
