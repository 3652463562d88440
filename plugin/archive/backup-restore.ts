/**
 * Restores a backup into an empty store, whichever of the two it is. All of it is one transaction: a restoration that is
 * killed leaves the store as it was, and a service that is started meanwhile waits or fails, it never sees half an archive.
 */
import type { Knex } from 'knex';
import { DrimboxError } from '../errors.ts';
import {
  applyMigrations,
  appliedMigrations,
  asStoreError,
  forgetMigrations,
  knownMigrations,
  migrationLock,
  type Store,
} from '../store/index.ts';
import { type BackupProgress, verifyBackup } from './backup.ts';
import { type BackupHeader, type RowValue, unreadable } from './backup-format.ts';
import { tablesOf } from './backup-lines.ts';
import { countRows } from './backup-rows.ts';
import { readBackup } from './backup-stream.ts';
import { archiveTables, type BackupTable, passingTables, readTables } from './backup-tables.ts';
import { doubtRestoredStudies, type RestoredDoubts } from './restored-studies.ts';

export interface RestoreSummary extends RestoredDoubts {
  readonly backupAtUtc: string;
  readonly software: string;
  readonly rows: Readonly<Record<string, number>>;
}

export interface RestorePorts {
  /** Opened without migrations: the tables are made as the backup needs them. */
  readonly store: Store;
  readonly clock: () => number;
  readonly report: (
    progress: BackupProgress | { readonly step: 'load'; readonly rows: number; readonly megabytes: number },
  ) => void;
  readonly signal: AbortSignal;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Nobody else reads or writes until the end; a service that is running waits, and tells its senders to try again later. */
const lockTables = async (trx: Knex.Transaction, kind: Store['kind']): Promise<void> => {
  if (kind === 'postgres') await trx.raw('SELECT pg_advisory_xact_lock(?)', [migrationLock]);
  const tables = await readTables(trx);
  if (tables.length === 0) return;
  await trx.raw(`LOCK TABLE ${tables.map(({ name }) => quoted(name)).join(', ')} IN ACCESS EXCLUSIVE MODE`);
};

/** @throws store/not-empty — a message, a report, a study or an order is in it */
const checkEmpty = async (trx: Knex.Transaction): Promise<void> => {
  const present = new Set((await readTables(trx)).map(({ name }) => name));
  for (const { name, isTreasure } of archiveTables) {
    if (isTreasure !== true || !present.has(name)) continue;
    const first: unknown = await trx(name).first(trx.raw('1'));
    if (first !== undefined) throw new DrimboxError('store/not-empty', { detail: `rows in ${name}` });
  }
};

/** @throws archive/backup-newer */
const checkKnown = async (header: BackupHeader): Promise<void> => {
  const known = await knownMigrations();
  const unknown = header.migrations.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new DrimboxError('archive/backup-newer', { detail: `made by ${header.software}, which has ${unknown}` });
  }
  if (header.migrations.some((name, at) => known[at] !== name)) throw unreadable('migrations in another order');
};

/** The tables as they were when the backup was made. @throws archive/backup-unreadable — it has other columns */
const makeTables = async (trx: Knex.Transaction, header: BackupHeader): Promise<void> => {
  const present = new Set((await readTables(trx)).map(({ name }) => name));
  for (const name of passingTables.toReversed()) await trx.schema.dropTableIfExists(name);
  for (const { name } of archiveTables.toReversed()) if (present.has(name)) await trx.schema.dropTable(name);
  if ((await appliedMigrations(trx)).length > 0) await forgetMigrations(trx);
  await applyMigrations(trx, header.migrations);
  const made = new Map((await readTables(trx)).map((table) => [table.name, table]));
  const form = (table: BackupTable | undefined): string =>
    JSON.stringify([table?.key, table?.columns.map(({ name, type }) => [name, type])]);
  const isOther = header.tables.some((table) => form(table) !== form(made.get(table.name)));
  if (isOther || made.size !== header.tables.length) throw unreadable('its tables are not those of its version');
};

interface Definition {
  readonly drop: string;
  readonly make: string;
}

/**
 * What ties rows together, as statements that take it off and put it back. Put back after the load it checks the whole
 * archive at once: a row that names an absent one, two open orders of a study.
 */
const readTies = async (trx: Knex.Transaction): Promise<readonly Definition[]> => {
  const tables = archiveTables.map(({ name }) => name);
  const keys: { rows: Definition[] } = await trx.raw(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make
     FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY(?::text[]) ORDER BY conname`,
    [tables],
  );
  const indexes: { rows: Definition[] } = await trx.raw(
    `SELECT format('DROP INDEX %s', i.indexrelid::regclass) AS drop, pg_get_indexdef(i.indexrelid) AS make
     FROM pg_index i WHERE i.indrelid::regclass::text = ANY(?::text[])
       AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
     ORDER BY i.indexrelid::regclass::text`,
    [tables],
  );
  return [...keys.rows, ...indexes.rows];
};

/** Of one statement. PostgreSQL takes 65,535 values in one. */
const batchBytes = 2 * 1024 * 1024;
const batchValues = 20_000;

const bindingOf = (value: RowValue, type: string): Buffer | RowValue =>
  type === 'bytea' && value !== null ? Buffer.from(value, 'base64') : value;

/** A row whose key came before takes its place. */
const insertRows = async (
  trx: Knex.Transaction,
  table: BackupTable,
  rows: readonly (readonly RowValue[])[],
): Promise<void> => {
  const form = table.columns.map(({ type }) => (type === 'bytea' ? '?::bytea' : `?::text::${type}`)).join(', ');
  const others = table.columns.filter(({ name }) => !table.key.includes(name));
  const replace = others.map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ');
  await trx.raw(
    `INSERT INTO ${quoted(table.name)} (${table.columns.map(({ name }) => quoted(name)).join(', ')})
     VALUES ${rows.map(() => `(${form})`).join(', ')}
     ON CONFLICT (${table.key.map(quoted).join(', ')}) DO ${replace === '' ? 'NOTHING' : `UPDATE SET ${replace}`}`,
    rows.flatMap((row) => row.map((value, at) => bindingOf(value, table.columns[at]?.type ?? 'text') as string)),
  );
};

const weightOf = (row: readonly RowValue[]): number => row.reduce((sum, value) => sum + (value?.length ?? 0), 0);

/** Loads every row. @returns the rows of each table, as the trailer tells them */
const loadRows = async (
  ports: RestorePorts,
  trx: Knex.Transaction,
  path: string,
): Promise<Readonly<Record<string, number>>> => {
  const { header, lines, position } = await readBackup(path);
  const tables = tablesOf(header);
  let table: BackupTable | undefined;
  let batch: (readonly RowValue[])[] = [];
  let bytes = 0;
  let rows = 0;
  const flush = async (): Promise<void> => {
    if (table !== undefined && batch.length > 0) await insertRows(trx, table, batch);
    rows += batch.length;
    batch = [];
    bytes = 0;
    if (ports.signal.aborted) throw new DrimboxError('archive/interrupted', { detail: 'nothing was restored' });
    ports.report({ step: 'load', rows, megabytes: Math.round(position() / 1e6) });
  };
  for await (const line of lines) {
    if (line.kind === 'row') {
      batch.push(line.values);
      bytes += weightOf(line.values);
      if (bytes >= batchBytes || batch.length * line.values.length >= batchValues) await flush();
      continue;
    }
    await flush();
    if (line.kind === 'trailer') return line.trailer.rows;
    table = tables.get(line.table);
  }
  throw unreadable('the end is missing');
};

const checkCounts = async (trx: Knex.Transaction, rows: Readonly<Record<string, number>>): Promise<void> => {
  for (const [name, expected] of Object.entries(rows)) {
    if ((await countRows(trx, name)) !== expected) throw unreadable(`other rows in ${name} than the backup counted`);
  }
};

/** Numbers that are given from now on follow those that were given. */
const setSequences = async (trx: Knex.Transaction, header: BackupHeader): Promise<void> => {
  for (const { name, columns } of header.tables) {
    for (const column of columns) {
      const found: { rows: { sequence: string | null }[] } = await trx.raw(
        'SELECT pg_get_serial_sequence(?, ?) AS sequence',
        [quoted(name), column.name],
      );
      const sequence = found.rows[0]?.sequence;
      if (sequence === null || sequence === undefined) continue;
      await trx.raw(
        `SELECT setval(?::regclass, COALESCE(max(${quoted(column.name)}), 1), max(${quoted(column.name)}) IS NOT NULL) FROM ${quoted(name)}`,
        [sequence],
      );
    }
  }
};

const load = async (
  ports: RestorePorts,
  trx: Knex.Transaction,
  header: BackupHeader,
  path: string,
): Promise<RestoreSummary> => {
  await lockTables(trx, ports.store.kind);
  await checkEmpty(trx);
  await makeTables(trx, header);
  const ties = await readTies(trx);
  for (const { drop } of ties) await trx.raw(drop);
  const rows = await loadRows(ports, trx, path);
  await checkCounts(trx, rows);
  for (const { make } of ties) {
    await trx.raw(make).catch((cause: unknown) => {
      throw unreadable('its rows contradict one another', cause);
    });
  }
  await setSequences(trx, header);
  const doubts = await doubtRestoredStudies(trx, Date.parse(header.createdAtUtc), ports.clock());
  return { backupAtUtc: header.createdAtUtc, software: header.software, rows, ...doubts };
};

/**
 * Restores the archive of that file, and brings its tables up to date.
 *
 * @throws archive/backup-unreadable, archive/backup-newer, cli/file-unreadable — nothing was touched; store/not-empty;
 *   archive/interrupted; store/unavailable; store/migration-failed — restored, the tables are of an older version still
 */
export const restoreBackup = async (ports: RestorePorts, path: string): Promise<RestoreSummary> => {
  // The whole file is believed before the first row is written.
  const { header } = await verifyBackup(path, ports.report, ports.signal);
  await checkKnown(header);
  const { knex } = ports.store;
  const summary = await knex
    .transaction((trx) => load(ports, trx, header, path))
    .catch((cause: unknown) => {
      throw asStoreError(cause);
    });
  await applyMigrations(knex, await knownMigrations()).catch((cause: unknown) => {
    throw new DrimboxError('store/migration-failed', { cause });
  });
  return summary;
};
