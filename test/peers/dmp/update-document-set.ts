/** TD3.3c: deletion of a document of the structure. @see facts/identity.md 4.2, 4.6 · facts/cisis.md 3.5 */
import { type Association, associationTypes, type EntryStatus, readRegistryObjects, statusTypes } from './ebrim.ts';
import { type Findings, faultCodes, registryCodes } from './findings.ts';
import type { FormContext } from './object-rules.ts';
import type { DocumentRegistry, RegistryEntry } from './registry.ts';
import { checkSubmissionSet } from './submission-set-rules.ts';
import { isSamePatient, type Vihf } from './vihf.ts';
import { isNamed, namespaces, type XmlNode } from './xml-tree.ts';

const metadata = registryCodes.registryMetadata;

const statusOf = (urn: string): EntryStatus | undefined => {
  const names = Object.keys(statusTypes) as EntryStatus[];
  return names.find((name) => statusTypes[name] === urn);
};

const checkTarget = (
  update: Association,
  vihf: Vihf,
  registry: DocumentRegistry,
  findings: Findings,
): RegistryEntry | undefined => {
  const target = registry.byEntryUuid(update.target);
  if (target === undefined || target.status === 'Deleted') {
    findings.registry('update/unknown', registryCodes.unresolvedReference, 'no such entryUUID');
    return undefined;
  }
  if (!isSamePatient(target.patient, vihf.patient)) {
    findings.registry('update/patient', registryCodes.patientIdDoesNotMatch, 'document of another patient');
  }
  if (target.structureId !== vihf.structureId) {
    findings.registry(
      'update/structure',
      registryCodes.registry,
      'Suppression réservée à la structure qui a déposé le document',
    );
  }
  if (statusOf(update.slots.get('OriginalStatus')?.join() ?? '') !== target.status) {
    findings.registry('update/original-status', metadata, 'OriginalStatus is not the status of the document');
  }
  return target;
};

export interface Deletion {
  readonly submissionSetUniqueId: string;
  readonly entryUuid: string;
}

export const checkUpdate = (
  content: XmlNode,
  vihf: Vihf,
  registry: DocumentRegistry,
  context: FormContext,
  findings: Findings,
): Deletion | undefined => {
  if (!isNamed(content, namespaces.lcm, 'SubmitObjectsRequest')) {
    findings.fault('update/form', faultCodes.invalidRequest, 'SubmitObjectsRequest expected');
    return undefined;
  }
  const list = readRegistryObjects(content);
  const set = checkSubmissionSet(list.packages, vihf, context, findings);
  const [update, ...others] = list.associations;
  const isAlone = others.length === 0 && list.entries.length === 0 && list.others.length === 0;
  if (
    set === undefined ||
    update === undefined ||
    !isAlone ||
    update.type !== associationTypes.updateAvailability ||
    update.source !== set.id
  ) {
    findings.registry('update/association', metadata, 'one UpdateAvailabilityStatus from the submission set is wanted');
    return undefined;
  }
  if (statusOf(update.slots.get('NewStatus')?.join() ?? '') !== 'Deleted') {
    findings.fault('update/forbidden', faultCodes.forbidden, 'Seule la suppression est autorisée en mode INDIRECTE');
    return undefined;
  }
  if (registry.submissionSetUniqueIds.includes(set.uniqueId)) {
    findings.registry(
      'registry/duplicate',
      registryCodes.duplicateUniqueId,
      `uniqueId ${set.uniqueId} already registered`,
    );
  }
  const target = checkTarget(update, vihf, registry, findings);
  return target === undefined ? undefined : { submissionSetUniqueId: set.uniqueId, entryUuid: target.entryUuid };
};
