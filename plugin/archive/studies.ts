/**
 * One row per study that a report ever named: what the last look found, and when the next one is due.
 *
 * Looks: a hint makes a look due; several hints make one look; a look is leased by one sidecar at a time. A hint that
 * arrives during a look raises `look_number`, and the study stays due.
 *
 * @see design.md §4
 */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';

/** What the last look concluded. */
export const StudyState = {
  /** Never looked at since its last report. */
  new: 'new',
  /** The PACS does not have it yet. */
  waitingForImages: 'waiting-for-images',
  /** Images are still arriving. */
  settling: 'settling',
  /** An order is on its way to the DMP. */
  sending: 'sending',
  published: 'published',
  /** Nothing is sent: an administrator or a new message releases it. */
  held: 'held',
  /** The deadline passed without images, or the DMP refused for good. */
  failed: 'failed',
  /** The report is not destined to the DMP. */
  notDestined: 'not-destined',
  /** No current report names it and the DMP holds nothing. */
  retired: 'retired',
  /** We published it and the DMP no longer has it (decision C8). */
  withdrawn: 'withdrawn',
  /** The images left the PACS and the DMP holds nothing any more; the report is still there. */
  imagesGone: 'images-gone',
  /** A manifest that was loaded from a file, without report: nothing is sent for it, nothing deleted. */
  loaded: 'loaded',
} as const;
export type StudyState = (typeof StudyState)[keyof typeof StudyState];

export interface ArchivedStudy {
  readonly studyInstanceUid: string;
  readonly state: StudyState;
  readonly reasonCode?: ErrorCode;
  readonly reasonDetail?: string;
  readonly firstReportAtUtcMs: number;
  readonly imagesDeadlineAtUtcMs: number;
  readonly orthancStudyId?: string;
  readonly contentFingerprint?: string;
  readonly contentSinceUtcMs?: number;
  readonly publishedSubmissionId?: number;
  /** Since when the PACS says that it has no image of a published study (decision D1). */
  readonly absentSinceUtcMs?: number;
  /** Its deletion was one too many that day: only an administrator lets it go (decision D3). */
  readonly deletionOverLimitAtUtcMs?: number;
  /** An administrator confirmed the deletion that is held; good for one look. */
  readonly deletionConfirmedAtUtcMs?: number;
  /** Somebody took our document out of the DMP: only a new report or an administrator publishes again (decision C8). */
  readonly withdrawnAtUtcMs?: number;
  /** The DMP refused this order for good: only another one, a new report or an administrator goes on. */
  readonly refusedSubmissionId?: number;
  readonly updatedAtUtcMs: number;
  readonly lookDueAtUtcMs?: number;
  readonly lookNumber: number;
  /** Raised by each report about the study. */
  readonly reportNumber: number;
  /** Looks in a row that ended in an error. */
  readonly failedLooks: number;
  /** Says that this study is ours to look at, until the lease ends or is taken over; absent when it was only read. */
  readonly leaseToken?: string;
}

interface StudyRow {
  readonly study_uid: string;
  readonly state: StudyState;
  readonly reason_code: ErrorCode | null;
  readonly reason_detail: string | null;
  readonly first_report_at_utc_ms: number;
  readonly images_deadline_at_utc_ms: number;
  readonly orthanc_study_id: string | null;
  readonly content_fingerprint: string | null;
  readonly content_since_utc_ms: number | null;
  readonly published_submission_id: number | null;
  readonly absent_since_utc_ms: number | null;
  readonly deletion_over_limit_at_utc_ms: number | null;
  readonly deletion_confirmed_at_utc_ms: number | null;
  readonly withdrawn_at_utc_ms: number | null;
  readonly refused_submission_id: number | null;
  readonly report_number: number;
  readonly updated_at_utc_ms: number;
  readonly look_due_at_utc_ms: number | null;
  readonly look_number: number;
  readonly failed_looks: number;
  readonly lease_token: string | null;
}

const fromRow = (row: StudyRow): ArchivedStudy => ({
  studyInstanceUid: row.study_uid,
  state: row.state,
  firstReportAtUtcMs: Number(row.first_report_at_utc_ms),
  imagesDeadlineAtUtcMs: Number(row.images_deadline_at_utc_ms),
  updatedAtUtcMs: Number(row.updated_at_utc_ms),
  lookNumber: Number(row.look_number),
  reportNumber: Number(row.report_number),
  failedLooks: row.failed_looks,
  ...(row.lease_token === null ? {} : { leaseToken: row.lease_token }),
  ...(row.reason_code === null ? {} : { reasonCode: row.reason_code }),
  ...(row.reason_detail === null ? {} : { reasonDetail: row.reason_detail }),
  ...(row.orthanc_study_id === null ? {} : { orthancStudyId: row.orthanc_study_id }),
  ...(row.content_fingerprint === null ? {} : { contentFingerprint: row.content_fingerprint }),
  ...(row.content_since_utc_ms === null ? {} : { contentSinceUtcMs: Number(row.content_since_utc_ms) }),
  ...(row.published_submission_id === null ? {} : { publishedSubmissionId: Number(row.published_submission_id) }),
  ...(row.absent_since_utc_ms === null ? {} : { absentSinceUtcMs: Number(row.absent_since_utc_ms) }),
  ...(row.deletion_over_limit_at_utc_ms === null
    ? {}
    : { deletionOverLimitAtUtcMs: Number(row.deletion_over_limit_at_utc_ms) }),
  ...(row.deletion_confirmed_at_utc_ms === null
    ? {}
    : { deletionConfirmedAtUtcMs: Number(row.deletion_confirmed_at_utc_ms) }),
  ...(row.withdrawn_at_utc_ms === null ? {} : { withdrawnAtUtcMs: Number(row.withdrawn_at_utc_ms) }),
  ...(row.refused_submission_id === null ? {} : { refusedSubmissionId: Number(row.refused_submission_id) }),
  ...(row.look_due_at_utc_ms === null ? {} : { lookDueAtUtcMs: Number(row.look_due_at_utc_ms) }),
});

/**
 * Makes the study known and due, once a report names it. A new report gives a study that failed another deadline and
 * another chance: it is `new` again.
 */
export const upsertStudy = async (
  trx: Knex.Transaction,
  study: { readonly studyInstanceUid: string; readonly atUtcMs: number; readonly imagesDeadlineAtUtcMs: number },
): Promise<void> => {
  await trx.raw(
    `INSERT INTO study (study_uid, state, first_report_at_utc_ms, images_deadline_at_utc_ms, updated_at_utc_ms, look_due_at_utc_ms, look_number, report_number)
     VALUES (?, 'new', ?, ?, ?, ?, 1, 1)
     ON CONFLICT (study_uid) DO UPDATE SET
       state = CASE WHEN study.state IN ('failed', 'withdrawn', 'loaded') THEN 'new' ELSE study.state END,
       reason_code = CASE WHEN study.state IN ('failed', 'withdrawn', 'loaded') THEN NULL ELSE study.reason_code END,
       reason_detail = CASE WHEN study.state IN ('failed', 'withdrawn', 'loaded') THEN NULL ELSE study.reason_detail END,
       images_deadline_at_utc_ms = excluded.images_deadline_at_utc_ms,
       look_due_at_utc_ms = excluded.look_due_at_utc_ms,
       look_number = study.look_number + 1,
       report_number = study.report_number + 1,
       withdrawn_at_utc_ms = NULL,
       refused_submission_id = NULL`,
    [study.studyInstanceUid, study.atUtcMs, Math.ceil(study.imagesDeadlineAtUtcMs), study.atUtcMs, study.atUtcMs],
  );
};

/** Makes a study due that a report no longer names. */
export const requestLookForReport = async (
  trx: Knex.Transaction,
  studyInstanceUid: string,
  dueAtUtcMs: number,
): Promise<void> => {
  await trx('study')
    .where('study_uid', studyInstanceUid)
    .update({
      look_due_at_utc_ms: trx.raw('LEAST(COALESCE(look_due_at_utc_ms, ?), ?)', [dueAtUtcMs, dueAtUtcMs]),
      look_number: trx.raw('look_number + 1'),
      report_number: trx.raw('report_number + 1'),
    });
};

/** Makes a known study due at `dueAtUtcMs`, or earlier if it already is; returns whether the study is known. */
export const requestLook = async (knex: Knex, studyInstanceUid: string, dueAtUtcMs: number): Promise<boolean> => {
  const changed = await knex('study')
    .where('study_uid', studyInstanceUid)
    .update({
      look_due_at_utc_ms: knex.raw('LEAST(COALESCE(look_due_at_utc_ms, ?), ?)', [dueAtUtcMs, dueAtUtcMs]),
      look_number: knex.raw('look_number + 1'),
    });
  return changed > 0;
};

/** Makes every study in one of these states due, also those that wait for a later look; returns how many. */
export const requestLooksByState = (knex: Knex, states: readonly StudyState[], dueAtUtcMs: number): Promise<number> =>
  knex('study')
    .whereIn('state', [...states])
    .update({
      look_due_at_utc_ms: knex.raw('LEAST(COALESCE(look_due_at_utc_ms, ?), ?)', [dueAtUtcMs, dueAtUtcMs]),
      look_number: knex.raw('look_number + 1'),
    });

export interface Lease {
  /** Fresh for each call: whoever holds a study is told apart from who held it before, in the same process too. */
  readonly token: string;
  readonly nowUtcMs: number;
  readonly untilUtcMs: number;
  readonly limit: number;
  /** Studies that this process is still looking at. */
  readonly except: readonly string[];
}

/**
 * Leases up to `limit` due studies. A lease that ran out (its holder died) is taken over.
 *
 * @returns the leased studies; each must be given back by `finishLook`
 */
export const leaseDueStudies = async (knex: Knex, lease: Lease): Promise<readonly ArchivedStudy[]> => {
  const result: { rows: StudyRow[] } = await knex.raw(
    `UPDATE study SET lease_token = ?, lease_until_utc_ms = ?
     WHERE study_uid IN (
       SELECT study_uid FROM study
       WHERE look_due_at_utc_ms <= ? AND (lease_until_utc_ms IS NULL OR lease_until_utc_ms < ?)
         AND NOT (study_uid = ANY(?::text[]))
       ORDER BY look_due_at_utc_ms LIMIT ? FOR UPDATE SKIP LOCKED)
     RETURNING *`,
    [lease.token, lease.untilUtcMs, lease.nowUtcMs, lease.nowUtcMs, [...lease.except], lease.limit],
  );
  return result.rows.map(fromRow);
};

const leasedRow = (knex: Knex, study: ArchivedStudy): Knex.QueryBuilder =>
  knex('study').where({ study_uid: study.studyInstanceUid, lease_token: study.leaseToken ?? '' });

/** Prolongs a lease; false when another has taken it over meanwhile. */
export const extendLease = async (knex: Knex, study: ArchivedStudy, untilUtcMs: number): Promise<boolean> =>
  Number(await leasedRow(knex, study).update({ lease_until_utc_ms: untilUtcMs })) > 0;

/**
 * Gives the study back; due again at `nextAtUtcMs`, or at once when a hint came during the look.
 *
 * @param outcome.failed  the look ended in an error: counts up what a look without error sets to 0
 */
export const finishLook = async (
  knex: Knex,
  study: ArchivedStudy,
  outcome: { readonly nextAtUtcMs: number | undefined; readonly failed: boolean },
): Promise<void> => {
  await leasedRow(knex, study).update({
    lease_token: null,
    lease_until_utc_ms: null,
    failed_looks: outcome.failed ? study.failedLooks + 1 : 0,
    look_due_at_utc_ms: knex.raw('CASE WHEN look_number = ? THEN ?::bigint ELSE look_due_at_utc_ms END', [
      study.lookNumber,
      // Whole milliseconds, whatever a delay in minutes makes of them.
      outcome.nextAtUtcMs === undefined ? null : Math.ceil(outcome.nextAtUtcMs),
    ]),
  });
};

/** Frees these leases, or every one: the process that held them ends, or is known to be dead. */
export const releaseLeases = (knex: Knex, studies?: readonly ArchivedStudy[]): Promise<number> => {
  const query = knex('study').whereNotNull('lease_token');
  if (studies !== undefined)
    query.whereIn(
      'lease_token',
      studies.flatMap((study) => study.leaseToken ?? []),
    );
  return query.update({ lease_token: null, lease_until_utc_ms: null });
};

export interface StudyUpdate {
  readonly state?: StudyState;
  /** `null` clears the reason. */
  readonly reason?: { readonly code: ErrorCode; readonly detail: string } | null;
  readonly orthancStudyId?: string;
  readonly content?: { readonly fingerprint: string; readonly sinceUtcMs: number };
  readonly publishedSubmissionId?: number | null;
  /** `null`: the PACS has images. */
  readonly absentSinceUtcMs?: number | null;
  readonly deletionOverLimitAtUtcMs?: number | null;
  readonly deletionConfirmedAtUtcMs?: number | null;
  readonly withdrawnAtUtcMs?: number;
  readonly refusedSubmissionId?: number | null;
}

/** What is noted of images that were gone. */
export const noAbsence = {
  absentSinceUtcMs: null,
  deletionOverLimitAtUtcMs: null,
  deletionConfirmedAtUtcMs: null,
} as const satisfies StudyUpdate;

/** @throws store/lease-lost — the study was leased by `study.leaseToken` and is no more: the transaction must roll back */
export const updateStudy = async (
  knex: Knex,
  study: ArchivedStudy,
  update: StudyUpdate,
  atUtcMs: number,
): Promise<void> => {
  const query =
    study.leaseToken === undefined ? knex('study').where('study_uid', study.studyInstanceUid) : leasedRow(knex, study);
  const changed: number = await query.update({
    updated_at_utc_ms: atUtcMs,
    ...(update.state === undefined ? {} : { state: update.state }),
    ...(update.reason === undefined
      ? {}
      : { reason_code: update.reason?.code ?? null, reason_detail: update.reason?.detail ?? null }),
    ...(update.orthancStudyId === undefined ? {} : { orthanc_study_id: update.orthancStudyId }),
    ...(update.content === undefined
      ? {}
      : { content_fingerprint: update.content.fingerprint, content_since_utc_ms: update.content.sinceUtcMs }),
    ...(update.publishedSubmissionId === undefined ? {} : { published_submission_id: update.publishedSubmissionId }),
    ...(update.absentSinceUtcMs === undefined ? {} : { absent_since_utc_ms: update.absentSinceUtcMs }),
    ...(update.withdrawnAtUtcMs === undefined ? {} : { withdrawn_at_utc_ms: update.withdrawnAtUtcMs }),
    ...(update.refusedSubmissionId === undefined ? {} : { refused_submission_id: update.refusedSubmissionId }),
    ...(update.deletionOverLimitAtUtcMs === undefined
      ? {}
      : { deletion_over_limit_at_utc_ms: update.deletionOverLimitAtUtcMs }),
    ...(update.deletionConfirmedAtUtcMs === undefined
      ? {}
      : { deletion_confirmed_at_utc_ms: update.deletionConfirmedAtUtcMs }),
  });
  if (changed === 0) {
    throw new DrimboxError('store/lease-lost', { context: { studyInstanceUid: study.studyInstanceUid } });
  }
};

export const loadStudy = async (knex: Knex, studyInstanceUid: string): Promise<ArchivedStudy | undefined> => {
  const row: StudyRow | undefined = await knex('study').where('study_uid', studyInstanceUid).first('*');
  return row === undefined ? undefined : fromRow(row);
};

/** The study that a look found in that Orthanc study: it may be gone from Orthanc since. */
export const loadStudyByOrthancId = async (knex: Knex, orthancId: string): Promise<ArchivedStudy | undefined> => {
  const row: StudyRow | undefined = await knex('study').where('orthanc_study_id', orthancId).first('*');
  return row === undefined ? undefined : fromRow(row);
};

/** Studies, newest first; all states unless given. */
export const loadStudies = async (
  knex: Knex,
  filter: { readonly states?: readonly StudyState[]; readonly limit: number },
): Promise<readonly ArchivedStudy[]> => {
  const query = knex('study').orderBy('updated_at_utc_ms', 'desc').limit(filter.limit);
  if (filter.states !== undefined) query.whereIn('state', [...filter.states]);
  const rows: StudyRow[] = await query.select('*');
  return rows.map(fromRow);
};

/** Studies of which the DMP holds a manifest. */
export const countPublishedStudies = async (knex: Knex): Promise<number> => {
  const row: { count?: number | string } | undefined = await knex('study')
    .whereNotNull('published_submission_id')
    .count('* as count')
    .first();
  return Number(row?.count ?? 0);
};

/** What was noted of vanished images is no longer believed. */
export const forgetAbsences = async (trx: Knex.Transaction): Promise<void> => {
  await trx('study')
    .whereNotNull('absent_since_utc_ms')
    .update({ absent_since_utc_ms: null, deletion_confirmed_at_utc_ms: null });
};
