/**
 * The port that rooms call: a row before the first byte leaves, its end after the last one, a row or a count for what is
 * refused (decision A6).
 */
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { type AuditEntry, AuditOutcome, type AuditResult, toEntryRow, toResultRow } from './audit-entry.ts';
import { type AuditStore, type CommitQueue, createCommitQueue } from './commit-queue.ts';
import { beatMs, closeInterrupted, leaseMs, renewLeases } from './leases.ts';
import type { AuditOptions } from './options.ts';
import { createRefusalCounter } from './refusal-counter.ts';
import { countedOfMany, createRefusalFlood, type FloodLimits, minuteOf } from './refusal-flood.ts';
import { eraseOldIdentities } from './retention.ts';

/** A transaction that is under way. */
export interface AuditHandle {
  readonly id: number;
  readonly startedAtUtcMs: number;
}

export interface AuditPorts {
  readonly store: AuditStore;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly log: { warn(fields: object, message: string): void };
  readonly options?: AuditOptions;
  readonly limits?: FloodLimits;
  /** Longest wait for the row of `begin`. */
  readonly beginTimeoutMs?: number;
}

export interface Audit {
  /**
   * Writes down that the transaction begins; resolves when the row is on the disk.
   *
   * @throws audit/unavailable — it is not: nothing may be served, the answer is 503
   */
  begin(entry: AuditEntry): Promise<AuditHandle>;
  /** How it ended. Never fails: while the database is away the end is kept in memory and written when it is back. */
  finish(handle: AuditHandle, result: AuditResult): Promise<void>;
  /**
   * A transaction that ends before it began: refused, failed, busy. One row, or a number more in a row of a flood.
   *
   * @throws audit/unavailable — not on the disk yet; it is kept in memory and tried again
   */
  record(entry: AuditEntry, result: AuditResult): Promise<void>;
  /** Closes what a killed process left, erases what is past the retention; then both again and again until `stop`. */
  start(): Promise<void>;
  /** Writes what is still kept in memory, as far as the database takes it. */
  stop(): Promise<void>;
}

const defaultBeginTimeoutMs = 5_000;
const dayMs = 86_400_000;
const eraseEveryMs = 3_600_000;
/** Refusals kept whole while the database is away; beyond, they are counted. */
const maxKeptRefusals = 1_000;

interface End {
  readonly handle: AuditHandle;
  readonly result: AuditResult;
  readonly atUtcMs: number;
}

interface Refusal {
  readonly entry: AuditEntry;
  readonly result: AuditResult;
  readonly atUtcMs: number;
}

const insertBegun = (queue: CommitQueue, entry: AuditEntry, atUtcMs: number): Promise<AuditHandle> =>
  queue.add(async (trx) => {
    const [row] = await trx('audit')
      .insert({
        ...toEntryRow(entry, atUtcMs),
        outcome: AuditOutcome.underWay,
        syntaxes: '{}',
        lease_until_utc_ms: atUtcMs + leaseMs,
      })
      .returning<{ id: number }[]>('id');
    return { id: Number(row?.id), startedAtUtcMs: atUtcMs };
  });

const insertRefusal = (queue: CommitQueue, { entry, result, atUtcMs }: Refusal): Promise<void> =>
  queue.add(async (trx) => {
    await trx('audit').insert({ ...toEntryRow(entry, atUtcMs), ...toResultRow(result, atUtcMs, atUtcMs) });
  });

/** A row that was taken for dead is told its true end. */
const updateEnd = (queue: CommitQueue, { handle, result, atUtcMs }: End): Promise<void> =>
  queue.add(async (trx) => {
    await trx('audit')
      .where({ id: handle.id })
      .whereIn('outcome', [AuditOutcome.underWay, AuditOutcome.interrupted])
      .update(toResultRow(result, handle.startedAtUtcMs, atUtcMs));
  });

/** Resolves or rejects with `work`, or rejects after the time. */
const within = async <Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DrimboxError('audit/unavailable', { detail: `no answer after ${timeoutMs} ms` })),
      timeoutMs,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

export const createAudit = (ports: AuditPorts): Audit => {
  const { store, clock, log } = ports;
  const queue = createCommitQueue(store);
  const flood = createRefusalFlood(ports.limits);
  const counter = createRefusalCounter(queue);
  const underWay = new Set<number>();
  const ends = new Map<number, End>();
  let refusals: Refusal[] = [];
  let erasedAtUtcMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> = Promise.resolve();

  const writeEnd = async (end: End): Promise<void> => {
    await updateEnd(queue, end);
    ends.delete(end.handle.id);
    underWay.delete(end.handle.id);
  };

  const finish = async (handle: AuditHandle, result: AuditResult): Promise<void> => {
    const end = { handle, result, atUtcMs: clock() };
    ends.set(handle.id, end);
    await writeEnd(end).catch((cause: unknown) => {
      log.warn({ code: asDrimboxError(cause).code, audit: handle.id }, 'end of an audited transaction not written yet');
    });
  };

  const begin = async (entry: AuditEntry): Promise<AuditHandle> => {
    const inserting = insertBegun(queue, entry, clock());
    let isLate = false;
    // A row that arrives after nobody waits for it must not stay under way.
    inserting.then(
      (handle) => {
        underWay.add(handle.id);
        if (!isLate) return;
        void finish(handle, { outcome: AuditOutcome.failed, httpStatus: 503, reasonCode: 'audit/unavailable' });
      },
      () => undefined,
    );
    return within(inserting, ports.beginTimeoutMs ?? defaultBeginTimeoutMs).catch((cause: unknown) => {
      isLate = true;
      throw cause;
    });
  };

  const keep = (refusal: Refusal): void => {
    if (refusals.length < maxKeptRefusals) refusals.push(refusal);
    else countOne(refusal);
  };

  /** Counted whatever the limits say: there is no room to keep it whole. Its own failure is told by the next beat. */
  const countOne = ({ entry, result, atUtcMs }: Refusal): void => {
    counter.add(countedOfMany(entry, result, minuteOf(atUtcMs)), atUtcMs).catch(() => undefined);
  };

  const record = async (entry: AuditEntry, result: AuditResult): Promise<void> => {
    const atUtcMs = clock();
    const verdict = flood.judge(entry, result, atUtcMs);
    if (verdict.kind === 'count') return counter.add(verdict.counted, atUtcMs);
    const refusal = { entry, result, atUtcMs };
    await insertRefusal(queue, refusal).catch((cause: unknown) => {
      keep(refusal);
      throw cause;
    });
  };

  /** What failures left in memory. */
  const writeKept = async (): Promise<void> => {
    const some = refusals;
    refusals = [];
    const results = await Promise.allSettled(some.map((refusal) => insertRefusal(queue, refusal)));
    results.forEach((outcome, at) => {
      const refusal = some[at];
      if (outcome.status === 'rejected' && refusal !== undefined) keep(refusal);
    });
    await counter.flush();
    for (const end of ends.values()) await writeEnd(end);
  };

  const erase = async (atUtcMs: number): Promise<void> => {
    const days = ports.options?.retentionDays;
    if (days === undefined || atUtcMs - erasedAtUtcMs < eraseEveryMs) return;
    erasedAtUtcMs = atUtcMs;
    await eraseOldIdentities(store.knex, atUtcMs - days * dayMs, atUtcMs);
  };

  const beat = async (): Promise<void> => {
    const atUtcMs = clock();
    await writeKept();
    await renewLeases(store.knex, [...underWay], atUtcMs);
    // On the embedded store a row of another process can only be there at the start.
    await closeInterrupted(store.knex, [...underWay], atUtcMs, false);
    await erase(atUtcMs);
  };

  const beatSafely = (): Promise<void> =>
    beat().catch((cause: unknown) => {
      log.warn({ code: asDrimboxError(cause).code }, 'audit not brought up to date; tried again');
    });

  return {
    begin,
    finish,
    record,
    start: async () => {
      await closeInterrupted(store.knex, [...underWay], clock(), store.kind === 'embedded');
      await erase(clock());
      timer = setInterval(() => {
        beating = beating.then(beatSafely);
      }, beatMs);
      timer.unref();
    },
    stop: async () => {
      clearInterval(timer);
      await beating;
      await queue.idle();
      await writeKept().catch((cause: unknown) => {
        log.warn({ code: asDrimboxError(cause).code }, 'end of audited transactions not written');
      });
    },
  };
};
