/** Reads the rows of one table in the order of its key, a few megabytes at a time. */
import type { Knex } from 'knex';
import type { RowValue } from './backup-format.ts';
import type { BackupTable } from './backup-tables.ts';

/** Of one page, as stored; one row may be larger. */
const pageBytes = 4 * 1024 * 1024;
const pageRows = 4_000;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const listOf = (names: readonly string[]): string => names.map(quoted).join(', ');

/** With the table's name: a name alone would be that of the text that is selected, and texts sort otherwise than numbers. */
const orderOf = (table: BackupTable): string =>
  table.key.map((name) => `${quoted(table.name)}.${quoted(name)}`).join(', ');

const keyTypes = (table: BackupTable): readonly string[] =>
  table.key.map((name) => table.columns.find((column) => column.name === name)?.type ?? 'text');

/** Bytes go as they are, everything else as PostgreSQL writes it. */
const selected = (table: BackupTable): string =>
  table.columns
    .map(({ name, type }) => (type === 'bytea' ? quoted(name) : `${quoted(name)}::text AS ${quoted(name)}`))
    .join(', ');

/** Rows that were written before a transaction, or by it and later ones; its number has 32 bits. */
export type WrittenWhen = { readonly before: string } | { readonly since: string };

interface Place {
  /** Rows after this key. */
  readonly after: readonly string[] | undefined;
  readonly when: WrittenWhen | undefined;
}

const whenOf = (when: WrittenWhen | undefined): { sql: readonly string[]; bindings: readonly string[] } => {
  if (when === undefined) return { sql: [], bindings: [] };
  return 'before' in when
    ? { sql: ['age(xmin) > age(?::text::xid)'], bindings: [when.before] }
    : { sql: ['age(xmin) <= age(?::text::xid)'], bindings: [when.since] };
};

const conditionOf = (table: BackupTable, { after, when }: Place): { sql: string; bindings: readonly string[] } => {
  const keys = `(${listOf(table.key)}) > (${keyTypes(table)
    .map((type) => `?::text::${type}`)
    .join(', ')})`;
  const written = whenOf(when);
  const parts = [...(after === undefined ? [] : [keys]), ...written.sql];
  return {
    sql: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`,
    bindings: [...(after ?? []), ...written.bindings],
  };
};

/** How many rows fit into one page; sizes are read without the values themselves. */
const countFitting = async (knex: Knex, table: BackupTable, place: Place): Promise<number> => {
  const { sql, bindings } = conditionOf(table, place);
  const weight = table.columns.map(({ name }) => `COALESCE(pg_column_size(${quoted(name)}), 0)`).join(' + ');
  const found: { rows: { found: number; fitting: number }[] } = await knex.raw(
    `SELECT count(*)::int AS found, (count(*) FILTER (WHERE bytes <= ?))::int AS fitting FROM (
       SELECT sum(weight) OVER (ORDER BY ${listOf(table.key)} ROWS UNBOUNDED PRECEDING) AS bytes FROM (
         SELECT ${listOf(table.key)}, ${weight} AS weight FROM ${quoted(table.name)} ${sql}
         ORDER BY ${listOf(table.key)} LIMIT ?) page) summed`,
    [pageBytes, ...bindings, pageRows],
  );
  const row = found.rows[0];
  return row === undefined || row.found === 0 ? 0 : Math.max(1, row.fitting);
};

const textOf = (value: string | Uint8Array | null | undefined): RowValue => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
};

/** Rows of a table, page by page; all of them, or those that were written before or since a transaction. */
export async function* readRows(
  knex: Knex,
  table: BackupTable,
  when?: WrittenWhen,
): AsyncGenerator<readonly (readonly RowValue[])[]> {
  let after: readonly string[] | undefined;
  for (;;) {
    const place = { after, when };
    const limit = await countFitting(knex, table, place);
    if (limit === 0) return;
    const { sql, bindings } = conditionOf(table, place);
    const found: { rows: Record<string, string | Uint8Array | null>[] } = await knex.raw(
      `SELECT ${selected(table)} FROM ${quoted(table.name)} ${sql} ORDER BY ${orderOf(table)} LIMIT ?`,
      [...bindings, limit],
    );
    const rows = found.rows.map((row) => table.columns.map(({ name }) => textOf(row[name])));
    yield rows;
    const last = found.rows.at(-1);
    if (last === undefined) return;
    after = table.key.map((name) => String(last[name]));
  }
}

/** The number of the next transaction, 32 bit: rows written from now on have this one or a later one. */
export const nextTransactionId = async (knex: Knex): Promise<string> => {
  const found: { rows: { xid: string }[] } = await knex.raw('SELECT pg_current_xact_id()::xid::text AS xid');
  return String(found.rows[0]?.xid);
};

export const countRows = async (knex: Knex, table: string): Promise<number> => {
  const found: { rows: { count: number }[] } = await knex.raw(`SELECT count(*)::bigint AS count FROM ${quoted(table)}`);
  return Number(found.rows[0]?.count);
};
