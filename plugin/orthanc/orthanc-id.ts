/**
 * Orthanc's own identifiers: SHA-1 of the DICOM identifiers of the resource and its parents, joined by `|`.
 *
 * With them, a deletion that names only an Orthanc id can be matched to what the archive knows.
 *
 * @see Orthanc Book, "Orthanc identifiers"
 */
import { createHash } from 'node:crypto';

const hash = (...identifiers: readonly string[]): string => {
  const hex = createHash('sha1').update(identifiers.join('|'), 'utf8').digest('hex');
  return (hex.match(/.{8}/g) ?? []).join('-');
};

/** @param patientId  PatientID (0010,0020) as Orthanc's index has it; '' when absent */
export const orthancIdOfPatient = (patientId: string): string => hash(patientId);

export const orthancIdOfStudy = (patientId: string, studyInstanceUid: string): string =>
  hash(patientId, studyInstanceUid);

export const orthancIdOfSeries = (patientId: string, studyInstanceUid: string, seriesInstanceUid: string): string =>
  hash(patientId, studyInstanceUid, seriesInstanceUid);

export const orthancIdOfInstance = (
  patientId: string,
  studyInstanceUid: string,
  seriesInstanceUid: string,
  sopInstanceUid: string,
): string => hash(patientId, studyInstanceUid, seriesInstanceUid, sopInstanceUid);
