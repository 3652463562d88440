/**
 * What a comparison of the whole archive asks of the looks, and what it tells at the end, on a real store.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ComparisonRun, Finding, loadFindings, loadLatestRun } from '../../plugin/archive/index.ts';
import { stepRun, totalOf } from '../../plugin/publication/index.ts';
import {
  archiveEleven,
  archiveStudies,
  type ComparisonBench,
  contentAt,
  createComparisonBench,
  elevenContents,
  emptyComparisons,
  found,
  uidAt,
  withoutOneImage,
} from '../fixtures/comparison/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

vi.setConfig({ testTimeout: 60_000 });

let opened: TestStore;
let bench: ComparisonBench;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  await emptyComparisons(opened.store.knex);
  bench = createComparisonBench(opened.store);
});

const dueStudies = (): Promise<string[]> =>
  opened.store.knex('study').whereNotNull('look_due_at_utc_ms').orderBy('study_uid').pluck('study_uid');
const latestResync = async (): Promise<ComparisonRun> => {
  const run = await loadLatestRun(opened.store.knex, 'resync');
  if (run === undefined) throw new Error('no resync');
  return run;
};

describe('a sweep', () => {
  test('asks for a look at what no look has seen, and at nothing else', async () => {
    await archiveStudies(opened.store.knex, [
      { content: contentAt(0) },
      { content: contentAt(1), absentSinceUtcMs: 1 },
      { content: contentAt(2), state: 'held', reasonCode: 'publication/study-duplicated' },
      { content: contentAt(3), state: 'waiting-for-images', fingerprint: null, publishedBy: null },
      { content: contentAt(4) },
    ]);
    bench.pacs.set(uidAt(2), { kind: 'duplicated', orthancIds: ['a', 'b'] });
    bench.pacs.set(uidAt(3), found(contentAt(3)));
    bench.pacs.set(uidAt(4), found(contentAt(4)));
    await bench.requestSweep();
    const run = await bench.work(await bench.leased(), ({ phase }) => phase === 'looking');
    await stepRun(bench.ports, run);
    expect(await dueStudies()).toEqual([uidAt(0), uidAt(3)].toSorted());
    expect(run.figures.found).toMatchObject({ 'without-exam': 2, duplicated: 1, changed: 1, unchanged: 1 });
  });

  test('does not wait for the end of the comparison, and leaves its line in the journal', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestSweep();
    const begun = await bench.work(await bench.leased(), ({ position }) => position !== '');
    expect(await dueStudies()).toEqual([uidAt(0)]);
    const looking = await bench.work(begun, ({ phase }) => phase === 'looking');
    const done = await bench.workWithLooks(looking);
    expect(done.phase).toBe('finished');
    expect((await bench.journal()).map(({ name, detail, statistic }) => [name, detail, statistic])).toEqual([
      ['sweep/finished', { compared: 11, looked: 3, unreadable: 1 }, undefined],
    ]);
  });

  test('never has more looks in line than may be: a new report is not behind 10,000 of them', async () => {
    await archiveStudies(
      opened.store.knex,
      elevenContents.map((content) => ({ content })),
    );
    await bench.requestSweep();
    let run = await bench.leased();
    let made = 0;
    for (let turn = 0; run.phase !== 'finished' && turn < 500; turn += 1) {
      run = (await stepRun(bench.ports, run)).run;
      expect((await dueStudies()).length).toBeLessThanOrEqual(3);
      // Slowly: one look every other step.
      if (turn % 2 === 0) {
        const [next] = await dueStudies();
        if (next !== undefined) {
          await opened.store.knex('study').where('study_uid', next).update({ look_due_at_utc_ms: null });
          made += 1;
        }
      }
      bench.advance(100);
    }
    expect([run.phase, made]).toEqual(['finished', 11]);
    expect(bench.wakes()).toBeGreaterThan(2);
  });

  test('a look that is under way, or due again by a hint, is still in line', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestSweep();
    const run = await bench.work(await bench.leased(), ({ phase }) => phase === 'looking');
    await opened.store
      .knex('study')
      .where('study_uid', uidAt(0))
      .update({ look_due_at_utc_ms: null, lease_token: 'x' });
    await stepRun(bench.ports, run);
    const looked = async () => (await loadFindings(opened.store.knex, run.id)).filter(({ isLooked }) => isLooked);
    expect(await looked()).toEqual([]);
    await opened.store.knex('study').where('study_uid', uidAt(0)).update({ lease_token: null });
    await stepRun(bench.ports, run);
    expect((await looked()).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([uidAt(0)]);
  });
});

describe('a resynchronisation that is applied (DB.SO.28, DB.SO.88)', () => {
  test('asks for every difference, what was seen before too, and tells the five figures by structure', async () => {
    await archiveStudies(opened.store.knex, [
      { content: contentAt(0) },
      { content: contentAt(1), publishedBy: '1999999992' },
      { content: contentAt(2) },
      { content: contentAt(3), absentSinceUtcMs: 1, state: 'held', reasonCode: 'publication/deletion-limit' },
      { content: contentAt(4), state: 'waiting-for-images', fingerprint: null, publishedBy: null },
    ]);
    bench.pacs.set(uidAt(0), found(withoutOneImage(contentAt(0))));
    bench.pacs.set(uidAt(1), found({ ...contentAt(1), patientName: 'EXEMPLE^AUTRE' }));
    bench.pacs.set(uidAt(2), found(contentAt(2)));
    bench.pacs.set(uidAt(4), found(contentAt(4)));
    await bench.requestResync(true);
    const looking = await bench.work(await bench.leased(), ({ phase }) => phase === 'looking' || phase === 'compared');
    // Its preview stands in the journal; it went straight on.
    expect(looking.phase).toBe('looking');
    const run = await bench.leased();
    await stepRun(bench.ports, run);
    expect(await dueStudies()).toEqual([uidAt(0), uidAt(1), uidAt(3)].toSorted());
    const done = await bench.workWithLooks(run);
    expect(done).toMatchObject({ phase: 'finished', isApplied: true });
    const journal = await bench.journal();
    expect(journal.find(({ name }) => name === 'resync/finished')?.detail).toEqual({
      archived: 4,
      withoutExam: 1,
      // The looks replaced nothing: what looked different needed no update.
      toUpdate: 0,
      upToDate: 3,
      archivedAfter: 4,
      unreadable: 0,
      looked: 4,
      held: 1,
    });
    expect(
      journal
        .filter(({ name }) => name === 'resync/counted')
        .map(({ structureId, statistic, detail }) => [structureId, statistic, detail?.['count']]),
    ).toEqual([
      ['1999999991', 33, 3],
      ['1999999991', 34, 1],
      ['1999999991', 35, 0],
      ['1999999991', 36, 2],
      ['1999999991', 37, 3],
      ['1999999992', 33, 1],
      ['1999999992', 34, 0],
      ['1999999992', 35, 0],
      ['1999999992', 36, 1],
      ['1999999992', 37, 1],
    ]);
  });

  test('counts as updated what a look replaced, also when it only looked touched', async () => {
    await archiveStudies(
      opened.store.knex,
      elevenContents.slice(0, 3).map((content) => ({ content })),
    );
    bench.pacs.set(uidAt(0), found(withoutOneImage(contentAt(0))));
    bench.pacs.set(uidAt(1), found({ ...contentAt(1), accessionNumber: 'AUTRE' }));
    bench.pacs.set(uidAt(2), found({ ...contentAt(2), accessionNumber: 'AUTRE' }));
    const { id } = await bench.requestResync(true);
    await bench.work(await bench.leased(), ({ phase }) => phase === 'looking');
    expect(totalOf((await latestResync()).figures.manifests)).toMatchObject({ toUpdate: 1, upToDate: 2 });
    const { knex } = opened.store;
    for (const index of [0, 1]) {
      const [row] = await knex('submission').where('study_uid', uidAt(index)).select('*');
      const { id: _, ...rest } = row as Record<string, unknown> & { id: number };
      const [{ id: next }] = (await knex('submission')
        .insert({
          ...rest,
          sender: '{}',
          manifest: '{}',
          kind: 'replace',
          document_uid: `2.25.${index}`,
          created_at_utc_ms: bench.now(),
        })
        .returning('id')) as [{ id: number }];
      await knex('study').where('study_uid', uidAt(index)).update({ published_submission_id: next });
    }
    await bench.workWithLooks(await bench.leased());
    const done = await latestResync();
    expect([done.id, done.phase]).toEqual([id, 'finished']);
    expect(totalOf(done.figures.manifests)).toMatchObject({ archived: 3, toUpdate: 2, upToDate: 1 });
  });

  test('tells its figures only when deletions are proven and orders are sent, or after a day', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(true);
    await bench.work(await bench.leased(), ({ phase }) => phase === 'looking');
    let run = await bench.leased();
    for (let turn = 0; turn < 50 && run.phase === 'looking'; turn += 1) {
      await bench.makeLooks();
      run = (await stepRun(bench.ports, run)).run;
    }
    const { knex } = opened.store;
    const waitsFor = async (change: object, back: object): Promise<void> => {
      await knex('study').where('study_uid', uidAt(4)).update(change);
      run = (await stepRun(bench.ports, run)).run;
      expect(run.phase).toBe('concluding');
      await knex('study').where('study_uid', uidAt(4)).update(back);
    };
    await waitsFor({ absent_since_utc_ms: 1 }, { absent_since_utc_ms: null });
    await waitsFor({ state: 'sending' }, { state: 'published' });
    await waitsFor({ failed_looks: 1 }, { failed_looks: 0 });
    await waitsFor({ content_since_utc_ms: bench.now() + 1 }, { content_since_utc_ms: 1 });
    await waitsFor({ look_due_at_utc_ms: bench.now() }, { look_due_at_utc_ms: null });
    await knex('study').where('study_uid', uidAt(4)).update({ state: 'sending' });
    bench.advance(24 * 3_600_000);
    expect((await stepRun(bench.ports, run)).run.phase).toBe('finished');
  });

  test('a preview is applied without comparing again', async () => {
    await archiveEleven(opened.store, bench);
    const { id } = await bench.requestResync(false);
    await bench.work(await bench.leased());
    const questions = bench.questions.length;
    expect(await bench.requestResync(true)).toMatchObject({ id, phase: 'looking', isApplied: true });
    const done = await bench.workWithLooks(await bench.leased());
    expect([done.id, done.phase, bench.questions.length]).toEqual([id, 'finished', questions]);
    const asked = await loadFindings(opened.store.knex, id);
    expect(asked.filter(({ isLooked }) => isLooked).map(({ finding }) => finding)).toEqual([
      Finding.changed,
      Finding.withoutExam,
      Finding.duplicated,
    ]);
  });
});
