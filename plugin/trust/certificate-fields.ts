/** What is read in the bytes of a certificate: fields that are compared or hashed as they stand, and what its extensions allow. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityInfoAccessSyntax,
  BasicConstraints,
  Certificate,
  CRLDistributionPoints,
  type Extension,
  ExtendedKeyUsage,
  KeyUsage,
  type KeyUsageFlags,
} from '@peculiar/asn1-x509';
import { DrimboxError } from '../errors.ts';
import { DerTag } from './der-element.ts';
import { bitsOf, expectElement, openSequence } from './der-walk.ts';

export { KeyUsageFlags } from '@peculiar/asn1-x509';

/** Slices of the certificate's DER. */
export interface CertificateFields {
  /** Content of the INTEGER, hexadecimal. */
  readonly serialNumber: string;
  /** Whole DER of the names. */
  readonly issuerName: Uint8Array;
  readonly subjectName: Uint8Array;
  /** subjectPublicKey without tag, length and count of unused bits. */
  readonly publicKeyBits: Uint8Array;
}

/** What a certificate is for. */
export interface CertificateFeatures {
  /** OID of the algorithm that signed it. */
  readonly signatureAlgorithm: string;
  readonly pathLength: number | undefined;
  /** Undefined: any use. */
  readonly keyUsage: number | undefined;
  /** OIDs; undefined: any purpose. */
  readonly purposes: readonly string[] | undefined;
  /** OID of an extension that may not be overlooked and whose meaning is not looked at here. */
  readonly unknownExtension: string | undefined;
  /** Places of whole lists of its own issuer. */
  readonly revocationListUrls: readonly string[];
  readonly ocspUrls: readonly string[];
}

const oids = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  distributionPoints: '2.5.29.31',
  policies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  ocsp: '1.3.6.1.5.5.7.48.1',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
} as const;

/** Looked at below, or restricting nothing here: alternative names, policies. */
const understood: ReadonlySet<string> = new Set([
  ...[oids.keyUsage, oids.subjectAltName, oids.basicConstraints, oids.distributionPoints, oids.policies],
  ...[oids.extendedKeyUsage, oids.authorityInfoAccess, oids.ocspNoCheck],
]);

const unreadable = (cause: unknown): DrimboxError =>
  new DrimboxError('trust/certificate-untrusted', { detail: 'the certificate cannot be read', cause });

/** Name constraints restrict whatever their flag says: a certificate under them is not understood. */
const isUnknown = ({ critical, extnID }: Extension): boolean =>
  extnID === oids.nameConstraints || (critical && !understood.has(extnID));

const readExtension = <Value>(
  extensions: readonly Extension[],
  oid: string,
  type: new () => Value,
): Value | undefined => {
  const extension = extensions.find(({ extnID }) => extnID === oid);
  return extension === undefined ? undefined : AsnConvert.parse(extension.extnValue.buffer, type);
};

const isHttp = (url: string | undefined): url is string => /^https?:$/.test(URL.parse(url ?? '')?.protocol ?? '');

/** Not those of other issuers (indirect lists) nor those of some reasons only. */
const readListUrls = (extensions: readonly Extension[]): readonly string[] =>
  [...(readExtension(extensions, oids.distributionPoints, CRLDistributionPoints) ?? [])]
    .filter(({ cRLIssuer, reasons }) => cRLIssuer === undefined && reasons === undefined)
    .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
    .map(({ uniformResourceIdentifier }) => uniformResourceIdentifier)
    .filter(isHttp);

const readOcspUrls = (extensions: readonly Extension[]): readonly string[] =>
  [...(readExtension(extensions, oids.authorityInfoAccess, AuthorityInfoAccessSyntax) ?? [])]
    .filter(({ accessMethod }) => accessMethod === oids.ocsp)
    .map(({ accessLocation }) => accessLocation.uniformResourceIdentifier)
    .filter(isHttp);

const pemForm = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** One or several certificates in PEM, or one in DER. @throws errors of OpenSSL */
export const parseCertificates = (bytes: Uint8Array): readonly X509Certificate[] => {
  const pems = Buffer.from(bytes).toString('latin1').match(pemForm);
  return pems === null ? [new X509Certificate(bytes)] : pems.map((pem) => new X509Certificate(pem));
};

/** @throws trust/certificate-untrusted — unreadable */
export const readCertificateFeatures = (certificate: X509Certificate): CertificateFeatures => {
  try {
    const { tbsCertificate, signatureAlgorithm } = AsnConvert.parse(certificate.raw, Certificate);
    const extensions: readonly Extension[] = tbsCertificate.extensions ?? [];
    const purposes = readExtension(extensions, oids.extendedKeyUsage, ExtendedKeyUsage);
    return {
      signatureAlgorithm: signatureAlgorithm.algorithm,
      pathLength: readExtension(extensions, oids.basicConstraints, BasicConstraints)?.pathLenConstraint,
      keyUsage: readExtension(extensions, oids.keyUsage, KeyUsage)?.toNumber(),
      purposes: purposes === undefined ? undefined : [...purposes],
      unknownExtension: extensions.find(isUnknown)?.extnID,
      revocationListUrls: readListUrls(extensions),
      ocspUrls: readOcspUrls(extensions),
    };
  } catch (cause) {
    throw unreadable(cause);
  }
};

/** True when the certificate says nothing of its uses. @param use  one of `KeyUsageFlags` */
export const mayUseKey = ({ keyUsage }: CertificateFeatures, use: KeyUsageFlags): boolean =>
  // oxlint-disable-next-line no-bitwise -- the flags are bits
  keyUsage === undefined || (keyUsage & use) !== 0;

/** @throws trust/certificate-untrusted — unreadable */
export const readCertificateFields = (certificate: X509Certificate): CertificateFields => {
  try {
    const [signed] = openSequence(certificate.raw);
    const all = openSequence(expectElement(signed, DerTag.sequence).whole);
    const [serial, , issuer, , subject, key] = all[0]?.tag === DerTag.explicit0 ? all.slice(1) : all;
    const [, bits] = openSequence(expectElement(key, DerTag.sequence).whole);
    return {
      serialNumber: Buffer.from(expectElement(serial, DerTag.integer).content).toString('hex'),
      issuerName: expectElement(issuer, DerTag.sequence).whole,
      subjectName: expectElement(subject, DerTag.sequence).whole,
      publicKeyBits: bitsOf(bits),
    };
  } catch (cause) {
    throw unreadable(cause);
  }
};
