/**
 * What a restored archive must not take for granted: the DMP went on after the backup (decision C8). Open orders may have
 * been sent, published studies may have changed in the PACS, and a study that was waiting may have been published under
 * identifiers that the archive never saw: asked for nothing else, the DMP cannot tell that.
 */
import type { Knex } from 'knex';
import type { ErrorCode } from '../errors.ts';
import { saveEvents } from './journal.ts';
import { deleteMarker, loadMarker, saveMarker } from './markers.ts';
import { StudyState } from './studies.ts';

/** When the archive was last restored; its value says from when the backup is. */
export const restoredMarker = 'restored';
/** Followed by a StudyInstanceUID: it may have been published after the backup. */
const unsureMarker = 'restored-unsure:';

/** Why a study that may have been published after the backup is not published again. */
export const unsureAfterRestore = 'publication/restored-unsure' satisfies ErrorCode;

/** True until an administrator releases the study: its first publication may already be in the DMP. */
export const isUnsureAfterRestore = async (knex: Knex, studyInstanceUid: string): Promise<boolean> =>
  (await loadMarker(knex, unsureMarker + studyInstanceUid)) !== undefined;

/** An administrator says that it is not in the DMP. */
export const endRestoreDoubt = (knex: Knex, studyInstanceUid: string): Promise<void> =>
  deleteMarker(knex, unsureMarker + studyInstanceUid);

/** Orders that were open may have left since: the DMP is asked before they are sent. */
const doubtOpenOrders = (trx: Knex.Transaction, backupAtUtcMs: number): Promise<number> =>
  trx('submission')
    .where('state', 'open')
    .update({
      sent_at_utc_ms: trx.raw('COALESCE(sent_at_utc_ms, ?::bigint)', [backupAtUtcMs]),
      first_sent_at_utc_ms: trx.raw('COALESCE(first_sent_at_utc_ms, ?::bigint)', [backupAtUtcMs]),
      next_attempt_at_utc_ms: null,
    });

/** Studies with a current report for the DMP of which the archive knows no publication. */
const doubtUnpublished = async (trx: Knex.Transaction, atUtcMs: number): Promise<number> => {
  const result: { rows: unknown[] } = await trx.raw(
    `INSERT INTO marker (name, value, at_utc_ms)
     SELECT ? || study.study_uid, '', ? FROM study
     WHERE study.published_submission_id IS NULL AND EXISTS (
       SELECT FROM report_study JOIN report ON report.id = report_study.report_id
       WHERE report_study.study_uid = study.study_uid AND report.state = 'current' AND report.sent_to_dmp)
     ON CONFLICT (name) DO NOTHING RETURNING name`,
    [unsureMarker, atUtcMs],
  );
  return result.rows.length;
};

/** Every study that the DMP holds, or may hold, gets a look; leases are of processes that are gone. */
const requestLooks = async (trx: Knex.Transaction, atUtcMs: number): Promise<number> => {
  await trx('study').update({ lease_token: null, lease_until_utc_ms: null });
  return trx('study')
    .whereNotNull('published_submission_id')
    .orWhereIn('state', [StudyState.sending])
    .update({ look_due_at_utc_ms: atUtcMs, look_number: trx.raw('look_number + 1') });
};

/** What the PACS said before the backup proves no deletion now (decision D1). */
const forgetProofs = async (trx: Knex.Transaction): Promise<void> => {
  if (!(await trx.schema.hasColumn('study', 'absent_since_utc_ms'))) return;
  await trx('study').update({ absent_since_utc_ms: null, deletion_confirmed_at_utc_ms: null });
};

export interface RestoredDoubts {
  readonly openOrders: number;
  readonly unsureStudies: number;
  readonly looks: number;
}

/** Marks everything that may have changed between the backup and now; part of the transaction that restores. */
export const doubtRestoredStudies = async (
  trx: Knex.Transaction,
  backupAtUtcMs: number,
  atUtcMs: number,
): Promise<RestoredDoubts> => {
  const openOrders = await doubtOpenOrders(trx, backupAtUtcMs);
  const unsureStudies = await doubtUnpublished(trx, atUtcMs);
  const looks = await requestLooks(trx, atUtcMs);
  await forgetProofs(trx);
  const backupAt = new Date(backupAtUtcMs).toISOString();
  await saveMarker(trx, restoredMarker, JSON.stringify({ backupAt }), atUtcMs);
  await saveEvents(trx, atUtcMs, [
    { name: 'archive/restored', detail: { backupAt, openOrders, unsureStudies, looks } },
  ]);
  return { openOrders, unsureStudies, looks };
};
