/**
 * Connections to Orthanc's PostgreSQL index: read-only transactions on one snapshot, the errors of the table.
 */
import pg from 'pg';
import { DrimboxError, type ErrorCode } from '../errors.ts';

export interface IndexPoolOptions {
  /** `postgres://role@host:port/database`, without password. */
  readonly url: string;
  readonly password?: string | undefined;
  readonly timeoutMs: number;
  readonly maxConnections: number;
}

export interface IndexPoolPorts {
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

export type Rows = readonly Record<string, unknown>[];
export type Query = (sql: string, values?: readonly unknown[]) => Promise<Rows>;

export interface IndexPool {
  /** Runs `read` on one snapshot: what it sees does not change between its queries. */
  read<T>(read: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** SQLSTATE, or its class in two characters → code. @see PostgreSQL appendix A */
const codeOfState: Readonly<Record<string, ErrorCode>> = {
  '28': 'orthanc/refused',
  '42501': 'orthanc/refused',
  '57014': 'orthanc/timeout',
  '55P03': 'orthanc/timeout',
  '25P03': 'orthanc/timeout',
  '42P01': 'orthanc/index-unsupported',
  '42703': 'orthanc/index-unsupported',
  '42883': 'orthanc/index-unsupported',
  '3D000': 'orthanc/index-unsupported',
};

const wrapDatabaseError = (cause: unknown): DrimboxError => {
  if (cause instanceof DrimboxError) return cause;
  if (cause instanceof pg.DatabaseError) {
    const state = cause.code ?? '';
    const code = codeOfState[state] ?? codeOfState[state.slice(0, 2)] ?? 'orthanc/unreachable';
    return new DrimboxError(code, { cause, detail: `PostgreSQL index: SQLSTATE ${state}` });
  }
  // pg names its own time-outs by message only.
  const message = cause instanceof Error ? cause.message : '';
  const code = /time-?out/i.test(message) ? 'orthanc/timeout' : 'orthanc/unreachable';
  return new DrimboxError(code, { cause, detail: 'PostgreSQL index' });
};

export const openIndexPool = (options: IndexPoolOptions, ports: IndexPoolPorts): IndexPool => {
  const pool = new pg.Pool({
    connectionString: options.url,
    ...(options.password === undefined ? {} : { password: options.password }),
    max: options.maxConnections,
    application_name: 'drimbox',
    connectionTimeoutMillis: options.timeoutMs,
    // The server ends the query first; our own clock is for a server that no longer answers.
    statement_timeout: options.timeoutMs,
    query_timeout: options.timeoutMs + 1_000,
    idleTimeoutMillis: 30_000,
  });
  // An idle connection that breaks (restart of the server) is no failure: the pool opens another one.
  pool.on('error', (error) => ports.log.warn({ error: error.message }, 'connection to the PostgreSQL index lost'));

  const runTransaction = async <T>(client: pg.PoolClient, read: (query: Query) => Promise<T>): Promise<T> => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const result = await read(
      async (sql, values = []) => (await client.query<Record<string, unknown>>(sql, [...values])).rows,
    );
    await client.query('COMMIT');
    return result;
  };

  return {
    read: async (read) => {
      let client: pg.PoolClient;
      try {
        client = await pool.connect();
      } catch (error) {
        throw wrapDatabaseError(error);
      }
      try {
        const result = await runTransaction(client, read);
        client.release();
        return result;
      } catch (error) {
        // Whatever state it is in: it is closed, not used again.
        client.release(true);
        throw wrapDatabaseError(error);
      }
    },
    close: () => pool.end(),
  };
};
