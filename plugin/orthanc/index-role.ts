/**
 * What the role that reads Orthanc's PostgreSQL index may do: it must read, and nothing else.
 *
 * @see orthanc-config/read-only-role.sql
 */
import { openIndexPool } from './index-pool.ts';
import { checkIndexSchema } from './index-schema.ts';
import { loadSecret } from './secret-file.ts';

export interface IndexRole {
  /** @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/index-unsupported */
  checkReadable(): Promise<void>;
  /** Tables in which the role could write; empty for one that only reads. @throws as above */
  listWritableTables(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const writableTables = `
  SELECT relname FROM pg_class
  WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    AND has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
  ORDER BY relname`;

/** @throws config/unreadable: the password file */
export const openIndexRole = (
  options: { readonly indexUrl: string; readonly indexPasswordFile?: string; readonly timeoutMs: number },
  ports: Parameters<typeof openIndexPool>[1],
): IndexRole => {
  const password = options.indexPasswordFile === undefined ? undefined : loadSecret(options.indexPasswordFile);
  const pool = openIndexPool(
    { url: options.indexUrl, password, timeoutMs: options.timeoutMs, maxConnections: 1 },
    ports,
  );
  return {
    checkReadable: () => pool.read((query) => checkIndexSchema(query)),
    listWritableTables: () =>
      pool.read(async (query) => (await query(writableTables)).map((row) => String(row['relname']))),
    close: () => pool.close(),
  };
};
