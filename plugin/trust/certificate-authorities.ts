/**
 * The authorities that the certificates of other DRIMboxes come from: IGC-Santé's, of one environment only.
 *
 * @see decision A1 · facts/identity.md 5.1 (two disjoint stores)
 */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { parseCertificates } from './certificate-fields.ts';
import { distinguishedNameOf, formatDistinguishedName } from './distinguished-name.ts';

/** Decision A1. */
export type TrustEnvironment = 'test' | 'production';

export interface CertificateAuthorities {
  /** Roots and intermediate authorities, each once. */
  readonly certificates: readonly X509Certificate[];
  /** The same, for TLS: it tells peers which certificates are wanted. */
  readonly pem: readonly string[];
}

/** IGC-Santé's test authorities say TEST; invented ones, as those of the sandbox, say EXEMPLE. */
const testWord = /(?<![\p{L}\p{N}])(?:TEST|EXEMPLE)(?![\p{L}\p{N}])/iu;

const refused = (code: ErrorCode, detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError(code, { detail, ...(cause === undefined ? {} : { cause }) });

const parseFile = (bytes: Uint8Array, file: string): readonly X509Certificate[] => {
  try {
    return parseCertificates(bytes);
  } catch (cause) {
    throw refused('trust/ca-invalid', `${file}: neither PEM nor DER certificates`, cause);
  }
};

/** Whether a certificate of the configured set is signed by its own key. */
export const isRootAuthority = (certificate: X509Certificate): boolean =>
  certificate.ca && certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);

const hasRoot = (
  certificate: X509Certificate,
  all: readonly X509Certificate[],
  seen: readonly X509Certificate[] = [],
): boolean =>
  isRootAuthority(certificate) ||
  all.some(
    (authority) =>
      authority !== certificate &&
      !seen.includes(authority) &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey) &&
      hasRoot(authority, all, [...seen, certificate]),
  );

const checkAuthority = (
  certificate: X509Certificate,
  all: readonly X509Certificate[],
  environment: TrustEnvironment,
): void => {
  const name = formatDistinguishedName(distinguishedNameOf(certificate));
  if (testWord.test(name) !== (environment === 'test')) {
    throw refused('trust/ca-environment-mismatch', `${name} is not an authority of the ${environment} environment`);
  }
  if (!certificate.ca) throw refused('trust/ca-invalid', `${name} is not an authority`);
  if (!hasRoot(certificate, all)) throw refused('trust/ca-invalid', `no configured root for ${name}`);
};

/**
 * @param files        PEM (several certificates) or DER; roots and every intermediate authority
 * @param environment  `production` refuses an authority that says TEST or EXEMPLE, `test` refuses one that does not
 * @throws trust/ca-missing — no file, or one that is not there; trust/ca-invalid — no authority, or one without its root;
 *         trust/ca-environment-mismatch
 */
export const loadAuthorities = async (
  files: readonly string[],
  environment: TrustEnvironment,
): Promise<CertificateAuthorities> => {
  const found = new Map<string, X509Certificate>();
  for (const file of files) {
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw refused('trust/ca-missing', `${file} cannot be read`, cause);
    });
    for (const certificate of parseFile(bytes, file)) found.set(certificate.fingerprint256, certificate);
  }
  const certificates = [...found.values()];
  if (certificates.length === 0) throw refused('trust/ca-missing', 'no authority is configured');
  for (const certificate of certificates) checkAuthority(certificate, certificates, environment);
  return { certificates, pem: certificates.map((certificate) => certificate.toString()) };
};
