/**
 * What one stored file gives to the directory: the keys of its own record, and those of its patient, study and series.
 *
 * @see PS3.3 F.5
 */
import { encodeElements } from './explicit-dataset.ts';
import { encodeKeys, type FileHead, readKeys } from './key-values.ts';
import { leafKeys, maxKeyBytes, patientKeys, seriesKeys, studyKeys } from './record-keys.ts';
import { type RecordType, recordTypeOf } from './record-types.ts';
import { maxSequenceBytes, readSequenceKeys } from './sequence-keys.ts';

/** A file as the directory refers to it; keys are encoded. */
export interface FileRecord {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly keys: Buffer;
  readonly patientKeys: Buffer;
  readonly studyKeys: Buffer;
  readonly seriesKeys: Buffer;
}

export interface RecordPlace {
  /** Decided from the manifest, before the file is read: the room for the record depends on it. */
  readonly type: RecordType;
  /** Counted from 1: stand for numbers that the file does not have. */
  readonly seriesPlace: number;
  readonly instancePlace: number;
  readonly storedBytes: number;
  /** For a file without PatientID, which a directory must have. Identity: never to be logged. */
  readonly patientIdOtherwise: string;
}

/**
 * @param file  identity checked; the head of a file that is not Explicit VR Little Endian gives its sequences only when whole
 * @param transferSyntaxUid  of the file as it stands in the set
 */
export const readFileRecord = (file: FileHead, place: RecordPlace, transferSyntaxUid: string): FileRecord => {
  const { outline } = file;
  const { type, seriesPlace, instancePlace, storedBytes, patientIdOtherwise } = place;
  return {
    sopClassUid: outline.sopClassUid,
    sopInstanceUid: outline.sopInstanceUid,
    transferSyntaxUid,
    keys: encodeElements([
      ...readKeys(file, leafKeys[type], `${instancePlace}`),
      ...readSequenceKeys(file, type, storedBytes),
    ]),
    patientKeys: encodeKeys(file, patientKeys, patientIdOtherwise),
    studyKeys: encodeKeys(file, studyKeys, '1', new Map([[0x0020000d, outline.studyInstanceUid]])),
    seriesKeys: encodeKeys(file, seriesKeys, `${seriesPlace}`, new Map([[0x0020000e, outline.seriesInstanceUid]])),
  };
};

/** The most that the keys of such a record may take. */
export const maxFileRecordBytes = (sopClassUid: string, storedBytes: number): number => {
  const type = recordTypeOf(sopClassUid);
  return maxKeyBytes(leafKeys[type]) + maxSequenceBytes(type, storedBytes);
};

export const maxPatientBytes = maxKeyBytes(patientKeys);
export const maxStudyBytes = maxKeyBytes(studyKeys);
export const maxSeriesBytes = maxKeyBytes(seriesKeys);
