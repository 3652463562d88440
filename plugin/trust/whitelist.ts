/**
 * Verifies a whitelist from its bytes to its domains: signature, signer, revocation, content.
 *
 * @see issue "WADO-RS between DRIMboxes" 2 · facts/identity.md 5.4 · decision G6
 */
import type { X509Certificate } from 'node:crypto';
import { DrimboxError } from '../errors.ts';
import { parseCertificates } from './certificate-fields.ts';
import {
  distinguishedNameKey,
  distinguishedNameOf,
  formatDistinguishedName,
  issuerNameOf,
} from './distinguished-name.ts';
import { parseDistinguishedName } from './distinguished-name-text.ts';
import type { RevocationChecker } from './revocation-port.ts';
import { checkSigner } from './signer-certificate.ts';
import { parseWhitelist, type Whitelist } from './whitelist-document.ts';
import { verifyWhitelistSignature } from './whitelist-signature.ts';

/** Whom to believe. */
export interface WhitelistTrust {
  readonly authorities: readonly X509Certificate[];
  /** Distinguished names as text. */
  readonly signerDns: readonly string[];
  readonly signerIssuerDns: readonly string[];
  readonly maxBytes: number;
  /** Absent: revocation is not checked, and the result says so. Only for the command line. */
  readonly revocation?: RevocationChecker;
}

export interface WhitelistSigner {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBeforeUtcMs: number;
  /** The end of its certificate, or of an authority's above it, whichever comes first. */
  readonly notAfterUtcMs: number;
}

export interface VerifiedWhitelist {
  readonly list: Whitelist;
  readonly signer: WhitelistSigner;
  /** As the signer says. */
  readonly signedAtUtcMs?: number;
  readonly revocation: { readonly kind: 'good'; readonly source: string } | { readonly kind: 'not-checked' };
}

/** One or several certificates in PEM, or one in DER. @throws trust/whitelist-ca-invalid */
export const parseAuthorities = (bytes: Uint8Array): readonly X509Certificate[] => {
  try {
    return parseCertificates(bytes);
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-ca-invalid', { detail: 'neither PEM nor DER certificates', cause });
  }
};

const keysOf = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.map((name) => distinguishedNameKey(parseDistinguishedName(name))));

const describeSigner = (certificate: X509Certificate, chain: readonly X509Certificate[]): WhitelistSigner => ({
  subject: formatDistinguishedName(distinguishedNameOf(certificate)),
  issuer: formatDistinguishedName(issuerNameOf(certificate)),
  serialNumber: certificate.serialNumber,
  notBeforeUtcMs: certificate.validFromDate.getTime(),
  notAfterUtcMs: Math.min(...chain.map((link) => link.validToDate.getTime())),
});

const askRevocation = async (
  checker: RevocationChecker | undefined,
  chain: readonly X509Certificate[],
  atUtcMs: number,
): Promise<VerifiedWhitelist['revocation']> => {
  if (checker === undefined) return { kind: 'not-checked' };
  const status = await checker.check(chain, atUtcMs);
  switch (status.kind) {
    case 'good':
      return status;
    case 'revoked':
      throw new DrimboxError('trust/whitelist-signer-revoked', { detail: status.detail });
    case 'unknown':
      throw new DrimboxError('trust/whitelist-revocation-unknown', { detail: status.detail });
  }
};

/**
 * @param bytes    the file as received
 * @param atUtcMs  the certificates must be valid then
 * @param revocationAtUtcMs  the moment that revocation is asked about
 * @throws trust/whitelist-too-large, trust/whitelist-malformed, trust/whitelist-unsigned,
 *         trust/whitelist-signature-shape, trust/whitelist-signature-invalid, trust/whitelist-algorithm-refused,
 *         trust/whitelist-signer-unknown, trust/whitelist-signer-untrusted, trust/whitelist-signer-purpose,
 *         trust/whitelist-signer-expired, trust/whitelist-signer-revoked, trust/whitelist-revocation-unknown,
 *         trust/whitelist-empty — no entry anybody could match; trust/dn-invalid — a configured or a signer's name
 */
export const verifyWhitelist = async (
  bytes: Uint8Array,
  trust: WhitelistTrust,
  atUtcMs: number,
  revocationAtUtcMs = atUtcMs,
): Promise<VerifiedWhitelist> => {
  if (bytes.byteLength > trust.maxBytes) {
    throw new DrimboxError('trust/whitelist-too-large', { detail: `more than ${trust.maxBytes} bytes` });
  }
  const rules = {
    signerKeys: keysOf(trust.signerDns),
    issuerKeys: keysOf(trust.signerIssuerDns),
    authorities: trust.authorities,
  };
  const { content, certificate, ...signed } = verifyWhitelistSignature(bytes);
  const chain = checkSigner(certificate, rules, atUtcMs);
  const revocation = await askRevocation(trust.revocation, chain, revocationAtUtcMs);
  const list = parseWhitelist(content);
  if (!list.entries.some((entry) => entry.operatorNames.length > 0)) {
    throw new DrimboxError('trust/whitelist-empty', { detail: `${list.entries.length} entries, none usable` });
  }
  return { list, signer: describeSigner(certificate, chain), ...signed, revocation };
};
