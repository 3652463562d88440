/**
 * One certificate revocation list (CRL): what its authority says, believed only when that authority signed it.
 *
 * Read by hand: a list may hold tens of thousands of entries, of which only the serial numbers are kept.
 *
 * @see RFC 5280 §5, §6.3 — delta, indirect and partial (by reason) lists are refused; lists of one kind of certificate are kept
 */
import type { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { IssuingDistributionPoint } from '@peculiar/asn1-x509';
import { DrimboxError } from '../errors.ts';
import { isSignedWith } from './asn1-signature.ts';
import { KeyUsageFlags, mayUseKey, readCertificateFeatures, readCertificateFields } from './certificate-fields.ts';
import { decodeObjectIdentifier, DerTag } from './der-element.ts';
import {
  bitsOf,
  expectElement,
  MoreDerTag,
  openSequence,
  parseDerTime,
  walkDer,
  type WholeElement,
} from './der-walk.ts';

/** The certificates that a list speaks of. */
export type ListScope = 'all' | 'endEntities' | 'authorities';

export interface RevocationList {
  readonly thisUpdateUtcMs: number;
  readonly nextUpdateUtcMs: number;
  readonly scope: ListScope;
  /** URLs of the distribution points that the list is for; empty: for all of its authority. */
  readonly points: readonly string[];
  /** Hexadecimal, as `CertificateFields.serialNumber`. */
  readonly serialNumbers: ReadonlySet<string>;
}

const oids = {
  reason: '2.5.29.21',
  issuingDistributionPoint: '2.5.29.28',
  /** CRL number, key of the authority, freshest list, alternative names of the authority: they restrict nothing. */
  harmless: ['2.5.29.20', '2.5.29.35', '2.5.29.46', '2.5.29.18'],
} as const;
const removeFromList = 8;
const listExtensionsTag = DerTag.explicit0;

const refused = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/revocation-list-refused', { detail, ...(cause === undefined ? {} : { cause }) });

interface ListExtension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

/** @param bytes  DER of Extensions */
const readExtensions = (bytes: Uint8Array): readonly ListExtension[] =>
  openSequence(bytes).map((extension) => {
    const fields = openSequence(extension.whole);
    const oid = decodeObjectIdentifier(expectElement(fields[0], DerTag.objectIdentifier).content);
    const value = expectElement(fields.at(-1), MoreDerTag.octetString).content;
    return { oid, isCritical: fields.length === 3 && fields[1]?.content[0] !== 0, value };
  });

const pemBlock = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;
const maxBlocks = 50;

/** One list in DER, or those of a PEM file: operators keep the lists of several authorities together. */
const derBlocks = (bytes: Uint8Array): readonly Uint8Array[] => {
  if (bytes[0] === DerTag.sequence) return [bytes];
  const blocks = [...Buffer.from(bytes).toString('latin1').matchAll(pemBlock)];
  if (blocks.length === 0) throw refused('neither DER nor PEM');
  if (blocks.length > maxBlocks) throw refused(`more than ${maxBlocks} lists in one file`);
  return blocks.map(([, base64 = '']) => Buffer.from(base64, 'base64'));
};

/** Undefined for an entry that says "no longer on the list". */
const readEntry = (entry: WholeElement): string | undefined => {
  const [serial, , extensions] = walkDer(expectElement(entry, DerTag.sequence).content);
  const serialNumber = Buffer.from(expectElement(serial, DerTag.integer).content).toString('hex');
  if (extensions === undefined) return serialNumber;
  const read = readExtensions(extensions.whole);
  if (read.some(({ isCritical, oid }) => isCritical && oid !== oids.reason)) {
    throw refused('an entry has a critical extension not understood (indirect list?)');
  }
  const reason = read.find(({ oid }) => oid === oids.reason)?.value;
  return reason?.[0] === MoreDerTag.enumerated && reason[2] === removeFromList ? undefined : serialNumber;
};

const readEntries = (entries: WholeElement | undefined): ReadonlySet<string> => {
  const serialNumbers = new Set<string>();
  if (entries === undefined) return serialNumbers;
  for (const entry of walkDer(entries.content)) {
    const serialNumber = readEntry(entry);
    if (serialNumber !== undefined) serialNumbers.add(serialNumber);
  }
  return serialNumbers;
};

const readScope = (value: Uint8Array): Pick<RevocationList, 'scope' | 'points'> => {
  const point = AsnConvert.parse(value, IssuingDistributionPoint);
  if (point.indirectCRL || point.onlySomeReasons !== undefined || point.onlyContainsAttributeCerts) {
    throw refused('an indirect or partial list');
  }
  if (point.onlyContainsUserCerts && point.onlyContainsCACerts) throw refused('a list of no certificate');
  const names = point.distributionPoint;
  const points = (names?.fullName ?? []).flatMap(({ uniformResourceIdentifier: url }) =>
    url === undefined ? [] : [url],
  );
  if (names !== undefined && points.length === 0) throw refused('a list for a place that is no URL');
  const scope = point.onlyContainsUserCerts ? 'endEntities' : point.onlyContainsCACerts ? 'authorities' : 'all';
  return { scope, points };
};

const readRestrictions = (extensions: WholeElement | undefined): Pick<RevocationList, 'scope' | 'points'> => {
  const read = extensions === undefined ? [] : readExtensions(extensions.content);
  const known: readonly string[] = [...oids.harmless, oids.issuingDistributionPoint];
  const unknown = read.find(({ isCritical, oid }) => isCritical && !known.includes(oid));
  // 2.5.29.27 is a delta list: its marker is always critical.
  if (unknown !== undefined) throw refused(`critical extension ${unknown.oid} not understood`);
  const point = read.find(({ oid }) => oid === oids.issuingDistributionPoint);
  return point === undefined ? { scope: 'all', points: [] } : readScope(point.value);
};

const isTime = (element: WholeElement | undefined): boolean =>
  element?.tag === MoreDerTag.utcTime || element?.tag === MoreDerTag.generalizedTime;

/** @param fields  of TBSCertList without its version: algorithm, issuer, thisUpdate, nextUpdate?, entries?, extensions? */
const readList = (fields: readonly WholeElement[]): RevocationList => {
  const [, , thisUpdate, ...rest] = fields;
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  if (nextUpdate === undefined) throw refused('a list without an end (nextUpdate)');
  const entries = rest[0]?.tag === DerTag.sequence ? rest.shift() : undefined;
  const extensions = rest[0]?.tag === listExtensionsTag ? rest.shift() : undefined;
  if (rest.length > 0) throw refused('unexpected fields');
  return {
    thisUpdateUtcMs: parseDerTime(thisUpdate),
    nextUpdateUtcMs: parseDerTime(nextUpdate),
    ...readRestrictions(extensions),
    serialNumbers: readEntries(entries),
  };
};

const checkAuthority = (authority: X509Certificate, issuerName: Uint8Array): void => {
  if (Buffer.compare(readCertificateFields(authority).subjectName, issuerName) !== 0) {
    throw refused('a list of another authority');
  }
  if (!mayUseKey(readCertificateFeatures(authority), KeyUsageFlags.cRLSign)) {
    throw refused('the authority may not sign revocation lists');
  }
};

interface ParsedBlock {
  readonly signed: Uint8Array;
  readonly algorithm: WholeElement;
  readonly signature: WholeElement | undefined;
  /** Of TBSCertList, without its version. */
  readonly fields: readonly WholeElement[];
}

const parseBlock = (der: Uint8Array): ParsedBlock => {
  const [signed, algorithm, signature] = openSequence(der);
  const { whole } = expectElement(signed, DerTag.sequence);
  const all = openSequence(whole);
  const fields = all[0]?.tag === DerTag.integer ? all.slice(1) : all;
  return { signed: whole, algorithm: expectElement(algorithm, DerTag.sequence), signature, fields };
};

const asRefusal = (cause: unknown): DrimboxError =>
  cause instanceof DrimboxError && cause.code === 'trust/revocation-list-refused'
    ? cause
    : refused('not a revocation list', cause);

const verifyBlock = (der: Uint8Array, authority: X509Certificate): RevocationList => {
  try {
    const { signed, algorithm, signature, fields } = parseBlock(der);
    if (Buffer.compare(algorithm.whole, fields[0]?.whole ?? Buffer.of()) !== 0)
      throw refused('two signature algorithms');
    checkAuthority(authority, expectElement(fields[1], DerTag.sequence).whole);
    const oid = decodeObjectIdentifier(
      expectElement(openSequence(algorithm.whole)[0], DerTag.objectIdentifier).content,
    );
    const value = { algorithm: oid, value: bitsOf(signature) };
    if (!isSignedWith(authority.publicKey, signed, value)) {
      throw refused('not signed by its authority with an accepted algorithm');
    }
    return readList(fields);
  } catch (cause) {
    throw asRefusal(cause);
  }
};

/**
 * Whether a file holds revocation lists at all, whoever signed them.
 *
 * @throws trust/revocation-list-refused
 */
export const checkRevocationListForm = (bytes: Uint8Array): void => {
  try {
    for (const der of derBlocks(bytes)) expectElement(parseBlock(der).fields[1], DerTag.sequence);
  } catch (cause) {
    throw asRefusal(cause);
  }
};

/**
 * @param bytes      DER, or PEM with the lists of one or several authorities
 * @param authority  who must have signed the list: the issuer of the certificates it speaks of
 * @throws trust/revocation-list-refused — malformed, of other authorities, not signed by it, or of a kind not accepted
 */
export const verifyRevocationList = (bytes: Uint8Array, authority: X509Certificate): RevocationList => {
  let failure: unknown;
  for (const der of derBlocks(bytes)) {
    try {
      return verifyBlock(der, authority);
    } catch (cause) {
      failure = cause;
    }
  }
  throw failure;
};

/** Whether a list speaks of a certificate. @param urls  distribution points that the certificate names */
export const isInScope = (list: RevocationList, certificate: X509Certificate, urls: readonly string[]): boolean => {
  const isOfKind = list.scope === 'all' || (list.scope === 'authorities') === certificate.ca;
  return isOfKind && (list.points.length === 0 || list.points.some((point) => urls.includes(point)));
};
