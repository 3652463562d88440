/**
 * A private PostgreSQL cluster in a folder of its own, on a free port, gone when the test ends.
 *
 * Debian's server programs are used; root is refused by them, so they run as `postgres` when the test runs as root.
 */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { copyKeptFolder } from '../../fixtures/store/kept-folder.ts';
import { findFreePort } from './free-port.ts';
import { startTethered, type TetheredProcess } from './tethered-process.ts';

const run = promisify(execFile);
const superuser = 'postgres';

export interface PostgresOptions {
  /** With `fsync`, as in production: for crash tests. */
  readonly durable?: boolean;
}

export interface Postgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly pid: number;
  /** Connection string of the superuser, without password (trusted on loopback). */
  url(database?: string, user?: string): string;
  createDatabase(name: string): Promise<string>;
  /** Runs SQL as superuser. */
  run(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  log(): string;
  stop(): Promise<void>;
  /** Ends it as a power cut would and removes its folder. */
  kill(): Promise<void>;
}

const asServerUser = (command: readonly string[]): [string, ...string[]] =>
  (process.getuid?.() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', ...command]
    : command) as [string, ...string[]];

/** Newest server installed, as Debian lays it out. */
const programFolder = (): string => {
  const versions = readdirSync('/usr/lib/postgresql').map(Number).filter(Number.isInteger);
  if (versions.length === 0) throw new Error('PostgreSQL is not installed: run scripts/setup');
  return `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
};

const makeCluster = async (folder: string): Promise<void> => {
  const [program, ...args] = asServerUser([
    `${programFolder()}/initdb`,
    ...['--pgdata', folder, '--username', superuser, '--auth', 'trust'],
    ...['--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'],
  ]);
  await run(program, args, { cwd: '/' });
};

/** A copy of one that is kept: initdb takes a second of computing. */
const initialise = (folder: string): Promise<void> => {
  const make = async (made: string): Promise<void> => {
    if (process.getuid?.() === 0) await run('chown', ['postgres:postgres', made]);
    await makeCluster(made);
  };
  const kept = { name: 'empty-cluster', files: [], words: [programFolder()], make };
  return copyKeptFolder(kept, join(folder, 'cluster'));
};

const settings = (folder: string, port: number, durable: boolean): string[] => [
  ...['-D', join(folder, 'cluster'), '-p', String(port), '-h', '127.0.0.1', '-k', folder],
  ...['-c', 'max_connections=100', '-c', 'shared_buffers=64MB', '-c', 'log_min_error_statement=panic'],
  ...(durable ? [] : ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']),
];

const runSql = async (url: string, sql: string): Promise<readonly Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  // A server that stops while we are connected must not end the test process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const answer = await client.query<Record<string, unknown>>(sql);
    return answer.rows ?? [];
  } finally {
    await client.end();
  }
};

const isReady = async (process: TetheredProcess, url: string): Promise<boolean> => {
  for (let attempt = 0; attempt < 300 && !process.hasEnded(); attempt += 1) {
    try {
      await runSql(url, 'SELECT 1');
      return true;
    } catch {
      await sleep(100);
    }
  }
  return false;
};

export const startPostgres = async (options: PostgresOptions = {}): Promise<Postgres> => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-postgres-'));
  chmodSync(folder, 0o777);
  await initialise(folder);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const port = await findFreePort();
    const server = await startTethered({
      command: asServerUser([`${programFolder()}/postgres`, ...settings(folder, port, options.durable ?? false)]),
      logFile: join(folder, 'postgres.log'),
      stopSignal: 'INT',
    });
    const url = (database = 'postgres', user = superuser): string =>
      `postgres://${user}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
    if (!(await isReady(server, url()))) {
      await server.kill();
      continue;
    }
    const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
    return {
      host: '127.0.0.1',
      port,
      pid: server.pid,
      url,
      createDatabase: async (name) => {
        await runSql(url(), `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
        return url(name);
      },
      run: (sql, database) => runSql(url(database), sql),
      log: () => server.log(),
      stop: async () => {
        await server.stop();
        removeFolder();
      },
      kill: async () => {
        await server.kill();
        removeFolder();
      },
    };
  }
  throw new Error(`PostgreSQL did not start; see ${folder}/postgres.log`);
};
