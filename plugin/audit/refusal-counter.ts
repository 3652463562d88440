/**
 * Writes counted refusals: numbers gather in memory while the last ones are written, then one statement a key adds them to
 * its row. Whoever told of a refusal is answered when it is counted on the disk; after a failure the numbers are kept and
 * written with the next ones.
 */
import type { Knex } from 'knex';
import { toEntryRow, toResultRow } from './audit-entry.ts';
import type { CommitQueue } from './commit-queue.ts';
import { type CountedRefusal, countedOfMany } from './refusal-flood.ts';

/** Numbers that wait for a database that is away; beyond, what comes is counted under its reason alone. */
const defaultMaxPending = 5_000;

interface Pending {
  readonly counted: CountedRefusal;
  count: number;
  lastAtUtcMs: number;
}

export interface RefusalCounter {
  /** @throws audit/unavailable — kept in memory, written by a later call */
  add(counted: CountedRefusal, atUtcMs: number): Promise<void>;
  /** Writes what a failure left. @throws audit/unavailable */
  flush(): Promise<void>;
}

interface RowRef {
  readonly id: number;
  readonly minuteUtcMs: number;
}

/** Adds to the row of this minute, or makes it. @returns its id */
const write = async (trx: Knex.Transaction, pending: Pending, rowId: number | undefined): Promise<number> => {
  const { counted, count, lastAtUtcMs } = pending;
  if (rowId !== undefined) {
    await trx('audit')
      .where({ id: rowId })
      .update({
        count: trx.raw('LEAST(count::bigint + ?, 2147483647)::int', [count]),
        finished_at_utc_ms: trx.raw('GREATEST(finished_at_utc_ms, ?::bigint)', [lastAtUtcMs]),
      });
    return rowId;
  }
  const [row] = await trx('audit')
    .insert({
      ...toEntryRow(counted.entry, counted.minuteUtcMs),
      ...toResultRow(counted.result, counted.minuteUtcMs, lastAtUtcMs),
      duration_ms: null,
      is_count: true,
      count,
    })
    .returning<{ id: number }[]>('id');
  return Number(row?.id);
};

const keyOf = ({ counted }: Pending): string => `${counted.minuteUtcMs} ${counted.key}`;

export const createRefusalCounter = (queue: CommitQueue, maxPending = defaultMaxPending): RefusalCounter => {
  let pending = new Map<string, Pending>();
  const rows = new Map<string, RowRef>();
  let next: Promise<void> | undefined;
  let current: Promise<void> = Promise.resolve();

  const roomFor = (one: Pending): Pending => {
    if (pending.size < maxPending || pending.has(keyOf(one))) return one;
    const { entry, result, minuteUtcMs } = one.counted;
    return { ...one, counted: countedOfMany(entry, result, minuteUtcMs) };
  };

  const putBack = (one: Pending): void => {
    const kept = roomFor(one);
    const there = pending.get(keyOf(kept));
    if (there === undefined) pending.set(keyOf(kept), kept);
    else {
      there.count += kept.count;
      there.lastAtUtcMs = Math.max(there.lastAtUtcMs, kept.lastAtUtcMs);
    }
  };

  /** Rows of minutes that are over are not added to any longer. */
  const forgetBefore = (minuteUtcMs: number): void => {
    for (const [key, row] of rows) if (row.minuteUtcMs < minuteUtcMs) rows.delete(key);
  };

  const writeOne = async (taken: Pending): Promise<void> => {
    const id = await queue.add((trx) => write(trx, taken, rows.get(keyOf(taken))?.id));
    rows.set(keyOf(taken), { id, minuteUtcMs: taken.counted.minuteUtcMs });
  };

  const writePending = async (): Promise<void> => {
    const taken = [...pending.values()];
    pending = new Map();
    const written = await Promise.allSettled(taken.map(writeOne));
    const failures = written.flatMap((outcome, at) => {
      const kept = taken[at];
      if (outcome.status === 'fulfilled' || kept === undefined) return [];
      putBack(kept);
      return [outcome.reason as unknown];
    });
    forgetBefore(Math.max(0, ...taken.map(({ counted }) => counted.minuteUtcMs)) - 60_000);
    if (failures.length > 0) throw failures[0];
  };

  /** One writing at a time: two would make two rows of one key. Whatever comes while one is under way shares the next. */
  const flush = (): Promise<void> => {
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        current = writePending();
        return current;
      });
    return next;
  };

  return {
    add: (counted, atUtcMs) => {
      putBack({ counted, count: 1, lastAtUtcMs: atUtcMs });
      return flush();
    },
    flush: () => (pending.size === 0 ? Promise.resolve() : flush()),
  };
};
