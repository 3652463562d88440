/**
 * What the page of an examination is told: the answer of `GET /examen/{grant}/description` (application/json, not stored).
 * Paths are absolute paths on the same host. Times are UTC in milliseconds.
 *
 * An answer that is not 200 is a {@link Refusal}.
 */

export interface PatientTraits {
  readonly birthName: string;
  readonly firstGivenName: string;
  /** `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. */
  readonly birthDate: string;
  readonly sex: 'female' | 'male' | 'unknown';
  readonly birthPlace?: string;
  /** Shown on demand: other given names, name used, INS with its OID… in the order given. */
  readonly further: readonly { readonly label: string; readonly value: string }[];
}

export type SignedInPerson =
  | { readonly kind: 'patient' }
  | {
      readonly kind: 'professional';
      /** With the exercise situation. */
      readonly name: string;
    };

export interface SeriesDescription {
  readonly seriesInstanceUid: string;
  readonly title: string;
  /** DICOM code, `CT`. */
  readonly modality: string;
  /** `objects`: reports, segmentations, contours, curves, settings…, nothing to be counted as images. */
  readonly content: 'images' | 'video' | 'document' | 'objects';
  /** Images, frames of multi-frame images counted one by one. */
  readonly imageCount: number;
  /** JPEG of the middle image; absent where there is none to draw. */
  readonly previewPath?: string;
  /** Decide which parts of OHIF are loaded. */
  readonly sopClassUids: readonly string[];
}

export interface StudyDescription {
  readonly studyInstanceUid: string;
  readonly title: string;
  /** `YYYY-MM-DD`. */
  readonly date?: string;
  readonly place?: string;
  /** ZIP with DICOMDIR. */
  readonly downloadPath: string;
  /** Absent: there is nothing to download now. */
  readonly downloadBytes?: number;
  readonly series: readonly SeriesDescription[];
}

export interface ExaminationDescription {
  readonly softwareVersion: string;
  readonly patient: PatientTraits;
  readonly person: SignedInPerson;
  readonly studies: readonly StudyDescription[];
  /** To show first, where the link names one. */
  readonly firstSeriesInstanceUid?: string;
  readonly dicomWebPath: string;
  readonly signOut: { readonly path: string; readonly csrfField: string; readonly csrfToken: string };
  /** The link of the report, to sign in again. */
  readonly linkPath: string;
  /** When the session ends even if it is used. */
  readonly endsAtUtcMs: number;
  /** After so long without use it ends too. */
  readonly idleMs: number;
}

/** Body of any other answer. */
export interface Refusal {
  /** For the help desk. */
  readonly code: string;
  /** What happened and what to do, in French. */
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const text = (fields: Fields, key: string): string => {
  const value = fields[key];
  if (typeof value !== 'string') throw new TypeError(`description: ${key} is missing`);
  return value;
};
const path = (fields: Fields, key: string): string => {
  const value = text(fields, key);
  // Never another host, whatever the answer says.
  if (!/^\/(?!\/)[^\\]*$/.test(value)) throw new TypeError(`description: ${key} is not a path of this host`);
  return value;
};
const list = (fields: Fields, key: string): readonly Fields[] => {
  const value = fields[key];
  if (!Array.isArray(value) || !value.every(isFields)) throw new TypeError(`description: ${key} is not a list`);
  return value;
};
const part = (fields: Fields, key: string): Fields => {
  const value = fields[key];
  if (!isFields(value)) throw new TypeError(`description: ${key} is missing`);
  return value;
};
const count = (fields: Fields, key: string): number => {
  const value = fields[key];
  if (typeof value !== 'number' || !(value >= 0)) throw new TypeError(`description: ${key} is not a number`);
  return value;
};
const has = (fields: Fields, key: string): boolean => fields[key] !== undefined && fields[key] !== null;
const uid = (fields: Fields, key: string): string => {
  const value = text(fields, key);
  if (!/^[\d.]{1,64}$/.test(value)) throw new TypeError(`description: ${key} is not a UID`);
  return value;
};

const contents = ['video', 'document', 'objects'] as const;

const parseSeries = (fields: Fields): SeriesDescription => ({
  seriesInstanceUid: uid(fields, 'seriesInstanceUid'),
  title: text(fields, 'title'),
  modality: text(fields, 'modality'),
  content: contents.find((one) => one === fields['content']) ?? 'images',
  imageCount: count(fields, 'imageCount'),
  ...(has(fields, 'previewPath') ? { previewPath: path(fields, 'previewPath') } : {}),
  sopClassUids: Array.isArray(fields['sopClassUids']) ? fields['sopClassUids'].map(String) : [],
});

const parseStudy = (fields: Fields): StudyDescription => ({
  studyInstanceUid: uid(fields, 'studyInstanceUid'),
  title: text(fields, 'title'),
  ...(has(fields, 'date') ? { date: text(fields, 'date') } : {}),
  ...(has(fields, 'place') ? { place: text(fields, 'place') } : {}),
  downloadPath: path(fields, 'downloadPath'),
  ...(has(fields, 'downloadBytes') ? { downloadBytes: count(fields, 'downloadBytes') } : {}),
  series: list(fields, 'series').map(parseSeries),
});

const parsePatient = (fields: Fields): PatientTraits => {
  const sex = text(fields, 'sex');
  return {
    birthName: text(fields, 'birthName'),
    firstGivenName: text(fields, 'firstGivenName'),
    birthDate: text(fields, 'birthDate'),
    sex: sex === 'female' || sex === 'male' ? sex : 'unknown',
    ...(has(fields, 'birthPlace') ? { birthPlace: text(fields, 'birthPlace') } : {}),
    further: list(fields, 'further').map((row) => ({ label: text(row, 'label'), value: text(row, 'value') })),
  };
};

const parsePerson = (fields: Fields): SignedInPerson =>
  fields['kind'] === 'professional'
    ? {
        kind: 'professional',
        name: text(fields, 'name'),
      }
    : { kind: 'patient' };

/** @throws TypeError naming what is missing */
export const parseDescription = (value: unknown): ExaminationDescription => {
  if (!isFields(value)) throw new TypeError('description: not an object');
  const signOut = part(value, 'signOut');
  return {
    softwareVersion: text(value, 'softwareVersion'),
    patient: parsePatient(part(value, 'patient')),
    person: parsePerson(part(value, 'person')),
    studies: list(value, 'studies').map(parseStudy),
    ...(has(value, 'firstSeriesInstanceUid') ? { firstSeriesInstanceUid: uid(value, 'firstSeriesInstanceUid') } : {}),
    dicomWebPath: path(value, 'dicomWebPath'),
    signOut: {
      path: path(signOut, 'path'),
      csrfField: text(signOut, 'csrfField'),
      csrfToken: text(signOut, 'csrfToken'),
    },
    linkPath: path(value, 'linkPath'),
    endsAtUtcMs: count(value, 'endsAtUtcMs'),
    idleMs: count(value, 'idleMs'),
  };
};

/** Never throws: a broken answer is told with a code of its own. */
export const parseRefusal = (value: unknown): Refusal => {
  if (isFields(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string') {
    return { code: value['code'], message: value['message'] };
  }
  return {
    code: 'visionneuse/reponse-illisible',
    message: 'Le serveur a répondu de façon inattendue. Réessayez dans quelques minutes.',
  };
};
