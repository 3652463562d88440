/**
 * The database: PostgreSQL, or PGlite (PostgreSQL in WASM, in this process) for the sandbox and small sites.
 *
 * @see design.md §6 · facts/toolchain.md §4 (bigint and bytea come back differently, PGlite takes no lock)
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Socket } from 'node:net';
import knexModule, { type Knex } from 'knex';
import knexPglite from 'knex-pglite';
import pg from 'pg';
import { DrimboxError } from '../errors.ts';
import { openPglite } from './embedded-database.ts';
import { acquireFolderLock, type FolderLock } from './folder-lock.ts';
import { applyMigrations, knownMigrations, migrationLock } from './migrations.ts';
import { asStoreError, isRetriable, isStoreOutage } from './outage.ts';

const { knex } = knexModule;

export interface StoreOptions {
  /** `embedded`, or a `postgres://` URL. */
  readonly url: string;
  /** Folder of the embedded database (`pglite/` is made in it). */
  readonly folder: string;
  readonly password?: string;
  /** Reads what is there and changes no table: for commands beside the service. */
  readonly asIs?: boolean;
  /**
   * With `asIs`, to restore an archive: an embedded database that does not exist is made, without tables, and a statement
   * may last (an index of a large table is made at once).
   */
  readonly create?: boolean;
  /** Connections to PostgreSQL; PGlite has one. */
  readonly maxConnections?: number;
}

export interface Store {
  readonly kind: 'embedded' | 'postgres';
  readonly knex: Knex;
  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. After a deadlock it is run again.
   *
   * @throws store/unavailable, and what `work` throws
   */
  transaction<Result>(work: (trx: Knex.Transaction) => Promise<Result>): Promise<Result>;
  /** @throws store/unavailable */
  checkAlive(): Promise<void>;
  close(): Promise<void>;
}

const int8Oid = 20;
/** bigint as a number: ids and milliseconds stay far below 2^53. */
const parseInt8 = (text: string): number => Number(text);

/** knex's own console lines (connection errors) are dropped: the error itself is thrown, with a code. */
const silent = { warn: () => undefined, error: () => undefined, deprecate: () => undefined, debug: () => undefined };

/** Longest silence of PostgreSQL: a server that hangs is a server that is down. Longer than any statement of ours. */
const silenceMs = 15_000;

/** Of a restoration. */
const longSilenceMs = 4 * 3_600_000;

/** A connection that waits for an answer for too long is cut, and its query fails as an outage; so is one that nobody uses. */
const openSocket = (timeoutMs: number) => (): Socket => {
  const socket = new Socket();
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('connection terminated: no answer')));
  return socket;
};

const openPostgres = (options: StoreOptions): Knex => {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === int8Oid ? parseInt8 : pg.types.getTypeParser(oid, format),
  };
  const connection = {
    connectionString: options.url,
    ...(options.password === undefined ? {} : { password: options.password }),
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    stream: openSocket(options.create === true ? longSilenceMs : silenceMs),
    types,
  };
  return knex({
    client: 'pg',
    connection: connection as unknown as Knex.PgConnectionConfig,
    pool: { min: 0, max: options.maxConnections ?? 10 },
    acquireConnectionTimeout: 5_000,
    log: silent,
    // The text of an error would otherwise hold the values of the row: identities in whatever prints it.
    compileSqlOnError: false,
  });
};

const openEmbedded = async (options: StoreOptions): Promise<Knex> => {
  const dataDir = `${options.folder}/pglite`;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const pglite = await openPglite(dataDir);
  return knex({
    client: knexPglite,
    connection: (() => ({ pglite })) as unknown as Knex.StaticConnectionConfig,
    log: silent,
    // The text of an error would otherwise hold the values of the row: identities in whatever prints it.
    compileSqlOnError: false,
  });
};

const migrate = async (db: Knex, kind: Store['kind']): Promise<void> => {
  const names = await knownMigrations();
  if (kind === 'embedded') {
    await applyMigrations(db, names);
    return;
  }
  // One sidecar migrates, the others wait; a lock row left by a killed one is not in the way, the advisory lock decides.
  await db.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [migrationLock]);
    await applyMigrations(db, names);
  });
};

const transactionAttempts = 3;

/** A deadlock or a serialization failure is nobody's fault: the same work is done again. */
const runTransaction = async <Result>(db: Knex, work: (trx: Knex.Transaction) => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (attempt === transactionAttempts || !isRetriable(error)) throw asStoreError(error);
    }
  }
};

const storeOf = (kind: Store['kind'], db: Knex, lock: FolderLock | undefined): Store => ({
  kind,
  knex: db,
  transaction: (work) => runTransaction(db, work),
  checkAlive: async () => {
    try {
      await db.raw('SELECT 1');
    } catch (error) {
      throw new DrimboxError('store/unavailable', { cause: error });
    }
  },
  close: async () => {
    await db.destroy();
    await lock?.release();
  },
});

/**
 * Opens the database and brings its tables up to date.
 *
 * @throws store/unavailable, store/locked (embedded, another process has it), store/migration-failed; store/absent (`asIs`,
 *   and the service never made it)
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const kind = options.url === 'embedded' ? 'embedded' : 'postgres';
  const isAbsent = kind === 'embedded' && !existsSync(`${options.folder}/pglite`);
  if (options.asIs === true && options.create !== true && isAbsent) {
    throw new DrimboxError('store/absent', { detail: `${options.folder} holds no database: start drimbox serve once` });
  }
  const lock = kind === 'embedded' ? await acquireFolderLock(options.folder) : undefined;
  let db: Knex | undefined;
  try {
    db = kind === 'embedded' ? await openEmbedded(options) : openPostgres(options);
    const store = storeOf(kind, db, lock);
    await store.checkAlive();
    if (options.asIs !== true) await migrate(db, kind);
    return store;
  } catch (error) {
    await db?.destroy().catch(() => undefined);
    await lock?.release();
    if (error instanceof DrimboxError) throw error;
    throw new DrimboxError(isStoreOutage(error) ? 'store/unavailable' : 'store/migration-failed', { cause: error });
  }
};
