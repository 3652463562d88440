/**
 * What Orthanc's index says of one study, the same whichever reader asked.
 */
import { DrimboxError } from '../errors.ts';
import type { StudyInstanceUid } from '../standards/index.ts';

/** Values are as DICOM has them; '' when absent. */
export interface StudyContent {
  readonly orthancId: string;
  readonly studyInstanceUid: StudyInstanceUid;
  readonly patientId: string;
  readonly patientName: string;
  readonly patientBirthDate: string;
  readonly patientSex: string;
  readonly accessionNumber: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly studyId: string;
  readonly studyDescription: string;
  readonly referringPhysicianName: string;
  readonly institutionName: string;
  /** When Orthanc last took an object of the study; absent when its index does not say. */
  readonly lastUpdateUtcMs?: number;
  /** By SeriesNumber, then UID; at least one. */
  readonly series: readonly SeriesContent[];
}

export interface SeriesContent {
  readonly orthancId: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly seriesNumber: string;
  readonly seriesDescription: string;
  readonly bodyPartExamined: string;
  /** By InstanceNumber, then UID; at least one. */
  readonly instances: readonly InstanceContent[];
}

export interface InstanceContent {
  readonly orthancId: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly instanceNumber: string;
  readonly numberOfFrames: string;
}

/** More than one Orthanc study under one StudyInstanceUID is never opened (decision A5). */
export type StudyLookup =
  | { readonly kind: 'found'; readonly study: StudyContent }
  | { readonly kind: 'absent' }
  | { readonly kind: 'duplicated'; readonly orthancIds: readonly string[] };

/** One answer of a batch: `failed` says nothing of the study, neither that it is there nor that it is not. */
export type StudyLookupOfMany = StudyLookup | { readonly kind: 'failed'; readonly error: DrimboxError };

/** Reads studies in Orthanc's index. Two readers, same answers. */
export interface StudyIndex {
  /**
   * @returns `absent` only on a positive empty answer (decision D1)
   * @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/answer-invalid, orthanc/index-unsupported
   */
  lookup(uid: StudyInstanceUid): Promise<StudyLookup>;
  /**
   * Looks many studies up: by SQL on one snapshot, in as many statements as for one study.
   *
   * @param uids  a hundred or so: the answers are held in memory together
   * @returns     one entry for each UID, also for those that are absent; a study that the index tells wrongly
   *              (orthanc/answer-invalid, orthanc/not-found) is `failed` and spoils no other
   * @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/index-unsupported: no answer at all
   */
  lookupMany(uids: readonly StudyInstanceUid[]): Promise<ReadonlyMap<StudyInstanceUid, StudyLookupOfMany>>;
  /** For `doctor` and the log; no secret. */
  describe(): string;
}

/** A failure that is about this study alone; what says that the index cannot be read is thrown on. */
export const failedLookup = (error: unknown): StudyLookupOfMany => {
  if (!(error instanceof DrimboxError)) throw error;
  if (error.code !== 'orthanc/answer-invalid' && error.code !== 'orthanc/not-found') throw error;
  return { kind: 'failed', error };
};

/** Tags by DICOM keyword. */
export type Tags = Readonly<Record<string, string | undefined>>;

export interface StudyRow {
  readonly orthancId: string;
  /** As Orthanc writes it: UTC, `20260105T101530`; '' when unknown. */
  readonly lastUpdate: string;
  readonly tags: Tags;
  readonly series: readonly SeriesRow[];
}
export interface SeriesRow {
  readonly orthancId: string;
  readonly tags: Tags;
  readonly instances: readonly InstanceRow[];
}
export interface InstanceRow {
  readonly orthancId: string;
  readonly sopClassUid: string;
  readonly tags: Tags;
}

const orderOf = (number: string): number => {
  const value = Number.parseInt(number, 10);
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
};

const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0);

/** UTC on 1.10.1 and 1.12.7 alike, whatever the zone of the machine (tried). */
const parseLastUpdate = (text: string): number | undefined => {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  return year === undefined
    ? undefined
    : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
};

/** The index must name everything: a study with a hole is no answer. */
const required = (value: string | undefined, what: string, orthancId: string): string => {
  if (value !== undefined && value !== '') return value;
  throw new DrimboxError('orthanc/answer-invalid', {
    detail: `${what} is missing in the index`,
    context: { orthancId },
  });
};

const buildInstance = (row: InstanceRow): InstanceContent => ({
  orthancId: row.orthancId,
  sopInstanceUid: required(row.tags['SOPInstanceUID'], 'SOPInstanceUID', row.orthancId),
  sopClassUid: required(row.sopClassUid, 'SOPClassUID', row.orthancId),
  instanceNumber: row.tags['InstanceNumber'] ?? '',
  numberOfFrames: row.tags['NumberOfFrames'] ?? '',
});

const buildSeries = (row: SeriesRow): SeriesContent => {
  const { orthancId, tags } = row;
  if (row.instances.length === 0) {
    throw new DrimboxError('orthanc/answer-invalid', { detail: 'series without instance', context: { orthancId } });
  }
  return {
    orthancId,
    seriesInstanceUid: required(tags['SeriesInstanceUID'], 'SeriesInstanceUID', orthancId),
    modality: tags['Modality'] ?? '',
    seriesNumber: tags['SeriesNumber'] ?? '',
    seriesDescription: tags['SeriesDescription'] ?? '',
    bodyPartExamined: tags['BodyPartExamined'] ?? '',
    instances: row.instances
      .map(buildInstance)
      .toSorted(
        (a, b) =>
          compare(orderOf(a.instanceNumber), orderOf(b.instanceNumber)) || compare(a.sopInstanceUid, b.sopInstanceUid),
      ),
  };
};

/**
 * Builds the answer from what a reader found.
 *
 * @throws orthanc/answer-invalid: another study than asked, or a study, series or instance without what it must have
 */
export const buildStudyContent = (uid: StudyInstanceUid, row: StudyRow): StudyContent => {
  const { orthancId, tags } = row;
  if (tags['StudyInstanceUID'] !== uid) {
    throw new DrimboxError('orthanc/answer-invalid', { detail: 'another study than asked', context: { orthancId } });
  }
  if (row.series.length === 0) {
    throw new DrimboxError('orthanc/answer-invalid', { detail: 'study without series', context: { orthancId } });
  }
  const lastUpdateUtcMs = parseLastUpdate(row.lastUpdate);
  return {
    orthancId,
    studyInstanceUid: uid,
    ...(lastUpdateUtcMs === undefined ? {} : { lastUpdateUtcMs }),
    patientId: tags['PatientID'] ?? '',
    patientName: tags['PatientName'] ?? '',
    patientBirthDate: tags['PatientBirthDate'] ?? '',
    patientSex: tags['PatientSex'] ?? '',
    accessionNumber: tags['AccessionNumber'] ?? '',
    studyDate: tags['StudyDate'] ?? '',
    studyTime: tags['StudyTime'] ?? '',
    studyId: tags['StudyID'] ?? '',
    studyDescription: tags['StudyDescription'] ?? '',
    referringPhysicianName: tags['ReferringPhysicianName'] ?? '',
    institutionName: tags['InstitutionName'] ?? '',
    series: row.series
      .map(buildSeries)
      .toSorted(
        (a, b) =>
          compare(orderOf(a.seriesNumber), orderOf(b.seriesNumber)) ||
          compare(a.seriesInstanceUid, b.seriesInstanceUid),
      ),
  };
};
