/**
 * Whether a certificate may sign the whitelist: its name, its issuer's name, a chain to a configured root, each valid at
 * the moment asked about, made for signing. Revocation is asked elsewhere.
 *
 * @see RFC 5280 §6.1 (path validation) · facts/identity.md 5.1, 5.4 (pin the name and the authority, never the certificate)
 */
import type { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { BasicConstraints, Certificate, type Extension, KeyUsage, KeyUsageFlags } from '@peculiar/asn1-x509';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { distinguishedNameKey, distinguishedNameOf, issuerNameOf } from './distinguished-name.ts';
import { isStrongKey } from './whitelist-algorithms.ts';

const maxChainLength = 6;

/** sha256/384/512WithRSAEncryption, ecdsa-with-SHA256/384/512. @see RFC 4055 §5, RFC 5758 §3.2 */
const acceptedCertificateSignatures: readonly string[] = [
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
];

const extensionOids = { basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15', extendedKeyUsage: '2.5.29.37' } as const;

/** Critical extensions whose meaning is looked at, or that restrict nothing here (alternative names, policies). */
const understoodExtensions: readonly string[] = [...Object.values(extensionOids), '2.5.29.17', '2.5.29.32'];

/** emailProtection (what ANS has), documentSigning (RFC 9336), anyExtendedKeyUsage. */
const signingPurposes: readonly string[] = ['1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.36', '2.5.29.37.0'];

export interface SignerRules {
  /** Keys of the names that may sign. */
  readonly signerKeys: ReadonlySet<string>;
  /** Keys of the names of authorities that may issue the signer's certificate. */
  readonly issuerKeys: ReadonlySet<string>;
  /** Configured certificates: self-signed ones are roots, the others intermediate authorities. */
  readonly authorities: readonly X509Certificate[];
}

const refused = (code: ErrorCode, detail: string): DrimboxError => new DrimboxError(code, { detail });
const untrusted = (detail: string): DrimboxError => refused('trust/whitelist-signer-untrusted', detail);

const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

const isRoot = (certificate: X509Certificate): boolean => isIssuedBy(certificate, certificate);

const isValidAt = (certificate: X509Certificate, atUtcMs: number): boolean =>
  certificate.validFromDate.getTime() <= atUtcMs && atUtcMs <= certificate.validToDate.getTime();

/** Every chain from a certificate to a root, itself included. */
const chainsOf = (
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  remaining = maxChainLength,
): readonly (readonly X509Certificate[])[] => {
  if (remaining === 0) return [];
  return authorities
    .filter((authority) => isIssuedBy(certificate, authority))
    .flatMap((authority) =>
      isRoot(authority)
        ? [[certificate, authority]]
        : chainsOf(authority, authorities, remaining - 1).map((chain) => [certificate, ...chain]),
    );
};

const parseCertificate = (certificate: X509Certificate): Certificate => {
  try {
    return AsnConvert.parse(certificate.raw, Certificate);
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-signer-untrusted', { detail: 'unreadable certificate', cause });
  }
};

const extensionsOf = (parsed: Certificate): readonly Extension[] => parsed.tbsCertificate.extensions ?? [];

const readExtension = <Value>(parsed: Certificate, oid: string, type: new () => Value): Value | undefined => {
  const extension = extensionsOf(parsed).find(({ extnID }) => extnID === oid);
  return extension === undefined ? undefined : AsnConvert.parse(extension.extnValue.buffer, type);
};

const hasUsage = (parsed: Certificate, flags: number): boolean => {
  const usage = readExtension(parsed, extensionOids.keyUsage, KeyUsage);
  return usage === undefined || (usage.toNumber() & flags) !== 0;
};

const checkStrength = (certificate: X509Certificate, parsed: Certificate): void => {
  if (!isStrongKey(certificate.publicKey)) throw untrusted('a key of the chain is too weak');
  // The signature of a root over itself proves nothing, so its algorithm does not matter.
  if (!acceptedCertificateSignatures.includes(parsed.signatureAlgorithm.algorithm) && !isRoot(certificate)) {
    throw untrusted('a certificate of the chain is signed with an algorithm not accepted');
  }
};

/** @param below  how many authorities stand between this one and the signer */
const checkAuthority = (certificate: X509Certificate, below: number): void => {
  const parsed = parseCertificate(certificate);
  checkStrength(certificate, parsed);
  const length = readExtension(parsed, extensionOids.basicConstraints, BasicConstraints)?.pathLenConstraint;
  if (length !== undefined && below > length) throw untrusted('the chain is longer than an authority allows');
  if (!hasUsage(parsed, KeyUsageFlags.keyCertSign)) throw untrusted('an authority may not sign certificates');
  checkCritical(parsed);
};

const checkCritical = (parsed: Certificate): void => {
  const unknown = extensionsOf(parsed).find(
    ({ critical, extnID }) => critical && !understoodExtensions.includes(extnID),
  );
  if (unknown !== undefined) throw untrusted(`critical extension ${unknown.extnID} not understood`);
};

const checkPurpose = (certificate: X509Certificate): void => {
  const parsed = parseCertificate(certificate);
  checkStrength(certificate, parsed);
  checkCritical(parsed);
  const purposes: readonly string[] = certificate.keyUsage ?? [];
  const isForSigning =
    hasUsage(parsed, KeyUsageFlags.digitalSignature | KeyUsageFlags.nonRepudiation) &&
    (purposes.length === 0 || purposes.some((purpose) => signingPurposes.includes(purpose)));
  if (!isForSigning || certificate.ca) {
    throw refused('trust/whitelist-signer-purpose', 'the certificate is not one for signing documents');
  }
};

const checkNames = (certificate: X509Certificate, rules: SignerRules): void => {
  if (!rules.signerKeys.has(distinguishedNameKey(distinguishedNameOf(certificate)))) {
    throw refused('trust/whitelist-signer-unknown', 'the signer is another than the configured one');
  }
  if (!rules.issuerKeys.has(distinguishedNameKey(issuerNameOf(certificate)))) {
    throw refused('trust/whitelist-signer-unknown', 'the signer’s certificate names another issuing authority');
  }
};

/**
 * @param atUtcMs  every certificate of the chain must be valid then
 * @returns the chain: the signer first, the root last
 * @throws trust/whitelist-signer-unknown, trust/whitelist-signer-untrusted, trust/whitelist-signer-purpose,
 *         trust/whitelist-signer-expired
 */
export const checkSigner = (
  certificate: X509Certificate,
  rules: SignerRules,
  atUtcMs: number,
): readonly X509Certificate[] => {
  checkNames(certificate, rules);
  const chains = chainsOf(certificate, rules.authorities);
  const chain = chains.find((links) => links.every((link) => isValidAt(link, atUtcMs))) ?? chains[0];
  if (chain === undefined) throw untrusted('no chain from the signer to a configured root');
  checkPurpose(certificate);
  for (const [at, authority] of chain.slice(1).entries()) checkAuthority(authority, at);
  const ended = chain.findIndex((link) => !isValidAt(link, atUtcMs));
  if (ended !== -1) {
    const what = ended === 0 ? 'the signer’s certificate' : 'an authority’s certificate';
    throw refused('trust/whitelist-signer-expired', `${what} is not valid at ${new Date(atUtcMs).toISOString()}`);
  }
  return chain;
};
