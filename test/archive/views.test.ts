import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listArchive, loadFigures, loadLatestKos, showArchive } from '../../plugin/archive/index.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
const uid = buildExamination({ number: 1 }).studyInstanceUid;
const replacement = buildExamination({
  cda: { documentId: { root: '1.2.250.1.999999.20.2' }, replaces: [{ root: '1.2.250.1.999999.20.1' }] },
  message: { action: 'replace', controlId: 'EX2' },
}).message;
const deletion = buildExamination({
  cda: { documentId: { root: '1.2.250.1.999999.20.2' } },
  message: { action: 'delete', controlId: 'EX3' },
}).message;

beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
/** Published after a lost answer, then replaced. */
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
  bench.pacs.put(pacsStudy(1));
  bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/timeout', taken: true });
  await bench.take(buildExamination({ number: 1 }).message);
  await bench.look(uid);
  await bench.lookWhenDue(uid);
  bench.advance(60_000);
  bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
  await bench.take(replacement);
  await bench.look(uid);
});

describe('detail of one study', () => {
  test('says its reports, orders, answers and journal in order', async () => {
    const shown = await showArchive(opened.store.knex, uid);
    expect(shown).toMatchObject({
      studyInstanceUid: uid,
      state: 'published',
      reports: [
        { report: 1, documentId: '1.2.250.1.999999.20.1', action: 'initial', state: 'replaced' },
        { report: 2, documentId: '1.2.250.1.999999.20.2', action: 'replace', state: 'current' },
      ],
      orders: [
        { order: 1, kind: 'publish', state: 'accepted', structure: '1999999991', failedAttempts: 1 },
        { order: 2, kind: 'replace', state: 'accepted', failedAttempts: 0 },
      ],
    });
    const { journal, answers } = shown as {
      journal: readonly { event: string; text: string; at: string }[];
      answers: readonly { order: number; transaction: string; outcome: string; error?: string }[];
    };
    // The entry to replace is asked for in the name of who published it.
    expect(answers.map((one) => [one.order, one.transaction, one.outcome, one.error ?? ''].join(' ').trim())).toEqual([
      '1 ITI-41 failed dmp/timeout',
      '1 ITI-18 success',
      '1 ITI-18 success',
      '2 ITI-41 success',
    ]);
    expect(journal.map(({ event }) => event)).toEqual([
      'report/received',
      'dmp/order-created',
      'dmp/send-failed',
      'dmp/published',
      'report/received',
      'dmp/order-created',
      'dmp/replaced',
    ]);
    expect(journal.every(({ text, at }) => text !== '' && !Number.isNaN(Date.parse(at)))).toBe(true);
  });

  test('of a study that no report ever named is archive/not-found', async () => {
    await expect(showArchive(opened.store.knex, '1.2.3')).rejects.toMatchObject({ code: 'archive/not-found' });
  });
});

describe('no identity in what the command line shows (A6)', () => {
  const secrets = [
    ...['285037512345691', 'IPP-0042', 'EXEMPLE^', 'CAMILLE', 'MODÈLE', '19850321', '75112'],
    ...['899999999901', '99999999901', 'RADIO', 'Élise', '899900000001', 'Paul'],
  ];

  test('in the list, the detail and the figures', async () => {
    const { knex } = opened.store;
    const said = [await listArchive(knex, { limit: 10 }), await showArchive(knex, uid), await loadFigures(knex)];
    const shown = JSON.stringify(said);
    expect(shown).toContain(uid);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  });

  test('though the archive itself holds them, for good', async () => {
    const reports = JSON.stringify(await opened.store.knex('report').select('header', 'transmission'));
    expect(reports).toContain('285037512345691');
    expect(reports).toContain('CAMILLE');
  });
});

describe('list', () => {
  test('says when the next look is due', async () => {
    expect(await listArchive(opened.store.knex, { limit: 10 })).toEqual([
      { studyInstanceUid: uid, state: 'published', updatedAt: new Date(bench.now()).toISOString() },
    ]);
    bench.advance(1000);
    await bench.take(buildExamination({ number: 2 }).message);
    const [waiting] = await listArchive(opened.store.knex, { limit: 1 });
    expect(waiting).toMatchObject({ state: 'new', nextLookAt: new Date(bench.now()).toISOString() });
  });
});

describe('manifest', () => {
  const instancesOf = (kos: Uint8Array): number =>
    parseManifest(kos).series.reduce((sum, { instances }) => sum + instances.length, 0);

  test('is that of what the DMP holds now', async () => {
    expect(instancesOf(await loadLatestKos(opened.store.knex, uid))).toBe(3);
  });

  test('stays that one while a newer one waits for the DMP', async () => {
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 5 }));
    bench.dmp.order({ on: 'register', how: 'fails', code: 'dmp/unreachable' });
    expect((await bench.look(uid)).study.state).toBe('sending');
    expect(instancesOf(await loadLatestKos(opened.store.knex, uid))).toBe(3);
  });

  test('stays readable after it was deleted from the DMP', async () => {
    await bench.take(deletion);
    await bench.look(uid);
    expect((await bench.study(uid)).state).toBe('retired');
    expect(instancesOf(await loadLatestKos(opened.store.knex, uid))).toBe(3);
  });
});
