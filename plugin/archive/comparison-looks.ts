/** The looks that a comparison asks for, a few at a time, and what became of them. */
import type { Knex } from 'knex';
import { Finding } from './comparison-run.ts';
import { StudyState } from './studies.ts';

const countOf = (row: { readonly count?: string | number } | undefined): number => Number(row?.count ?? 0);

/**
 * Asks for a look at studies that were found different and are not asked for yet; due now, so that they stand behind what
 * is due already.
 *
 * @returns how many
 */
export const askForLooks = async (trx: Knex, runId: number, limit: number, atUtcMs: number): Promise<number> => {
  if (limit <= 0) return 0;
  const asked: { rows: unknown[] } = await trx.raw(
    `WITH chosen AS (
       UPDATE comparison_finding SET asked_at_utc_ms = ?
       WHERE run_id = ? AND study_uid IN (
         SELECT study_uid FROM comparison_finding
         WHERE run_id = ? AND looked_at_utc_ms IS NULL AND asked_at_utc_ms IS NULL AND finding <> 'unreadable'
         ORDER BY study_uid LIMIT ?)
       RETURNING study_uid)
     UPDATE study SET look_due_at_utc_ms = LEAST(COALESCE(look_due_at_utc_ms, ?), ?), look_number = look_number + 1
     FROM chosen WHERE study.study_uid = chosen.study_uid RETURNING study.study_uid`,
    [atUtcMs, runId, runId, limit, atUtcMs, atUtcMs],
  );
  return asked.rows.length;
};

/** Marks the asked looks that were made: the study is not due any more. */
export const markLooked = async (knex: Knex, runId: number, nowUtcMs: number): Promise<void> => {
  await knex.raw(
    `UPDATE comparison_finding SET looked_at_utc_ms = ?
     FROM study
     WHERE run_id = ? AND looked_at_utc_ms IS NULL AND asked_at_utc_ms IS NOT NULL
       AND study.study_uid = comparison_finding.study_uid AND study.lease_token IS NULL
       AND (study.look_due_at_utc_ms IS NULL OR study.look_due_at_utc_ms > ?)`,
    [nowUtcMs, runId, nowUtcMs],
  );
};

export interface LookProgress {
  /** Looks that the findings call for. */
  readonly wanted: number;
  readonly asked: number;
  readonly looked: number;
}

export const countLooks = async (knex: Knex, runId: number): Promise<LookProgress> => {
  const row: Record<keyof LookProgress, number> | undefined = await knex('comparison_finding')
    .where('run_id', runId)
    .whereNot('finding', Finding.unreadable)
    .first(
      knex.raw('count(*)::int AS wanted'),
      knex.raw('count(asked_at_utc_ms)::int AS asked'),
      knex.raw('count(looked_at_utc_ms)::int AS looked'),
    );
  return { wanted: row?.wanted ?? 0, asked: row?.asked ?? 0, looked: row?.looked ?? 0 };
};

/** Studies that were looked at, but wait for their content to settle, for a proof, for the DMP or for another attempt. */
export const countUnconcluded = async (
  knex: Knex,
  runId: number,
  times: { readonly nowUtcMs: number; readonly stableSinceUtcMs: number },
): Promise<number> =>
  countOf(
    await knex('comparison_finding')
      .join('study', 'study.study_uid', 'comparison_finding.study_uid')
      .where('run_id', runId)
      .whereNotNull('asked_at_utc_ms')
      .whereRaw(
        `(study.state IN ('new', 'settling', 'sending') OR study.failed_looks > 0 OR study.lease_token IS NOT NULL
          OR study.look_due_at_utc_ms <= ?
          OR (study.state = 'published' AND (study.absent_since_utc_ms IS NOT NULL OR study.content_since_utc_ms > ?)))`,
        [times.nowUtcMs, times.stableSinceUtcMs],
      )
      .count('* as count')
      .first(),
  );

/** Studies of this run that are held now. */
export const countHeldFindings = async (knex: Knex, runId: number): Promise<number> =>
  countOf(
    await knex('comparison_finding')
      .join('study', 'study.study_uid', 'comparison_finding.study_uid')
      .where('run_id', runId)
      .where('study.state', StudyState.held)
      .count('* as count')
      .first(),
  );

/** What the looks made of the findings that called for nothing more than a look. */
export interface FindingOutcome {
  readonly structureId: string;
  readonly finding: Finding;
  /** The manifest was replaced since the run began. */
  readonly isUpdated: boolean;
  readonly count: number;
}

/** Of the studies that are published now; by structure. */
export const loadOutcomes = async (
  knex: Knex,
  runId: number,
  sinceUtcMs: number,
): Promise<readonly FindingOutcome[]> => {
  const rows: { structure_id: string; finding: Finding; updated: boolean; count: number }[] = await knex(
    'comparison_finding',
  )
    .join('study', 'study.study_uid', 'comparison_finding.study_uid')
    .join('submission', 'submission.id', 'study.published_submission_id')
    .where({ run_id: runId, 'study.state': StudyState.published })
    .whereIn('finding', [Finding.changed, Finding.touched])
    .groupByRaw('1, 2, 3')
    .select(
      'submission.structure_id',
      'finding',
      knex.raw(`(submission.kind = 'replace' AND submission.created_at_utc_ms >= ?) AS updated`, [sinceUtcMs]),
      knex.raw('count(*)::int AS count'),
    );
  return rows.map((row) => ({
    structureId: row.structure_id,
    finding: row.finding,
    isUpdated: row.updated,
    count: row.count,
  }));
};
