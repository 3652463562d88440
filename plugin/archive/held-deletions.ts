/**
 * Deletions that the PACS calls for and that nobody has proved or confirmed (decisions D1–D3): what the DMP holds still, and
 * the administrator's word that it may go.
 */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { saveEvents } from './journal.ts';
import { StudyState } from './studies.ts';

/** Reasons of a hold that only an administrator, or the PACS, can end. */
export const heldDeletionReasons = [
  'publication/deletion-unproven',
  'publication/deletion-limit',
  'publication/pacs-database-changed',
] as const satisfies readonly ErrorCode[];

export interface HeldDeletion {
  readonly studyInstanceUid: string;
  readonly reason: ErrorCode;
  readonly detail: string;
  readonly heldSinceUtcMs: number;
  /** Since when the PACS says that it has no image of it. */
  readonly absentSinceUtcMs?: number;
  readonly confirmedAtUtcMs?: number;
  /** What the DMP holds. */
  readonly published?: {
    /** SOPInstanceUID of the manifest: XDS uniqueId. */
    readonly documentUid: string;
    readonly instances: number;
    readonly publishedAtUtcMs?: number;
  };
}

interface HeldRow {
  readonly study_uid: string;
  readonly reason_code: ErrorCode;
  readonly reason_detail: string | null;
  readonly held_since_utc_ms: number;
  readonly absent_since_utc_ms: number | null;
  readonly deletion_confirmed_at_utc_ms: number | null;
  readonly document_uid: string | null;
  readonly settled_at_utc_ms: number | null;
  readonly instances: number | null;
}

const fromRow = (row: HeldRow): HeldDeletion => ({
  studyInstanceUid: row.study_uid,
  reason: row.reason_code,
  detail: row.reason_detail ?? '',
  heldSinceUtcMs: Number(row.held_since_utc_ms),
  ...(row.absent_since_utc_ms === null ? {} : { absentSinceUtcMs: Number(row.absent_since_utc_ms) }),
  ...(row.deletion_confirmed_at_utc_ms === null ? {} : { confirmedAtUtcMs: Number(row.deletion_confirmed_at_utc_ms) }),
  ...(row.document_uid === null
    ? {}
    : {
        published: {
          documentUid: row.document_uid,
          instances: Number(row.instances ?? 0),
          ...(row.settled_at_utc_ms === null ? {} : { publishedAtUtcMs: Number(row.settled_at_utc_ms) }),
        },
      }),
});

/** In the manifest as archived: how many instances it names. */
const instanceCount = `(SELECT sum(jsonb_array_length(series->'instances'))
  FROM jsonb_array_elements(CASE jsonb_typeof(submission.manifest->'series') WHEN 'array' THEN submission.manifest->'series' ELSE '[]' END) series)`;

const heldStudies = (knex: Knex): Knex.QueryBuilder =>
  knex('study')
    .where('study.state', StudyState.held)
    .whereIn('study.reason_code', [...heldDeletionReasons])
    // A replacement may be held for the same doubt: nothing of it is to be deleted.
    .whereNotNull('study.absent_since_utc_ms');

/** Held deletions, the longest held first, at most `limit`; and how many there are in all. */
export const loadHeldDeletions = async (
  knex: Knex,
  limit: number,
): Promise<{ readonly total: number; readonly deletions: readonly HeldDeletion[] }> => {
  const rows: HeldRow[] = await heldStudies(knex)
    .leftJoin('submission', 'submission.id', 'study.published_submission_id')
    // The alert of the hold was raised when it began; each look since has touched the study.
    .leftJoin('alert', (join) => {
      join
        .on('alert.subject', 'study.study_uid')
        .on('alert.code', 'study.reason_code')
        .onNull('alert.cleared_at_utc_ms');
    })
    .orderBy('held_since_utc_ms')
    .orderBy('study.study_uid')
    .limit(limit)
    .select(
      'study.study_uid',
      'study.reason_code',
      'study.reason_detail',
      knex.raw('COALESCE(alert.raised_at_utc_ms, study.updated_at_utc_ms) AS held_since_utc_ms'),
      'study.absent_since_utc_ms',
      'study.deletion_confirmed_at_utc_ms',
      'submission.document_uid',
      'submission.settled_at_utc_ms',
      knex.raw(`${instanceCount} AS instances`),
    );
  const counted: { total?: number | string } | undefined = await heldStudies(knex).count('* as total').first();
  return { total: Number(counted?.total ?? 0), deletions: rows.map(fromRow) };
};

/**
 * Writes down that an administrator wants these deletions, and makes their studies due: the PACS is asked once more before
 * anything is sent.
 *
 * @param uids  studies of held deletions; undefined: every one
 * @returns the studies confirmed
 * @throws archive/not-found — one of them is not held for a deletion: none is confirmed
 */
export const confirmDeletions = async (
  trx: Knex.Transaction,
  uids: readonly string[] | undefined,
  atUtcMs: number,
): Promise<readonly string[]> => {
  const query = heldStudies(trx).orderBy('study_uid').forUpdate();
  if (uids !== undefined) query.whereRaw('study_uid = ANY(?::text[])', [[...uids]]);
  const found: { study_uid: string; reason_code: ErrorCode }[] = await query.select('study_uid', 'reason_code');
  const confirmed = found.map((row) => row.study_uid);
  const known = new Set(confirmed);
  const missing = (uids ?? []).find((uid) => !known.has(uid));
  if (missing !== undefined) {
    throw new DrimboxError('archive/not-found', {
      detail: `no deletion is held for ${missing}; nothing was confirmed`,
    });
  }
  await trx('study')
    .whereRaw('study_uid = ANY(?::text[])', [confirmed])
    .update({
      deletion_confirmed_at_utc_ms: atUtcMs,
      look_due_at_utc_ms: atUtcMs,
      look_number: trx.raw('look_number + 1'),
    });
  await saveEvents(
    trx,
    atUtcMs,
    found.map((row) => ({
      name: 'deletion/confirmed',
      studyInstanceUid: row.study_uid,
      errorCode: row.reason_code,
    })),
  );
  return confirmed;
};

/** Makes the studies due that wait for an administrator's word about deletions or the PACS's database; returns how many. */
export const requestLooksOfHeldDeletions = (knex: Knex, dueAtUtcMs: number): Promise<number> =>
  knex('study')
    .where('state', StudyState.held)
    .whereIn('reason_code', [...heldDeletionReasons])
    .update({ look_due_at_utc_ms: dueAtUtcMs, look_number: knex.raw('look_number + 1') });
