/**
 * TD3.1 as the indirect mode may use it: the reference of a document by its uniqueId, nothing else.
 *
 * @see decision C7 · facts/identity.md 4.2 · IHE ITI TF-2 §3.18.4.1.2.3.7.5 (GetDocuments)
 */
import { type Findings, faultCodes, registryCodes } from './findings.ts';
import type { DocumentRegistry } from './registry.ts';
import { isSamePatient, type Vihf } from './vihf.ts';
import { attributeOf, childrenNamed, isNamed, namespaces, onlyChild, type XmlNode } from './xml-tree.ts';

export const getDocumentsQuery = 'urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4';
const uniqueIdParameter = '$XDSDocumentEntryUniqueId';

const readParameters = (query: XmlNode): Map<string, string[]> => {
  const parameters = new Map<string, string[]>();
  for (const slot of childrenNamed(query, namespaces.rim, 'Slot')) {
    const list = onlyChild(slot, namespaces.rim, 'ValueList');
    const values =
      list === undefined ? [] : childrenNamed(list, namespaces.rim, 'Value').map(({ text }) => text.trim());
    const name = attributeOf(slot, 'name');
    parameters.set(name, [...(parameters.get(name) ?? []), ...values]);
  }
  return parameters;
};

/** `('a','b')`: a list, even of one. @returns undefined when malformed */
const parseValueList = (text: string): string[] | undefined => {
  if (!/^\('[^']*'(\s*,\s*'[^']*')*\)$/.test(text)) return undefined;
  return [...text.matchAll(/'([^']*)'/g)].map((found) => found[1] ?? '');
};

/** Checks the rights and the form of the query. @returns uniqueIds asked for */
export const checkStoredQuery = (content: XmlNode, findings: Findings): string[] => {
  const option = onlyChild(content, namespaces.query, 'ResponseOption');
  const query = onlyChild(content, namespaces.rim, 'AdhocQuery');
  if (!isNamed(content, namespaces.query, 'AdhocQueryRequest') || option === undefined || query === undefined) {
    findings.fault('query/form', faultCodes.invalidRequest, 'AdhocQueryRequest expected');
    return [];
  }
  const isReference =
    attributeOf(query, 'id') === getDocumentsQuery && attributeOf(option, 'returnType') === 'ObjectRef';
  const parameters = readParameters(query);
  const isByUniqueId = parameters.size === 1 && parameters.has(uniqueIdParameter);
  if (!isReference || (!isByUniqueId && parameters.size > 0)) {
    findings.fault('query/forbidden', faultCodes.forbidden, 'Recherche non autorisée en mode INDIRECTE');
    return [];
  }
  const lists = (parameters.get(uniqueIdParameter) ?? []).map(parseValueList);
  const uniqueIds = lists.flatMap((list) => list ?? []);
  if (uniqueIds.length === 0 || lists.includes(undefined)) {
    findings.registry(
      'query/parameter',
      registryCodes.storedQueryParameter,
      `${uniqueIdParameter} missing or malformed`,
    );
  }
  return uniqueIds;
};

/** @returns entryUUIDs of what is known and not deleted */
export const findEntryUuids = (
  uniqueIds: readonly string[],
  vihf: Vihf,
  registry: DocumentRegistry,
  findings: Findings,
): string[] => {
  const found = uniqueIds.map((uniqueId) => registry.byUniqueId(uniqueId)).filter((entry) => entry !== undefined);
  if (found.some((entry) => !isSamePatient(entry.patient, vihf.patient))) {
    findings.registry(
      'query/patient',
      registryCodes.patientIdDoesNotMatch,
      'document of another patient than the VIHF says',
    );
    return [];
  }
  return found.filter(({ status }) => status !== 'Deleted').map(({ entryUuid }) => entryUuid);
};
