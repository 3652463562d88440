/**
 * The ebRIM objects of a SubmitObjectsRequest, wherever it stands: alone, or in the SOAP envelope of a publication.
 *
 * @see ebXML RegRep 3.0 rim.xsd · IHE ITI TF-3 4.2.1 · facts/poc.md 7.2 (METADATA.XML as a whole envelope)
 */
import type { Element } from '@xmldom/xmldom';
import type { CodedConcept } from '../standards/index.ts';
import { namespaces } from './ebrim.ts';
import { invalidMetadata } from './submission-parser-values.ts';
import { allElements, childNamed, childrenNamed, isElement, parseXml, rootElement } from './xml-document.ts';

/** Far beyond the metadata of any study. */
export const maxSubmissionBytes = 4 * 1024 * 1024;

export interface ReadClassification {
  readonly scheme: string;
  readonly concept: CodedConcept;
  readonly slots: ReadonlyMap<string, readonly string[]>;
}

/** A RegistryPackage or an ExtrinsicObject. */
export interface RegistryObject {
  readonly element: Element;
  readonly id: string;
  readonly mimeType: string;
  readonly slots: ReadonlyMap<string, readonly string[]>;
  readonly classifications: readonly ReadClassification[];
  /** By scheme. */
  readonly externalIdentifiers: readonly { readonly scheme: string; readonly name: string; readonly value: string }[];
}

export interface RegistryContent {
  readonly submissionSet: RegistryObject;
  readonly documentEntries: readonly RegistryObject[];
  readonly associations: readonly Element[];
}

const rim = namespaces.rim;

const readSlots = (parent: Element): ReadonlyMap<string, readonly string[]> => {
  const slots = new Map<string, readonly string[]>();
  for (const slot of childrenNamed(parent, rim, 'Slot')) {
    const name = slot.getAttribute('name') ?? '';
    if (slots.has(name)) throw invalidMetadata(`slot ${name.slice(0, 80)} stands twice`);
    const list = childNamed(slot, rim, 'ValueList');
    const values = list === undefined ? [] : childrenNamed(list, rim, 'Value');
    slots.set(
      name,
      values.map((value) => (value.textContent ?? '').trim()),
    );
  }
  return slots;
};

const nameOf = (parent: Element): string => {
  const name = childNamed(parent, rim, 'Name');
  const localized = name === undefined ? undefined : childNamed(name, rim, 'LocalizedString');
  return localized?.getAttribute('value') ?? '';
};

const readClassification = (node: Element): ReadClassification => {
  const slots = readSlots(node);
  const code = node.getAttribute('nodeRepresentation') ?? '';
  const label = nameOf(node);
  return {
    scheme: node.getAttribute('classificationScheme') ?? '',
    // A code without a label is written with itself as label.
    concept: { code, codeSystem: slots.get('codingScheme')?.[0] ?? '', displayName: label === code ? '' : label },
    slots,
  };
};

const readObject = (element: Element): RegistryObject => ({
  element,
  id: element.getAttribute('id') ?? '',
  mimeType: element.getAttribute('mimeType') ?? '',
  slots: readSlots(element),
  classifications: childrenNamed(element, rim, 'Classification').map(readClassification),
  externalIdentifiers: childrenNamed(element, rim, 'ExternalIdentifier').map((node) => ({
    scheme: node.getAttribute('identificationScheme') ?? '',
    name: nameOf(node),
    value: node.getAttribute('value') ?? '',
  })),
});

/**
 * @param source  the XML as bytes, or as text already decoded
 * @throws dmp/metadata-invalid — too large, not well-formed, a document type, not exactly one request and one set
 */
export const readRegistryContent = (source: Uint8Array | string, maxBytes = maxSubmissionBytes): RegistryContent => {
  const root = rootElement(parseXml(source, 'dmp/metadata-invalid', { maxBytes }), 'dmp/metadata-invalid');
  const requests = allElements(root).filter((node) => isElement(node, namespaces.lcm, 'SubmitObjectsRequest'));
  const [request] = requests;
  if (request === undefined || requests.length > 1) throw invalidMetadata(`${requests.length} SubmitObjectsRequest`);
  const lists = childrenNamed(request, rim, 'RegistryObjectList');
  const [list] = lists;
  if (list === undefined || lists.length > 1) throw invalidMetadata(`${lists.length} RegistryObjectList`);
  const packages = childrenNamed(list, rim, 'RegistryPackage');
  const [submissionSet] = packages;
  if (submissionSet === undefined || packages.length > 1) throw invalidMetadata(`${packages.length} submission sets`);
  return {
    submissionSet: readObject(submissionSet),
    documentEntries: childrenNamed(list, rim, 'ExtrinsicObject').map(readObject),
    associations: childrenNamed(list, rim, 'Association'),
  };
};

/** The first value of a slot, if it is filled. */
export const slotOf = (object: Pick<RegistryObject, 'slots'>, name: string): string | undefined =>
  object.slots.get(name)?.[0] || undefined;

/** @throws dmp/metadata-invalid */
export const requiredSlot = (object: RegistryObject, name: string): string => {
  const value = slotOf(object, name);
  if (value === undefined) throw invalidMetadata(`${object.id.slice(0, 40)} has no ${name}`);
  return value;
};

/** Codes under a scheme, in document order. */
export const codesOf = (object: RegistryObject, scheme: string): readonly CodedConcept[] =>
  object.classifications.filter((one) => one.scheme === scheme).map(({ concept }) => concept);

export const identifierOf = (object: RegistryObject, scheme: string): string | undefined =>
  object.externalIdentifiers.find((one) => one.scheme === scheme)?.value || undefined;

/** @throws dmp/metadata-invalid */
export const requiredIdentifier = (object: RegistryObject, scheme: string, what: string): string => {
  const value = identifierOf(object, scheme);
  if (value === undefined) throw invalidMetadata(`${object.id.slice(0, 40)} has no ${what}`);
  return value;
};
