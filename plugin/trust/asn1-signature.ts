/**
 * Signatures of certificates, revocation lists and OCSP answers: RSA or ECDSA with SHA-256 and above.
 *
 * @see RFC 4055 §5, RFC 5758 §3.2 (object identifiers)
 */
import { type KeyObject, verify } from 'node:crypto';
import { isStrongKey } from './whitelist-algorithms.ts';

interface Algorithm {
  readonly key: 'rsa' | 'ec';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
}

/** sha256/384/512WithRSAEncryption, ecdsa-with-SHA256/384/512 */
const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ['1.2.840.113549.1.1.11', { key: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', hash: 'sha512' }],
  ['1.2.840.10045.4.3.2', { key: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { key: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { key: 'ec', hash: 'sha512' }],
]);

/** @param algorithm  OID */
export const isAcceptedSignature = (algorithm: string): boolean => algorithms.has(algorithm);

/** False too when the algorithm is not accepted, is not one for this key, or the key is too weak. */
export const isSignedWith = (
  key: KeyObject,
  signed: Uint8Array,
  signature: { readonly algorithm: string; readonly value: Uint8Array },
): boolean => {
  const accepted = algorithms.get(signature.algorithm);
  if (accepted === undefined || accepted.key !== key.asymmetricKeyType || !isStrongKey(key)) return false;
  return verify(accepted.hash, signed, key, signature.value);
};
