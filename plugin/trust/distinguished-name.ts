/**
 * Distinguished names as lists of attributes, so that two ways of writing one name compare equal.
 *
 * The order of the parts counts, accents count; case, spaces and the string type of a value do not.
 *
 * @see RFC 4514 (text) · RFC 5280 §4.1.2.4, §7.1 (names of certificates) · RFC 4518 (caseIgnoreMatch) · facts/identity.md 5.3
 */
import type { X509Certificate } from 'node:crypto';
import { DrimboxError } from '../errors.ts';
import { attributeShortName } from '../standards/index.ts';
import { decodeDirectoryString } from './attribute-value.ts';
import { decodeObjectIdentifier, type DerElement, DerTag, readDerElement, readDerElements } from './der-element.ts';

/** One attribute: `value` is text, or the hexadecimal DER of a value that is no text. */
export interface NameAttribute {
  /** Object identifier, dotted. */
  readonly type: string;
  readonly value: string;
  readonly isHex?: boolean;
}

/** One part of a name: mostly one attribute; several stand in no order (X.501: a set). */
export type RelativeDistinguishedName = readonly NameAttribute[];

/** In the order of RFC 4514: the most specific part first (`CN=…,OU=…,C=FR`). At least one part. */
export type DistinguishedName = readonly RelativeDistinguishedName[];

const invalid = (detail: string): DrimboxError => new DrimboxError('trust/dn-invalid', { detail });

const expectTag = (element: DerElement | undefined, tag: number): DerElement => {
  if (element?.tag !== tag) throw invalid('unexpected DER element in a name');
  return element;
};

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** @throws trust/dn-invalid — `bytes` are the DER of one value */
export const decodeAttributeValue = (bytes: Uint8Array): Omit<NameAttribute, 'type'> => {
  const element = readDerElement(bytes);
  if (element.end !== bytes.length) throw invalid('bytes after a value');
  const value = decodeDirectoryString(element);
  return value === undefined ? { value: hexOf(bytes), isHex: true } : { value };
};

const decodeAttribute = (bytes: Uint8Array): NameAttribute => {
  const type = expectTag(readDerElement(bytes), DerTag.objectIdentifier);
  return { type: decodeObjectIdentifier(type.content), ...decodeAttributeValue(bytes.subarray(type.end)) };
};

/** @param bytes  the content of an RDNSequence, least specific part first */
const decodeName = (bytes: Uint8Array): DistinguishedName => {
  const parts = readDerElements(bytes).map((part) =>
    readDerElements(expectTag(part, DerTag.set).content).map((attribute) =>
      decodeAttribute(expectTag(attribute, DerTag.sequence).content),
    ),
  );
  if (parts.length === 0 || parts.some((part) => part.length === 0)) throw invalid('empty name');
  return parts.toReversed();
};

/** The parts of TBSCertificate up to the subject: [0] version, serial, algorithm, issuer, validity, subject. */
const readCertificateNames = (
  certificate: X509Certificate,
): { readonly issuer: DerElement; readonly subject: DerElement } => {
  const outer = expectTag(readDerElement(certificate.raw), DerTag.sequence);
  const fields = readDerElements(expectTag(readDerElement(outer.content), DerTag.sequence).content);
  const [, , issuer, , subject] = fields[0]?.tag === DerTag.explicit0 ? fields.slice(1) : fields;
  return { issuer: expectTag(issuer, DerTag.sequence), subject: expectTag(subject, DerTag.sequence) };
};

/** The subject, read in the certificate's bytes. @throws trust/dn-invalid — empty, or values that are not of their type */
export const distinguishedNameOf = (certificate: X509Certificate): DistinguishedName =>
  decodeName(readCertificateNames(certificate).subject.content);

/** The issuer, read in the certificate's bytes. @throws trust/dn-invalid */
export const issuerNameOf = (certificate: X509Certificate): DistinguishedName =>
  decodeName(readCertificateNames(certificate).issuer.content);

/** Composed, without case, spaces collapsed: `Côte-d’Or` and `COTE-D’OR` differ, composed and decomposed ô do not. */
const foldValue = (value: string): string =>
  value.normalize('NFC').toLowerCase().normalize('NFC').replaceAll(/\s+/gu, ' ').trim();

const attributeKey = ({ type, value, isHex = false }: NameAttribute): string =>
  JSON.stringify(isHex ? [type, '#', value] : [type, foldValue(value)]);

/** Equal keys, equal names. Only to compare: it is not a form to show. */
export const distinguishedNameKey = (name: DistinguishedName): string =>
  `[${name.map((part) => `[${part.map(attributeKey).toSorted().join(',')}]`).join(',')}]`;

const escapeValue = (value: string): string =>
  value
    .replaceAll(/[\\",+<>;]/g, (character) => `\\${character}`)
    .replaceAll(/[\u0000-\u001f\u007f]/g, (character) => `\\${hexOf(Buffer.from(character))}`)
    .replace(/^[ #]/, (character) => `\\${character}`)
    .replace(/ $/, '\\ ');

/** As RFC 4514 writes it, without spaces: `CN=…,OU=…,C=FR`. */
export const formatDistinguishedName = (name: DistinguishedName): string =>
  name
    .map((part) =>
      part
        .map(
          ({ type, value, isHex = false }) => `${attributeShortName(type)}=${isHex ? `#${value}` : escapeValue(value)}`,
        )
        .join('+'),
    )
    .join(',');
