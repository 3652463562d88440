/** Events in a flood: bounded rows, exact sums (facts/spec.md b.14). */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createEventKeeper, type EventKeeperPorts, loadJournal } from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../../plugin/events.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(() => opened.empty());

const minute = 1_800_000_000_000;
const refusal = (study: string, more: Partial<DrimboxEvent> = {}): DrimboxEvent => ({
  name: 'wado/refused',
  studyInstanceUid: study,
  statistic: StatisticNumber.wadoSeriesError,
  errorCode: 'wado/kos-unknown',
  detail: { level: 'series', objects: 0 },
  ...more,
});
const pixels = (study: string, bytes: number): DrimboxEvent => ({
  name: 'wado/pixels-counted',
  studyInstanceUid: study,
  structureId: '1.2.3',
  statistic: StatisticNumber.pixelMegabytes,
  detail: { count: bytes / 1_000_000, bytes },
});

const setting = (ports: Partial<EventKeeperPorts> = {}) => {
  const clock = { nowUtcMs: minute };
  const warn = vi.fn<(fields: object, message: string) => void>();
  const keeper = createEventKeeper({
    store: opened.store,
    clock: () => clock.nowUtcMs,
    log: { warn },
    linesPerKind: 3,
    retryMs: 10,
    ...ports,
  });
  return { keeper, clock, warn };
};

const rows = () => loadJournal(opened.store.knex, { limit: 10_000 });
/** As the statistics count: once, or `detail.count` times. */
const sumOf = (events: readonly DrimboxEvent[], statistic: StatisticNumber): number =>
  events
    .filter((event) => event.statistic === statistic)
    .reduce((sum, { detail }) => sum + (typeof detail?.['count'] === 'number' ? detail['count'] : 1), 0);

describe('a peer that asks the same again and again (DB.SO.87)', () => {
  test('the first requests of a minute have their line, the others are one line that counts', async () => {
    const { keeper } = setting();
    for (let at = 0; at < 500; at += 1) keeper.keep([refusal(`1.2.${at}`)]);
    await keeper.close();
    const found = await rows();
    expect(found.map(({ studyInstanceUid, detail }) => [studyInstanceUid, detail])).toEqual([
      ['1.2.0', { level: 'series', objects: 0 }],
      ['1.2.1', { level: 'series', objects: 0 }],
      ['1.2.2', { level: 'series', objects: 0 }],
      // A study that somebody asks for in vain may be invented.
      [undefined, { level: 'series', objects: 0, count: 497 }],
    ]);
    expect(found.at(-1)).toMatchObject({ name: 'wado/refused', errorCode: 'wado/kos-unknown' });
    expect(sumOf(found, StatisticNumber.wadoSeriesError)).toBe(500);
  });

  test('a line that counts counts on after it was written, and the next minute begins anew', async () => {
    const { keeper, clock } = setting();
    for (let round = 0; round < 4; round += 1) {
      for (let at = 0; at < 10; at += 1) keeper.keep([refusal('1.2.3')]);
      await expect.poll(async () => sumOf(await rows(), StatisticNumber.wadoSeriesError)).toBe((round + 1) * 10);
    }
    expect(await rows()).toHaveLength(4);
    clock.nowUtcMs += 60_000;
    keeper.keep([refusal('1.2.3')]);
    await keeper.close();
    expect((await rows()).map(({ atUtcMs, detail }) => [atUtcMs - minute, detail?.['count']])).toEqual([
      [0, undefined],
      [0, undefined],
      [0, undefined],
      [0, 37],
      [60_000, undefined],
    ]);
  });

  test('what left is counted under its study; figures add up, other words are another kind', async () => {
    const { keeper } = setting();
    const other = refusal('1.2.3', { detail: { level: 'study', objects: 0 } });
    for (let at = 0; at < 5; at += 1) keeper.keep([pixels('1.2.3', 1_500_000), pixels('1.2.4', 250_000), other]);
    await keeper.close();
    const found = await rows();
    expect(found).toHaveLength(12);
    expect(found.filter(({ detail }) => detail?.['bytes'] === 3_000_000)).toMatchObject([
      { studyInstanceUid: '1.2.3', structureId: '1.2.3', detail: { count: 3, bytes: 3_000_000 } },
    ]);
    expect(sumOf(found, StatisticNumber.pixelMegabytes)).toBeCloseTo(8.75, 9);
  });

  test('whatever comes, in whichever minutes, the sums of the statistics are those of a line each', async () => {
    const event = fc.oneof(
      fc.constantFrom('1.2.3', '1.2.4', '1.2.5').map((study) => refusal(study)),
      fc.constantFrom('1.2.3', '1.2.4').map((study) => pixels(study, 1_000_000)),
      fc.constant(refusal('1.2.3', { errorCode: 'wado/not-acceptable', structureId: '1.2.3' })),
    );
    const batches = fc.array(fc.record({ events: fc.array(event, { maxLength: 8 }), stepMs: fc.nat(40_000) }), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        await opened.empty();
        const { keeper, clock } = setting();
        for (const { events, stepMs } of given) {
          keeper.keep(events);
          clock.nowUtcMs += stepMs;
          await Promise.resolve();
        }
        await keeper.close();
        const all = given.flatMap(({ events }) => events);
        const found = await rows();
        for (const statistic of [StatisticNumber.wadoSeriesError, StatisticNumber.pixelMegabytes]) {
          expect(sumOf(found, statistic)).toBe(sumOf(all, statistic));
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

describe('the database', () => {
  test('that is away loses nothing: what waits is written when it is back', async () => {
    let isAway = true;
    const store: EventKeeperPorts['store'] = {
      transaction: (work) =>
        isAway ? Promise.reject(new DrimboxError('store/unavailable')) : opened.store.transaction(work),
    };
    const { keeper, warn } = setting({ store });
    for (let at = 0; at < 10; at += 1) keeper.keep([refusal('1.2.3')]);
    await expect.poll(() => warn.mock.calls.length).toBeGreaterThan(0);
    expect(warn.mock.calls[0]).toEqual([{ code: 'store/unavailable', waiting: 4 }, 'lines of the journal wait']);
    isAway = false;
    await expect.poll(async () => sumOf(await rows(), StatisticNumber.wadoSeriesError)).toBe(10);
    await keeper.close();
    expect(await rows()).toHaveLength(4);
  });

  test('that is away at the end: it is said how many lines are lost', async () => {
    const store = { transaction: () => Promise.reject(new DrimboxError('store/unavailable')) };
    const { keeper, warn } = setting({ store, retryMs: 60_000 });
    keeper.keep([refusal('1.2.3'), refusal('1.2.3')]);
    await keeper.close();
    expect(warn).toHaveBeenLastCalledWith(
      { code: 'store/unavailable', lines: 2 },
      'lines of the journal were not written',
    );
  });

  test('that does not take one line takes its neighbours', async () => {
    const { keeper, warn } = setting();
    keeper.keep([refusal('1.2.3'), refusal('1.2.4', { detail: { level: 'a\u0000b' } }), refusal('1.2.5')]);
    await keeper.close();
    expect((await rows()).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['1.2.3', '1.2.5']);
    expect(warn).toHaveBeenCalledOnce();
  });
});
