/**
 * Writes the whole archive into one file while the service goes on (DB.SO.24).
 *
 * What is written is the archive as it was at one instant. On PostgreSQL that is one read-only transaction. The embedded
 * database has one connection, and a long transaction would keep the RIS waiting (70 s for 1 GB; measured: 0.2 s this way):
 * there the large tables are read page by page while others write, and at the end one short transaction reads the small
 * tables whole and every row that was written since the beginning. Rows of the large tables are never deleted, so the two
 * together are the archive at that last instant.
 */
import type { Knex } from 'knex';
import { DrimboxError } from '../errors.ts';
import { appliedMigrations, asStoreError, type Store } from '../store/index.ts';
import { type BackupHeader, encodeHeader, encodeRow, encodeTable, encodeTrailer } from './backup-format.ts';
import { countLines } from './backup-lines.ts';
import { countRows, nextTransactionId, readRows, type WrittenWhen } from './backup-rows.ts';
import { type BackupSink, openSink, readBackup } from './backup-stream.ts';
import { archiveTables, type BackupTable, readTables } from './backup-tables.ts';
import { saveEvents } from './journal.ts';
import { saveMarker } from './markers.ts';
import { writeNewFile } from './new-file.ts';

/** When the last backup was finished; its value says how large it is. */
export const lastBackupMarker = 'last-backup';

export interface BackupSummary {
  /** The instant of which the archive is in the file. */
  readonly createdAtUtc: string;
  readonly rows: Readonly<Record<string, number>>;
  readonly bytes: number;
}

export interface BackupProgress {
  readonly step: 'write' | 'verify';
  readonly table?: string;
  readonly rows: number;
  readonly megabytes: number;
}

export interface BackupPorts {
  readonly store: Store;
  readonly clock: () => number;
  readonly software: string;
  readonly report: (progress: BackupProgress) => void;
  /** Aborted: the file that was begun is removed. */
  readonly signal: AbortSignal;
}

const checkWanted = (signal: AbortSignal): void => {
  if (signal.aborted)
    throw new DrimboxError('archive/interrupted', { detail: 'nobody waits for the backup any longer' });
};

/** Writes rows and counts lines. */
const scribe = (ports: BackupPorts, sink: BackupSink) => {
  let lines = 0;
  const write = async (text: string, count: number): Promise<void> => {
    await sink.write(text);
    lines += count;
  };
  /** @returns how many rows it wrote */
  const writeTable = async (knex: Knex, table: BackupTable, when?: WrittenWhen): Promise<number> => {
    let isNamed = false;
    let written = 0;
    for await (const rows of readRows(knex, table, when)) {
      checkWanted(ports.signal);
      const text = rows.map(encodeRow).join('');
      await write(isNamed ? text : encodeTable(table.name) + text, rows.length + (isNamed ? 0 : 1));
      isNamed = true;
      written += rows.length;
      ports.report({ step: 'write', table: table.name, rows: lines, megabytes: Math.round(sink.bytes() / 1e6) });
    }
    return written;
  };
  return { write, writeTable, lines: () => lines };
};

type Scribe = ReturnType<typeof scribe>;

const countAll = async (knex: Knex, tables: readonly BackupTable[]): Promise<Record<string, number>> => {
  const rows: Record<string, number> = {};
  for (const { name } of tables) rows[name] = await countRows(knex, name);
  return rows;
};

const headerOf = async (ports: BackupPorts, knex: Knex, tables: readonly BackupTable[]): Promise<string> =>
  encodeHeader({
    software: ports.software,
    migrations: [...(await appliedMigrations(knex))],
    createdAtUtc: new Date(ports.clock()).toISOString(),
    tables: tables.map(({ name, columns, key }) => ({ name, columns: [...columns], key: [...key] })),
  });

type Counted = { readonly rows: Record<string, number>; readonly atUtcMs: number };

/** One transaction that sees nothing of what others write. */
const writeSnapshot = (ports: BackupPorts, pen: Scribe): Promise<Counted> =>
  ports.store.knex.transaction(
    async (trx) => {
      const tables = await readTables(trx);
      const atUtcMs = ports.clock();
      await pen.write(await headerOf(ports, trx, tables), 1);
      // Counted while written: asking for a number may take longer than a statement is waited for.
      const rows: Record<string, number> = {};
      for (const table of tables) rows[table.name] = await pen.writeTable(trx, table);
      return { rows, atUtcMs };
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );

const isKept = (table: BackupTable): boolean =>
  archiveTables.some(({ name, isKept: kept }) => name === table.name && kept === true);

/** Large tables while others write, then one short transaction. */
const writeWhileServing = async (ports: BackupPorts, pen: Scribe): Promise<Counted> => {
  const { knex } = ports.store;
  const tables = await readTables(knex);
  await pen.write(await headerOf(ports, knex, tables), 1);
  const begun = await nextTransactionId(knex);
  for (const table of tables.filter(isKept)) await pen.writeTable(knex, table, { before: begun });
  return ports.store.transaction(async (trx) => {
    const atUtcMs = ports.clock();
    for (const table of tables) await pen.writeTable(trx, table, isKept(table) ? { since: begun } : undefined);
    return { rows: await countAll(trx, tables), atUtcMs };
  });
};

const fill = async (ports: BackupPorts, sink: BackupSink): Promise<BackupSummary> => {
  const pen = scribe(ports, sink);
  const counted =
    ports.store.kind === 'postgres' ? await writeSnapshot(ports, pen) : await writeWhileServing(ports, pen);
  const { rows } = counted;
  await sink.write(encodeTrailer({ rows, lines: pen.lines(), sha256: sink.digest() }));
  await sink.end();
  return { createdAtUtc: new Date(counted.atUtcMs).toISOString(), rows, bytes: sink.bytes() };
};

export interface VerifiedBackup {
  readonly header: BackupHeader;
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
}

/**
 * Reads a backup from end to end: digest, lines, tables, numbers of rows.
 *
 * @throws archive/backup-unreadable, archive/backup-newer, archive/interrupted, cli/file-unreadable
 */
export const verifyBackup = async (
  path: string,
  report: (progress: BackupProgress) => void,
  signal: AbortSignal,
): Promise<VerifiedBackup> => {
  const reading = await readBackup(path);
  const found = countLines(reading.header);
  let lines = 0;
  for await (const line of reading.lines) {
    if (line.kind === 'trailer') return { header: reading.header, rows: found.check(line.trailer.rows) };
    found.take(line);
    lines += 1;
    if (lines % 5_000 !== 0) continue;
    checkWanted(signal);
    report({ step: 'verify', rows: lines, megabytes: Math.round(reading.position() / 1e6) });
  }
  throw new DrimboxError('archive/backup-unreadable');
};

/**
 * Writes the archive to a new file, which is read back before it gets its name.
 *
 * @param path  absolute; nothing may be there
 * @throws archive/file-exists, archive/file-unwritable, archive/interrupted, store/unavailable
 */
export const saveBackup = async (ports: BackupPorts, path: string): Promise<BackupSummary> => {
  const summary = await writeNewFile(
    path,
    async (file) => {
      const sink = openSink(file);
      try {
        return await fill(ports, sink);
      } catch (cause) {
        sink.destroy();
        throw asStoreError(cause);
      }
    },
    async (temporary) => {
      await verifyBackup(temporary, ports.report, ports.signal);
      checkWanted(ports.signal);
    },
  );
  const atUtcMs = ports.clock();
  const rows = Object.values(summary.rows).reduce((sum, count) => sum + count, 0);
  await ports.store.transaction(async (trx) => {
    await saveMarker(trx, lastBackupMarker, JSON.stringify({ createdAtUtc: summary.createdAtUtc, rows }), atUtcMs);
    await saveEvents(trx, atUtcMs, [{ name: 'archive/backed-up', detail: { rows, bytes: summary.bytes } }]);
  });
  return summary;
};
