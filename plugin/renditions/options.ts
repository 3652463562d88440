import { z } from 'zod';

const mebibyte = 2 ** 20;

/** Section `Renditions` of the configuration. */
export const renditionOptions = z.strictObject({
  threads: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Threads that convert images, a core each [all cores but one, at least one].'),
  maxQueuedBytes: z
    .int()
    .min(mebibyte)
    .default(256 * mebibyte)
    .describe('Bytes of stored files and their renditions in memory at once; who asks for more waits [256 MiB].'),
  timeoutMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(60_000)
    .describe('Milliseconds that one file may take once its turn has come; then its thread is ended [60,000].'),
  maxFrameBytes: z
    .int()
    .min(1024)
    .max(2 ** 30)
    .default(256 * mebibyte)
    .describe('A decoded frame larger than this is not converted [256 MiB].'),
  maxFileBytes: z
    .int()
    .min(mebibyte)
    .max(2 ** 32 - 2)
    .default(2048 * mebibyte)
    .describe('A file that would be larger than this once decompressed is not converted [2 GiB].'),
  lossyQuality: z
    .int()
    .min(50)
    .max(100)
    .default(90)
    .describe('Quality of JPEG baseline, made only for who ranks lossy above lossless [90].'),
});

export type RenditionOptions = z.infer<typeof renditionOptions>;
