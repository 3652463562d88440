/** The tables of the archive as a backup sees them; a test compares the list with what the migrations make. */
import type { Knex } from 'knex';

export interface ArchiveTable {
  readonly name: string;
  /**
   * Rows are never deleted, only added and changed: they may be read while others write, and what was written meanwhile is
   * read once more at the end. All other tables are read whole at the end.
   */
  readonly isKept?: true;
  /** What makes an archive: a store that has a row of it is not empty. */
  readonly isTreasure?: true;
}

/** In an order in which no row names one of a later table. */
export const archiveTables: readonly ArchiveTable[] = [
  { name: 'message', isKept: true, isTreasure: true },
  { name: 'report', isKept: true, isTreasure: true },
  { name: 'report_study', isKept: true, isTreasure: true },
  { name: 'study', isKept: true, isTreasure: true },
  { name: 'study_object', isKept: true, isTreasure: true },
  { name: 'submission', isKept: true, isTreasure: true },
  { name: 'answer', isKept: true, isTreasure: true },
  { name: 'event', isKept: true },
  { name: 'audit', isKept: true },
  { name: 'alert' },
  { name: 'alert_notice' },
  { name: 'marker' },
  { name: 'comparison_run' },
  { name: 'comparison_finding' },
  { name: 'pacs_speed' },
];

/**
 * Tables that no backup has: who is signed in at this moment. They live hours, open with the browsers' own cookies alone, and a
 * restored archive must sign everybody out: what a grant opened may not be what the restored archive would open. Dropped and
 * made anew by a restoration, the last first.
 */
export const passingTables: readonly string[] = [
  'viewer_session',
  'viewer_grant',
  'sign_in_attempt',
  'viewer_tally',
  'viewer_ended_provider_session',
];

export interface BackupColumn {
  readonly name: string;
  /** As PostgreSQL writes it: `bigint`, `bytea`, `text[]`. */
  readonly type: string;
}

export interface BackupTable {
  readonly name: string;
  readonly columns: readonly BackupColumn[];
  /** Columns of the primary key. */
  readonly key: readonly string[];
}

interface ColumnRow {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly key_position: number | null;
}

/** The tables that this database has, with their columns, in the order of `archiveTables`. */
export const readTables = async (knex: Knex): Promise<readonly BackupTable[]> => {
  const found: { rows: ColumnRow[] } = await knex.raw(
    `SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
            array_position(k.conkey, a.attnum) AS key_position
     FROM pg_class c
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
     WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(?::text[])
     ORDER BY a.attnum`,
    [archiveTables.map(({ name }) => name)],
  );
  return archiveTables.flatMap(({ name }) => {
    const columns = found.rows.filter((row) => row.table === name);
    if (columns.length === 0) return [];
    const key = columns
      .filter((row) => row.key_position !== null)
      .toSorted((a, b) => Number(a.key_position) - Number(b.key_position));
    return [
      {
        name,
        columns: columns.map(({ column, type }) => ({ name: column, type })),
        key: key.map(({ column }) => column),
      },
    ];
  });
};
