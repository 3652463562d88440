/**
 * What a comparison needs of each study, and what it found.
 */
import type { Knex } from 'knex';
import type { ErrorCode } from '../errors.ts';
import { Finding } from './comparison-run.ts';
import { StudyState } from './studies.ts';

/** States of studies that the content of the PACS has no part in. */
const uncomparedStates = [StudyState.retired, StudyState.notDestined, StudyState.loaded] as const;

/** A study as the last look left it. */
export interface ComparedStudy {
  readonly studyInstanceUid: string;
  readonly state: StudyState;
  readonly reasonCode?: ErrorCode;
  readonly contentFingerprint?: string;
  readonly absentSinceUtcMs?: number;
  /** What the DMP holds, and who published it (Struct_IdNat). */
  readonly published?: { readonly submissionId: number; readonly structureId: string };
}

interface ComparedRow {
  readonly study_uid: string;
  readonly state: StudyState;
  readonly reason_code: ErrorCode | null;
  readonly content_fingerprint: string | null;
  readonly absent_since_utc_ms: number | null;
  readonly published_submission_id: number | null;
  readonly structure_id: string | null;
}

const fromRow = (row: ComparedRow): ComparedStudy => ({
  studyInstanceUid: row.study_uid,
  state: row.state,
  ...(row.reason_code === null ? {} : { reasonCode: row.reason_code }),
  ...(row.content_fingerprint === null ? {} : { contentFingerprint: row.content_fingerprint }),
  ...(row.absent_since_utc_ms === null ? {} : { absentSinceUtcMs: Number(row.absent_since_utc_ms) }),
  ...(row.published_submission_id === null
    ? {}
    : { published: { submissionId: Number(row.published_submission_id), structureId: row.structure_id ?? '' } }),
});

const comparedStudies = (knex: Knex): Knex.QueryBuilder =>
  knex('study').whereNotIn('study.state', [...uncomparedStates]);

const withPublished = (query: Knex.QueryBuilder): Knex.QueryBuilder =>
  query
    .leftJoin('submission', 'submission.id', 'study.published_submission_id')
    .orderBy('study.study_uid')
    .select(
      'study.study_uid',
      'study.state',
      'study.reason_code',
      'study.content_fingerprint',
      'study.absent_since_utc_ms',
      'study.published_submission_id',
      'submission.structure_id',
    );

/** Studies in the order of their UID, after that one. */
export const loadStudiesToCompare = async (
  knex: Knex,
  afterUid: string,
  limit: number,
): Promise<readonly ComparedStudy[]> => {
  const rows: ComparedRow[] = await withPublished(
    comparedStudies(knex).where('study.study_uid', '>', afterUid).limit(limit),
  );
  return rows.map(fromRow);
};

/** Those that this run could not read, after that one. */
export const loadUnreadableStudies = async (
  knex: Knex,
  runId: number,
  afterUid: string,
  limit: number,
): Promise<readonly ComparedStudy[]> => {
  const rows: ComparedRow[] = await withPublished(
    knex('comparison_finding')
      .join('study', 'study.study_uid', 'comparison_finding.study_uid')
      .where({ run_id: runId, finding: Finding.unreadable })
      .where('study.study_uid', '>', afterUid)
      .limit(limit),
  );
  return rows.map(fromRow);
};

const countOf = (row: { readonly count?: string | number } | undefined): number => Number(row?.count ?? 0);

export const countStudiesToCompare = async (knex: Knex): Promise<number> =>
  countOf(await comparedStudies(knex).count('* as count').first());

/** Published manifests by Struct_IdNat. */
export const countPublishedManifests = async (knex: Knex): Promise<Readonly<Record<string, number>>> => {
  const rows: { structure_id: string; count: number }[] = await knex('study')
    .join('submission', 'submission.id', 'study.published_submission_id')
    .whereNotIn('study.state', [...uncomparedStates])
    .groupBy('submission.structure_id')
    .select('submission.structure_id')
    .count('* as count');
  return Object.fromEntries(rows.map((row) => [row.structure_id, Number(row.count)]));
};

/** One object that a manifest names, as one word. */
export const manifestObject = (seriesInstanceUid: string, sopInstanceUid: string, sopClassUid: string): string =>
  `${seriesInstanceUid} ${sopInstanceUid} ${sopClassUid}`;

interface ManifestSeries {
  readonly seriesInstanceUid: string;
  readonly instances: readonly { readonly sopInstanceUid: string; readonly sopClassUid: string }[];
}

/** What each of these submissions names, as `manifestObject` words; nothing for one whose content is not known. */
export const loadManifestObjects = async (
  knex: Knex,
  submissionIds: readonly number[],
): Promise<ReadonlyMap<number, ReadonlySet<string>>> => {
  if (submissionIds.length === 0) return new Map();
  const rows: { id: number; series: readonly ManifestSeries[] | null }[] = await knex('submission')
    .whereIn('id', [...submissionIds])
    .select('id', knex.raw(`manifest->'series' AS series`));
  return new Map(
    rows.map(({ id, series }) => [
      Number(id),
      new Set(
        (series ?? []).flatMap(({ seriesInstanceUid, instances }) =>
          instances.map(({ sopInstanceUid, sopClassUid }) =>
            manifestObject(seriesInstanceUid, sopInstanceUid, sopClassUid),
          ),
        ),
      ),
    ]),
  );
};

export interface StudyFinding {
  readonly studyInstanceUid: string;
  readonly finding: Finding;
}

/** Keeps what is to be told or looked at; what turned out unchanged is no finding any more. */
export const saveFindings = async (trx: Knex, runId: number, findings: readonly StudyFinding[]): Promise<void> => {
  const rows = findings.filter(({ finding }) => finding !== Finding.unchanged);
  const past = findings.filter(({ finding }) => finding === Finding.unchanged).map((one) => one.studyInstanceUid);
  if (past.length > 0) await trx('comparison_finding').where('run_id', runId).whereIn('study_uid', past).delete();
  if (rows.length === 0) return;
  await trx('comparison_finding')
    .insert(rows.map(({ studyInstanceUid, finding }) => ({ run_id: runId, study_uid: studyInstanceUid, finding })))
    .onConflict(['run_id', 'study_uid'])
    .merge(['finding']);
};

/** A finding with what is known of its study now; no identity. */
export interface FindingView extends StudyFinding {
  readonly state: StudyState;
  readonly reason?: ErrorCode;
  readonly isLooked: boolean;
}

export const loadFindings = async (
  knex: Knex,
  runId: number,
  filter: { readonly finding?: Finding; readonly limit?: number } = {},
): Promise<readonly FindingView[]> => {
  const query = knex('comparison_finding')
    .join('study', 'study.study_uid', 'comparison_finding.study_uid')
    .where('run_id', runId)
    .orderBy('comparison_finding.study_uid');
  if (filter.finding !== undefined) query.where('finding', filter.finding);
  if (filter.limit !== undefined) query.limit(filter.limit);
  const rows: {
    study_uid: string;
    finding: Finding;
    state: StudyState;
    reason_code: ErrorCode | null;
    looked_at_utc_ms: number | null;
  }[] = await query.select('comparison_finding.*', 'study.state', 'study.reason_code');
  return rows.map((row) => ({
    studyInstanceUid: row.study_uid,
    finding: row.finding,
    state: row.state,
    isLooked: row.looked_at_utc_ms !== null,
    ...(row.reason_code === null ? {} : { reason: row.reason_code }),
  }));
};
