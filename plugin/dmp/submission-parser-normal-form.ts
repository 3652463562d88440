/**
 * One form for metadata, whoever wrote them: a SubmitObjectsRequest that stands by itself, valid for lcm.xsd, in our own
 * spelling, with nothing but the set, the manifest, its signature and what joins them. The envelope around a publication,
 * with the VIHF in it, is left behind. For an XDM archive, each entry also says in which file its document is.
 *
 * @see ebXML RegRep 3.0 rim.xsd (order of children) · IHE ITI TF-3 4.2.3.2 (URI) · facts/spec.md b.15
 */
import type { Element } from '@xmldom/xmldom';
import { namespaces, slot, submitObjectsRequest } from './ebrim.ts';
import { maxSubmissionBytes, readRegistryContent, type RegistryObject } from './submission-parser-registry.ts';
import { invalidMetadata } from './submission-parser-values.ts';
import { documentEntrySchemes } from './xds-codes.ts';
import { childElements, isElement } from './xml-document.ts';
import { element, xmlText } from './xml-text.ts';

/** What an entry says of its document in an XDM archive. */
export interface DocumentPlace {
  /** `SS000001/KOS_1_1.DCM`; none outside an archive. */
  readonly uri?: string;
  /** `urn:uuid:…`, where it is known. */
  readonly entryUuid?: string;
}

/** Children of a RegistryObject in the order of rim.xsd; an entry of another software may have them in any. */
const childOrder: readonly string[] = [
  'Slot',
  'Name',
  'Description',
  'VersionInfo',
  'Classification',
  'ExternalIdentifier',
  'ContentVersionInfo',
  'LocalizedString',
  'ValueList',
  'Value',
];

const rankOf = (node: Element): number => {
  const rank = childOrder.indexOf(node.localName ?? '');
  if (rank === -1 || !isElement(node, namespaces.rim, node.localName ?? '')) {
    throw invalidMetadata('an element that ebRIM does not have here');
  }
  return rank;
};

const attributesOf = (node: Element): Record<string, string> =>
  Object.fromEntries(
    [...node.attributes]
      .filter(({ name }) => name === 'xml:lang' || !name.includes(':'))
      .filter(({ name }) => name !== 'xmlns')
      .map(({ name, value }) => [name, value]),
  );

const orderedChildren = (node: Element): readonly Element[] =>
  childElements(node).toSorted((a, b) => rankOf(a) - rankOf(b));

const write = (node: Element): string => {
  const children = orderedChildren(node);
  const content = children.length === 0 ? [xmlText((node.textContent ?? '').trim())] : children.map(write);
  return element(node.localName ?? '', attributesOf(node), ...content);
};

const entryUuidName = 'XDSDocumentEntry.EntryUUID';
/** Scheme of the national archive layout for an identifier that XDS keeps as the entry's own id. */
const entryUuidScheme = '1.2.3';

const isPlace = (node: Element): boolean =>
  (node.localName === 'Slot' && node.getAttribute('name') === 'URI') ||
  (node.localName === 'ExternalIdentifier' && node.getAttribute('identificationScheme') === entryUuidScheme);

const entryUuidIdentifier = (entry: RegistryObject, entryUuid: string): string =>
  element(
    'ExternalIdentifier',
    {
      id: `${entry.id}-entry-uuid`,
      identificationScheme: entryUuidScheme,
      registryObject: entry.id,
      value: entryUuid.replace(/^urn:uuid:/, ''),
    },
    element('Name', {}, element('LocalizedString', { charset: 'UTF8', value: entryUuidName, 'xml:lang': 'FR' })),
  );

const writeEntry = (entry: RegistryObject, place: DocumentPlace): string => {
  const kept = orderedChildren(entry.element).filter((node) => !isPlace(node));
  const slots = kept.filter((node) => node.localName === 'Slot');
  return element(
    'ExtrinsicObject',
    attributesOf(entry.element),
    ...slots.map(write),
    ...(place.uri === undefined ? [] : [slot('URI', [place.uri])]),
    ...kept.filter((node) => node.localName !== 'Slot').map(write),
    ...(place.entryUuid === undefined ? [] : [entryUuidIdentifier(entry, place.entryUuid)]),
  );
};

const uniqueIdOf = (entry: RegistryObject): string =>
  entry.externalIdentifiers.find(({ scheme }) => scheme === documentEntrySchemes.uniqueId)?.value ?? '';

/**
 * @param source  as `parseSubmission` reads it
 * @param places  uniqueId of each document to keep → where it is
 * @returns lcm:SubmitObjectsRequest; our own, without places, comes back unchanged
 * @throws dmp/metadata-invalid, dmp/value-invalid
 */
export const normalizeSubmission = (
  source: Uint8Array | string,
  places: ReadonlyMap<string, DocumentPlace>,
  limits: { readonly maxBytes: number } = { maxBytes: maxSubmissionBytes },
): string => {
  const { submissionSet, documentEntries, associations } = readRegistryContent(source, limits.maxBytes);
  const entries = documentEntries.flatMap((entry) => {
    const place = places.get(uniqueIdOf(entry));
    return place === undefined ? [] : [{ entry, place }];
  });
  const ids = new Set([submissionSet.id, ...entries.map(({ entry }) => entry.id)]);
  const joins = (node: Element): boolean =>
    ids.has(node.getAttribute('sourceObject') ?? '') && ids.has(node.getAttribute('targetObject') ?? '');
  return submitObjectsRequest([
    write(submissionSet.element),
    ...entries.map(({ entry, place }) => writeEntry(entry, place)),
    ...associations.filter(joins).map(write),
  ]);
};
