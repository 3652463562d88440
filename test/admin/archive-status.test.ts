import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hookContactMarker, requestSweepRun, saveMarker } from '../../plugin/archive/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import {
  type Bench,
  createBench,
  fillArchive,
  makeSigningIdentity,
  pacsStudy,
  runOnBench,
  studyUidOf,
} from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
});

const run = (...words: readonly string[]): Promise<unknown> => runOnBench(bench, words);

describe('archive status', () => {
  test('gives figures, and when the hook last spoke', async () => {
    await fillArchive(bench);
    await saveMarker(opened.store.knex, hookContactMarker, 'mark', 1234);
    expect(await run('archive', 'status')).toEqual({
      database: 'embedded',
      studiesByState: { published: 1, held: 1, 'waiting-for-images': 1, failed: 1 },
      holds: [{ code: 'publication/images-mismatch', count: 1 }],
      openAlerts: expect.arrayContaining([
        { code: 'publication/images-mismatch', count: 1 },
        { code: 'dmp/refused', count: 1 },
      ]),
      queue: { waiting: 0 },
      lastHookContactAtUtcMs: 1234,
    });
  });

  test('of an empty archive is all nothing', async () => {
    expect(await run('archive', 'status')).toEqual({
      database: 'embedded',
      studiesByState: {},
      holds: [],
      openAlerts: [],
      queue: { waiting: 0 },
    });
  });

  test('tells how far the sweep is, and that another one follows', async () => {
    const { store } = opened;
    await store.transaction((trx) => requestSweepRun(trx, { atUtcMs: 5_000 }));
    const sweep = { phase: 'comparing', isWantedAgain: false, compared: 0, total: 0, startedAtUtcMs: 5_000 };
    expect(await run('archive', 'status')).toMatchObject({ sweep });
    await store.knex('comparison_run').update({ position: studyUidOf(1) });
    await store.transaction((trx) => requestSweepRun(trx, { atUtcMs: 6_000 }));
    expect(await run('archive', 'status')).toMatchObject({ sweep: { ...sweep, isWantedAgain: true } });
    await store.knex('comparison_run').update({ phase: 'finished', finished_at_utc_ms: 7_000 });
    expect(await run('archive', 'status')).toMatchObject({ sweep: { phase: 'finished', finishedAtUtcMs: 7_000 } });
  });

  test('says since when the oldest order waits', async () => {
    bench.pacs.put(pacsStudy(1));
    await bench.take(buildExamination().message);
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    const since = bench.now();
    await bench.look(studyUidOf(1));
    expect(await run('archive', 'status')).toMatchObject({ queue: { waiting: 1, oldestSinceUtcMs: since } });
  });
});

describe('queue', () => {
  test('says what waits, since when, why, and what to do', async () => {
    bench.pacs.put(pacsStudy(1));
    await bench.take(buildExamination().message);
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    const since = bench.now();
    await bench.look(studyUidOf(1));
    expect(await run('queue')).toEqual({
      total: 1,
      orders: [
        {
          order: 1,
          studyInstanceUid: studyUidOf(1),
          kind: 'publish',
          because: 'report',
          structure: '1999999991',
          kosSopInstanceUid: expect.stringMatching(/^[0-9.]+$/),
          waitingSince: new Date(since).toISOString(),
          mayHaveArrived: false,
          failedAttempts: 1,
          nextAttemptAt: expect.any(String),
          error: 'dmp/unreachable',
          detail: expect.any(String),
          cause: 'Le DMP ne répond pas.',
          remedy: expect.stringContaining('reprend de lui-même'),
        },
      ],
    });
    expect(await run('queue', '--limit', '1')).toMatchObject({ total: 1 });
  });

  test('is empty when nothing waits', async () => {
    await fillArchive(bench);
    expect(await run('queue')).toEqual({ total: 0, orders: [] });
  });
});
