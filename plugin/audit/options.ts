/** How long the audit names people. */
import { z } from 'zod';

export const auditOptions = z.strictObject({
  retentionDays: z
    .int()
    .min(180)
    .max(36_500)
    .optional()
    .describe(
      'Days after which the identities in the audit (patient, professional, certificate, address, examination) are erased; ' +
        'times, outcomes and figures stay. Absent: kept for good',
    ),
});
export type AuditOptions = z.infer<typeof auditOptions>;
