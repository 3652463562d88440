/** The entry of the KOS and the entry of its signature. @see facts/cisis.md 3.2, 3.4 · facts/spec.md b.4.4, b.4.5 · decision C5 */
import { oids } from '../../../plugin/standards/index.ts';
import {
  eventCodeSchemes,
  facilityTypePattern,
  kosCodes,
  modalities,
  practiceSettingPattern,
  signatureCodes,
  signatureEventCode,
  signatureFlags,
  visibilityFlags,
} from './code-tables.ts';
import { classified, type RegistryObject, schemes } from './ebrim.ts';
import { type Findings, registryCodes } from './findings.ts';
import {
  checkAuthors,
  checkCode,
  checkDateSlot,
  checkFixedCode,
  checkForm,
  checkIdentifier,
  checkOnlyKnownSlots,
  checkSingleSlot,
  type FormContext,
} from './object-rules.ts';
import { checkPatientId } from './submission-set-rules.ts';
import {
  isOidValue,
  isSourcePatientId,
  isSourcePatientInfo,
  parsePersonValue,
  parseReferenceId,
  type ReferenceId,
} from './value-forms.ts';
import type { Vihf } from './vihf.ts';

const metadata = registryCodes.repositoryMetadata;
const referenceSlot = 'urn:ihe:iti:xds:2013:referenceIdList';
const entrySlots: readonly string[] = [
  ...['creationTime', 'languageCode', 'legalAuthenticator', 'serviceStartTime', 'serviceStopTime', 'sourcePatientId'],
  ...['sourcePatientInfo', 'hash', 'size', referenceSlot],
];

const checkConfidentiality = (entry: RegistryObject, findings: Findings): string[] => {
  const all = classified(entry, schemes.confidentiality);
  const base = all.filter((each) => each.codingScheme === oids.confidentiality && /^[NRV]$/.test(each.code));
  const flags = all.filter((each) => each.codingScheme === oids.visibilityCodes && visibilityFlags.includes(each.code));
  const codes = all.map((each) => each.code);
  const isWhole =
    base.length === 1 && base.length + flags.length === all.length && new Set(codes).size === codes.length;
  if (!isWhole)
    findings.registry('code/confidentialityCode', metadata, `${entry.id}: one of N, R, V, then known flags once each`);
  if (all.some((each) => each.displayName === ''))
    findings.registry('code/confidentialityCode', metadata, `${entry.id}: name missing`);
  return flags.map((each) => each.code);
};

const checkPlace = (entry: RegistryObject, findings: Findings): void => {
  const facility = checkCode(entry, schemes.facilityType, 'healthcareFacilityTypeCode', findings);
  if (
    facility !== undefined &&
    (facility.codingScheme !== oids.activitySectors || !facilityTypePattern.test(facility.code))
  ) {
    findings.registry(
      'code/healthcareFacilityTypeCode',
      metadata,
      `${entry.id}: healthcareFacilityTypeCode not in JDV_J02`,
    );
  }
  const practice = checkCode(entry, schemes.practiceSetting, 'practiceSettingCode', findings);
  if (
    practice !== undefined &&
    (practice.codingScheme !== oids.practiceSettings || !practiceSettingPattern.test(practice.code))
  ) {
    findings.registry('code/practiceSettingCode', metadata, `${entry.id}: practiceSettingCode not in JDV_J04`);
  }
};

const checkEventCodes = (entry: RegistryObject, findings: Findings): void => {
  const codes = classified(entry, schemes.eventCode);
  let modalityCount = 0;
  for (const { code, codingScheme, displayName } of codes) {
    const scheme = eventCodeSchemes[codingScheme];
    const isRegion = scheme?.kind === 'region' && /^\d{6,18}$/.test(code);
    const isModality = scheme?.kind === 'modality' && modalities.has(code);
    if (isModality) modalityCount += 1;
    if (scheme?.isOld === true) findings.tolerate('code/eventCode-old-scheme', `${entry.id}: ${codingScheme}`);
    const isKnown = isRegion || isModality || (scheme?.kind === 'act' && code !== '');
    if (!isKnown || displayName === '')
      findings.registry('code/eventCodeList', metadata, `${entry.id}: event code ${code} not expected`);
  }
  if (modalityCount === 0) findings.registry('code/eventCodeList', metadata, `${entry.id}: no modality`);
  if (new Set(codes.map(({ code, codingScheme }) => `${code}^${codingScheme}`)).size !== codes.length) {
    findings.registry('code/eventCodeList', metadata, `${entry.id}: event code twice`);
  }
};

const checkReferenceIds = (entry: RegistryObject, findings: Findings): readonly ReferenceId[] => {
  const values = entry.slots.get(referenceSlot) ?? [];
  const references = values.map(parseReferenceId).filter((reference) => reference !== undefined);
  const studies = references.filter(({ kind, id }) => kind === 'studyInstanceUid' && isOidValue(id));
  if (references.length !== values.length || studies.length !== 1) {
    findings.registry('slot/referenceIdList', metadata, `${entry.id}: referenceIdList malformed, or not one study`);
  }
  if (references.some(({ kind, authorityOid }) => kind !== 'studyInstanceUid' && authorityOid === '')) {
    findings.tolerate('slot/referenceIdList-authority', `${entry.id}: order or accession number without authority`);
  }
  return references;
};

/** What both kinds of entries have. */
const checkEntry = (entry: RegistryObject, vihf: Vihf, context: FormContext, findings: Findings): string => {
  checkForm(entry, context, findings);
  checkOnlyKnownSlots(entry, entrySlots, findings);
  if (entry.objectType !== schemes.documentEntry)
    findings.registry('entry/object-type', metadata, `${entry.id}: objectType not expected`);
  if (entry.title === '') findings.registry('entry/title', metadata, `${entry.id}: title missing`);
  checkDateSlot(entry, 'creationTime', context, findings);
  checkDateSlot(entry, 'serviceStartTime', context, findings);
  if (entry.slots.has('serviceStopTime')) checkDateSlot(entry, 'serviceStopTime', context, findings);
  const authenticator = checkSingleSlot(entry, 'legalAuthenticator', findings);
  if (authenticator !== '' && parsePersonValue(authenticator) === undefined) {
    findings.registry('slot/legalAuthenticator', metadata, `${entry.id}: legalAuthenticator malformed`);
  }
  const sourcePatientId = checkSingleSlot(entry, 'sourcePatientId', findings);
  if (sourcePatientId !== '' && !isSourcePatientId(sourcePatientId)) {
    findings.registry('slot/sourcePatientId', metadata, `${entry.id}: sourcePatientId malformed`);
  }
  checkAuthors(entry, schemes.entryAuthor, findings);
  checkPlace(entry, findings);
  checkPatientId(entry, schemes.entryPatientId, 'XDSDocumentEntry.patientId', vihf, findings);
  const uniqueId = checkIdentifier(entry, schemes.entryUniqueId, 'XDSDocumentEntry.uniqueId', findings);
  if (uniqueId !== '' && !isOidValue(uniqueId))
    findings.registry('entry/unique-id', metadata, `${entry.id}: uniqueId must be a UID`);
  return uniqueId;
};

export interface KosEntry {
  readonly object: RegistryObject;
  readonly uniqueId: string;
  readonly references: readonly ReferenceId[];
  readonly flags: readonly string[];
}

export const checkKosEntry = (
  entry: RegistryObject,
  vihf: Vihf,
  context: FormContext,
  findings: Findings,
): KosEntry => {
  const uniqueId = checkEntry(entry, vihf, context, findings);
  if (checkSingleSlot(entry, 'languageCode', findings) !== 'fr-FR') {
    findings.registry('slot/languageCode', metadata, `${entry.id}: languageCode fr-FR expected`);
  }
  if (!isSourcePatientInfo(entry.slots.get('sourcePatientInfo') ?? [])) {
    findings.registry('slot/sourcePatientInfo', metadata, `${entry.id}: sourcePatientInfo incomplete or malformed`);
  }
  if (!/^[0-9a-f]{40}$/.test(checkSingleSlot(entry, 'hash', findings))) {
    findings.registry('slot/hash', metadata, `${entry.id}: hash must be a SHA-1 in lower-case hexadecimal`);
  }
  if (!/^[1-9]\d*$/.test(checkSingleSlot(entry, 'size', findings)))
    findings.registry('slot/size', metadata, `${entry.id}: size malformed`);
  checkFixedCode(entry, schemes.classCode, 'classCode', kosCodes.classCode, findings);
  checkFixedCode(entry, schemes.typeCode, 'typeCode', kosCodes.typeCode, findings);
  checkFixedCode(entry, schemes.formatCode, 'formatCode', kosCodes.formatCode, findings);
  checkEventCodes(entry, findings);
  return {
    object: entry,
    uniqueId,
    references: checkReferenceIds(entry, findings),
    flags: checkConfidentiality(entry, findings),
  };
};

export interface SignatureEntry {
  readonly object: RegistryObject;
  readonly uniqueId: string;
}

export const checkSignatureEntry = (
  entry: RegistryObject,
  vihf: Vihf,
  context: FormContext,
  findings: Findings,
): SignatureEntry => {
  const uniqueId = checkEntry(entry, vihf, context, findings);
  if (checkSingleSlot(entry, 'languageCode', findings) !== 'art') {
    findings.registry('slot/languageCode', metadata, `${entry.id}: languageCode art expected`);
  }
  checkFixedCode(entry, schemes.classCode, 'classCode', signatureCodes.classCode, findings);
  checkFixedCode(entry, schemes.typeCode, 'typeCode', signatureCodes.typeCode, findings);
  checkFixedCode(entry, schemes.formatCode, 'formatCode', signatureCodes.formatCode, findings);
  checkFixedCode(entry, schemes.eventCode, 'eventCodeList', signatureEventCode, findings);
  const flags = checkConfidentiality(entry, findings);
  if (!signatureFlags.every((flag) => flags.includes(flag))) {
    findings.registry(
      'signature-entry/hidden',
      metadata,
      `${entry.id}: a signature is hidden from professionals and the patient`,
    );
  }
  if (!entry.slots.has('hash') || !entry.slots.has('size'))
    findings.tolerate('signature-entry/hash-absent', `${entry.id}: hash or size absent`);
  return { object: entry, uniqueId };
};
