/**
 * A certificate with its private key, as files of a structure: what signs, and who that says we are.
 *
 * @see RFC 4514 (distinguished names as text) · facts of IGC-Santé: ORG AUTH_CLI for TLS, ORG SIGN for signatures
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DrimboxError } from '../errors.ts';

/** PEM texts. The certificate comes first in `certificatePem`; its authorities may follow. */
export interface SigningIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly chainPem?: string;
}

const unreadable = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('dmp/certificate-unreadable', { detail, ...(cause === undefined ? {} : { cause }) });

/** @throws dmp/certificate-unreadable */
export const parseCertificate = (pem: string | Uint8Array): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw unreadable('not an X.509 certificate', cause);
  }
};

/**
 * @returns the two files as PEM, checked: the key is RSA, unencrypted, and belongs to the certificate
 * @throws dmp/certificate-unreadable
 */
export const loadSigningIdentity = (certificateFile: string, keyFile: string): SigningIdentity => {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw unreadable(`cannot read ${file}`, cause);
    }
  };
  const identity = { certificatePem: read(certificateFile), privateKeyPem: read(keyFile) };
  const certificate = parseCertificate(identity.certificatePem);
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(identity.privateKeyPem);
  } catch (cause) {
    throw unreadable(`cannot use the private key ${keyFile} (it must be PEM, without a passphrase)`, cause);
  }
  if (key.asymmetricKeyType !== 'rsa') throw unreadable(`${keyFile} is not an RSA key`);
  if (!certificate.checkPrivateKey(key)) throw unreadable(`${keyFile} is not the key of ${certificateFile}`);
  return identity;
};

/**
 * Distinguished name, most specific part first: `CN=…, OU=…, O=…, ST=…, C=FR`.
 *
 * @param multiline  as `X509Certificate.subject` gives it: one part a line, least specific first, values escaped
 */
export const formatDistinguishedName = (multiline: string, separator: string): string =>
  multiline.split('\n').filter(Boolean).reverse().join(separator);

/** Base64 of the DER, in one line. */
export const certificateBase64 = (certificate: X509Certificate): string => certificate.raw.toString('base64');

/** Serial number in decimal, as X509SerialNumber wants it. */
export const serialNumberDecimal = (certificate: X509Certificate): string =>
  BigInt(`0x${certificate.serialNumber}`).toString();

/** Which certificate a signature must verify with: that very one, or one that these authorities issued. */
export type SignatureTrust =
  | { readonly kind: 'certificate'; readonly certificatePem: string }
  | { readonly kind: 'authorities'; readonly authorityPems: readonly string[]; readonly atUtcMs: number };

const isValidAt = (certificate: X509Certificate, atUtcMs: number): boolean =>
  Date.parse(certificate.validFrom) <= atUtcMs && atUtcMs <= Date.parse(certificate.validTo);

const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** A chain of given authorities up to a self-signed one, every certificate valid at that moment. Revocation is not checked. */
const hasTrustedChain = (
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  atUtcMs: number,
  remaining = 5,
): boolean =>
  remaining > 0 &&
  isValidAt(certificate, atUtcMs) &&
  authorities.some(
    (authority) =>
      isIssuedBy(certificate, authority) &&
      isValidAt(authority, atUtcMs) &&
      (isIssuedBy(authority, authority) || hasTrustedChain(authority, authorities, atUtcMs, remaining - 1)),
  );

/**
 * The certificate to verify with. `keyInfoCertificate` (base64 DER, from the document) counts only under authorities.
 *
 * @throws dmp/signature-invalid — no certificate, or not issued by the authorities; dmp/certificate-unreadable
 */
export const trustedCertificate = (trust: SignatureTrust, keyInfoCertificate: string): X509Certificate => {
  if (trust.kind === 'certificate') return parseCertificate(trust.certificatePem);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(Buffer.from(keyInfoCertificate, 'base64'));
  } catch (cause) {
    throw new DrimboxError('dmp/signature-invalid', { detail: 'no certificate in KeyInfo', cause });
  }
  if (hasTrustedChain(certificate, trust.authorityPems.map(parseCertificate), trust.atUtcMs)) return certificate;
  throw new DrimboxError('dmp/signature-invalid', { detail: 'certificate not issued by a trusted authority' });
};
