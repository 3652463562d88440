/**
 * The way from a certificate to a configured root, and why there is none: for peers and for the signer of the whitelist.
 *
 * Only configured authorities are used: what comes beside the certificate is not looked at, so that a session that is
 * resumed (where only the certificate itself is known) is judged like the first. Revocation is asked elsewhere.
 *
 * @see RFC 5280 §6.1 · facts/identity.md 1.8, 5.1
 */
import type { X509Certificate } from 'node:crypto';
import type { ErrorCode } from '../errors.ts';
import { isAcceptedSignature } from './asn1-signature.ts';
import { isRootAuthority } from './certificate-authorities.ts';
import { type CertificateFeatures, KeyUsageFlags, mayUseKey, readCertificateFeatures } from './certificate-fields.ts';
import { isStrongKey } from './whitelist-algorithms.ts';

export type PathRefusalCode = Extract<
  ErrorCode,
  | 'trust/certificate-untrusted'
  | 'trust/certificate-expired'
  | 'trust/certificate-not-yet-valid'
  | 'trust/certificate-purpose'
  | 'trust/certificate-algorithm'
>;

/** `detail` is English and names nobody. */
export interface PathRefusal {
  readonly kind: 'refused';
  readonly code: PathRefusalCode;
  readonly detail: string;
}

export type CertificationPath =
  | {
      readonly kind: 'found';
      /** The certificate first, the root last. */
      readonly chain: readonly X509Certificate[];
      /** When the first certificate of the chain ends, ms UTC. */
      readonly endsAtUtcMs: number;
    }
  | PathRefusal;

/** What the certificate must be for, and when. */
export interface PathPolicy {
  /** OIDs of which the certificate must name one (extended key usage). */
  readonly purposes: readonly string[];
  /** Whether a certificate that names no purpose is for any. */
  readonly mayNameNoPurpose: boolean;
  /** Of which it must have one, where it says its uses at all. */
  readonly keyUses: readonly KeyUsageFlags[];
  /** Every certificate of the chain must be valid then. */
  readonly atUtcMs: number;
}

const maxChainLength = 6;
const anyPurpose = '2.5.29.37.0';

const refuse = (code: PathRefusalCode, detail: string): PathRefusal => ({ kind: 'refused', code, detail });

const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** Every chain to a root; authorities that certify each other are met once. */
const chainsOf = (
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly (readonly X509Certificate[])[] => {
  const last = chain.at(-1);
  if (last === undefined || chain.length >= maxChainLength) return [];
  return authorities
    .filter((authority) => !chain.includes(authority) && isIssuedBy(last, authority))
    .flatMap((authority) =>
      isRootAuthority(authority) ? [[...chain, authority]] : chainsOf([...chain, authority], authorities),
    );
};

const checkStrength = (features: CertificateFeatures, certificate: X509Certificate): PathRefusal | undefined => {
  if (!isStrongKey(certificate.publicKey))
    return refuse('trust/certificate-algorithm', 'a key of the chain is too weak');
  // The signature of a root over itself proves nothing, so its algorithm does not matter.
  if (isAcceptedSignature(features.signatureAlgorithm) || isRootAuthority(certificate)) return undefined;
  return refuse('trust/certificate-algorithm', 'a certificate of the chain is signed with an algorithm not accepted');
};

const checkDates = (certificate: X509Certificate, whose: string, atUtcMs: number): PathRefusal | undefined => {
  if (atUtcMs > certificate.validToDate.getTime()) return refuse('trust/certificate-expired', `${whose} has ended`);
  // Not a number would compare as false.
  if (atUtcMs >= certificate.validFromDate.getTime()) return undefined;
  return refuse('trust/certificate-not-yet-valid', `${whose} is not valid yet`);
};

const hasPurpose = ({ purposes }: CertificateFeatures, wanted: readonly string[], whenNone: boolean): boolean =>
  purposes?.some((purpose) => wanted.includes(purpose)) ?? whenNone;

/** @param below  how many authorities stand between this one and the certificate */
const checkAuthority = (
  certificate: X509Certificate,
  below: number,
  purposes: readonly string[],
): PathRefusal | undefined => {
  const features = readCertificateFeatures(certificate);
  const untrusted = (detail: string): PathRefusal => refuse('trust/certificate-untrusted', detail);
  if (features.unknownExtension !== undefined) {
    return untrusted(`extension ${features.unknownExtension} of an authority not understood`);
  }
  if (below > (features.pathLength ?? Number.POSITIVE_INFINITY)) {
    return untrusted('the chain is longer than an authority allows');
  }
  if (!mayUseKey(features, KeyUsageFlags.keyCertSign)) return untrusted('an authority may not sign certificates');
  if (!hasPurpose(features, [...purposes, anyPurpose], true)) {
    return refuse('trust/certificate-purpose', 'an authority is not for certificates of this purpose');
  }
  return checkStrength(features, certificate);
};

const checkLeaf = (
  certificate: X509Certificate,
  { purposes, mayNameNoPurpose, keyUses }: PathPolicy,
): PathRefusal | undefined => {
  const features = readCertificateFeatures(certificate);
  if (features.unknownExtension !== undefined) {
    return refuse('trust/certificate-untrusted', `extension ${features.unknownExtension} not understood`);
  }
  const weakness = checkStrength(features, certificate);
  if (weakness !== undefined) return weakness;
  const isForPurpose =
    hasPurpose(features, purposes, mayNameNoPurpose) && keyUses.some((use) => mayUseKey(features, use));
  if (isForPurpose && !certificate.ca) return undefined;
  return refuse('trust/certificate-purpose', 'the certificate is not one for this purpose');
};

/** Dates last: of a chain that is refused for its dates all else holds. */
const checkChain = (chain: readonly X509Certificate[], policy: PathPolicy): PathRefusal | undefined => {
  const { purposes, atUtcMs } = policy;
  const [leaf, ...authorities] = chain;
  if (leaf === undefined) return refuse('trust/certificate-untrusted', 'no certificate');
  const checks = [
    ...authorities.map((authority, below) => () => checkAuthority(authority, below, purposes)),
    () => checkLeaf(leaf, policy),
    () => checkDates(leaf, 'the certificate', atUtcMs),
    ...authorities.map((authority) => () => checkDates(authority, 'the certificate of an authority', atUtcMs)),
  ];
  for (const check of checks) {
    const refusal = check();
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};

/**
 * @param authorities  configured ones; self-signed ones among them are roots
 * @returns the first chain that holds; else why the first one does not
 * @throws trust/certificate-untrusted — a certificate cannot be read
 */
export const findCertificationPath = (
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  policy: PathPolicy,
): CertificationPath => {
  let first: PathRefusal | undefined;
  for (const chain of chainsOf([certificate], authorities)) {
    const refusal = checkChain(chain, policy);
    if (refusal === undefined) {
      return { kind: 'found', chain, endsAtUtcMs: Math.min(...chain.map((link) => link.validToDate.getTime())) };
    }
    first ??= refusal;
  }
  return first ?? refuse('trust/certificate-untrusted', 'no chain to a configured root');
};
