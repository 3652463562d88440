/** Orders that wait for the DMP, as an administrator sees them: no bytes, no identity. */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { StudyState } from './studies.ts';
import type { OrderCause, OrderKind } from './submissions.ts';

export interface QueuedOrder {
  readonly order: number;
  readonly studyInstanceUid: string;
  readonly kind: OrderKind;
  readonly cause: OrderCause;
  /** Struct_IdNat of who sends. */
  readonly structureId: string;
  /** SOPInstanceUID of the manifest: XDS uniqueId. */
  readonly documentUid: string;
  readonly waitingSinceUtcMs: number;
  /** It left once and its outcome is unknown: the DMP is asked before anything else. */
  readonly mayHaveArrived: boolean;
  readonly failedAttempts: number;
  /** Absent: at the next look. */
  readonly nextAttemptAtUtcMs?: number;
  /** Why the study waits or is held, as the last look said. */
  readonly lastError?: ErrorCode;
  readonly lastErrorDetail?: string;
}

interface QueueRow {
  readonly id: number;
  readonly study_uid: string;
  readonly kind: OrderKind;
  readonly cause: OrderCause;
  readonly structure_id: string;
  readonly document_uid: string;
  readonly created_at_utc_ms: number;
  readonly sent_at_utc_ms: number | null;
  readonly failed_attempts: number;
  readonly next_attempt_at_utc_ms: number | null;
  readonly reason_code: ErrorCode | null;
  readonly reason_detail: string | null;
}

const fromRow = (row: QueueRow): QueuedOrder => ({
  order: Number(row.id),
  studyInstanceUid: row.study_uid,
  kind: row.kind,
  cause: row.cause,
  structureId: row.structure_id,
  documentUid: row.document_uid,
  waitingSinceUtcMs: Number(row.created_at_utc_ms),
  mayHaveArrived: row.sent_at_utc_ms !== null,
  failedAttempts: row.failed_attempts,
  ...(row.next_attempt_at_utc_ms === null ? {} : { nextAttemptAtUtcMs: Number(row.next_attempt_at_utc_ms) }),
  ...(row.reason_code === null ? {} : { lastError: row.reason_code, lastErrorDetail: row.reason_detail ?? '' }),
});

/** Open orders, the longest waiting first, at most `limit`; and how many there are in all. */
export const loadQueue = async (
  knex: Knex,
  limit: number,
): Promise<{ readonly total: number; readonly orders: readonly QueuedOrder[] }> => {
  const rows: QueueRow[] = await knex('submission')
    .join('study', 'study.study_uid', 'submission.study_uid')
    .where('submission.state', 'open')
    .orderBy('submission.id')
    .limit(limit)
    .select(
      'submission.id',
      'submission.study_uid',
      'submission.kind',
      'submission.cause',
      'submission.structure_id',
      'submission.document_uid',
      'submission.created_at_utc_ms',
      'submission.sent_at_utc_ms',
      'submission.failed_attempts',
      'submission.next_attempt_at_utc_ms',
      'study.reason_code',
      'study.reason_detail',
    );
  const counted: { total?: number | string } | undefined = await knex('submission')
    .where('state', 'open')
    .count('* as total')
    .first();
  return { total: Number(counted?.total ?? 0), orders: rows.map(fromRow) };
};

/** What a release made of a study. */
export type Released =
  /** Failed, withdrawn or without images: it is new again and nothing of before bars it. */
  | { readonly kind: 'new'; readonly was: StudyState }
  /** Held: every rule is checked again; it stays held if the cause is still there. */
  | { readonly kind: 'checked-again'; readonly was: StudyState; readonly reason?: ErrorCode }
  /** An order waits: it is tried at once. */
  | { readonly kind: 'tried-at-once'; readonly was: StudyState; readonly order: OrderKind }
  /** Nothing was in the way: it is compared with the PACS, and sent only if something differs. */
  | { readonly kind: 'looked-at'; readonly was: StudyState };

const newAgain: readonly StudyState[] = [StudyState.failed, StudyState.withdrawn, StudyState.imagesGone];

/**
 * Gives one study another chance, now: an administrator put right what was in the way.
 *
 * @throws archive/not-found
 */
export const releaseStudy = async (
  trx: Knex.Transaction,
  studyInstanceUid: string,
  dueAtUtcMs: number,
): Promise<Released> => {
  const study: { state: StudyState; reason_code: ErrorCode | null } | undefined = await trx('study')
    .where('study_uid', studyInstanceUid)
    .forUpdate()
    .first('state', 'reason_code');
  if (study === undefined) throw new DrimboxError('archive/not-found', { detail: 'no report ever named this study' });
  const was = study.state;
  const isNewAgain = newAgain.includes(was);
  await trx('study')
    .where('study_uid', studyInstanceUid)
    .update({
      ...(isNewAgain ? { state: StudyState.new, reason_code: null, reason_detail: null } : {}),
      withdrawn_at_utc_ms: null,
      refused_submission_id: null,
      look_due_at_utc_ms: dueAtUtcMs,
      look_number: trx.raw('look_number + 1'),
    });
  const [open]: { kind: OrderKind }[] = await trx('submission')
    .where({ study_uid: studyInstanceUid, state: 'open' })
    .update({ next_attempt_at_utc_ms: null })
    .returning(['kind']);
  if (open !== undefined) return { kind: 'tried-at-once', was, order: open.kind };
  if (isNewAgain) return { kind: 'new', was };
  if (was !== StudyState.held) return { kind: 'looked-at', was };
  return { kind: 'checked-again', was, ...(study.reason_code === null ? {} : { reason: study.reason_code }) };
};

/** Studies that something is in the way of: held, failed, withdrawn, or with an order that waits. Oldest change first. */
export const loadReleasableStudies = async (knex: Knex): Promise<readonly string[]> => {
  const uids: string[] = await knex('study')
    .whereIn('state', [StudyState.held, StudyState.failed, StudyState.withdrawn, StudyState.sending])
    .orderBy('updated_at_utc_ms')
    .pluck('study_uid');
  return uids;
};
