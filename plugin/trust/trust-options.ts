/** The section `Trust` of the configuration: which DRIMboxes are accepted, and for whom they may act. */
import { z } from 'zod';
import { pscOptions } from './psc-options.ts';
import { revocationOptions } from './revocation-options.ts';
import { peerCertificateOptions } from './server-certificates-options.ts';
import { whitelistOptions } from './whitelist-options.ts';

/** Options of the room. */
export const trustOptions = z.strictObject({
  peers: peerCertificateOptions.describe('Certificates of other DRIMboxes'),
  revocation: revocationOptions.prefault({}).describe('Whether certificates were taken back by their authority'),
  whitelist: whitelistOptions.describe('The DRIMboxes of the national trust space'),
  psc: pscOptions.describe('Tokens of the professionals they act for (Pro Santé Connect)'),
});
export type TrustOptions = z.infer<typeof trustOptions>;
