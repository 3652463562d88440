/**
 * Are these images those of this report? (decision A4) Pure: the identities were read in one stored object of each series.
 *
 * The StudyInstanceUID is equal already. Then at least one positive match of accession number or patient identifier (IPP or
 * INS) on every series; where a series carries neither, birth name, birth date and sex. A contradiction, or nothing to
 * compare, holds the study. So does, whatever else matches, a name and a birth date that both differ.
 */
import type { ObjectIdentity } from '../orthanc/index.ts';
import type { ImagingReport } from '../report/index.ts';
import type { ImagingOrder, PatientIdentity } from '../standards/index.ts';

export type ImagesMatch =
  | { readonly kind: 'matched' }
  | { readonly kind: 'contradiction'; readonly seriesInstanceUid: string; readonly what: string }
  | { readonly kind: 'unmatched'; readonly seriesInstanceUid: string };

export interface SeriesIdentity {
  readonly seriesInstanceUid: string;
  readonly identity: ObjectIdentity;
}

type Comparison = 'equal' | 'different' | 'nothing-to-compare';

/** With the order that was paired with the study; without one, with any order of the report. */
const compareAccession = (
  identity: ObjectIdentity,
  report: ImagingReport,
  paired: ImagingOrder | undefined,
): Comparison => {
  const orders = paired === undefined ? report.orders : [paired];
  const known = orders.flatMap((order) => (order.accessionNumber === undefined ? [] : [order.accessionNumber.value]));
  const found = identity.accessionNumber.trim();
  if (found === '' || known.length === 0) return 'nothing-to-compare';
  return known.includes(found) ? 'equal' : 'different';
};

/** Any identifier of the images that the report knows is a match; another INS is a contradiction, whatever else matches. */
const comparePatientId = (identity: ObjectIdentity, report: ImagingReport): Comparison => {
  const { patient, localPatientIds } = report;
  const ids = [
    { id: identity.patientId.trim(), issuerOid: '' },
    ...identity.otherPatientIds.map((other) => ({ id: other.id.trim(), issuerOid: other.issuerOid })),
  ].filter(({ id }) => id !== '');
  const known = new Set([patient.ins.value, ...localPatientIds.map((local) => local.value)]);
  const hasOtherIns = ids.some(({ id, issuerOid }) => issuerOid === patient.ins.oid && id !== patient.ins.value);
  if (!hasOtherIns && ids.some(({ id }) => known.has(id))) return 'equal';
  const hasOtherIpp = localPatientIds.length > 0 && identity.patientId.trim() !== '';
  return hasOtherIns || hasOtherIpp ? 'different' : 'nothing-to-compare';
};

/** Capitals without accents, hyphens, apostrophes or double spaces: as the INS reference writes names. */
const normalName = (name: string): string =>
  name
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, ' ')
    .trim();

const familyOf = (patientName: string): string => normalName(patientName.split('=')[0]?.split('^')[0] ?? '');

const isSameName = (
  identity: ObjectIdentity,
  patient: PatientIdentity,
  names: readonly (string | undefined)[],
): boolean => {
  const family = familyOf(identity.patientName);
  return family !== '' && names.some((name) => name !== undefined && normalName(name) === family);
};

const compareTraits = (identity: ObjectIdentity, patient: PatientIdentity): Comparison => {
  if (identity.patientName.trim() === '' || identity.birthDate.trim() === '' || identity.sex.trim() === '') {
    return 'nothing-to-compare';
  }
  const isSame =
    isSameName(identity, patient, [patient.birthFamilyName]) &&
    identity.birthDate.trim() === patient.birthDate &&
    identity.sex.trim() === patient.sex;
  return isSame ? 'equal' : 'different';
};

/** Neither the name (birth or used) nor the birth date is that of the patient, though both are there. */
const isAnotherPerson = (identity: ObjectIdentity, patient: PatientIdentity): boolean =>
  familyOf(identity.patientName) !== '' &&
  identity.birthDate.trim() !== '' &&
  !isSameName(identity, patient, [patient.birthFamilyName, patient.usedFamilyName]) &&
  identity.birthDate.trim() !== patient.birthDate;

const matchSeries = (
  { seriesInstanceUid, identity }: SeriesIdentity,
  report: ImagingReport,
  paired: ImagingOrder | undefined,
): ImagesMatch => {
  const accession = compareAccession(identity, report, paired);
  const patientId = comparePatientId(identity, report);
  if (accession === 'different') return { kind: 'contradiction', seriesInstanceUid, what: 'accession-number' };
  if (patientId === 'different') return { kind: 'contradiction', seriesInstanceUid, what: 'patient-identifier' };
  if (isAnotherPerson(identity, report.patient)) {
    return { kind: 'contradiction', seriesInstanceUid, what: 'name-and-birth-date' };
  }
  if (accession === 'equal' || patientId === 'equal') return { kind: 'matched' };
  const hasOwnKeys = identity.accessionNumber.trim() !== '' || identity.patientId.trim() !== '';
  const traits = hasOwnKeys ? 'nothing-to-compare' : compareTraits(identity, report.patient);
  if (traits === 'different') return { kind: 'contradiction', seriesInstanceUid, what: 'traits' };
  return traits === 'equal' ? { kind: 'matched' } : { kind: 'unmatched', seriesInstanceUid };
};

/** @returns the first series that does not match, or `matched` when all do; no series at all is `unmatched` */
export const matchImages = (
  series: readonly SeriesIdentity[],
  report: ImagingReport,
  paired?: ImagingOrder,
): ImagesMatch => {
  if (series.length === 0) return { kind: 'unmatched', seriesInstanceUid: '' };
  for (const one of series) {
    const match = matchSeries(one, report, paired);
    if (match.kind !== 'matched') return match;
  }
  return { kind: 'matched' };
};
