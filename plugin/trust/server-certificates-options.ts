/** Which certificates the listener shows. @see DB.SO.173 · facts/spec.md b.8 */
import { z } from 'zod';

const pair = z.strictObject({
  name: z.string().min(1).max(253).optional().describe('Name (FQDN) that the certificate must be for; absent: its own'),
  certificateFile: z
    .string()
    .min(1)
    .describe('PEM: the certificate of one name (FQDN), then its intermediate authorities'),
  keyFile: z.string().min(1).describe('PEM: its private key, not encrypted, readable by the service only'),
});

export const serverCertificatesOptions = z.strictObject({
  certificates: z
    .array(pair)
    .min(1)
    .describe('One for each name (FQDN); the first is shown to clients that ask for none'),
  unknownName: z
    .enum(['default', 'refuse'])
    .default('default')
    .describe('A client that asks for a name we have no certificate for gets the first one, or no connection'),
  pollSeconds: z.number().min(0.1).max(3600).default(60).describe('How often changed files are looked for'),
});
export type ServerCertificatesOptions = z.infer<typeof serverCertificatesOptions>;

/** Which certificates of other DRIMboxes are accepted. */
export const peerCertificateOptions = z.strictObject({
  caFiles: z
    .array(z.string().min(1))
    .min(1)
    .describe('Authorities (PEM) of IGC-Santé: roots and intermediate ones, of the environment only'),
  purposes: z
    .array(z.string().regex(/^[0-9]+(?:\.[0-9]+)+$/))
    .min(1)
    .default(['1.3.6.1.5.5.7.3.2'])
    .describe('Extended key usages (OID) of which a certificate must have one; an assumption: clientAuth'),
  cacheSeconds: z.number().min(0).max(3600).default(60).describe('An accepted certificate is looked at again after'),
});
