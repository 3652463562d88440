/**
 * Reads the domains of the trust space out of a whitelist. The signature is another matter: give it the signed text.
 *
 * @see facts/spec.md b.9 (both element sets) · decision G6 (both namespaces)
 */
import type { Element } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';
import { distinguishedNameKey, type DistinguishedName } from './distinguished-name.ts';
import { parseDistinguishedName } from './distinguished-name-text.ts';
import { childElements, childrenNamed, parseXml, textOf } from './xml-document.ts';

const rootName = 'ListeBlancheDRIM-M';
const namespaces: readonly string[] = [
  'https://github.com/ansforge/DRIM-M_DATA',
  'https://listeblanche.mesimagesmedicales.fr/schema',
];
const knownVersion = '1.0.0';

/** A name of an operator's certificate, as written and as compared. */
export interface OperatorName {
  readonly text: string;
  readonly name: DistinguishedName;
  readonly key: string;
}

/** One domain: an operator's DRIMbox. */
export interface WhitelistEntry {
  /** A number that may occur twice: never a key. */
  readonly identifier?: string;
  /** Host of WADO-RS. */
  readonly db?: string;
  /** Host of the viewer. */
  readonly vi?: string;
  /** Denomination of the operator. */
  readonly name: string;
  /** Readable names of its certificate; empty: the entry matches nobody. */
  readonly operatorNames: readonly OperatorName[];
  readonly updatedAtUtcMs?: number;
}

export interface Whitelist {
  readonly generatedAtUtcMs: number;
  readonly versionFormat: string;
  readonly entries: readonly WhitelistEntry[];
  /** English, without identities: what is odd in the list and does not spoil it. */
  readonly warnings: readonly string[];
}

const malformed = (detail: string): DrimboxError => new DrimboxError('trust/whitelist-malformed', { detail });

const xsDateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

/** xs:dateTime; without an offset it is UTC, an assumption: every list seen ends in Z. */
const parseInstant = (text: string): number | undefined => {
  const match = xsDateTime.exec(text);
  const atUtcMs = match === null ? Number.NaN : Date.parse(match[2] === undefined ? `${text}Z` : text);
  return Number.isNaN(atUtcMs) ? undefined : atUtcMs;
};

/** The texts of the children, by local name, in the namespace of the list. */
const readFields = (domain: Element): ((...localNames: readonly string[]) => readonly string[]) => {
  const children = childElements(domain).filter((child) => child.namespaceURI === domain.namespaceURI);
  return (...localNames) =>
    children
      .filter((child) => localNames.includes(child.localName ?? ''))
      .map(textOf)
      .filter((text) => text !== '');
};

const readOperatorNames = (texts: readonly string[], warn: (text: string) => void): readonly OperatorName[] => {
  if (texts.length === 0) warn('names no certificate');
  return texts.flatMap((text) => {
    try {
      const name = parseDistinguishedName(text);
      return [{ text, name, key: distinguishedNameKey(name) }];
    } catch (cause) {
      warn(`a certificate name cannot be read${cause instanceof DrimboxError ? `: ${cause.detail}` : ''}`);
      return [];
    }
  });
};

const readEntry = (domain: Element, warn: (text: string) => void): WhitelistEntry => {
  const fields = readFields(domain);
  const first = (...localNames: readonly string[]): string | undefined => fields(...localNames)[0];
  const optional = <Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> =>
    value === undefined ? {} : ({ [key]: value } as Record<Key, string>);
  const db = first('db', 'Nom');
  if (db === undefined) warn('has no db host');
  const updatedAtUtcMs = parseInstant(first('DateMAJ') ?? '');
  return {
    ...optional('identifier', first('Identifiant')),
    ...optional('db', db?.toLowerCase()),
    ...optional('vi', first('vi')?.toLowerCase()),
    name: first('Denomination', 'Description') ?? '',
    operatorNames: readOperatorNames(fields('DNCertificatOperateur'), warn),
    ...(updatedAtUtcMs === undefined ? {} : { updatedAtUtcMs }),
  };
};

const countRepeatedNames = (entries: readonly WhitelistEntry[]): number => {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { key } of entries.flatMap((entry) => entry.operatorNames)) (seen.has(key) ? repeated : seen).add(key);
  return repeated.size;
};

const onlyText = (root: Element, localName: string): string => {
  const [child, ...others] = childrenNamed(root, root.namespaceURI ?? '', localName);
  if (child === undefined || others.length > 0) throw malformed(`not exactly one ${localName}`);
  return textOf(child);
};

/**
 * @param source  the signed text (from `verifyWhitelistSignature`), or a file whose signature nobody asks for
 * @throws trust/whitelist-malformed — another document, no date; an entry that cannot be read is kept as unusable
 */
export const parseWhitelist = (source: Uint8Array | string): Whitelist => {
  const root = parseXml(source);
  const namespace = root.namespaceURI ?? '';
  if (root.localName !== rootName || !namespaces.includes(namespace)) throw malformed('not a whitelist of DRIM-M');
  const generatedAtUtcMs = parseInstant(onlyText(root, 'DateDeGeneration'));
  if (generatedAtUtcMs === undefined) throw malformed('DateDeGeneration is no date');
  const lists = childrenNamed(root, namespace, 'ListeDomaines');
  const [list] = lists;
  if (list === undefined || lists.length > 1) throw malformed('not exactly one ListeDomaines');

  const warnings: string[] = [];
  const entries = childrenNamed(list, namespace, 'Domaine').map((domain, at) =>
    readEntry(domain, (text) => warnings.push(`entry ${at + 1} ${text}`)),
  );
  const versionFormat = root.getAttribute('versionFormat') ?? '';
  if (versionFormat !== knownVersion) warnings.push('versionFormat is not 1.0.0');
  const repeated = countRepeatedNames(entries);
  if (repeated > 0) warnings.push(`${repeated} certificate names stand in several entries`);
  return { generatedAtUtcMs, versionFormat, entries, warnings };
};
