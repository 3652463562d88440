import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isUnsureAfterRestore, loadAlerts, raiseAlert, saveMarker } from '../../plugin/archive/index.ts';
import { type ErrorCode, errorTable } from '../../plugin/errors.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { databaseDoubtMarker, databaseMarker } from '../../plugin/publication/index.ts';
import { remedyOf } from '../../plugin/remedies.ts';
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
  runOnBench(bench, words, () => {
    woken += 1;
  });
const uidOf = studyUidOf;
const fill = (): Promise<void> => fillArchive(bench);

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
  test('makes held and failed studies due at once, wakes the worker, and says what will happen to each', async () => {
    await fill();
    bench.advance(1000);
    expect(await run('archive', 'release')).toMatchObject({
      due: 2,
      studies: [
        {
          studyInstanceUid: uidOf(2),
          was: 'held',
          reason: 'publication/images-mismatch',
          cause: 'Les images et le compte-rendu ne concordent pas.',
          remedy: expect.stringContaining('corriger le PACS'),
          text: expect.stringContaining('reste retenu'),
        },
        { studyInstanceUid: uidOf(4), was: 'failed', text: expect.stringContaining('repris depuis le début') },
      ],
    });
    expect(woken).toBe(1);
    for (const number of [2, 4])
      expect((await bench.study(uidOf(number))).lookDueAtUtcMs).toBeLessThanOrEqual(bench.now());
    bench.pacs.put(pacsStudy(2));
    for (const number of [2, 4]) expect((await bench.look(uidOf(number))).study.state).toBe('published');
    expect((await bench.journal(uidOf(4))).map(({ name }) => name)).toContain('study/released');
  });

  test('of one study leaves the others as they are', async () => {
    await fill();
    expect(await run('archive', 'release', uidOf(4))).toMatchObject({ due: 1 });
    expect((await bench.study(uidOf(4))).state).toBe('new');
    expect((await bench.study(uidOf(2))).lookDueAtUtcMs).toBeGreaterThan(bench.now());
  });

  test('lets an order that waits be tried at once', async () => {
    bench.pacs.put(pacsStudy(1));
    await bench.take(buildExamination().message);
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    await bench.look(uidOf(1));
    expect(await run('archive', 'release', uidOf(1))).toMatchObject({
      studies: [{ was: 'sending', text: expect.stringContaining('tentée tout de suite') }],
    });
    expect((await bench.look(uidOf(1))).study.state).toBe('published');
  });

  test('of a published study only compares it; of a withdrawn one publishes again (C8)', async () => {
    await fill();
    expect(await run('archive', 'release', uidOf(1))).toMatchObject({
      studies: [{ was: 'published', text: expect.stringContaining('comparé') }],
    });
    await opened.store.knex('study').where('study_uid', uidOf(1)).update({ state: 'withdrawn' });
    expect(await run('archive', 'release', uidOf(1))).toMatchObject({ studies: [{ was: 'withdrawn' }] });
    expect((await bench.study(uidOf(1))).state).toBe('new');
  });

  test('of several releases all of them or none', async () => {
    await fill();
    await expect(run('archive', 'release', uidOf(4), '1.2.3')).rejects.toMatchObject({ code: 'archive/not-found' });
    expect((await bench.study(uidOf(4))).state).toBe('failed');
  });

  test('by name ends the doubt that a restoration left; a release of everything does not', async () => {
    await fill();
    const { knex } = opened.store;
    await saveMarker(knex, `restored-unsure:${uidOf(4)}`, '', 1);
    await run('archive', 'release');
    expect(await isUnsureAfterRestore(knex, uidOf(4))).toBe(true);
    await run('archive', 'release', uidOf(4));
    expect(await isUnsureAfterRestore(knex, uidOf(4))).toBe(false);
  });
});

describe('deletions that are held (D1–D3, F1)', () => {
  /** Study 1 is published and its deletion is held for that reason. */
  const hold = async (reason: ErrorCode): Promise<void> => {
    await opened.store.knex('study').where('study_uid', uidOf(1)).update({
      state: 'held',
      reason_code: reason,
      reason_detail: 'the index has no such study',
      absent_since_utc_ms: 1_000,
    });
  };

  test.each([
    'publication/deletion-unproven',
    'publication/deletion-limit',
    'publication/pacs-database-changed',
  ] as const)('are listed with what the DMP holds and how to confirm: %s', async (reason) => {
    await fill();
    await hold(reason);
    await raiseAlert(opened.store.knex, { code: reason, subject: uidOf(1), detail: '' }, 5_000);
    expect(await run('deletions')).toEqual({
      total: 1,
      deletions: [
        {
          studyInstanceUid: uidOf(1),
          reason,
          cause: errorTable[reason].publicText,
          remedy: remedyOf(reason),
          detail: 'the index has no such study',
          heldSince: '1970-01-01T00:00:05.000Z',
          absentFromPacsSince: '1970-01-01T00:00:01.000Z',
          inTheDmp: {
            kosSopInstanceUid: expect.stringMatching(/^[0-9.]+$/),
            instances: 2,
            publishedAt: expect.any(String),
          },
          confirm: `drimbox deletions confirm ${uidOf(1)}`,
        },
      ],
    });
  });

  test('are confirmed by UID or all at once: written down, journalled, due', async () => {
    await fill();
    await hold('publication/deletion-limit');
    for (const words of [[uidOf(1)], ['--all']]) {
      bench.advance(1000);
      expect(await run('deletions', 'confirm', ...words)).toMatchObject({ confirmed: 1, studies: [uidOf(1)] });
      const study = await bench.study(uidOf(1));
      expect([study.deletionConfirmedAtUtcMs, study.lookDueAtUtcMs]).toEqual([bench.now(), bench.now()]);
    }
    expect(woken).toBe(2);
    expect((await bench.journal(uidOf(1))).at(-1)).toMatchObject({
      name: 'deletion/confirmed',
      errorCode: 'publication/deletion-limit',
    });
  });

  test('only what is listed can be confirmed: one wrong UID, and none is', async () => {
    await fill();
    await hold('publication/deletion-limit');
    for (const other of [uidOf(2), uidOf(3), '1.2.3']) {
      await expect(run('deletions', 'confirm', uidOf(1), other)).rejects.toMatchObject({ code: 'archive/not-found' });
    }
    expect((await bench.study(uidOf(1))).deletionConfirmedAtUtcMs).toBeUndefined();
    await opened.store.knex('study').where('study_uid', uidOf(1)).update({ state: 'published', reason_code: null });
    expect(await run('deletions', 'confirm', '--all')).toMatchObject({ confirmed: 0 });
  });
});

describe('pacs: the database of Orthanc (D2)', () => {
  test('is shown with the doubt, and accepted by an administrator', async () => {
    const { knex } = opened.store;
    expect(await run('pacs')).toEqual({});
    await saveMarker(knex, databaseMarker, JSON.stringify({ marker: 'm-1', lastChange: 12 }), 1_000);
    expect(await run('pacs')).toEqual({
      recognised: { marker: 'm-1', lastChange: 12, lastSeenAt: '1970-01-01T00:00:01.000Z' },
    });
    await saveMarker(knex, databaseDoubtMarker, JSON.stringify({ why: 'another database' }), 2_000);
    await raiseAlert(knex, { code: 'publication/pacs-database-changed', subject: 'orthanc', detail: '' }, 2_000);
    expect(await run('pacs')).toMatchObject({
      doubt: { why: 'another database', since: '1970-01-01T00:00:02.000Z', accept: 'drimbox pacs accept' },
    });
    await fill();
    await knex('study')
      .where('study_uid', uidOf(1))
      .update({ state: 'held', reason_code: 'publication/pacs-database-changed' });
    expect(await run('pacs', 'accept')).toEqual({ accepted: true, due: 1 });
    expect(await run('pacs')).toEqual({});
    expect(await loadAlerts(knex)).not.toContainEqual(expect.objectContaining({ subject: 'orthanc' }));
    expect((await bench.study(uidOf(1))).lookDueAtUtcMs).toBe(bench.now());
    expect(woken).toBe(1);
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
    expect(await run('alerts')).toMatchObject([{ remedy: remedyOf(alert.code) }]);
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
    [['alerts', '--sene', '1']],
    [['queue', '--limit', '-1']],
    [['queue', '--all']],
    [['deletions', 'confirm']],
    [['deletions', 'confirm', '1.2.3', '--all']],
    [['deletions', 'conform', '1.2.3']],
    [['pacs', 'accept', '--all']],
    [['journal', '--since', 'yesterday']],
    [['journal', '--since', '2026-02-31T25:00Z']],
    [['journal', '--until', '2026-03-12T10:00']],
    [['journal', '--page', 'next']],
    [['journal', '--from', '2026-03-12']],
    [['backup']],
    [['backup', 'relative.backup']],
    [['backup', '/tmp/one', '/tmp/two']],
    [['burn', 'archive']],
    [[]],
  ])('%j', async (words) => {
    await expect(run(...words)).rejects.toMatchObject({ code: 'cli/usage', httpStatus: 400 });
  });
});
