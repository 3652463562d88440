/**
 * TLS of the listener for other DRIMboxes: 1.2 and 1.3, a client certificate asked for at the handshake and judged by us
 * route by route (decision E3), nothing older than SHA-256, no renegotiation.
 *
 * @see DB.SO.111, DB.SO.173 · RFC 9325 (recommendations for TLS)
 */
import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { ServerCertificates } from './server-certificates.ts';

const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

const signatureAlgorithms = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
].join(':');

const handshakeTimeoutMs = 10_000;
const sessionTimeoutSeconds = 300;

/** What every context of the listener shares, whichever certificate it shows. @param authoritiesPem  told to peers */
export const buildSecureContextOptions = (authoritiesPem: readonly string[]) =>
  ({
    ca: [...authoritiesPem],
    minVersion: 'TLSv1.2',
    ciphers,
    honorCipherOrder: true,
    sigalgs: signatureAlgorithms,
    ecdhCurve: 'X25519:P-256:P-384',
    // oxlint-disable-next-line no-bitwise -- the options are bits
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    sessionIdContext: 'drimbox-db',
    sessionTimeout: sessionTimeoutSeconds,
  }) as const satisfies TlsOptions;

/** For browsers: nobody shows a certificate, HTTP/2 is offered by the server itself. */
export const buildViewerTlsOptions = () => {
  const { ca: _, ...shared } = buildSecureContextOptions([]);
  return { ...shared, sessionIdContext: 'drimbox-vi' };
};

/** For `createServer` of `node:https`; then `certificates.attach(server)`. */
export const buildServerTlsOptions = (certificates: ServerCertificates): TlsOptions => ({
  ...certificates.defaultContext(),
  SNICallback: certificates.chooseContext,
  requestCert: true,
  // The health route is open to everybody: who the peer is, is asked where it matters (E3).
  rejectUnauthorized: false,
  ALPNProtocols: ['http/1.1'],
  handshakeTimeout: handshakeTimeoutMs,
});
