import { z } from 'zod';

const webUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}, 'an address without user, password, query or fragment');

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ }).refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.password === '' && url.pathname.length > 1;
}, 'postgres://role@host:port/database, the password in IndexPasswordFile');

/** How Orthanc is reached and how it reaches us. */
export const orthancOptions = z
  .strictObject({
    url: webUrl.default('http://127.0.0.1:8042').describe('Address of Orthanc’s REST API'),
    username: z.string().min(1).optional().describe('One of Orthanc’s RegisteredUsers'),
    passwordFile: z.string().min(1).optional().describe('File that holds the password of Username'),
    timeoutMs: z.int().min(100).max(600_000).default(10_000).describe('Longest wait for one answer of Orthanc'),
    indexUrl: postgresUrl
      .optional()
      .describe(
        'Orthanc’s PostgreSQL index, read by a read-only role (orthanc-config/read-only-role.sql); absent: REST',
      ),
    indexPasswordFile: z.string().min(1).optional().describe('File that holds the password of that role'),
    storageFolder: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Orthanc’s StorageDirectory, where this service can read it: images are read there directly; absent, or compressed: REST',
      ),
    hook: z.strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address on which the sidecar listens to Orthanc’s hook'),
      port: z.int().min(1).max(65_535).default(8077),
      secretFile: z.string().min(1).describe('File with the secret shared with the hook, at least 16 characters'),
    }),
  })
  .refine((options) => (options.username === undefined) === (options.passwordFile === undefined), {
    message: 'Username and PasswordFile go together',
    path: ['passwordFile'],
  });
export type OrthancOptions = z.infer<typeof orthancOptions>;
