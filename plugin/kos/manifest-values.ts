/**
 * The values of a manifest, made fit to be written, and what was lost in making them so.
 *
 * @see attribute-values.ts (what is cut and what is refused) · facts/spec.md b.3
 */
import { DrimboxError } from '../errors.ts';
import { insOids, isOid, type ImagingOrder, type IssuedIdentifier, type PatientIdentity } from '../standards/index.ts';
import * as fit from './attribute-values.ts';
import type { ManifestContent, ManifestSeries } from './manifest.ts';

/** Something of the content that the file does not carry whole. */
export const ManifestRemark = {
  /** Day or month unknown (provisional identity): DICOM has no such date, it is left empty rather than invented. */
  birthDateIncomplete: 'birth-date-incomplete',
  /** Family and given name together exceed 64 characters. */
  patientNameCut: 'patient-name-cut',
  otherNamesCut: 'other-names-cut',
  institutionNameCut: 'institution-name-cut',
  /** Above 64 characters in StudyDescription; whole in the key object description. */
  studyDescriptionCut: 'study-description-cut',
  /** StudyDate or StudyTime of the PACS is no date or time. */
  studyDateInvalid: 'study-date-invalid',
  /** StudyID above 16 characters is left out, not cut: half an identifier names something else. */
  studyIdDropped: 'study-id-dropped',
} as const;
export type ManifestRemark = (typeof ManifestRemark)[keyof typeof ManifestRemark];

export interface IssuerValues {
  readonly id: string;
  readonly type: 'ISO' | 'UUID';
}

export interface RequestValues {
  readonly accessionNumber: string;
  readonly accessionIssuer?: IssuerValues;
  readonly placerOrderNumber: string;
  readonly placerIssuer?: IssuerValues;
}

export interface ManifestValues {
  readonly patientName: string;
  readonly insValue: string;
  readonly insOid: string;
  readonly insIssuer: string;
  readonly birthDate: string;
  readonly sex: string;
  readonly otherNames: readonly string[];
  readonly birthPlace: string;
  readonly institutionName: string;
  readonly studyInstanceUid: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly studyId: string;
  readonly studyDescription: string;
  readonly referringPhysicianName: string;
  readonly requests: readonly RequestValues[];
  readonly series: readonly ManifestSeries[];
  readonly retrieveUrlBase: string;
  readonly remarks: readonly ManifestRemark[];
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const issuerValues = (id: IssuedIdentifier | undefined): IssuerValues | undefined => {
  if (id?.issuerOid === undefined || id.issuerOid === '' || id.value.trim() === '') return undefined;
  if (isOid(id.issuerOid)) return { id: id.issuerOid, type: 'ISO' };
  if (uuidPattern.test(id.issuerOid)) return { id: id.issuerOid, type: 'UUID' };
  throw new DrimboxError('kos/value-invalid', { detail: 'the issuer of an order or accession number is no OID' });
};

const requestValues = ({ accessionNumber, placerOrderNumber }: ImagingOrder): RequestValues => {
  const accessionIssuer = issuerValues(accessionNumber);
  const placerIssuer = issuerValues(placerOrderNumber);
  return {
    accessionNumber: fit.identifierText(accessionNumber?.value ?? '', 16, 'AccessionNumber'),
    placerOrderNumber: fit.identifierText(placerOrderNumber?.value ?? '', 64, 'PlacerOrderNumberImagingServiceRequest'),
    ...(accessionIssuer === undefined ? {} : { accessionIssuer }),
    ...(placerIssuer === undefined ? {} : { placerIssuer }),
  };
};

/** `family^given`, `family` or `^given`, of any length. */
const wholeName = (family: string, given: string): string => {
  const cleanGiven = fit.nameComponent(given);
  return fit.nameComponent(family) + (cleanGiven === '' ? '' : `^${cleanGiven}`);
};

/** `^all birth given names`, then the used name where there is one: family only, given only or both. */
const wholeOtherNames = (patient: PatientIdentity): readonly string[] =>
  [wholeName('', patient.birthGivenNames), wholeName(patient.usedFamilyName ?? '', patient.usedGivenName ?? '')].filter(
    (name) => name !== '',
  );

const isCut = (whole: string): boolean => fit.characterCount(whole) > 64;

/** `name^^^^^^^^^id` in 64 characters: the name gives way, the identifier stays whole. */
const institutionName = ({ id, name }: ManifestContent['institution']): string => {
  const suffix = `^^^^^^^^^${fit.identifierText(id, 40, 'InstitutionName')}`;
  return fit.cutText(fit.nameComponent(name), 64 - suffix.length) + suffix;
};

/**
 * @throws kos/value-invalid — an identifier that no DICOM value can hold
 * @throws kos/study-empty
 */
export const fitManifestValues = (content: ManifestContent): ManifestValues => {
  const { patient, study, institution } = content;
  const remarks: ManifestRemark[] = [];
  const note = (isLost: boolean, remark: ManifestRemark): void => void (isLost && remarks.push(remark));

  const series = content.series.filter((one) => one.instances.length > 0);
  if (series.length === 0) throw new DrimboxError('kos/study-empty');
  for (const one of series) fit.uidText(one.seriesInstanceUid, 'SeriesInstanceUID');

  const patientName = wholeName(patient.birthFamilyName, patient.firstBirthGivenName);
  const otherNames = wholeOtherNames(patient);
  const values: Omit<ManifestValues, 'remarks'> = {
    patientName: fit.cutText(patientName, 64),
    insValue: fit.identifierText(patient.ins.value, 64, 'PatientID'),
    insOid: patient.ins.oid,
    insIssuer: insOids[patient.ins.oid].issuer,
    birthDate: fit.dateText(patient.birthDate),
    sex: patient.sex === 'U' ? '' : patient.sex,
    otherNames: otherNames.map((name) => fit.cutText(name, 64)),
    birthPlace: fit.identifierText(patient.birthPlace ?? '', 64, 'PatientComments'),
    institutionName: institutionName(institution),
    studyInstanceUid: fit.uidText(study.studyInstanceUid, 'StudyInstanceUID'),
    studyDate: fit.dateText(study.studyDate),
    studyTime: fit.timeText(study.studyTime),
    studyId: fit.cleanText(study.studyId).length > 16 ? '' : fit.cleanText(study.studyId),
    studyDescription: fit.descriptiveText(study.studyDescription, 64),
    referringPhysicianName: fit.storedPersonName(study.referringPhysicianName),
    requests: (content.orders.length === 0 ? [{}] : content.orders).map(requestValues),
    series,
    retrieveUrlBase: fit.urlBase(content.retrieveUrlBase, 'RetrieveURL'),
  };
  note(patient.birthDate.trim() !== '' && values.birthDate === '', ManifestRemark.birthDateIncomplete);
  note(isCut(patientName), ManifestRemark.patientNameCut);
  note(otherNames.some(isCut), ManifestRemark.otherNamesCut);
  note(
    !values.institutionName.startsWith(`${fit.nameComponent(institution.name)}^`),
    ManifestRemark.institutionNameCut,
  );
  note(isCut(fit.cleanText(study.studyDescription)), ManifestRemark.studyDescriptionCut);
  note(values.studyDate === '' || values.studyTime !== study.studyTime.trim(), ManifestRemark.studyDateInvalid);
  note(values.studyId === '' && study.studyId.trim() !== '', ManifestRemark.studyIdDropped);
  return { ...values, remarks };
};

/**
 * What `buildManifest` will not carry whole, as stable short codes for the journal: no identity.
 *
 * @throws what `buildManifest` throws for the content
 */
export const manifestRemarks = (content: ManifestContent): readonly ManifestRemark[] =>
  fitManifestValues(content).remarks;
