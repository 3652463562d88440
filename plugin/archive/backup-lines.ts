/** Checks that the lines of a backup are what its header and its trailer say. */
import { type BackupHeader, type BackupLine, unreadable } from './backup-format.ts';
import type { BackupTable } from './backup-tables.ts';

/** The tables of a header by name. @throws archive/backup-unreadable — a table twice */
export const tablesOf = (header: BackupHeader): ReadonlyMap<string, BackupTable> => {
  const tables = new Map<string, BackupTable>(header.tables.map((table) => [table.name, table]));
  if (tables.size !== header.tables.length) throw unreadable('a table is listed twice');
  return tables;
};

/** Follows the lines and counts the rows of each table. */
export const countLines = (header: BackupHeader) => {
  const tables = tablesOf(header);
  const counts = new Map<string, number>([...tables.keys()].map((name) => [name, 0]));
  let current: BackupTable | undefined;
  return {
    take: (line: Exclude<BackupLine, { kind: 'trailer' }>): void => {
      if (line.kind === 'table') {
        current = tables.get(line.table);
        if (current === undefined) throw unreadable('rows of a table that the header does not list');
        return;
      }
      if (current === undefined || line.values.length !== current.columns.length) {
        throw unreadable('a row does not fit its table');
      }
      counts.set(current.name, (counts.get(current.name) ?? 0) + 1);
    },
    /** @returns the rows of each table. @throws archive/backup-unreadable — fewer lines than rows */
    check: (rows: Readonly<Record<string, number>>): Readonly<Record<string, number>> => {
      for (const [name, lines] of counts) {
        const expected = rows[name];
        if (expected === undefined || lines < expected) throw unreadable(`rows of ${name} are missing`);
      }
      return rows;
    },
  };
};
