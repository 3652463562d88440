/**
 * Rows that are under way belong to a living process: it renews their lease. What a dead one left is closed.
 *
 * With several sidecars on one PostgreSQL a row of another one is under way rightly; only its lapsed lease says that nobody
 * serves it any longer.
 */
import type { Knex } from 'knex';
import { AuditOutcome } from './audit-entry.ts';

/** Ten beats of the heart: a database that is away for a moment closes nothing. */
export const leaseMs = 300_000;
export const beatMs = 30_000;

export const renewLeases = async (knex: Knex, ids: readonly number[], atUtcMs: number): Promise<void> => {
  if (ids.length === 0) return;
  await knex.raw(`UPDATE audit SET lease_until_utc_ms = ? WHERE id = ANY(?::bigint[]) AND outcome = 'under-way'`, [
    atUtcMs + leaseMs,
    [...ids],
  ]);
};

/**
 * Closes as `interrupted` what no living process serves.
 *
 * @param own      rows that this process serves
 * @param isAlone  no other process can be at work: whatever is under way and not ours is dead
 * @returns how many rows
 */
export const closeInterrupted = async (
  knex: Knex,
  own: readonly number[],
  atUtcMs: number,
  isAlone: boolean,
): Promise<number> => {
  const query = knex('audit')
    .where('outcome', AuditOutcome.underWay)
    .whereNotIn('id', [...own]);
  if (!isAlone) query.where('lease_until_utc_ms', '<', atUtcMs);
  return query.update({ outcome: AuditOutcome.interrupted, finished_at_utc_ms: atUtcMs, lease_until_utc_ms: null });
};
