/** Where the archive is kept. */
import { z } from 'zod';

const isStoreUrl = (text: string): boolean => {
  if (text === 'embedded') return true;
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
};

export const storeOptions = z.strictObject({
  url: z
    .string()
    .refine(isStoreUrl, 'must be "embedded", or postgres://role@host:5432/database')
    .default('embedded')
    .describe(
      '`embedded` (sandbox and small sites) or `postgres://role@host:5432/database`. Environment: also `DRIMBOX_STORE`',
    ),
  passwordFile: z.string().min(1).optional().describe('File that holds the password of the PostgreSQL role'),
  allowPasswordInUrl: z
    .boolean()
    .default(false)
    .describe(
      'INSECURE: accept a password written in Url of this file. Prefer PasswordFile, or Url from the environment',
    ),
  folder: z
    .string()
    .min(1)
    .default('/var/lib/drimbox')
    .describe('Folder of the embedded database, on a local disk; the service’s user must be able to write in it'),
  messageRetentionDays: z
    .int()
    .min(1)
    .max(36_500)
    .default(365)
    .describe(
      'Days for which the bytes of received HL7 messages are kept. The archive of reports and manifests is kept for good',
    ),
});
