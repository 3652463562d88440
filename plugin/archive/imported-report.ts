/**
 * The report of an imported manifest, as far as metadata, manifest and CR.TXT tell it. The CDA itself did not come: only its
 * identifier and what the submission took from it. A later update needs no more.
 *
 * @see facts/spec.md b.4.4 (which metadata come from the CDA) · decision A7
 */
import type { ParsedSubmission } from '../dmp/index.ts';
import type { Manifest } from '../kos/index.ts';
import type { ImagingReport } from '../report/index.ts';
import {
  type CodedConcept,
  contentTypeOfPatientClass,
  documentIdKey,
  type ImagingOrder,
  type IssuedIdentifier,
  parseStudyInstanceUid,
  type PatientIdentity,
  type Sex,
} from '../standards/index.ts';
import type { TransmissionHeader } from './reports.ts';
import type { CheckedSet } from './xdm-submission-set.ts';

type Source = Pick<CheckedSet, 'submission' | 'manifest' | 'reference'>;

/** Says in the journal and in `archive show` where a report came from. */
export const importedRemark = 'imported';

const filled = <Key extends string>(key: Key, value: string | undefined): { readonly [K in Key]?: string } =>
  (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [K in Key]?: string };

const sexOf = (text: string): Sex => (text === 'M' || text === 'F' ? text : 'U');

/** `^all birth given names`, then the used name, as manifests carry them: either may be missing. */
const otherNamesOf = ({ patient }: Manifest): { readonly givenNames?: string; readonly used: readonly string[] } => {
  const [first = '', second = ''] = patient.otherNames;
  const isGivenNames = first.startsWith('^');
  const used = (isGivenNames ? second : first).split('^');
  return { ...filled('givenNames', isGivenNames ? first.slice(1) : ''), used };
};

/** Names of the metadata go first: those of the manifest may be cut. */
const patientOf = ({ submission, manifest, reference }: Source): PatientIdentity => {
  const traits = submission.patient;
  const [family = '', given = ''] = manifest.patient.name.split('^');
  const { givenNames, used } = otherNamesOf(manifest);
  const firstBirthGivenName = traits.firstBirthGivenName ?? given;
  const ipp = reference.ipp ?? traits.ipp;
  return {
    ins: traits.ins,
    ...(ipp === undefined ? {} : { ipp }),
    birthFamilyName: traits.birthFamilyName ?? family,
    firstBirthGivenName,
    birthGivenNames: givenNames ?? firstBirthGivenName,
    ...filled('usedFamilyName', used[0]),
    ...filled('usedGivenName', used[1]),
    birthDate: traits.birthDate ?? manifest.patient.birthDate,
    sex: traits.sex ?? sexOf(manifest.patient.sex),
    ...filled('birthPlace', traits.birthPlace ?? manifest.patient.birthPlace),
  };
};

const issued = (value: string, issuerOid: string): IssuedIdentifier | undefined =>
  value === '' ? undefined : { value, ...(issuerOid === '' ? {} : { issuerOid }) };

const isEmpty = (order: ImagingOrder): boolean =>
  order.accessionNumber === undefined && order.placerOrderNumber === undefined;

/** Of the metadata, else the requests of the manifest. */
const ordersOf = ({ submission, manifest }: Source): readonly ImagingOrder[] => {
  if (!isEmpty(submission.order)) return [submission.order];
  return manifest.requests
    .map((request): ImagingOrder => {
      const accessionNumber = issued(request.accessionNumber, request.accessionIssuerOid);
      const placerOrderNumber = issued(request.placerOrderNumber, request.placerIssuerOid);
      return {
        ...(accessionNumber === undefined ? {} : { accessionNumber }),
        ...(placerOrderNumber === undefined ? {} : { placerOrderNumber }),
      };
    })
    .filter((order) => !isEmpty(order));
};

/** XDS times are UTC: said, so that nobody reads them in the zone of the site. A day alone has no zone. */
const utcTime = (dtm: string): string => (dtm.length > 8 ? `${dtm}+0000` : dtm);

const studyOf = ({ submission, manifest }: Source): ImagingReport['studies'][number] => ({
  studyInstanceUid: parseStudyInstanceUid(submission.studyInstanceUid),
  ...(manifest.actDisplayName === ''
    ? {}
    : { act: { code: '', codeSystem: '', displayName: manifest.actDisplayName } satisfies CodedConcept }),
  modalities: submission.modalities,
  regions: submission.regions,
  start: utcTime(submission.serviceStartUtc),
  ...(submission.serviceStopUtc === undefined ? {} : { stop: utcTime(submission.serviceStopUtc) }),
  ...(submission.practiceSetting === undefined ? {} : { practiceSetting: submission.practiceSetting }),
});

/** @throws standards/uid-invalid */
export const importedReport = (source: Source): ImagingReport => {
  const { submission, reference } = source;
  const { organization, person } = submission.author;
  const patient = patientOf(source);
  const created = new Date(submission.documentCreatedAtUtcMs).toISOString().replace(/[-T:]/g, '').slice(0, 14);
  return {
    documentId: reference.documentId,
    replaces: [],
    level: 1,
    title: '',
    effectiveTime: utcTime(created),
    languageCode: 'fr-FR',
    confidentiality: submission.confidentiality,
    patient,
    localPatientIds: patient.ipp === undefined ? [] : [patient.ipp],
    authors: [{ person, organization }],
    // Metadata name one structure: that of the submission, whose certificates signed.
    legalAuthenticator: { person: submission.legalAuthenticator, organization },
    ...(submission.facilityType === undefined ? {} : { facilityType: submission.facilityType }),
    ...(submission.practiceSetting === undefined ? {} : { practiceSetting: submission.practiceSetting }),
    orders: ordersOf(source),
    studies: [studyOf(source)],
    warnings: [importedRemark],
  };
};

const patientClasses = ['I', 'O', 'R', 'N'] as const;

/** PV1-2 of which the contentTypeCode came; undefined for a code that no class gives. */
const patientClassOf = ({ contentType }: ParsedSubmission): string | undefined =>
  patientClasses.find((patientClass) => contentTypeOfPatientClass(patientClass)?.code === contentType?.code);

/** No message came: sender and control id are empty, and nothing is agreed with such a sender. */
export const importedTransmission = (source: Source, environment: 'test' | 'production'): TransmissionHeader => {
  const { submission, reference } = source;
  const { ins, ipp } = patientOf(source);
  const patientClass = patientClassOf(submission);
  return {
    messageType: 'ORU',
    action: 'initial',
    processingId: environment === 'production' ? 'P' : 'T',
    controlId: '',
    sender: { application: '', facility: '' },
    patient: { ins: { ...ins, issuer: '' }, ...(ipp === undefined ? {} : { ipp }) },
    ...(patientClass === undefined ? {} : { patientClass }),
    documentId: documentIdKey(reference.documentId),
    visibility: { ...submission.visibility, secretConnection: false },
    changesConfidentiality: false,
    sentToDmp: true,
    warnings: [importedRemark],
  };
};
