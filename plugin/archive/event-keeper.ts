/**
 * Keeps events that come faster than anybody reads them: at once a line each, in a flood one line a minute that counts on
 * (`event-flood.ts`). Nobody waits for it; while the database is away lines wait here and are written when it is back.
 *
 * A count is written as the sum so far, over the sum written before: told twice, it counts once. Only a line whose commit the
 * database made without being able to say so may be there twice.
 */
import type { Knex } from 'knex';
import { asDrimboxError } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import { addEvent, countedEvent, createEventFlood } from './event-flood.ts';
import { eventRowOf } from './journal.ts';

export interface EventKeeperPorts {
  readonly store: {
    /** @throws store/unavailable — the database is not there */
    transaction<Result>(work: (trx: Knex.Transaction) => Promise<Result>): Promise<Result>;
  };
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly log: { warn(fields: object, message: string): void };
  /** Events of one kind in one minute that get a line each. */
  readonly linesPerKind?: number;
  readonly retryMs?: number;
}

export interface EventKeeper {
  /** Never throws. */
  keep(events: readonly DrimboxEvent[]): void;
  /** Writes what waits, as far as the database takes it. */
  close(): Promise<void>;
}

const defaultRetryMs = 5_000;
const rowsPerTransaction = 500;
/** Rows that wait for the database; beyond, events are lost, and the log says so. */
const maxPending = 5_000;

interface Row {
  readonly atUtcMs: number;
  event: DrimboxEvent;
  /** Once it is written. */
  id?: number;
}

const insert = async (trx: Knex.Transaction, rows: readonly Row[]): Promise<readonly number[]> => {
  if (rows.length === 0) return [];
  const added = rows.map(({ atUtcMs, event }) => eventRowOf(atUtcMs, event));
  const ids = await trx('event').insert(added).returning<{ id: number }[]>('id');
  return ids.map(({ id }) => Number(id));
};

const update = async (trx: Knex.Transaction, { id, event }: Row): Promise<void> => {
  await trx('event')
    .where({ id })
    .update({ detail: JSON.stringify(event.detail ?? {}) });
};

class Keeper implements EventKeeper {
  readonly #ports: EventKeeperPorts;
  readonly #flood: ReturnType<typeof createEventFlood>;
  readonly #pending = new Set<Row>();
  /** The lines that count on, by their key; those of minutes that are over go when they are written. */
  readonly #counts = new Map<string, Row>();
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(ports: EventKeeperPorts) {
    this.#ports = ports;
    this.#flood = createEventFlood(ports.linesPerKind);
  }

  keep(events: readonly DrimboxEvent[]): void {
    const atUtcMs = this.#ports.clock();
    for (const event of events) this.#take(event, atUtcMs);
    if (this.#retry === undefined) this.#write();
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    await this.#writing;
    this.#write();
    await this.#writing;
    clearTimeout(this.#retry);
    if (this.#pending.size > 0) this.#tellLost(this.#pending.size, 'store/unavailable');
  }

  #take(event: DrimboxEvent, atUtcMs: number): void {
    const verdict = this.#flood.judge(event, atUtcMs);
    const count = verdict.kind === 'count' ? this.#counts.get(verdict.key) : undefined;
    if (count !== undefined) {
      count.event = addEvent(count.event, event);
      this.#pending.add(count);
      return;
    }
    if (this.#pending.size >= maxPending) {
      this.#tellLost(1, 'store/unavailable');
      return;
    }
    const row: Row = { atUtcMs, event: verdict.kind === 'count' ? countedEvent(event) : event };
    if (verdict.kind === 'count') this.#counts.set(verdict.key, row);
    this.#pending.add(row);
  }

  /** One transaction at a time; what comes meanwhile goes into the next one together. */
  #write(): void {
    this.#writing ??= this.#writePending().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writePending(): Promise<void> {
    // After this turn: all that one request tells goes together.
    await Promise.resolve();
    while (this.#pending.size > 0) {
      const isThere = await this.#writeRows([...this.#pending].slice(0, rowsPerTransaction));
      if (!isThere) return this.#writeLater();
    }
    this.#forgetPastCounts();
  }

  /** @returns false when the database is away */
  async #writeRows(rows: readonly Row[]): Promise<boolean> {
    const events = rows.map(({ event }) => event);
    try {
      const added = rows.filter(({ id }) => id === undefined);
      const known = rows.filter(({ id }) => id !== undefined);
      const ids = await this.#ports.store.transaction(async (trx) => {
        for (const row of known) await update(trx, row);
        return insert(trx, added);
      });
      added.forEach((row, at) => Object.assign(row, { id: ids[at] }));
      rows.forEach((row, at) => {
        if (row.event === events[at]) this.#pending.delete(row);
      });
      return true;
    } catch (cause) {
      const { code } = asDrimboxError(cause);
      if (code === 'store/unavailable') return false;
      return this.#writeApart(rows, code);
    }
  }

  /** One row that the database does not take must not take its neighbours with it. */
  async #writeApart(rows: readonly Row[], code: string): Promise<boolean> {
    const [only] = rows;
    if (rows.length === 1 && only !== undefined) {
      this.#pending.delete(only);
      this.#tellLost(1, code);
      return true;
    }
    for (const row of rows) if (!(await this.#writeRows([row]))) return false;
    return true;
  }

  #writeLater(): void {
    this.#ports.log.warn({ code: 'store/unavailable', waiting: this.#pending.size }, 'lines of the journal wait');
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#write();
    }, this.#ports.retryMs ?? defaultRetryMs).unref();
  }

  #forgetPastCounts(): void {
    const minute = `${Math.floor(this.#ports.clock() / 60_000) * 60_000} `;
    for (const key of this.#counts.keys()) if (!key.startsWith(minute)) this.#counts.delete(key);
  }

  #tellLost(lines: number, code: string): void {
    this.#ports.log.warn({ code, lines }, 'lines of the journal were not written');
  }
}

export const createEventKeeper = (ports: EventKeeperPorts): EventKeeper => new Keeper(ports);
