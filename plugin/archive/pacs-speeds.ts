/**
 * Figures of the speed tests of the PACS, kept to be compared: the latest thousand, whoever measures every hour has six weeks.
 *
 * @see facts/spec.md (c), DB.SO.155, DB.SO.156
 */
import type { Knex } from 'knex';

/** By which way the objects were read: in Orthanc's folder, by its REST API, or some so and some so. */
export const PacsReader = { folder: 'folder', rest: 'rest', both: 'both' } as const;
export type PacsReader = (typeof PacsReader)[keyof typeof PacsReader];

/** One speed test. */
export interface KeptPacsSpeed {
  readonly atUtcMs: number;
  readonly studyInstanceUid: string;
  readonly reader: PacsReader;
  /** Objects of the study, those that could not be read too. */
  readonly images: number;
  /** Of the objects that were read. */
  readonly bytes: number;
  /** From the question to the last byte of the first image. */
  readonly firstImageMs: number;
  /** From the question to the last byte of all. */
  readonly totalMs: number;
  /** Objects that were read, by transfer syntax; '' where the index does not say. */
  readonly transferSyntaxes: Readonly<Record<string, number>>;
}

/** Older ones are forgotten; an assumption: no text sets how many. */
export const keptPacsSpeeds = 1_000;

interface Row {
  readonly at_utc_ms: number;
  readonly study_uid: string;
  readonly reader: PacsReader;
  readonly images: number;
  readonly bytes: number;
  readonly first_image_ms: number;
  readonly total_ms: number;
  readonly syntaxes: Readonly<Record<string, number>>;
}

const fromRow = (row: Row): KeptPacsSpeed => ({
  atUtcMs: Number(row.at_utc_ms),
  studyInstanceUid: row.study_uid,
  reader: row.reader,
  images: row.images,
  bytes: Number(row.bytes),
  firstImageMs: row.first_image_ms,
  totalMs: row.total_ms,
  transferSyntaxes: row.syntaxes,
});

/** Keeps a measure and forgets what is beyond `most` [1,000]. */
export const savePacsSpeed = async (
  trx: Knex.Transaction,
  speed: KeptPacsSpeed,
  most: number = keptPacsSpeeds,
): Promise<void> => {
  await trx('pacs_speed').insert({
    at_utc_ms: speed.atUtcMs,
    study_uid: speed.studyInstanceUid,
    reader: speed.reader,
    images: speed.images,
    bytes: speed.bytes,
    first_image_ms: speed.firstImageMs,
    total_ms: speed.totalMs,
    syntaxes: JSON.stringify(speed.transferSyntaxes),
  });
  await trx.raw('DELETE FROM pacs_speed WHERE id <= (SELECT id FROM pacs_speed ORDER BY id DESC OFFSET ? LIMIT 1)', [
    most,
  ]);
};

/** The latest first. @param only.studyInstanceUid  absent: of every study */
export const loadPacsSpeeds = async (
  knex: Knex,
  only: { readonly limit: number; readonly studyInstanceUid?: string },
): Promise<readonly KeptPacsSpeed[]> => {
  const { limit, studyInstanceUid } = only;
  const rows: Row[] = await knex('pacs_speed')
    .where(studyInstanceUid === undefined ? {} : { study_uid: studyInstanceUid })
    .orderBy('id', 'desc')
    .limit(limit)
    .select('*');
  return rows.map(fromRow);
};
