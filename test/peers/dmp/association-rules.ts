/** How the objects of a submission hang together. @see facts/spec.md b.4.5 · facts/cisis.md 3.4, 3.5 · IHE ITI TF-3 §4.2.2 */
import { type Association, associationTypes, type RegistryObjectList } from './ebrim.ts';
import { type Findings, registryCodes } from './findings.ts';

const metadata = registryCodes.registryMetadata;

const checkOriginal = (association: Association, findings: Findings): void => {
  if (association.slots.get('SubmissionSetStatus')?.join() !== 'Original') {
    findings.registry('association/status', metadata, `${association.id}: SubmissionSetStatus Original expected`);
  }
};

const ofType = (list: RegistryObjectList, type: string): Association[] =>
  list.associations.filter((each) => each.type === type);

const checkMembers = (list: RegistryObjectList, setId: string, findings: Findings): void => {
  const members = ofType(list, associationTypes.hasMember);
  for (const member of members) checkOriginal(member, findings);
  const targets = members.map((member) => member.target).sort();
  const wanted = list.entries.map((entry) => entry.id).sort();
  const isWhole = members.every((member) => member.source === setId) && targets.join() === wanted.join();
  if (!isWhole)
    findings.registry('association/has-member', metadata, 'HasMember must bind the set to each entry, once');
};

const checkSigns = (list: RegistryObjectList, setId: string, signatureId: string, findings: Findings): void => {
  const [signs, ...others] = ofType(list, associationTypes.signs);
  if (signs === undefined || others.length > 0 || signs.source !== signatureId || signs.target !== setId) {
    findings.registry('association/signs', metadata, 'one association signs, from the signature to the set, is wanted');
  }
};

/** Identifiers of objects, classifications… are unique in a submission. */
const checkUniqueIds = (list: RegistryObjectList, findings: Findings): void => {
  const objects = [...list.packages, ...list.entries];
  const ids = [
    ...objects.map(({ id }) => id),
    ...objects.flatMap((object) => [...object.classifications, ...object.externalIdentifiers].map(({ id }) => id)),
    ...list.associations.map(({ id }) => id),
  ];
  if (ids.includes('') || new Set(ids).size !== ids.length)
    findings.registry('object/id-repeated', metadata, 'an id is missing or given twice');
};

export interface AssociationIds {
  readonly setId: string;
  readonly kosId: string;
  readonly signatureId: string;
}

/** @returns entryUUID that the KOS replaces, if any */
export const checkAssociations = (
  list: RegistryObjectList,
  ids: AssociationIds,
  findings: Findings,
): string | undefined => {
  checkUniqueIds(list, findings);
  checkMembers(list, ids.setId, findings);
  checkSigns(list, ids.setId, ids.signatureId, findings);
  const known: readonly string[] = [associationTypes.hasMember, associationTypes.signs, associationTypes.replaces];
  if (list.associations.some((each) => !known.includes(each.type)) || list.others.length > 0) {
    findings.registry('association/unknown', metadata, 'association or object of a kind not expected');
  }
  const [replaces, ...others] = ofType(list, associationTypes.replaces);
  if (replaces === undefined) return undefined;
  const isFormed = /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(replaces.target);
  if (others.length > 0 || replaces.source !== ids.kosId || !isFormed) {
    findings.registry('association/replaces', metadata, 'RPLC must go from the KOS to one entryUUID (urn:uuid:)');
    return undefined;
  }
  return replaces.target;
};
