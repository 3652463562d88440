/** How revocation of certificates is looked up. @see facts/identity.md 5.1 · facts/spec.md (d) 25 (lists with a grace, then fail closed) */
import { z } from 'zod';

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be a URL: http://… or https://…' });
const path = z.string().min(1);

const listOptions = z
  .strictObject({
    issuer: z.string().min(3).max(4096).describe('Name (DN) of the authority whose certificates are looked up here'),
    urls: z.array(httpUrl).default([]).describe('Addresses of its list (CRL), instead of those in the certificates'),
    files: z.array(path).default([]).describe('Its list, put there by other means; read again at each refresh'),
  })
  .refine(({ urls, files }) => urls.length + files.length > 0, {
    error: 'Urls or Files',
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

const ocspOptions = z.strictObject({
  url: httpUrl.optional().describe('Responder, instead of the one in the certificates'),
  nonce: z
    .enum(['off', 'send', 'require'])
    .default('send')
    .describe('Ties an answer to its question; `send` accepts an answer without it, as responders prepare theirs'),
  timeoutSeconds: z.number().min(0.1).max(60).default(3),
  retrySeconds: z.number().min(1).max(3600).default(60).describe('A responder that failed is not asked again before'),
  maxAgeMinutes: z.number().min(1).max(10_080).default(60).describe('An answer is used for so long at most'),
});

/** Options of the revocation of peers' certificates. Names (DN) in them are read when the checker is made. */
export const revocationOptions = z.strictObject({
  allowedHosts: z
    .array(z.string().min(1))
    .default(['igc-sante.esante.gouv.fr', 'ocsp.esante.gouv.fr'])
    .describe('Hosts (`host` or `host:port`) that may be asked because a certificate names them'),
  lists: z
    .array(listOptions)
    .default([])
    .describe('Lists (CRL) of authorities whose certificates name none, or another'),
  refreshHours: z.number().min(0.01).max(168).default(6).describe('How often lists are fetched, before they end'),
  retryMinutes: z.number().min(0.01).max(1440).default(5).describe('After a failure'),
  graceHours: z
    .number()
    .min(0)
    .max(720)
    .default(24)
    .describe(
      'For how long a list that has ended serves, with an alert; then its authority’s certificates are refused',
    ),
  timeoutSeconds: z.number().min(1).max(600).default(30).describe('For one list, from the first byte sent to the last'),
  maxBytes: z.int().min(1024).max(268_435_456).default(67_108_864).describe('Largest list accepted'),
  ocsp: ocspOptions.optional().describe('Present: responders (OCSP) are asked first, lists when they do not answer'),
});
export type RevocationOptions = z.infer<typeof revocationOptions>;
export type OcspOptions = z.infer<typeof ocspOptions>;
