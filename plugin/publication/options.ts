import { z } from 'zod';

/**
 * When the source acts. Every delay that rests on an assumption is a key here.
 *
 * @see decisions A, B, D · facts/spec.md (d) 15
 */
export const publicationOptions = z.strictObject({
  /** How long a report waits for its images before an alert; they still publish when they come later. */
  imagesDeadlineHours: z.number().positive().max(8760).default(72),
  /** How long the content of a study must have been unchanged before its manifest is built. */
  stabilitySeconds: z.number().min(0).max(3600).default(60),
  /** How often waiting and held studies are looked at again without any hint: events may be lost. */
  sweepMinutes: z.number().positive().max(1440).default(10),
  /** Failed attempts in a row after which an alert is raised; the attempts go on. */
  alertAfterFailures: z.number().int().min(1).max(1000).default(5),
  /** Delay before the first new attempt; each further one doubles it. */
  retryFirstDelaySeconds: z.number().positive().max(3600).default(5),
  /** Longest delay between two attempts. */
  retryMaxDelayMinutes: z.number().positive().max(1440).default(30),
  /**
   * After an attempt with unknown outcome: how long "there is no such document" is not yet believed. Assumption: a DMP works
   * no longer than that on what it received.
   */
  ambiguousDelaySeconds: z.number().min(0).max(3600).default(60),
  /** How long the PACS must go on saying that the images are gone before the DMP is told (decision D1). */
  deletionDelayMinutes: z.number().min(0).max(10_080).default(15),
  /** Deletions caused by the PACS in 24 hours; further ones wait for an administrator (decision D3). */
  dailyDeletionLimit: z.number().int().min(1).max(100_000).default(20),
  /** The same, in percent of the published studies: the lower of both holds, and one a day is always allowed. */
  dailyDeletionPercent: z.number().min(0).max(100).default(1),
  /** How many studies are looked at at once. */
  parallelLooks: z.number().int().min(1).max(32).default(4),
  /** contentTypeCode when the patient class (PV1-2) is absent or not in the mapping. Assumption: `07`, external consultation. */
  defaultContentType: z
    .string()
    .regex(/^\d\d$/)
    .default('07'),
  sweepAt: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
    .default('02:30')
    .describe(
      'HH:MM on the clock of SiteTimeZone: every archived study is compared with the PACS, for what no event told',
    ),
  sweepAfterStartSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(60)
    .describe('Seconds after each start until every archived study is compared with the PACS'),
});
export type PublicationOptions = z.infer<typeof publicationOptions>;
