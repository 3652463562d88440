/**
 * Group commit: one transaction at a time, and what comes meanwhile goes into the next one together. Each caller is answered
 * when its own rows are on the disk; twenty of them cost one sync of the disk, not twenty.
 */
import type { Knex } from 'knex';
import { DrimboxError } from '../errors.ts';

/** What the audit needs of the database. */
export interface AuditStore {
  /** One process has it (`embedded`), or several may. */
  readonly kind: 'embedded' | 'postgres';
  readonly knex: Knex;
  /** @throws store/unavailable — the database is not there */
  transaction<Result>(work: (trx: Knex.Transaction) => Promise<Result>): Promise<Result>;
}

/** May be run more than once: after a failure of its neighbours it is run again, alone. */
type Work<Result> = (trx: Knex.Transaction) => Promise<Result>;

interface Waiting {
  readonly run: (trx: Knex.Transaction) => Promise<() => void>;
  readonly fail: (cause: unknown) => void;
}

export interface CommitQueue {
  /** @throws audit/unavailable — not on the disk */
  add<Result>(work: Work<Result>): Promise<Result>;
  /** Resolves when nothing waits any longer. */
  idle(): Promise<void>;
}

const worksPerTransaction = 200;
const defaultMaxWaiting = 2_000;

const isOutage = (cause: unknown): boolean => cause instanceof DrimboxError && cause.code === 'store/unavailable';

const asUnavailable = (cause: unknown): DrimboxError =>
  cause instanceof DrimboxError && cause.code === 'audit/unavailable'
    ? cause
    : new DrimboxError('audit/unavailable', { cause });

export const createCommitQueue = (
  store: Pick<AuditStore, 'transaction'>,
  options: { readonly maxWaiting?: number } = {},
): CommitQueue => {
  const maxWaiting = options.maxWaiting ?? defaultMaxWaiting;
  let waiting: Waiting[] = [];
  let working: Promise<void> | undefined;

  const commit = async (works: readonly Waiting[]): Promise<void> => {
    try {
      const settle = await store.transaction(async (trx) => {
        const settles: (() => void)[] = [];
        for (const work of works) settles.push(await work.run(trx));
        return settles;
      });
      for (const done of settle) done();
    } catch (cause) {
      // One bad row must not take its neighbours with it.
      if (works.length > 1 && !isOutage(cause)) for (const work of works) await commit([work]);
      else for (const work of works) work.fail(asUnavailable(cause));
    }
  };

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const works = waiting.slice(0, worksPerTransaction);
      waiting = waiting.slice(worksPerTransaction);
      await commit(works);
    }
    working = undefined;
  };

  return {
    add: (work) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= maxWaiting) {
          reject(new DrimboxError('audit/unavailable', { detail: `${waiting.length} rows wait for the database` }));
          return;
        }
        waiting.push({
          run: async (trx) => {
            const result = await work(trx);
            return () => resolve(result);
          },
          fail: reject,
        });
        working ??= Promise.resolve().then(drain);
      }),
    idle: async () => {
      while (working !== undefined) await working;
    },
  };
};
