/** How the viewer gets its images: limits, line speeds, what is kept. */
import { z } from 'zod';

const mebibyte = 2 ** 20;

/**
 * How frames leave:
 * - `stored`: as they are stored, wherever the browser takes that;
 * - `lossless`: frames that are stored uncompressed, in grey, leave as JPEG-LS without loss;
 * - `lossy`: as `lossless`, and images of 8 bits leave as JPEG baseline. Images of more bits never lose anything: a window cut
 *   to 8 bits would contradict the metadata, and measures would be wrong (decision E8).
 */
export const FrameCompression = { stored: 'stored', lossless: 'lossless', lossy: 'lossy' } as const;
export type FrameCompression = (typeof FrameCompression)[keyof typeof FrameCompression];

const compression = z.enum([FrameCompression.stored, FrameCompression.lossless, FrameCompression.lossy]);

export const viewerImagesOptions = z.strictObject({
  fastLine: compression
    .default(FrameCompression.stored)
    .describe('How frames leave on a fast line: stored, lossless (JPEG-LS) or lossy (8-bit images only) [stored]'),
  slowLine: compression
    .default(FrameCompression.lossless)
    .describe('How frames leave on a slow line, as the browser tells it: stored, lossless or lossy [lossless]'),
  slowBelowMegabitsPerSecond: z
    .number()
    .min(0)
    .max(10_000)
    .default(50)
    .describe(
      'A browser that tells a line (Downlink, never more than 10) slower than this, or wants to save data, has a slow line [50]',
    ),
  lossyQuality: z.int().min(50).max(100).default(90).describe('Quality of JPEG baseline for frames [90]'),
  requests: z
    .int()
    .min(1)
    .max(1_000)
    .default(64)
    .describe('Image requests answered at once, all sessions together [64]'),
  requestsPerSession: z.int().min(1).max(1_000).default(16).describe('The same, of one session [16]'),
  waiting: z
    .int()
    .min(0)
    .max(100_000)
    .default(4_000)
    .describe('Requests that may wait for their turn; beyond: 503 [4,000]'),
  waitSeconds: z.int().min(0).max(300).default(60).describe('Longest wait for a turn; then 503 with Retry-After [60]'),
  idleSeconds: z.int().min(1).max(3_600).default(60).describe('A browser that takes nothing for so long is left [60]'),
  maxFrameBytes: z
    .int()
    .min(mebibyte)
    .max(2 ** 30)
    .default(256 * mebibyte)
    .describe('A frame larger than this is not given [256 MiB]'),
  maxFileBytes: z
    .int()
    .min(mebibyte)
    .max(2 ** 32 - 2)
    .default(1024 * mebibyte)
    .describe('A file larger than this is not read as a whole (deflated and big endian files) [1 GiB]'),
  metadataCacheBytes: z
    .int()
    .min(0)
    .max(2 ** 34)
    .default(64 * mebibyte)
    .describe('Compressed metadata of series kept in memory [64 MiB]'),
  pictureCacheBytes: z
    .int()
    .min(0)
    .max(2 ** 34)
    .default(64 * mebibyte)
    .describe('Thumbnails and previews kept in memory [64 MiB]'),
  pictureThreads: z.int().min(1).max(64).default(1).describe('Threads that draw pictures and code frames [1]'),
  pictureTimeoutMs: z.int().min(100).max(600_000).default(30_000).describe('Longest time for one picture [30,000]'),
  prefillPublished: z
    .boolean()
    .default(true)
    .describe('Metadata and previews of a study are made as soon as it is published [true]'),
});

export type ViewerImagesOptions = z.infer<typeof viewerImagesOptions>;
