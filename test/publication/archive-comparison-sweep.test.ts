/** When a sweep comes by itself, and the worker that makes comparisons on a real store. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadLatestRun } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  type ArchiveComparison,
  nextSweepAt,
  publicationOptions,
  requestSweep,
  startArchiveComparison,
} from '../../plugin/publication/index.ts';
import {
  archiveStudies,
  type ComparisonBench,
  createComparisonBench,
  emptyComparisons,
  found,
  inventedContents,
} from '../fixtures/comparison/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

vi.setConfig({ testTimeout: 30_000 });

const utc = (text: string): number => Date.parse(text);
const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

describe('the hour of the night', () => {
  const paris = (now: string, clockTime = '02:30'): string => isoOf(nextSweepAt(clockTime, 'Europe/Paris', utc(now)));

  test.each([
    ['later today, in winter', '2026-01-10T00:00:00Z', '2026-01-10T01:30:00.000Z'],
    ['later today, in summer', '2026-07-10T00:00:00Z', '2026-07-10T00:30:00.000Z'],
    ['tomorrow', '2026-01-10T12:00:00Z', '2026-01-11T01:30:00.000Z'],
    ['in that very minute: tomorrow', '2026-01-10T01:30:20Z', '2026-01-11T01:30:00.000Z'],
    ['the last second before', '2026-01-10T01:29:59.999Z', '2026-01-10T01:30:00.000Z'],
    ['the night to summer time, over the change', '2026-03-28T12:00:00Z', '2026-03-29T00:30:00.000Z'],
    ['the night to winter time, the first of two', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00.000Z'],
    ['after it, not the second of two', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00.000Z'],
  ])('%s', (_title, now, expected) => {
    expect(paris(now)).toBe(expected);
  });

  test('an hour after the change of clocks is met exactly', () => {
    expect(paris('2026-03-28T12:00:00Z', '06:00')).toBe('2026-03-29T04:00:00.000Z');
    expect(paris('2026-10-24T12:00:00Z', '06:00')).toBe('2026-10-25T05:00:00.000Z');
  });

  test('comes once a day, whatever the zone and the hour: never missed, never twice in a row', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Europe/Paris', 'Indian/Reunion', 'America/Martinique', 'Pacific/Noumea', 'Asia/Kathmandu'),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: utc('2025-01-01T00:00:00Z'), max: utc('2028-01-01T00:00:00Z') }),
        (zone, hour, minute, now) => {
          const clockTime = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
          const next = nextSweepAt(clockTime, zone, now);
          expect(next).toBeGreaterThan(now);
          // 25 hours when the clocks go back; 26 for an hour that does not exist.
          expect(next - now).toBeLessThanOrEqual(26 * 3_600_000);
          const following = nextSweepAt(clockTime, zone, next);
          expect(following - next).toBeGreaterThanOrEqual(22 * 3_600_000);
        },
      ),
    );
  });

  test.each(['2:30', '24:00', '02:60', '', '02:30:00'])('"%s" is no such hour', (sweepAt) => {
    expect(publicationOptions.safeParse({ sweepAt }).success).toBe(false);
  });
});

describe('the worker', () => {
  let opened: TestStore;
  const started: ArchiveComparison[] = [];
  const contents = inventedContents(6);

  beforeAll(async () => {
    opened = await openTestStore();
  }, 60_000);
  afterAll(() => opened.close());
  beforeEach(async () => {
    await opened.empty();
    await emptyComparisons(opened.store.knex);
    await archiveStudies(
      opened.store.knex,
      contents.map((content) => ({ content })),
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(async () => {
    for (const comparison of started.splice(0)) await comparison.stop();
    vi.useRealTimers();
  });

  const newBench = (options: Parameters<typeof createComparisonBench>[1] = {}): ComparisonBench => {
    const bench = createComparisonBench(opened.store, options);
    for (const content of contents.slice(1)) bench.pacs.set(content.studyInstanceUid, found(content));
    return bench;
  };
  const start = async (bench: ComparisonBench): Promise<ArchiveComparison> => {
    const comparison = await startArchiveComparison(bench.ports);
    started.push(comparison);
    return comparison;
  };
  /** Timers stand still but for this: the polls of the worker and the waits of a run. */
  const until = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
    for (let turns = 0; turns < 1000; turns += 1) {
      if (await isTrue()) return;
      await vi.advanceTimersByTimeAsync(500);
      await sleep(5);
    }
    throw new Error(`${what} never happened`);
  };
  const sweeps = async (): Promise<number> =>
    (await opened.store.knex('comparison_run').where('purpose', 'sweep')).length;
  const isFinished = async (): Promise<boolean> =>
    (await opened.store.knex('comparison_run').whereNull('finished_at_utc_ms')).length === 0;
  /** Makes the looks that were asked for, then waits until all is over. */
  const settle = (bench: ComparisonBench): Promise<void> =>
    until('the end of the sweep', async () => {
      await bench.makeLooks();
      return (await sweeps()) > 0 && (await isFinished());
    });

  test('sweeps once after the start, and finds what left the PACS while nobody looked (design §5)', async () => {
    const bench = newBench({ options: { sweepAfterStartSeconds: 60 } });
    await start(bench);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await sweeps()).toBe(0);
    bench.advance(60_000);
    await settle(bench);
    expect(await sweeps()).toBe(1);
    expect(bench.questions.flat()).toHaveLength(6);
    expect((await loadLatestRun(opened.store.knex, 'sweep'))?.figures.found).toMatchObject({ 'without-exam': 1 });
    expect(bench.wakes()).toBe(1);
    bench.advance(3_600_000);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await sweeps()).toBe(1);
  });

  test('sweeps every night at the hour of the site', async () => {
    const bench = newBench({ options: { sweepAt: '12:00', sweepAfterStartSeconds: 86_400 } });
    await start(bench);
    // 10 h UTC is 11 h in Paris.
    bench.advance(3_599_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await sweeps()).toBe(0);
    bench.advance(1_000);
    await settle(bench);
    expect(await sweeps()).toBe(1);
    // Noon of the next day, and the 24 h after the start are over: both fall into one sweep or follow each other.
    bench.advance(86_400_000);
    await until('the next night', async () => (await sweeps()) > 1);
    await settle(bench);
  });

  test('two sidecars on one store make one sweep of the night', async () => {
    const options = { sweepAt: '12:00', sweepAfterStartSeconds: 86_400 };
    const [one, two] = [newBench({ options }), newBench({ options, owner: 'sidecar-2' })];
    await start(one);
    await start(two);
    for (const bench of [one, two]) bench.advance(3_600_000);
    await settle(one);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await sweeps()).toBe(1);
    expect(one.questions.flat().length + two.questions.flat().length).toBe(6);
  });

  test('a resynchronisation that is asked for begins at once', async () => {
    const bench = newBench();
    const comparison = await start(bench);
    await vi.advanceTimersByTimeAsync(100);
    const { id } = await bench.requestResync(false);
    comparison.wake();
    await until('compared', async () => (await loadLatestRun(opened.store.knex, 'resync'))?.phase === 'compared');
    expect((await loadLatestRun(opened.store.knex, 'resync'))?.id).toBe(id);
  });

  test('a sweep that lasts makes room for a resynchronisation, and goes on after it', async () => {
    const bench = newBench();
    await requestSweep(bench.ports);
    const comparison = await start(bench);
    // Its look is not made: the sweep would last.
    const sweepPhase = async () => (await loadLatestRun(opened.store.knex, 'sweep'))?.phase;
    await until('the looks of the sweep', async () => (await sweepPhase()) === 'looking');
    bench.advance(2_000);
    await bench.requestResync(false);
    comparison.wake();
    await until('compared', async () => (await loadLatestRun(opened.store.knex, 'resync'))?.phase === 'compared');
    expect(await sweepPhase()).toBe('looking');
    await until('the end of the sweep', async () => {
      await bench.makeLooks();
      return (await sweepPhase()) === 'finished';
    });
  });

  test('an outage of the store interrupts it; it goes on when the store is back', async () => {
    const bench = newBench();
    let failures = 3;
    const flaky: ComparisonBench['ports'] = {
      ...bench.ports,
      store: {
        ...opened.store,
        transaction: async (work) => {
          if (failures > 0) {
            failures -= 1;
            throw new DrimboxError('store/unavailable');
          }
          return opened.store.transaction(work);
        },
      },
    };
    await requestSweep(bench.ports);
    started.push(await startArchiveComparison(flaky));
    await settle(bench);
    expect(failures).toBe(0);
  });

  test('a stop gives the run back where it is: the next start goes on without waiting for the lease', async () => {
    const bench = newBench({ pace: { batchStudies: 1 } });
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const ports = {
      ...bench.ports,
      index: {
        ...bench.ports.index,
        lookupMany: async (uids: Parameters<typeof bench.ports.index.lookupMany>[0]) => {
          if (bench.questions.length === 2) await gate;
          return bench.ports.index.lookupMany(uids);
        },
      },
    };
    await requestSweep(bench.ports);
    const comparison = await startArchiveComparison(ports);
    await until('the third question', async () => bench.questions.length === 2);
    const stopping = comparison.stop();
    open();
    await stopping;
    const stopped = await loadLatestRun(opened.store.knex, 'sweep');
    expect([stopped?.leaseToken, stopped?.finishedAtUtcMs]).toEqual([undefined, undefined]);
    expect(stopped?.position).not.toBe('');
    await start(bench);
    await settle(bench);
    expect(new Set(bench.questions.flat()).size).toBe(6);
    expect(bench.questions.flat()).toHaveLength(6);
  });

  test('what a killed process held of the embedded store is free at the next start', async () => {
    const bench = newBench();
    await requestSweep(bench.ports);
    expect(await bench.lease()).toBeDefined();
    await start(bench);
    await settle(bench);
  });
});
