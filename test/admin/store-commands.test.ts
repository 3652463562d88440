import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runStoreCommand } from '../../plugin/admin/index.ts';
import { hookContactMarker, raiseAlert, saveMarker } from '../../plugin/archive/index.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
let woken: number;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  woken = 0;
});

const run = (...words: readonly string[]): Promise<unknown> =>
  runStoreCommand(
    {
      store: opened.store,
      clock: () => bench.now(),
      wake: () => {
        woken += 1;
      },
    },
    words,
  );
const uidOf = (number: number): string => buildExamination({ number }).studyInstanceUid;
/** Study 1 published, 2 held, 3 waiting, 4 failed. */
const fill = async (): Promise<void> => {
  for (const number of [1, 2, 3, 4]) {
    await bench.take(buildExamination({ number }).message);
    if (number !== 3) bench.pacs.put(pacsStudy(number, number === 2 ? { identity: { patientId: 'X' } } : {}));
    if (number === 4) bench.dmp.order({ on: 'register', how: 'refused', code: 'dmp/refused' });
    bench.advance(1000);
    await bench.look(uidOf(number));
  }
};

describe('archive list', () => {
  test('gives one line per study, the latest change first', async () => {
    await fill();
    expect(await run('archive', 'list')).toMatchObject([
      { studyInstanceUid: uidOf(4), state: 'failed', reason: 'dmp/refused' },
      { studyInstanceUid: uidOf(3), state: 'waiting-for-images' },
      { studyInstanceUid: uidOf(2), state: 'held', reason: 'publication/images-mismatch' },
      { studyInstanceUid: uidOf(1), state: 'published' },
    ]);
  });

  test('filters by state and limits', async () => {
    await fill();
    expect(await run('archive', 'list', '--state', 'held')).toHaveLength(1);
    expect(await run('archive', 'list', '--limit', '2')).toHaveLength(2);
    expect(await run('archive', 'list', '--state', 'withdrawn')).toEqual([]);
  });
});

describe('archive show, archive kos', () => {
  test('say what is known of a study, and give its manifest', async () => {
    await fill();
    expect(await run('archive', 'show', uidOf(1))).toMatchObject({
      state: 'published',
      reports: [{ action: 'initial', state: 'current' }],
      orders: [{ kind: 'publish', state: 'accepted', structure: '1999999991' }],
      answers: [{ transaction: 'ITI-41', outcome: 'success' }],
    });
    const { kosBase64 } = (await run('archive', 'kos', uidOf(1))) as { kosBase64: string };
    expect(parseManifest(Buffer.from(kosBase64, 'base64'))).toMatchObject({ studyInstanceUid: uidOf(1) });
  });

  test.each([
    ['a study that no report ever named', 'show'],
    ['a study that no report ever named', 'kos'],
  ])('%s is archive/not-found (%s)', async (_title, verb) => {
    await expect(run('archive', verb, '1.2.3')).rejects.toMatchObject({ code: 'archive/not-found', httpStatus: 404 });
  });

  test('a study without manifest is archive/not-found', async () => {
    await bench.take(buildExamination().message);
    await expect(run('archive', 'kos', uidOf(1))).rejects.toMatchObject({ code: 'archive/not-found' });
  });
});

describe('archive release', () => {
  test('makes held and failed studies due at once, and wakes the worker', async () => {
    await fill();
    bench.advance(1000);
    expect(await run('archive', 'release')).toEqual({ due: 2 });
    expect(woken).toBe(1);
    for (const number of [2, 4])
      expect((await bench.study(uidOf(number))).lookDueAtUtcMs).toBeLessThanOrEqual(bench.now());
    bench.pacs.put(pacsStudy(2));
    for (const number of [2, 4]) expect((await bench.look(uidOf(number))).study.state).toBe('published');
  });
});

describe('archive status', () => {
  test('gives figures, and when the hook last spoke', async () => {
    await fill();
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

  test('says since when the oldest order waits', async () => {
    bench.pacs.put(pacsStudy(1));
    await bench.take(buildExamination().message);
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    const since = bench.now();
    await bench.look(uidOf(1));
    expect(await run('archive', 'status')).toMatchObject({ queue: { waiting: 1, oldestSinceUtcMs: since } });
  });
});

describe('alerts', () => {
  const alert = { code: 'publication/study-not-found', subject: '1.2.3', detail: 'no image' } as const;

  test('are listed with their French sentence, and marked as seen', async () => {
    await raiseAlert(opened.store.knex, alert, Date.UTC(2026, 0, 1));
    expect(await run('alerts')).toMatchObject([
      {
        alert: 1,
        code: alert.code,
        text: 'L’examen n’est pas dans le PACS après le délai prévu.',
        subject: '1.2.3',
        count: 1,
        raisedAt: '2026-01-01T00:00:00.000Z',
      },
    ]);
    expect(await run('alerts', '--seen', '1')).toMatchObject([{ seenAt: new Date(bench.now()).toISOString() }]);
  });

  test('that are not there cannot be marked as seen', async () => {
    await expect(run('alerts', '--seen', '7')).rejects.toMatchObject({ code: 'archive/not-found' });
  });
});

describe('a wrong command is cli/usage', () => {
  test.each([
    [['archive']],
    [['archive', 'burn']],
    [['archive', 'show']],
    [['archive', 'kos']],
    [['archive', 'list', '--state']],
    [['archive', 'list', '--state', 'happy']],
    [['archive', 'list', '--limit', '0']],
    [['archive', 'list', '--limit', '1e9']],
    [['archive', 'list', '--limit', 'many']],
    [['alerts', '--seen']],
    [['alerts', '--seen', 'all']],
    [['burn', 'archive']],
    [[]],
  ])('%j', async (words) => {
    await expect(run(...words)).rejects.toMatchObject({ code: 'cli/usage', httpStatus: 400 });
  });
});
