/** The submission set. @see facts/cisis.md 3.1 · facts/spec.md b.4.3 · decisions A3, C5 */
import { oids } from '../../../plugin/standards/index.ts';
import { contentTypePattern } from './code-tables.ts';
import { type RegistryObject, schemes } from './ebrim.ts';
import { type Findings, registryCodes } from './findings.ts';
import {
  checkAuthors,
  checkCode,
  checkDateSlot,
  checkForm,
  checkIdentifier,
  checkOnlyKnownSlots,
  type FormContext,
} from './object-rules.ts';
import { isOidValue } from './value-forms.ts';
import { isSamePatient, parsePatientId, type Vihf } from './vihf.ts';

const metadata = registryCodes.registryMetadata;

/** The patient of an object must be the one of the VIHF. */
export const checkPatientId = (
  object: RegistryObject,
  scheme: string,
  name: string,
  vihf: Vihf,
  findings: Findings,
): void => {
  const text = checkIdentifier(object, scheme, name, findings);
  if (text === '') return;
  const patient = parsePatientId(text);
  if (patient === undefined)
    findings.registry('patient/form', registryCodes.repositoryMetadata, `${object.id}: patientId malformed`);
  else if (!isSamePatient(patient, vihf.patient)) {
    findings.registry(
      'patient/not-vihf',
      registryCodes.patientIdDoesNotMatch,
      `${object.id}: patientId is not the patient of the VIHF`,
    );
  }
};

export interface SubmissionSet {
  readonly id: string;
  readonly uniqueId: string;
  readonly sourceId: string;
  readonly structureIds: readonly string[];
  readonly title: string;
}

export const checkSubmissionSet = (
  packages: readonly RegistryObject[],
  vihf: Vihf,
  context: FormContext,
  findings: Findings,
): SubmissionSet | undefined => {
  const [set, ...others] = packages;
  if (set === undefined || others.length > 0) {
    findings.registry('set/count', metadata, 'exactly one submission set is wanted');
    return undefined;
  }
  checkForm(set, context, findings);
  checkOnlyKnownSlots(set, ['submissionTime'], findings);
  checkDateSlot(set, 'submissionTime', context, findings);
  const nodes = set.classifications.filter((each) => each.node === schemes.submissionSetNode);
  if (nodes.length !== 1) findings.registry('set/node', metadata, 'the package is not classified as a submission set');
  const contentType = checkCode(set, schemes.contentType, 'contentTypeCode', findings);
  if (
    contentType !== undefined &&
    (contentType.codingScheme !== oids.contentTypes || !contentTypePattern.test(contentType.code))
  ) {
    findings.registry('code/contentTypeCode', metadata, `${set.id}: contentTypeCode not expected`);
  }
  checkPatientId(set, schemes.submissionSetPatientId, 'XDSSubmissionSet.patientId', vihf, findings);
  const sourceId = checkIdentifier(set, schemes.submissionSetSourceId, 'XDSSubmissionSet.sourceId', findings);
  const uniqueId = checkIdentifier(set, schemes.submissionSetUniqueId, 'XDSSubmissionSet.uniqueId', findings);
  for (const value of [sourceId, uniqueId]) {
    if (value !== '' && !isOidValue(value))
      findings.registry('set/oid', metadata, 'sourceId and uniqueId must be OIDs');
  }
  const structureIds = checkAuthors(set, schemes.submissionSetAuthor, findings);
  if (structureIds.length > 0 && !structureIds.some((id) => vihf.authorStructures.includes(id))) {
    findings.registry(
      'set/structure-not-vihf',
      metadata,
      "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF",
    );
  }
  return { id: set.id, uniqueId, sourceId, structureIds, title: set.title };
};
