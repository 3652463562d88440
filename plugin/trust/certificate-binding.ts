/**
 * Whether a token is bound to the certificate of the peer that sends it.
 *
 * The fingerprint in `cnf` is written in several ways: RFC 8705 has base64url of the 32 bytes of SHA-256, the example of the
 * CI-SIS has base64 of their hexadecimal text. All are brought to the 32 bytes before they are compared.
 *
 * @see RFC 8705 §3.1 · facts/identity.md 1.7 ("Trap")
 */
import { createHash, timingSafeEqual, type X509Certificate } from 'node:crypto';

const fingerprintBytes = 32;
const hexadecimal = /^[0-9a-f]{64}$/i;
const base64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The 32 bytes that a text stands for: base64url or base64, of the bytes or of their hexadecimal text; or hexadecimal itself. */
export const parseThumbprint = (text: string): Uint8Array | undefined => {
  if (text.length > 128) return undefined;
  const plain = text.replaceAll(':', '');
  if (hexadecimal.test(plain)) return Buffer.from(plain, 'hex');
  if (!base64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === fingerprintBytes) return bytes;
  const inner = bytes.toString('latin1');
  return hexadecimal.test(inner) ? Buffer.from(inner, 'hex') : undefined;
};

/** What `cnf` says: nothing, a certificate, or a proof of another kind. */
export type Confirmation =
  | { readonly kind: 'absent' }
  | { readonly kind: 'certificate'; readonly thumbprint: Uint8Array }
  | { readonly kind: 'unreadable' };

/** @param cnf  the claim: an object with `x5t#S256`, or the bare fingerprint */
export const parseConfirmation = (cnf: unknown): Confirmation => {
  if (cnf === undefined || cnf === null) return { kind: 'absent' };
  const text = typeof cnf === 'object' ? (cnf as Readonly<Record<string, unknown>>)['x5t#S256'] : cnf;
  const thumbprint = typeof text === 'string' ? parseThumbprint(text) : undefined;
  return thumbprint === undefined ? { kind: 'unreadable' } : { kind: 'certificate', thumbprint };
};

/** SHA-256 of the DER. */
export const thumbprintOf = (certificate: X509Certificate): Uint8Array =>
  createHash('sha256').update(certificate.raw).digest();

/** How a token and the certificate of its sender stand to each other. */
export const TokenBinding = { absent: 'absent', match: 'match', mismatch: 'mismatch' } as const;
export type TokenBinding = (typeof TokenBinding)[keyof typeof TokenBinding];

/** A token bound in a way we cannot read, or whose sender showed no certificate, does not match. */
export const compareBinding = (
  confirmation: Confirmation,
  peerCertificate: X509Certificate | undefined,
): TokenBinding => {
  if (confirmation.kind === 'absent') return 'absent';
  if (confirmation.kind === 'unreadable' || peerCertificate === undefined) return 'mismatch';
  return timingSafeEqual(confirmation.thumbprint, thumbprintOf(peerCertificate)) ? 'match' : 'mismatch';
};
