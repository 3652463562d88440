/**
 * After the retention nobody is named any longer. The row stays, with its time, outcome and figures: the audit shows no gap,
 * and a backup that is being written finds every row it counted.
 */
import type { Knex } from 'knex';

const rowsPerStatement = 5_000;

/** Whom and what a row names. */
const named = [
  'peer_subject',
  'peer_entry',
  'actor_national_id',
  'actor_subject',
  'actor_client',
  'patient_ins',
  'patient_ins_oid',
  'study_uid',
  'series_uid',
  'sop_uid',
  'kos_uid',
  'accept',
] as const;

/** Erases the identities of rows older than `beforeUtcMs`, a few thousand a statement. @returns how many rows */
export const eraseOldIdentities = async (knex: Knex, beforeUtcMs: number, atUtcMs: number): Promise<number> => {
  const empty = Object.fromEntries(named.map((column) => [column, null]));
  let erased = 0;
  for (;;) {
    const some = knex('audit')
      .select('id')
      .where('at_utc_ms', '<', beforeUtcMs)
      .whereNull('erased_at_utc_ms')
      .whereNot('outcome', 'under-way')
      .limit(rowsPerStatement);
    const count = await knex('audit')
      .whereIn('id', some)
      .update({ ...empty, address: '', correlation_id: '', erased_at_utc_ms: atUtcMs });
    erased += count;
    if (count < rowsPerStatement) return erased;
  }
};
