/**
 * Alerts: rows with a life — raised, seen, cleared (decision G3). One open alert per code and subject; raising it again
 * counts up.
 */
import type { Knex } from 'knex';
import type { ErrorCode } from '../errors.ts';

export interface Alert {
  readonly id: number;
  readonly code: ErrorCode;
  /** What it is about: a StudyInstanceUID, a structure, a listener. Never an identity. */
  readonly subject: string;
  readonly detail: string;
  readonly count: number;
  readonly raisedAtUtcMs: number;
  readonly lastAtUtcMs: number;
  readonly seenAtUtcMs?: number;
  readonly clearedAtUtcMs?: number;
}

/** @returns true when this opened a new alert, false when it was open already */
export const raiseAlert = async (
  knex: Knex,
  alert: { readonly code: ErrorCode; readonly subject: string; readonly detail: string },
  atUtcMs: number,
): Promise<boolean> => {
  const result: { rows: { count: number }[] } = await knex.raw(
    `INSERT INTO alert (code, subject, detail, count, raised_at_utc_ms, last_at_utc_ms) VALUES (?, ?, ?, 1, ?, ?)
     ON CONFLICT (code, subject) WHERE cleared_at_utc_ms IS NULL
     DO UPDATE SET count = alert.count + 1, last_at_utc_ms = excluded.last_at_utc_ms, detail = excluded.detail
     RETURNING count`,
    [alert.code, alert.subject, alert.detail, atUtcMs, atUtcMs],
  );
  return result.rows[0]?.count === 1;
};

/** Clears every open alert of a subject, or only those of one code; returns how many. */
export const clearAlerts = (knex: Knex, subject: string, atUtcMs: number, code?: ErrorCode): Promise<number> => {
  const query = knex('alert').where({ subject }).whereNull('cleared_at_utc_ms');
  if (code !== undefined) query.where({ code });
  return query.update({ cleared_at_utc_ms: atUtcMs });
};

/** Clears what was told of a study and is no longer why it is as it is: looks of it failed and now succeed. */
export const clearPastAlerts = async (knex: Knex, studyInstanceUid: string, atUtcMs: number): Promise<void> => {
  const study: { reason_code: string | null } | undefined = await knex('study')
    .where('study_uid', studyInstanceUid)
    .first('reason_code');
  await knex('alert')
    .where({ subject: studyInstanceUid })
    .whereNull('cleared_at_utc_ms')
    .whereNot('code', study?.reason_code ?? '')
    .update({ cleared_at_utc_ms: atUtcMs });
};

interface AlertRow {
  readonly id: number;
  readonly code: ErrorCode;
  readonly subject: string;
  readonly detail: string;
  readonly count: number;
  readonly raised_at_utc_ms: number;
  readonly last_at_utc_ms: number;
  readonly seen_at_utc_ms: number | null;
  readonly cleared_at_utc_ms: number | null;
}

/** Open alerts, oldest first; with `all`, the cleared ones too. */
export const loadAlerts = async (knex: Knex, all = false): Promise<readonly Alert[]> => {
  const query = knex('alert').orderBy('id');
  if (!all) query.whereNull('cleared_at_utc_ms');
  const rows: AlertRow[] = await query.select('*');
  return rows.map((row) => ({
    id: Number(row.id),
    code: row.code,
    subject: row.subject,
    detail: row.detail,
    count: row.count,
    raisedAtUtcMs: Number(row.raised_at_utc_ms),
    lastAtUtcMs: Number(row.last_at_utc_ms),
    ...(row.seen_at_utc_ms === null ? {} : { seenAtUtcMs: Number(row.seen_at_utc_ms) }),
    ...(row.cleared_at_utc_ms === null ? {} : { clearedAtUtcMs: Number(row.cleared_at_utc_ms) }),
  }));
};

/** Marks an alert as seen by an administrator; returns whether there was one. */
export const markAlertSeen = async (knex: Knex, id: number, atUtcMs: number): Promise<boolean> =>
  (await knex('alert').where({ id }).whereNull('cleared_at_utc_ms').update({ seen_at_utc_ms: atUtcMs })) > 0;
