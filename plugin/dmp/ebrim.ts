/**
 * Building blocks of ebRIM 3.0, in the order of its schema: Slots, Name, Description, Classifications, ExternalIdentifiers.
 *
 * @see ebXML RegRep 3.0 rim.xsd · IHE ITI TF-3 4.2.1
 */
import { DrimboxError } from '../errors.ts';
import type { CodedConcept } from '../standards/index.ts';
import { element, textElement } from './xml-text.ts';
import { maxValueLength } from './xds-datatypes.ts';

export const namespaces = {
  rim: 'urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0',
  rs: 'urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0',
  lcm: 'urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0',
  query: 'urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0',
  xdsb: 'urn:ihe:iti:xds-b:2007',
} as const;

/** Names the classifications and external identifiers of one request: `cla1`, `ei1`… */
export interface RequestIds {
  nextClassification(): string;
  nextExternalIdentifier(): string;
}

export const createRequestIds = (): RequestIds => {
  let classifications = 0;
  let externalIdentifiers = 0;
  return {
    nextClassification: () => `cla${(classifications += 1)}`,
    nextExternalIdentifier: () => `ei${(externalIdentifiers += 1)}`,
  };
};

const checkLength = (value: string, what: string): string => {
  if (value.length <= maxValueLength) return value;
  throw new DrimboxError('dmp/value-invalid', { detail: `${what} has ${value.length} characters, ebRIM takes 256` });
};

/** @throws dmp/value-invalid — a value over 256 characters */
export const slot = (name: string, values: readonly string[]): string =>
  element(
    'Slot',
    { name },
    element('ValueList', {}, ...values.map((value) => textElement('Value', checkLength(value, `slot ${name}`)))),
  );

/** Charset and language as the publication sample writes them (decision C6). */
const localized = (name: 'Name' | 'Description', value: string): string =>
  element(name, {}, element('LocalizedString', { charset: 'UTF8', value: value.slice(0, 1024), 'xml:lang': 'FR' }));

export const named = (title: string, comments: string): string =>
  localized('Name', title) + localized('Description', comments);

/** A code of a scheme; a code without a label is its own label. */
export const codeClassification = (
  ids: RequestIds,
  classifiedObject: string,
  classificationScheme: string,
  concept: CodedConcept,
): string =>
  element(
    'Classification',
    {
      classificationScheme,
      classifiedObject,
      id: ids.nextClassification(),
      nodeRepresentation: checkLength(concept.code, 'a code'),
    },
    slot('codingScheme', [concept.codeSystem]),
    localized('Name', concept.displayName === '' ? concept.code : concept.displayName),
  );

/** A classification whose content is slots only: the author. */
export const slotClassification = (
  ids: RequestIds,
  classifiedObject: string,
  classificationScheme: string,
  slots: readonly string[],
): string =>
  element('Classification', { classificationScheme, classifiedObject, id: ids.nextClassification() }, ...slots);

export const nodeClassification = (ids: RequestIds, classifiedObject: string, classificationNode: string): string =>
  element('Classification', { classificationNode, classifiedObject, id: ids.nextClassification() });

/** @throws dmp/value-invalid — a value over 256 characters */
export const externalIdentifier = (
  ids: RequestIds,
  registryObject: string,
  identificationScheme: string,
  value: string,
  name: string,
): string =>
  element(
    'ExternalIdentifier',
    { id: ids.nextExternalIdentifier(), identificationScheme, registryObject, value: checkLength(value, name) },
    localized('Name', name),
  );

export interface Association {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly slots: readonly string[];
}

export const association = ({ id, type, source, target, slots }: Association): string =>
  element('Association', { associationType: type, id, sourceObject: source, targetObject: target }, ...slots);

/** A SubmitObjectsRequest that stands by itself: it is what the archive keeps and what lcm.xsd validates. */
export const submitObjectsRequest = (registryObjects: readonly string[]): string =>
  element(
    'lcm:SubmitObjectsRequest',
    { 'xmlns:lcm': namespaces.lcm, xmlns: namespaces.rim },
    element('RegistryObjectList', {}, ...registryObjects),
  );

const listEnd = '</RegistryObjectList>';

/**
 * Adds one association at the end of a request whose bytes are otherwise fixed (decision C2).
 *
 * @throws dmp/value-invalid — not a request of ours
 */
export const withAssociation = (request: string, added: Association): string => {
  const at = request.lastIndexOf(listEnd);
  if (at < 0) throw new DrimboxError('dmp/value-invalid', { detail: 'no RegistryObjectList in the stored request' });
  return request.slice(0, at) + association(added) + request.slice(at);
};

/** `urn:uuid:…` of an entry. @throws dmp/value-invalid */
export const checkedEntryUuid = (entryUuid: string): string => {
  if (/^urn:uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(entryUuid)) return entryUuid;
  throw new DrimboxError('dmp/value-invalid', { detail: 'not an entryUUID' });
};
