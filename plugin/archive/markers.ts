/** Single values that must outlive a restart, each with when it was written. */
import type { Knex } from 'knex';

/** When Orthanc's hook last spoke to us; its value is the mark of Orthanc's database (decision D2). */
export const hookContactMarker = 'orthanc-hook';

export const saveMarker = async (knex: Knex, name: string, value: string, atUtcMs: number): Promise<void> => {
  await knex('marker').insert({ name, value, at_utc_ms: atUtcMs }).onConflict('name').merge();
};

export const loadMarkerTime = async (knex: Knex, name: string): Promise<number | undefined> => {
  const row: { at_utc_ms: number } | undefined = await knex('marker').where({ name }).first('at_utc_ms');
  return row === undefined ? undefined : Number(row.at_utc_ms);
};

export const loadMarker = async (
  knex: Knex,
  name: string,
): Promise<{ readonly value: string; readonly atUtcMs: number } | undefined> => {
  const row: { value: string; at_utc_ms: number } | undefined = await knex('marker').where({ name }).first('*');
  return row === undefined ? undefined : { value: row.value, atUtcMs: Number(row.at_utc_ms) };
};

export const deleteMarker = async (knex: Knex, name: string): Promise<void> => {
  await knex('marker').where({ name }).delete();
};
