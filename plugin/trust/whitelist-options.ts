/** Where the whitelist comes from, who must have signed it, how long a copy of it serves. */
import { z } from 'zod';
import { parseDistinguishedName } from './distinguished-name-text.ts';

const maxListBytes = 20 * 1024 * 1024;

/** ANS, as the certificates of both known signing keys name it (facts/identity.md 5.4). */
const ansSigner = 'CN=Liste Blanche DRIM-M,OU=318751275100020,O=AGENCE DU NUMERIQUE EN SANTE,ST=Paris (75),C=FR';

/** The issuing authority of IGC-Santé in production and in test; which of them is trusted is decided by the authorities. */
const ansSignerIssuers = [
  'CN=AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE,OU=0002 187512751,O=ASIP-SANTE,C=FR',
  'CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR',
];

const isName = (text: string): boolean => {
  try {
    return parseDistinguishedName(text).length > 0;
  } catch {
    return false;
  }
};

const names = (what: string) =>
  z.array(z.string().refine(isName, 'must be a distinguished name: CN=…,OU=…,C=FR')).min(1).describe(what);

/** Options of the whitelist: the section of the configuration that `createWhitelistKeeper` takes. */
export const whitelistOptions = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'must be a URL: https://…' })
      .optional()
      .describe('Address of the signed whitelist, given by ANS; this or File'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe('Signed whitelist put there by other means; read again at each refresh; this or Url'),
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe('Authorities (PEM) of the certificate of Url’s server; absent: those that Node.js knows'),
    allowInsecureUrl: z
      .boolean()
      .default(false)
      .describe('INSECURE: accept `http://`; the list is signed, but its absence or age could be forged'),
    signerDns: names('Names (DN) that may have signed the list; an assumption: those of the published samples').default(
      [ansSigner],
    ),
    signerIssuerDns: names('Names (DN) of the authorities that may have issued the signer’s certificate').default(
      ansSignerIssuers,
    ),
    refreshHours: z
      .number()
      .min(0.01)
      .max(168)
      .default(24)
      .describe('How often the list is fetched (DB.CS.147: daily)'),
    retryMinutes: z
      .number()
      .min(0.01)
      .max(1440)
      .default(5)
      .describe('After a failure; doubled at each further failure'),
    maxRetryMinutes: z.number().min(0.01).max(1440).default(60).describe('The longest delay between two tries'),
    timeoutSeconds: z
      .number()
      .min(1)
      .max(600)
      .default(60)
      .describe('From the first byte sent to the last one received'),
    maxBytes: z.number().int().min(1024).max(maxListBytes).default(maxListBytes).describe('Largest list accepted'),
    maxAgeHours: z
      .number()
      .min(1)
      .max(8760)
      .default(72)
      .describe('A copy that the source has not confirmed for so long is stale: an alert, but it is still served'),
    refuseAfterHours: z
      .number()
      .min(1)
      .max(8760)
      .optional()
      .describe('A copy that the source has not confirmed for so long is no longer served; absent: always served'),
    signerGraceDays: z
      .number()
      .min(0)
      .max(366)
      .default(30)
      .describe('For how long a list accepted in time is served after its signer’s certificate ended; with an alert'),
  })
  .refine((options) => (options.url === undefined) !== (options.file === undefined), {
    error: 'either Url or File',
    when: ({ value }) => typeof value === 'object' && value !== null,
  })
  .refine((options) => options.allowInsecureUrl || URL.parse(options.url ?? '')?.protocol !== 'http:', {
    error: 'Url must be https:// (AllowInsecureUrl accepts http://)',
    when: ({ value }) => typeof value === 'object' && value !== null,
  });
export type WhitelistOptions = z.infer<typeof whitelistOptions>;
