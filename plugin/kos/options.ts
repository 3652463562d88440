/** Options of the manifest, as the configuration gives them. */
import { z } from 'zod';

export const kosOptions = z.strictObject({
  writeNonStandardEvidence: z
    .boolean()
    .default(true)
    .describe(
      'Write SeriesNumber, InstanceNumber and NumberOfFrames in the evidence, as the national samples do though PS3.3 does not foresee them there',
    ),
});
export type KosOptions = z.infer<typeof kosOptions>;
