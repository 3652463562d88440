/** Is this certificate one of ours, of which kind, of which structure? */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { canonicalSerial, readKeyUsage, readRevokedSerials } from './der.ts';

const clientAuthentication = '1.3.6.1.5.5.7.3.2';

export interface TrustStore {
  readonly authorities: readonly X509Certificate[];
  readonly revokedSerials: ReadonlySet<string>;
}

/** The PEM blocks of one kind in a file. */
export const pemBlocks = (pem: string, label: string): string[] =>
  pem.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];

export const loadTrustStore = (files: { readonly chainFile: string; readonly crlFile?: string }): TrustStore => {
  const lists = files.crlFile === undefined ? [] : pemBlocks(readFileSync(files.crlFile, 'utf8'), 'X509 CRL');
  const serials = lists.flatMap((pem) =>
    readRevokedSerials(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')),
  );
  return {
    authorities: pemBlocks(readFileSync(files.chainFile, 'utf8'), 'CERTIFICATE').map((pem) => new X509Certificate(pem)),
    revokedSerials: new Set(serials),
  };
};

const isValidAt = (certificate: X509Certificate, atUtcMs: number): boolean =>
  Date.parse(certificate.validFrom) <= atUtcMs && atUtcMs <= Date.parse(certificate.validTo);

/** Up to a self-signed authority of the store, each link's signature checked. */
export const isTrusted = (certificate: X509Certificate, store: TrustStore, atUtcMs: number, depth = 0): boolean => {
  if (!isValidAt(certificate, atUtcMs) || depth > 4) return false;
  if (store.revokedSerials.has(canonicalSerial(certificate.serialNumber))) return false;
  const issuer = store.authorities.find(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
  if (issuer === undefined) return false;
  return issuer.fingerprint256 === certificate.fingerprint256 || isTrusted(issuer, store, atUtcMs, depth + 1);
};

/** ORG SIGN: made to sign documents, not to open TLS connections. */
export const isSigningCertificate = (certificate: X509Certificate): boolean => {
  const usage = readKeyUsage(certificate);
  const purposes = certificate.keyUsage ?? [];
  return usage.digitalSignature && usage.nonRepudiation && !purposes.includes(clientAuthentication);
};

/** ORG AUTH_CLI. */
export const isClientCertificate = (certificate: X509Certificate): boolean =>
  (certificate.keyUsage ?? []).includes(clientAuthentication) && !readKeyUsage(certificate).nonRepudiation;

/** OU = Struct_IdNat of the structure; '' when there is none or several. */
export const structureOf = (certificate: X509Certificate): string => {
  const units = certificate.subject.split('\n').filter((line) => line.startsWith('OU='));
  return units.length === 1 ? (units[0] ?? '').slice(3) : '';
};

/** `CN=…,OU=…,O=…,ST=…,C=FR` */
export const nameOf = (subjectOrIssuer: string): string => subjectOrIssuer.split('\n').reverse().join(',');

/** Names compared as lists of relative names: blanks after commas do not count. */
export const isSameName = (a: string, b: string): boolean => {
  const parts = (name: string): string[] => name.trim().split(/(?<!\\),\s*/);
  const [left, right] = [parts(a), parts(b)];
  return left.length === right.length && left.every((part, index) => part === right[index]);
};

/** @returns undefined when the text is no base64 of a certificate */
export const parseCertificateText = (text: string): X509Certificate | undefined => {
  const base64 = text.replaceAll(/\s+/g, '');
  if (!/^[0-9A-Za-z+/]+={0,2}$/.test(base64)) return undefined;
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
};
