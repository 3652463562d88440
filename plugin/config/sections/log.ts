/** What the sidecar writes. */
import { z } from 'zod';

export const logOptions = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('What is written to standard output. No level writes identities'),
});
