/**
 * The algorithms a whitelist may be signed with: SHA-256 and above, RSA or ECDSA. Neither SHA-1 nor HMAC.
 *
 * @see XML Signature 1.1 §6 · RFC 6931 (rsa-sha384, ecdsa-sha256, …, RSASSA-PSS without parameters) · facts/identity.md 5.4
 */
import { constants, createHash, type KeyObject, verify } from 'node:crypto';

type Hash = 'sha256' | 'sha384' | 'sha512';
type Scheme = 'rsa' | 'rsa-pss' | 'ecdsa';

const more = 'http://www.w3.org/2001/04/xmldsig-more#';
const more2007 = 'http://www.w3.org/2007/05/xmldsig-more#';
const enc = 'http://www.w3.org/2001/04/xmlenc#';

const digests: Readonly<Record<string, Hash>> = {
  [`${enc}sha256`]: 'sha256',
  [`${more}sha384`]: 'sha384',
  [`${enc}sha512`]: 'sha512',
};

const signatures: Readonly<Record<string, { readonly scheme: Scheme; readonly hash: Hash }>> = {
  [`${more}rsa-sha256`]: { scheme: 'rsa', hash: 'sha256' },
  [`${more}rsa-sha384`]: { scheme: 'rsa', hash: 'sha384' },
  [`${more}rsa-sha512`]: { scheme: 'rsa', hash: 'sha512' },
  [`${more2007}sha256-rsa-MGF1`]: { scheme: 'rsa-pss', hash: 'sha256' },
  [`${more2007}sha384-rsa-MGF1`]: { scheme: 'rsa-pss', hash: 'sha384' },
  [`${more2007}sha512-rsa-MGF1`]: { scheme: 'rsa-pss', hash: 'sha512' },
  [`${more}ecdsa-sha256`]: { scheme: 'ecdsa', hash: 'sha256' },
  [`${more}ecdsa-sha384`]: { scheme: 'ecdsa', hash: 'sha384' },
  [`${more}ecdsa-sha512`]: { scheme: 'ecdsa', hash: 'sha512' },
};

const acceptedCurves: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];
const leastRsaBits = 2048;

const ownRow = <Row>(table: Readonly<Record<string, Row>>, uri: string): Row | undefined =>
  Object.hasOwn(table, uri) ? table[uri] : undefined;

/** Base64; undefined when the digest method is not accepted. */
export const digestBase64 = (methodUri: string, content: string | Uint8Array): string | undefined => {
  const hash = ownRow(digests, methodUri);
  return hash === undefined ? undefined : createHash(hash).update(content).digest('base64');
};

/** RSA of 2,048 bits at least, or ECDSA on a NIST curve of 256 bits at least. */
export const isStrongKey = (key: KeyObject): boolean => {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return (details.modulusLength ?? 0) >= leastRsaBits;
  return key.asymmetricKeyType === 'ec' && acceptedCurves.includes(details.namedCurve ?? '');
};

export type SignatureCheck = { readonly kind: 'matches' } | { readonly kind: 'differs' } | { readonly kind: 'refused' };

/** `refused`: a method we do not accept, or one that is not for this key. */
export const checkSignatureValue = (
  methodUri: string,
  key: KeyObject,
  signed: string,
  value: Uint8Array,
): SignatureCheck => {
  const method = ownRow(signatures, methodUri);
  if (method === undefined || !isStrongKey(key)) return { kind: 'refused' };
  if ((method.scheme === 'ecdsa') !== (key.asymmetricKeyType === 'ec')) return { kind: 'refused' };
  const options =
    method.scheme === 'ecdsa'
      ? { key, dsaEncoding: 'ieee-p1363' as const }
      : method.scheme === 'rsa-pss'
        ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : { key, padding: constants.RSA_PKCS1_PADDING };
  return { kind: verify(method.hash, Buffer.from(signed, 'utf8'), options, value) ? 'matches' : 'differs' };
};
