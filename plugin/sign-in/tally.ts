/**
 * Counts against guessing: how often something happened to one key in the last minute or hour, in the database, so that several
 * sidecars count together and a restart forgets nothing. Keys are digests.
 *
 * A sliding window in six slots: what is counted is never less than the window holds, and at most a sixth of it more.
 */
import type { Knex } from 'knex';

export interface TallyKey {
  readonly scope: string;
  /** A digest. */
  readonly key: string;
  readonly limit: number;
}

const slotsPerWindow = 6;

/** Older slots count for nothing. */
export const longestTallyMs = 3_600_000 + 3_600_000 / slotsPerWindow;

/** Until the end of the transaction, nobody else is in the middle of something with this key. */
export const lockKey = async (trx: Knex.Transaction, key: string): Promise<void> => {
  await trx.raw('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', [key]);
};

const countOf = async (
  trx: Knex.Transaction,
  { scope, key }: TallyKey,
  windowMs: number,
  nowUtcMs: number,
): Promise<number> => {
  const { rows } = await trx.raw<{ rows: { count: number }[] }>(
    `SELECT COALESCE(SUM(count), 0)::int AS count FROM viewer_tally
     WHERE scope = ? AND key_sha256 = ? AND slot_utc_ms > ?`,
    [scope, key, nowUtcMs - windowMs - windowMs / slotsPerWindow],
  );
  return Number(rows[0]?.count ?? 0);
};

/** True when every key is under its limit. Until the end of the transaction nobody else counts for these keys. */
export const isUnderLimits = async (
  trx: Knex.Transaction,
  keys: readonly TallyKey[],
  windowMs: number,
  nowUtcMs: number,
): Promise<boolean> => {
  for (const { scope, key } of keys.toSorted((a, b) => (a.scope + a.key < b.scope + b.key ? -1 : 1))) {
    await lockKey(trx, `${scope} ${key}`);
  }
  for (const tallyKey of keys) if ((await countOf(trx, tallyKey, windowMs, nowUtcMs)) >= tallyKey.limit) return false;
  return true;
};

/** Counts once for each key. */
export const addToTally = async (
  trx: Knex.Transaction,
  keys: readonly TallyKey[],
  windowMs: number,
  nowUtcMs: number,
): Promise<void> => {
  const slotMs = windowMs / slotsPerWindow;
  for (const { scope, key } of keys) {
    await trx.raw(
      `INSERT INTO viewer_tally (scope, key_sha256, slot_utc_ms, count) VALUES (?, ?, ?, 1)
       ON CONFLICT (scope, key_sha256, slot_utc_ms) DO UPDATE SET count = viewer_tally.count + 1`,
      [scope, key, Math.floor(nowUtcMs / slotMs) * slotMs],
    );
  }
};
