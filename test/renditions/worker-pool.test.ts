import { afterEach, describe, expect, it } from 'vitest';
import { createByteBudget } from '../../plugin/renditions/byte-budget.ts';
import { createWorkerPool, type WorkerPool } from '../../plugin/renditions/worker-pool.ts';
import type { Order } from '../fixtures/renditions/misbehaving-worker.ts';

type Pool = WorkerPool<{ readonly order: Order }, number>;
const file = new URL('../fixtures/renditions/misbehaving-worker.ts', import.meta.url);
const pools: Pool[] = [];
const open = (threads: number, timeoutMs = 60_000): Pool => {
  const pool: Pool = createWorkerPool({ file, threads, timeoutMs });
  pools.push(pool);
  return pool;
};
const run = (pool: Pool, order: Order, signal?: AbortSignal) =>
  pool.run({ order }, { transfer: [], ...(signal === undefined ? {} : { signal }) });
const threadOf = async (pool: Pool, order: Order): Promise<number> => {
  const outcome = await run(pool, order);
  if (outcome.kind !== 'answered') throw new Error(outcome.kind);
  return outcome.answer;
};

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('threads that convert', () => {
  it('take one job after the other', async () => {
    const pool = open(1);
    const threads = await Promise.all([1, 2, 3].map(() => threadOf(pool, 'answer')));
    expect(new Set(threads).size).toBe(1);
    expect(pool.counts()).toEqual({ running: 0, waiting: 0 });
  });

  it('are replaced when they say that they are spent: a codec that failed takes no other image', async () => {
    const pool = open(1);
    const first = await threadOf(pool, 'answer-spent');
    expect(await threadOf(pool, 'answer')).not.toBe(first);
  });

  it.each(['die', 'throw'] as const)('%s without the jobs of the others noticing', async (order) => {
    const pool = open(2);
    const outcomes = await Promise.all((['answer', order, 'answer', 'answer'] as const).map((each) => run(pool, each)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['answered', 'died', 'answered', 'answered']);
  });

  it('are ended when they hang, and the next job is done', async () => {
    const pool = open(1, 1500);
    const [hung, next] = await Promise.all([run(pool, 'hang'), run(pool, 'answer')]);
    expect(hung.kind).toBe('timed-out');
    expect(next.kind).toBe('answered');
  });

  it('forget a job whose client went away while it waited', async () => {
    const pool = open(1);
    const client = new AbortController();
    const first = run(pool, 'answer');
    const waiting = run(pool, 'die', client.signal);
    client.abort();
    expect(await waiting).toEqual({ kind: 'cancelled' });
    expect((await first).kind).toBe('answered');
    expect(await run(pool, 'answer', AbortSignal.abort())).toEqual({ kind: 'cancelled' });
  });

  it('are freed of a running job whose client went away', async () => {
    const pool = open(1);
    const client = new AbortController();
    const hung = run(pool, 'hang', client.signal);
    client.abort();
    expect(await hung).toEqual({ kind: 'cancelled' });
    expect((await run(pool, 'answer')).kind).toBe('answered');
  });

  it('end with the service: what runs and what waits is cancelled, nothing starts any more', async () => {
    const pool = open(1);
    const jobs = [run(pool, 'hang'), run(pool, 'answer')];
    await pool.close();
    const [hung, waiting] = await Promise.all(jobs);
    expect(waiting).toEqual({ kind: 'cancelled' });
    expect(hung?.kind).toBe('cancelled');
    expect(await run(pool, 'answer')).toEqual({ kind: 'cancelled' });
  });
});

describe('the budget of bytes', () => {
  it('lets in what fits, in the order of asking, and alone what is larger than all', async () => {
    const budget = createByteBudget(100);
    const first = await budget.acquire(60);
    const order: string[] = [];
    const enter = async (name: string, bytes: number) => {
      const release = await budget.acquire(bytes);
      order.push(name);
      return release;
    };
    const large = enter('large', 500);
    const small = enter('small', 10);
    expect(budget.waiting()).toBe(2);
    first?.();
    first?.();
    const releaseLarge = await large;
    expect(order).toEqual(['large']);
    expect(budget.heldBytes()).toBe(500);
    releaseLarge?.();
    (await small)?.();
    expect(order).toEqual(['large', 'small']);
    expect(budget.heldBytes()).toBe(0);
  });

  it('lets a client leave the line, and the next one in', async () => {
    const budget = createByteBudget(100);
    const first = await budget.acquire(60);
    const client = new AbortController();
    const large = budget.acquire(500, client.signal);
    const small = budget.acquire(40);
    client.abort();
    expect(await large).toBeUndefined();
    (await small)?.();
    first?.();
    expect(budget.heldBytes()).toBe(0);
    expect(await budget.acquire(1, AbortSignal.abort())).toBeUndefined();
  });
});
