/**
 * What was told of each alert, by which channel (decision G3). A channel is served by one process at a time: its lease, its
 * rest between two messages and its failures in a row stand in one marker that all processes share.
 */
import type { Knex } from 'knex';
import { loadMarker, saveMarker } from './markers.ts';

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

/** How a channel is doing. */
export interface ChannelState {
  /** Nothing is sent before: a lease, the rest after a message, or the delay after a failure. */
  readonly notBeforeUtcMs: number;
  /** Of the process that serves it. */
  readonly token?: string;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError?: string;
}

/** An alert about a channel is not told by that channel. */
const isNotOfChannel = `NOT (a.subject = :channel AND a.code LIKE 'notification/%')`;
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

const idsOf = (notices: readonly DueNotice[], isCleared: boolean): readonly number[] =>
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

const markerOf = (channel: string): string => `alert-channel-${channel}`;
const idle: ChannelState = { notBeforeUtcMs: 0, failures: 0 };

const lockState = async (trx: Knex.Transaction, channel: string): Promise<ChannelState> => {
  const name = markerOf(channel);
  await trx('marker')
    .insert({ name, value: JSON.stringify(idle), at_utc_ms: 0 })
    .onConflict('name')
    .ignore();
  const row: { readonly value: string } = await trx('marker').where({ name }).forUpdate().first('value');
  return JSON.parse(row.value) as ChannelState;
};

export const loadChannelState = async (knex: Knex, channel: string): Promise<ChannelState> => {
  const marker = await loadMarker(knex, markerOf(channel));
  return marker === undefined ? idle : (JSON.parse(marker.value) as ChannelState);
};

/**
 * Takes a channel for one message, so that no other process sends meanwhile.
 *
 * @returns its state before; undefined when another process has it, or when it must not be used yet
 */
export const claimChannel = async (
  trx: Knex.Transaction,
  claim: { readonly channel: string; readonly token: string; readonly nowUtcMs: number; readonly untilUtcMs: number },
): Promise<ChannelState | undefined> => {
  const state = await lockState(trx, claim.channel);
  if (state.notBeforeUtcMs > claim.nowUtcMs) return undefined;
  const taken: ChannelState = { ...state, token: claim.token, notBeforeUtcMs: claim.untilUtcMs };
  await saveMarker(trx, markerOf(claim.channel), JSON.stringify(taken), claim.nowUtcMs);
  return state;
};

/** Gives a channel back; returns false, and changes nothing, when another process has taken it over meanwhile. */
export const releaseChannel = async (
  trx: Knex.Transaction,
  release: {
    readonly channel: string;
    readonly token: string;
    readonly state: Omit<ChannelState, 'token'>;
    readonly atUtcMs: number;
  },
): Promise<boolean> => {
  const { token } = await lockState(trx, release.channel);
  if (token !== release.token) return false;
  await saveMarker(trx, markerOf(release.channel), JSON.stringify(release.state), release.atUtcMs);
  return true;
};

/** Ends the lease of a process that was killed: only where no other process can have the store. */
export const dropChannelLease = async (trx: Knex.Transaction, channel: string, nowUtcMs: number): Promise<void> => {
  const { token, ...state } = await lockState(trx, channel);
  if (token === undefined) return;
  await saveMarker(trx, markerOf(channel), JSON.stringify({ ...state, notBeforeUtcMs: nowUtcMs }), nowUtcMs);
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
