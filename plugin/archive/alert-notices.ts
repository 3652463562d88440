/** What was told of each alert, by which channel (decision G3). */
import type { Knex } from 'knex';

/** What a notice says: a new alert, one that is still open after a while, one that is over. */
export type NoticeKind = 'raised' | 'reminder' | 'cleared';

/** An alert of which a channel has something to tell. */
export interface DueNotice {
  readonly alertId: number;
  readonly kind: NoticeKind;
  /** As it was written: a row of another version may have a code that this one does not know. */
  readonly code: string;
  readonly subject: string;
  readonly count: number;
  readonly raisedAtUtcMs: number;
  readonly lastAtUtcMs: number;
  readonly clearedAtUtcMs?: number;
}

/** One alert and one channel, for those who look at the list of alerts. */
export interface AlertNotice {
  readonly channel: string;
  /** When it was told last; absent: not yet. */
  readonly sentAtUtcMs?: number;
  readonly clearedToldAtUtcMs?: number;
  readonly failedAttempts: number;
  /** Code and figures of the answer; never an address. */
  readonly lastError?: string;
  /** Not tried before. */
  readonly dueAtUtcMs: number;
}

/** An alert about a channel has its name as subject, and is not told by that channel. */
const isNotOfChannel = 'a.subject <> :channel';
const columns = `a.id, a.code, a.subject, a.count, a.raised_at_utc_ms, a.last_at_utc_ms, a.cleared_at_utc_ms`;

const raised = `SELECT ${columns}, 'raised' AS kind FROM alert a
  LEFT JOIN alert_notice n ON n.alert_id = a.id AND n.channel = :channel
  WHERE a.cleared_at_utc_ms IS NULL AND n.sent_at_utc_ms IS NULL AND ${isNotOfChannel}`;

const reminders = `SELECT ${columns}, 'reminder' AS kind FROM alert a
  JOIN alert_notice n ON n.alert_id = a.id AND n.channel = :channel
  WHERE a.cleared_at_utc_ms IS NULL AND a.seen_at_utc_ms IS NULL AND n.sent_at_utc_ms <= :remindBefore`;

const cleared = `SELECT ${columns}, 'cleared' AS kind FROM alert_notice n
  JOIN alert a ON a.id = n.alert_id
  WHERE n.channel = :channel AND n.cleared_told_at_utc_ms IS NULL AND n.sent_at_utc_ms IS NOT NULL
    AND a.cleared_at_utc_ms IS NOT NULL`;

interface DueRow {
  readonly id: number;
  readonly kind: NoticeKind;
  readonly code: string;
  readonly subject: string;
  readonly count: number;
  readonly raised_at_utc_ms: number;
  readonly last_at_utc_ms: number;
  readonly cleared_at_utc_ms: number | null;
}

const fromRow = (row: DueRow): DueNotice => ({
  alertId: Number(row.id),
  kind: row.kind,
  code: row.code,
  subject: row.subject,
  count: row.count,
  raisedAtUtcMs: Number(row.raised_at_utc_ms),
  lastAtUtcMs: Number(row.last_at_utc_ms),
  ...(row.cleared_at_utc_ms === null ? {} : { clearedAtUtcMs: Number(row.cleared_at_utc_ms) }),
});

/**
 * What a channel has to tell, oldest alert first: open alerts it never told, open and unseen ones it told before
 * `remindBeforeUtcMs`, and those it told that are over since. An alert that was over before it was told is none of them.
 *
 * @param options.remindBeforeUtcMs  absent: no reminders
 */
export const loadDueNotices = async (
  knex: Knex,
  options: { readonly channel: string; readonly remindBeforeUtcMs?: number | undefined; readonly limit: number },
): Promise<readonly DueNotice[]> => {
  const parts = options.remindBeforeUtcMs === undefined ? [raised, cleared] : [raised, reminders, cleared];
  const { rows }: { rows: readonly DueRow[] } = await knex.raw(
    `SELECT * FROM (${parts.join(' UNION ALL ')}) due ORDER BY id LIMIT :limit`,
    { channel: options.channel, limit: options.limit, remindBefore: options.remindBeforeUtcMs ?? 0 },
  );
  return rows.map(fromRow);
};

const idsOf = (notices: readonly DueNotice[], isCleared: boolean): number[] =>
  notices.filter(({ kind }) => (kind === 'cleared') === isCleared).map(({ alertId }) => alertId);

/** @param told.remark  something to look at although it was sent */
export const saveToldNotices = async (
  knex: Knex,
  told: {
    readonly channel: string;
    readonly notices: readonly DueNotice[];
    readonly atUtcMs: number;
    readonly remark?: string | undefined;
  },
): Promise<void> => {
  const { channel, atUtcMs, remark = null } = told;
  await knex.raw(
    `INSERT INTO alert_notice (alert_id, channel, due_at_utc_ms, sent_at_utc_ms, failed_attempts, last_error)
     SELECT id, ?, ?, ?, 0, ? FROM unnest(?::bigint[]) AS told(id)
     ON CONFLICT (alert_id, channel) DO UPDATE SET due_at_utc_ms = excluded.due_at_utc_ms,
       sent_at_utc_ms = excluded.sent_at_utc_ms, failed_attempts = 0, last_error = excluded.last_error`,
    [channel, atUtcMs, atUtcMs, remark, idsOf(told.notices, false)],
  );
  await knex.raw(
    `UPDATE alert_notice SET cleared_told_at_utc_ms = ?, failed_attempts = 0, last_error = ?
     WHERE channel = ? AND alert_id = ANY(?::bigint[])`,
    [atUtcMs, remark, channel, idsOf(told.notices, true)],
  );
};

/** Notes a failed attempt; the alerts stay due. */
export const saveFailedNotices = async (
  knex: Knex,
  failed: {
    readonly channel: string;
    readonly notices: readonly DueNotice[];
    readonly error: string;
    /** When it is tried again. */
    readonly dueAtUtcMs: number;
  },
): Promise<void> => {
  await knex.raw(
    `INSERT INTO alert_notice (alert_id, channel, due_at_utc_ms, failed_attempts, last_error)
     SELECT id, ?, ?, 1, ? FROM unnest(?::bigint[]) AS failed(id)
     ON CONFLICT (alert_id, channel) DO UPDATE SET due_at_utc_ms = excluded.due_at_utc_ms,
       failed_attempts = alert_notice.failed_attempts + 1, last_error = excluded.last_error`,
    [failed.channel, failed.dueAtUtcMs, failed.error, failed.notices.map(({ alertId }) => alertId)],
  );
};

interface NoticeRow {
  readonly alert_id: number;
  readonly channel: string;
  readonly due_at_utc_ms: number;
  readonly sent_at_utc_ms: number | null;
  readonly cleared_told_at_utc_ms: number | null;
  readonly failed_attempts: number;
  readonly last_error: string | null;
}

/** What was told of the given alerts, by alert number. */
export const loadAlertNotices = async (
  knex: Knex,
  alertIds: readonly number[],
): Promise<ReadonlyMap<number, readonly AlertNotice[]>> => {
  const rows: readonly NoticeRow[] = await knex('alert_notice')
    .whereRaw('alert_id = ANY(?::bigint[])', [[...alertIds]])
    .orderBy(['alert_id', 'channel'])
    .select('*');
  const notices = new Map<number, AlertNotice[]>();
  for (const row of rows) {
    const notice: AlertNotice = {
      channel: row.channel,
      failedAttempts: row.failed_attempts,
      dueAtUtcMs: Number(row.due_at_utc_ms),
      ...(row.sent_at_utc_ms === null ? {} : { sentAtUtcMs: Number(row.sent_at_utc_ms) }),
      ...(row.cleared_told_at_utc_ms === null ? {} : { clearedToldAtUtcMs: Number(row.cleared_told_at_utc_ms) }),
      ...(row.last_error === null ? {} : { lastError: row.last_error }),
    };
    const id = Number(row.alert_id);
    notices.set(id, [...(notices.get(id) ?? []), notice]);
  }
  return notices;
};
