/**
 * Reads the metadata of a published manifest back: what `submission.ts` builds, and what other DRIMboxes hand over in an
 * XDM archive.
 *
 * @see IHE ITI TF-3 4.2.3 · facts/spec.md b.4.3–b.4.5, b.15 · facts/cisis.md 3
 */
import {
  type CodedConcept,
  isOid,
  type IssuedIdentifier,
  oids,
  type PatientIdentity,
  type Visibility,
} from '../standards/index.ts';
import type { SubmissionMetadata } from './submission.ts';
import {
  codesOf,
  identifierOf,
  maxSubmissionBytes,
  readRegistryContent,
  type RegistryContent,
  type RegistryObject,
  requiredIdentifier,
  requiredSlot,
  slotOf,
} from './submission-parser-registry.ts';
import {
  checkedDtm,
  decodeCx,
  decodeInsCx,
  decodeSourcePatientId,
  decodeSourcePatientInfo,
  decodeSpecialty,
  decodeXcn,
  decodeXdsTime,
  decodeXon,
  invalidMetadata,
  type PatientTraits,
} from './submission-parser-values.ts';
import {
  documentEntrySchemes,
  manifestCodes,
  signatureCodes,
  submissionSetSchemes,
  visibilityCodes,
} from './xds-codes.ts';
import { referenceIdTypes } from './xds-datatypes.ts';

/** One document of the submission, as its entry describes it. */
export interface ParsedDocument {
  readonly uniqueId: string;
  /** SHA-1, hexadecimal, lower case. */
  readonly hash: string;
  /** Bytes. */
  readonly size: number;
  /** Where it stands in an XDM archive: `SS000001/KOS_1_1.DCM`. */
  readonly uri?: string;
  /** `urn:uuid:…`, as the exporter wrote it: the DMP gives another one at each change. */
  readonly entryUuid?: string;
}

/** As `SubmissionMetadata`; what other software leaves out is optional. Names are as short as XDS has them. */
export interface ParsedSubmission
  extends Omit<
    SubmissionMetadata,
    'patient' | 'contentType' | 'facilityType' | 'practiceSetting' | 'visibility' | 'sourceId' | 'signatureUniqueId'
  > {
  readonly patient: Pick<PatientIdentity, 'ins' | 'ipp'> & PatientTraits;
  readonly contentType?: CodedConcept;
  readonly facilityType?: CodedConcept;
  readonly practiceSetting?: CodedConcept;
  /** CONNEXION_SECRETE is not in metadata. */
  readonly visibility: Omit<Visibility, 'secretConnection'>;
  readonly sourceId?: string;
  readonly kos: ParsedDocument;
  readonly signature?: ParsedDocument;
}

const kosMimeType = 'application/dicom';
const referenceIdList = 'urn:ihe:iti:xds:2013:referenceIdList';

const isManifest = (entry: RegistryObject): boolean =>
  entry.mimeType === kosMimeType &&
  codesOf(entry, documentEntrySchemes.formatCode).some(({ code }) => code === manifestCodes.format.code);

const isSignature = (entry: RegistryObject): boolean =>
  codesOf(entry, documentEntrySchemes.formatCode).some(({ code }) => code === signatureCodes.format.code);

/** At most one entry of a kind: an archive with two would be read as either. */
const onlyEntry = (entries: readonly RegistryObject[], what: string): RegistryObject | undefined => {
  if (entries.length > 1) throw invalidMetadata(`${entries.length} entries of ${what}`);
  return entries[0];
};

const entryUuidOf = (entry: RegistryObject): string | undefined => {
  const named = entry.externalIdentifiers.find(({ name }) => /^XDSDocumentEntry\.entryUUID$/i.test(name))?.value;
  const uuid = /^(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(named ?? entry.id)?.[1];
  return uuid === undefined ? undefined : `urn:uuid:${uuid.toLowerCase()}`;
};

const parseDocument = (entry: RegistryObject): ParsedDocument => {
  const hash = requiredSlot(entry, 'hash').toLowerCase();
  const size = requiredSlot(entry, 'size');
  if (!/^[0-9a-f]{40}$/.test(hash)) throw invalidMetadata('hash is no SHA-1');
  if (!/^[0-9]{1,12}$/.test(size)) throw invalidMetadata('size is no number');
  const uri = slotOf(entry, 'URI');
  const entryUuid = entryUuidOf(entry);
  return {
    uniqueId: oidOf(requiredIdentifier(entry, documentEntrySchemes.uniqueId, 'uniqueId'), 'uniqueId'),
    hash,
    size: Number(size),
    ...(uri === undefined ? {} : { uri }),
    ...(entryUuid === undefined ? {} : { entryUuid }),
  };
};

const oidOf = (value: string, what: string): string => {
  if (value.length <= 256 && isOid(value)) return value;
  throw invalidMetadata(`${what} is no OID`);
};

const parseAuthor = (entry: RegistryObject): SubmissionMetadata['author'] => {
  const author = entry.classifications.find(({ scheme }) => scheme === documentEntrySchemes.author);
  const person = author === undefined ? undefined : slotOf(author, 'authorPerson');
  const institution = author === undefined ? undefined : slotOf(author, 'authorInstitution');
  if (author === undefined || person === undefined || institution === undefined) {
    throw invalidMetadata('the manifest has no author with an institution');
  }
  const specialty = decodeSpecialty(slotOf(author, 'authorSpecialty'));
  return {
    person: { ...decodeXcn(person, 'authorPerson'), ...(specialty === undefined ? {} : { specialty }) },
    organization: decodeXon(institution),
  };
};

/** The legal authenticator is coded without speciality: the author's is his where it is the same person. */
const parseLegalAuthenticator = (
  entry: RegistryObject,
  author: SubmissionMetadata['author'],
): SubmissionMetadata['legalAuthenticator'] => {
  const person = decodeXcn(requiredSlot(entry, 'legalAuthenticator'), 'legalAuthenticator');
  const { specialty } = author.person;
  return person.id === author.person.id && specialty !== undefined ? { ...person, specialty } : person;
};

/** Who may see it. An unknown code may hide it from somebody: it is refused, not left out. */
const parseVisibility = (entry: RegistryObject): Pick<ParsedSubmission, 'visibility' | 'confidentiality'> => {
  const codes = codesOf(entry, documentEntrySchemes.confidentialityCode);
  const has = ({ code, codeSystem }: CodedConcept): boolean =>
    codes.some((one) => one.code === code && one.codeSystem === codeSystem);
  const levels = codes.filter(({ codeSystem }) => codeSystem === oids.confidentiality);
  const known = new Set(Object.values(visibilityCodes).map(({ code }) => code));
  const [confidentiality] = levels;
  if (confidentiality === undefined || levels.length > 1)
    throw invalidMetadata('no single confidentialityCode N, R or V');
  const others = codes.filter(({ codeSystem }) => codeSystem !== oids.confidentiality);
  if (others.some(({ code, codeSystem }) => codeSystem !== oids.visibilityCodes || !known.has(code))) {
    throw invalidMetadata('a confidentialityCode is unknown');
  }
  return {
    confidentiality,
    visibility: {
      maskedFromProfessionals: has(visibilityCodes.maskedFromProfessionals),
      invisibleToPatient: has(visibilityCodes.invisibleToPatient),
      invisibleToRepresentatives: has(visibilityCodes.invisibleToRepresentatives),
    },
  };
};

/** Schemes of today, then those of older samples: the value sets, and CCAM's by mistake. */
const modalitySchemes: readonly string[] = [oids.dicomOntology, '1.2.250.1.213.1.1.5.618'];
const regionSchemes: readonly string[] = [oids.snomedCt, '1.2.250.1.213.1.1.5.695', oids.ccam];

const parseEvents = (entry: RegistryObject): Pick<ParsedSubmission, 'modalities' | 'regions'> => {
  const events = codesOf(entry, documentEntrySchemes.eventCodeList);
  const under = (schemes: readonly string[], codeSystem: string): readonly CodedConcept[] =>
    events.filter((one) => schemes.includes(one.codeSystem)).map((one) => ({ ...one, codeSystem }));
  return {
    modalities: under(modalitySchemes, oids.dicomOntology),
    // Acts stand under the OID of CCAM too: regions are numbers of SNOMED CT.
    regions: under(regionSchemes, oids.snomedCt).filter(({ code }) => /^[0-9]{6,18}$/.test(code)),
  };
};

const parseReferences = (entry: RegistryObject): Pick<ParsedSubmission, 'studyInstanceUid' | 'order'> => {
  const references = (entry.slots.get(referenceIdList) ?? []).map(decodeCx);
  const ofType = (type: string): readonly IssuedIdentifier[] =>
    references
      .filter((one) => one.type === type && one.value !== '')
      .map(({ value, issuerOid }) => ({ value, ...(issuerOid === undefined ? {} : { issuerOid }) }));
  const studies = [...new Set(ofType(referenceIdTypes.studyInstanceUid).map(({ value }) => value))];
  const [studyInstanceUid] = studies;
  if (studyInstanceUid === undefined || studies.length > 1) {
    throw invalidMetadata(`${studies.length} studies in referenceIdList`);
  }
  const [accessionNumber] = ofType(referenceIdTypes.accession);
  const [placerOrderNumber] = ofType(referenceIdTypes.order);
  return {
    studyInstanceUid: oidOf(studyInstanceUid, 'the StudyInstanceUID'),
    order: {
      ...(accessionNumber === undefined ? {} : { accessionNumber }),
      ...(placerOrderNumber === undefined ? {} : { placerOrderNumber }),
    },
  };
};

const parsePatient = (entry: RegistryObject, { submissionSet }: RegistryContent): ParsedSubmission['patient'] => {
  const patientId = requiredIdentifier(entry, documentEntrySchemes.patientId, 'patientId');
  const setPatientId = requiredIdentifier(submissionSet, submissionSetSchemes.patientId, 'patientId');
  const [ins, insOfSet] = [decodeInsCx(patientId), decodeInsCx(setPatientId)];
  if (ins.value !== insOfSet.value || ins.oid !== insOfSet.oid) {
    throw invalidMetadata('the submission set and the manifest are of different patients');
  }
  const ipp = decodeSourcePatientId(slotOf(entry, 'sourcePatientId'));
  return {
    ins,
    ...(ipp === undefined ? {} : { ipp }),
    ...decodeSourcePatientInfo(entry.slots.get('sourcePatientInfo') ?? []),
  };
};

const first = <Key extends string>(key: Key, codes: readonly CodedConcept[]): { readonly [K in Key]?: CodedConcept } =>
  (codes[0] === undefined ? {} : { [key]: codes[0] }) as { readonly [K in Key]?: CodedConcept };

/**
 * @param source  a SubmitObjectsRequest, or a SOAP envelope around one: bytes, or text already decoded
 * @returns what it says; entries that are neither the manifest nor its signature are left aside
 * @throws dmp/metadata-invalid
 */
export const parseSubmission = (
  source: Uint8Array | string,
  limits: { readonly maxBytes: number } = { maxBytes: maxSubmissionBytes },
): ParsedSubmission => {
  const content = readRegistryContent(source, limits.maxBytes);
  const { submissionSet, documentEntries } = content;
  const entry = onlyEntry(documentEntries.filter(isManifest), 'a manifest');
  if (entry === undefined) throw invalidMetadata('no entry of a manifest');
  const signature = onlyEntry(documentEntries.filter(isSignature), 'a signature');
  const author = parseAuthor(entry);
  const kos = parseDocument(entry);
  const stop = slotOf(entry, 'serviceStopTime');
  const sourceId = identifierOf(submissionSet, submissionSetSchemes.sourceId);
  return {
    patient: parsePatient(entry, content),
    author,
    legalAuthenticator: parseLegalAuthenticator(entry, author),
    ...first('contentType', codesOf(submissionSet, submissionSetSchemes.contentTypeCode)),
    ...first('facilityType', codesOf(entry, documentEntrySchemes.healthcareFacilityTypeCode)),
    ...first('practiceSetting', codesOf(entry, documentEntrySchemes.practiceSettingCode)),
    ...parseVisibility(entry),
    ...parseEvents(entry),
    ...parseReferences(entry),
    serviceStartUtc: checkedDtm(requiredSlot(entry, 'serviceStartTime'), 'serviceStartTime'),
    ...(stop === undefined ? {} : { serviceStopUtc: checkedDtm(stop, 'serviceStopTime') }),
    submissionSetUniqueId: oidOf(
      requiredIdentifier(submissionSet, submissionSetSchemes.uniqueId, 'uniqueId'),
      'uniqueId',
    ),
    ...(sourceId === undefined ? {} : { sourceId }),
    documentUniqueId: kos.uniqueId,
    documentCreatedAtUtcMs: decodeXdsTime(requiredSlot(entry, 'creationTime'), 'creationTime'),
    submittedAtUtcMs: decodeXdsTime(requiredSlot(submissionSet, 'submissionTime'), 'submissionTime'),
    kos,
    ...(signature === undefined ? {} : { signature: parseDocument(signature) }),
  };
};
