/** TD2.1: takes a checked submission into the registry, or says why not. @see facts/identity.md 4.7 · decision C2 */
import { slotOf } from './ebrim.ts';
import { sha1Hex } from './document-signature-check.ts';
import { type Findings, registryCodes } from './findings.ts';
import type { PatientDirectory } from './patient-directory.ts';
import { codesOf, type DocumentRegistry, type NewDocument, type RegistryEntry } from './registry.ts';
import type { CheckedSubmission } from './submission-check.ts';
import { isSamePatient, type Vihf } from './vihf.ts';

export const checkPatientRecord = (vihf: Vihf, patients: PatientDirectory, findings: Findings): void => {
  const state = patients.stateOf(vihf.patient);
  if (state === 'unknown')
    findings.registry('patient/unknown', registryCodes.unknownPatientId, 'Le patient n’a pas de DMP');
  else if (state === 'closed')
    findings.registry('patient/closed', registryCodes.dmpClosed, 'Le DMP du patient est fermé');
};

/** Identical or not, what was once registered is not registered again. */
const checkUniqueness = (submission: CheckedSubmission, registry: DocumentRegistry, findings: Findings): void => {
  const taken = [submission.kos.uniqueId, submission.signature.uniqueId].filter(
    (id) => registry.byUniqueId(id) !== undefined,
  );
  if (registry.submissionSetUniqueIds.includes(submission.set.uniqueId)) taken.push(submission.set.uniqueId);
  for (const id of taken)
    findings.registry('registry/duplicate', registryCodes.duplicateUniqueId, `uniqueId ${id} already registered`);
};

const checkReplaced = (
  submission: CheckedSubmission,
  vihf: Vihf,
  registry: DocumentRegistry,
  findings: Findings,
): void => {
  const { replacesEntryUuid } = submission;
  if (replacesEntryUuid === undefined) return;
  const target = registry.byEntryUuid(replacesEntryUuid);
  if (target === undefined) {
    findings.registry('registry/replaced-unknown', registryCodes.unresolvedReference, 'RPLC: no such entryUUID');
  } else if (!isSamePatient(target.patient, vihf.patient)) {
    findings.registry(
      'registry/replaced-patient',
      registryCodes.patientIdDoesNotMatch,
      'RPLC: document of another patient',
    );
  } else if (target.status !== 'Approved' || target.kind !== 'kos') {
    findings.registry(
      'registry/replaced-status',
      registryCodes.replaceFailed,
      `RPLC: the document is ${target.status}`,
    );
  } else if (target.structureId !== vihf.structureId) {
    findings.registry(
      'registry/replaced-structure',
      registryCodes.replaceFailed,
      'RPLC: document of another structure',
    );
  }
};

/** What only the state of the registry can refuse. */
export const checkRegistrable = (
  submission: CheckedSubmission,
  vihf: Vihf,
  registry: DocumentRegistry,
  patients: PatientDirectory,
  findings: Findings,
): void => {
  checkPatientRecord(vihf, patients, findings);
  checkUniqueness(submission, registry, findings);
  checkReplaced(submission, vihf, registry, findings);
};

export interface Stamp {
  readonly newUuid: () => string;
  readonly nowMs: number;
}

const newEntry = (
  kind: RegistryEntry['kind'],
  submission: CheckedSubmission,
  vihf: Vihf,
  stamp: Stamp,
): NewDocument => {
  const { object, uniqueId } = submission[kind];
  const bytes = kind === 'kos' ? submission.kosBytes : submission.signatureBytes;
  const replaced = kind === 'kos' ? submission.replacesEntryUuid : undefined;
  const entry: RegistryEntry = {
    entryUuid: `urn:uuid:${stamp.newUuid()}`,
    kind,
    uniqueId,
    status: 'Approved',
    patient: vihf.patient,
    structureId: vihf.structureId,
    submittedBy: vihf.nameId,
    submissionSetUniqueId: submission.set.uniqueId,
    studyInstanceUid: submission.kos.references.find((reference) => reference.kind === 'studyInstanceUid')?.id ?? '',
    mimeType: object.mimeType,
    title: object.title,
    slots: Object.fromEntries(object.slots),
    codes: codesOf(object),
    hash: slotOf(object, 'hash') || sha1Hex(bytes),
    size: bytes.length,
    receivedAtUtcMs: stamp.nowMs,
    ...(replaced === undefined ? {} : { replaces: replaced }),
  };
  return { entry, bytes };
};

/** @param parts  which documents are taken: both, but for an ordered partial success */
export const registerSubmission = (
  submission: CheckedSubmission,
  vihf: Vihf,
  registry: DocumentRegistry,
  stamp: Stamp,
  parts: readonly RegistryEntry['kind'][] = ['kos', 'signature'],
): void => {
  const documents = parts.map((kind) => newEntry(kind, submission, vihf, stamp));
  registry.addSubmission(submission.set.uniqueId, documents, submission.replacesEntryUuid);
};
