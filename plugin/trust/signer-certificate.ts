/**
 * Whether a certificate may sign the whitelist: its name, its issuer's name, then a certification path for signing documents.
 *
 * @see facts/identity.md 5.1, 5.4 (pin the name and the authority, never the certificate)
 */
import type { X509Certificate } from 'node:crypto';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import { KeyUsageFlags } from './certificate-fields.ts';
import { type CertificationPath, findCertificationPath, type PathPolicy } from './certification-path.ts';
import { distinguishedNameKey, distinguishedNameOf, issuerNameOf } from './distinguished-name.ts';

export interface SignerRules {
  /** Keys of the names that may sign. */
  readonly signerKeys: ReadonlySet<string>;
  /** Keys of the names of authorities that may issue the signer's certificate. */
  readonly issuerKeys: ReadonlySet<string>;
  /** Configured certificates: self-signed ones are roots, the others intermediate authorities. */
  readonly authorities: readonly X509Certificate[];
}

const signerPolicy: Omit<PathPolicy, 'atUtcMs'> = {
  /** emailProtection (what ANS has), documentSigning (RFC 9336), anyExtendedKeyUsage. */
  purposes: ['1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.36', '2.5.29.37.0'],
  mayNameNoPurpose: true,
  keyUses: [KeyUsageFlags.digitalSignature, KeyUsageFlags.nonRepudiation],
};

/** What a refusal of the path means for the whitelist. */
const signerCodes = {
  'trust/certificate-untrusted': 'trust/whitelist-signer-untrusted',
  'trust/certificate-algorithm': 'trust/whitelist-signer-untrusted',
  'trust/certificate-purpose': 'trust/whitelist-signer-purpose',
  'trust/certificate-expired': 'trust/whitelist-signer-expired',
  'trust/certificate-not-yet-valid': 'trust/whitelist-signer-expired',
} as const satisfies Record<Extract<CertificationPath, { kind: 'refused' }>['code'], ErrorCode>;

const checkNames = (certificate: X509Certificate, rules: SignerRules): void => {
  if (!rules.signerKeys.has(distinguishedNameKey(distinguishedNameOf(certificate)))) {
    throw new DrimboxError('trust/whitelist-signer-unknown', {
      detail: 'the signer is another than the configured one',
    });
  }
  if (!rules.issuerKeys.has(distinguishedNameKey(issuerNameOf(certificate)))) {
    throw new DrimboxError('trust/whitelist-signer-unknown', {
      detail: 'the signer’s certificate names another issuing authority',
    });
  }
};

const findPath = (certificate: X509Certificate, rules: SignerRules, atUtcMs: number): CertificationPath => {
  try {
    return findCertificationPath(certificate, rules.authorities, { ...signerPolicy, atUtcMs });
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-signer-untrusted', { detail: asDrimboxError(cause).detail, cause });
  }
};

/**
 * @param atUtcMs  every certificate of the chain must be valid then
 * @returns the chain: the signer first, the root last
 * @throws trust/whitelist-signer-unknown, trust/whitelist-signer-untrusted, trust/whitelist-signer-purpose,
 *         trust/whitelist-signer-expired — only when nothing else is wrong
 */
export const checkSigner = (
  certificate: X509Certificate,
  rules: SignerRules,
  atUtcMs: number,
): readonly X509Certificate[] => {
  checkNames(certificate, rules);
  const path = findPath(certificate, rules, atUtcMs);
  if (path.kind === 'found') return path.chain;
  const code = signerCodes[path.code];
  const when = code === 'trust/whitelist-signer-expired' ? ` at ${new Date(atUtcMs).toISOString()}` : '';
  throw new DrimboxError(code, { detail: `${path.detail}${when}` });
};
