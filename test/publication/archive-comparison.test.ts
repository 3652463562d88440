/**
 * The comparison of the whole archive, on a real store: batches, what is asked of the looks, what a crash, an outage of the PACS
 * or a second sidecar do to it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type ComparisonRun,
  deleteMarker,
  type FindingView,
  loadFindings,
  RunPhase,
  saveMarker,
} from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { databaseDoubtMarker, stepRun, totalOf } from '../../plugin/publication/index.ts';
import type { Store } from '../../plugin/store/index.ts';
import {
  archiveEleven,
  archiveStudies,
  type ComparisonBench,
  contentAt,
  createComparisonBench,
  elevenContents,
  elevenFindings,
  elevenFound,
  emptyComparisons,
  found,
  uidAt,
} from '../fixtures/comparison/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

vi.setConfig({ testTimeout: 180_000 });

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

const outage = (code: 'orthanc/unreachable' | 'orthanc/timeout' = 'orthanc/unreachable') => new DrimboxError(code);

const findingsOf = async (run: ComparisonRun): Promise<readonly Pick<FindingView, 'studyInstanceUid' | 'finding'>[]> =>
  (await loadFindings(opened.store.knex, run.id)).map(({ studyInstanceUid, finding }) => ({
    studyInstanceUid,
    finding,
  }));
const dueStudies = (): Promise<string[]> =>
  opened.store.knex('study').whereNotNull('look_due_at_utc_ms').orderBy('study_uid').pluck('study_uid');

describe('comparing (DB.SO.30)', () => {
  test('asks the PACS in batches, once for each study, and keeps what differs', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(false);
    const run = await bench.work(await bench.leased());
    expect(run).toMatchObject({ phase: 'compared', total: 11 });
    expect(run.figures.found).toEqual(elevenFound);
    expect(await findingsOf(run)).toEqual(elevenFindings);
    const asked = bench.questions.slice(0, 3);
    expect(asked.map((uids) => uids.length)).toEqual([4, 4, 3]);
    expect(asked.flat()).toEqual(elevenContents.map(({ studyInstanceUid }) => studyInstanceUid));
    // Three passes over the one that could not be read.
    expect(bench.questions.slice(3)).toEqual([[uidAt(8)], [uidAt(8)], [uidAt(8)]]);
  });

  test('a preview asks for no look and changes no study', async () => {
    await archiveEleven(opened.store, bench);
    const before: unknown[] = await opened.store.knex('study').orderBy('study_uid');
    await bench.requestResync(false);
    const run = await bench.work(await bench.leased());
    expect(await opened.store.knex('study').orderBy('study_uid')).toEqual(before);
    expect([bench.wakes(), await bench.lease()]).toEqual([0, undefined]);
    expect(totalOf(run.figures.manifests)).toEqual({
      archived: 11,
      withoutExam: 1,
      toUpdate: 2,
      upToDate: 7,
      unreadable: 1,
    });
    expect((await bench.journal()).map(({ name, detail }) => [name, detail])).toEqual([
      ['resync/compared', { archived: 11, withoutExam: 1, toUpdate: 2, upToDate: 7, unreadable: 1 }],
    ]);
  });

  test('an empty archive is compared at once', async () => {
    await bench.requestResync(true);
    expect(await bench.work(await bench.leased(), ({ phase }) => phase === 'looking')).toMatchObject({
      phase: 'looking',
    });
  });

  test('retired, loaded and undestined studies are none of the PACS’s business', async () => {
    await archiveStudies(opened.store.knex, [
      { content: contentAt(0), state: 'retired', publishedBy: null },
      { content: contentAt(1), state: 'not-destined', publishedBy: null },
      { content: contentAt(2), state: 'loaded' },
      { content: contentAt(3) },
    ]);
    await bench.requestResync(false);
    const run = await bench.work(await bench.leased());
    expect([run.total, bench.questions]).toEqual([1, [[uidAt(3)]]]);
  });

  test('what could not be read is asked again at the end, and counted as what it then is', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(false);
    const comparing = await bench.work(await bench.leased(), ({ phase }) => phase === 'retrying');
    expect(comparing.figures.found.unreadable).toBe(1);
    expect(totalOf(comparing.figures.manifests)).toMatchObject({ archived: 10, unreadable: 0 });
    bench.pacs.set(uidAt(8), found(contentAt(8)));
    const run = await bench.work(comparing);
    expect(run.figures.found).toEqual({ ...elevenFound, unchanged: 8, unreadable: 0 });
    expect(totalOf(run.figures.manifests)).toMatchObject({ archived: 11, upToDate: 8, unreadable: 0 });
    expect(await findingsOf(run)).toEqual(elevenFindings.slice(0, 3));
  });
});

describe('a crash', () => {
  /** Fails the transaction of that number, before it begins or after it has committed. */
  const crashing = (at: number, after: boolean): Store => {
    let count = 0;
    return {
      ...opened.store,
      transaction: async (work) => {
        count += 1;
        if (count === at && !after) throw new DrimboxError('store/unavailable');
        const result = await opened.store.transaction(work);
        if (count === at && after) throw new DrimboxError('store/unavailable');
        return result;
      },
    };
  };

  test('at any step, before or after its commit: the next sidecar goes on, nothing is missed or counted twice', async () => {
    let crashes = 0;
    for (let at = 1; ; at += 1) {
      let hasCrashed = false;
      for (const after of [false, true]) {
        await opened.empty();
        await emptyComparisons(opened.store.knex);
        const healthy = createComparisonBench(opened.store);
        const doomed = createComparisonBench(crashing(at, after), { owner: 'sidecar-2' });
        await archiveEleven(opened.store, healthy);
        for (const [uid, answer] of healthy.pacs) doomed.pacs.set(uid, answer);
        await healthy.requestResync(true);
        const looking = ({ phase }: ComparisonRun): boolean => phase === RunPhase.looking;
        try {
          const run = await doomed.lease();
          if (run !== undefined) await doomed.work(run, looking);
        } catch (error) {
          expect(error).toMatchObject({ code: 'store/unavailable' });
          hasCrashed = true;
          crashes += 1;
        }
        healthy.advance(600_000);
        const compared = await healthy.work(await healthy.leased(), looking);
        expect(compared.figures.found, `crash ${at}`).toEqual(elevenFound);
        expect(totalOf(compared.figures.manifests)).toMatchObject({ archived: 11, upToDate: 7, unreadable: 1 });
        expect(await findingsOf(compared)).toEqual(elevenFindings);
      }
      if (!hasCrashed) break;
    }
    expect(crashes).toBeGreaterThan(12);
  });

  test('a sidecar that was thought dead writes nothing any more', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(false);
    const slow = await bench.work(await bench.leased(), ({ position }) => position !== '');
    const other = createComparisonBench(opened.store, { owner: 'sidecar-2' });
    expect(await other.lease()).toBeUndefined();
    other.advance(31_000);
    for (const [uid, answer] of bench.pacs) other.pacs.set(uid, answer);
    const taken = await other.leased();
    expect(taken.position).toBe(slow.position);
    await expect(stepRun(bench.ports, slow)).rejects.toMatchObject({ code: 'store/lease-lost' });
    const run = await other.work(taken);
    expect(run.figures.found).toEqual(elevenFound);
    expect(await findingsOf(run)).toEqual(elevenFindings);
  });
});

describe('the PACS does not answer', () => {
  test('in the middle: the run waits, concludes nothing, says so once, and goes on from there (design §4)', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(false);
    const begun = await bench.work(await bench.leased(), ({ position }) => position !== '');
    bench.onQuestion(() => {
      throw outage();
    });
    let run = begun;
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const result = await stepRun(bench.ports, run);
      expect(result.waitMs).toBe(5_000 * 2 ** (attempt - 1));
      run = result.run;
    }
    expect(run).toMatchObject({ position: begun.position, phase: 'comparing' });
    expect(run.figures.found).toEqual(begun.figures.found);
    expect(run.figures.paused).toMatchObject({ code: 'orthanc/unreachable', failures: 3 });
    expect(await dueStudies()).toEqual([]);
    expect((await bench.journal()).map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['comparison/paused', 'orthanc/unreachable'],
    ]);
    bench.onQuestion(undefined);
    const done = await bench.work(run);
    expect(done.figures.found).toEqual(elevenFound);
    expect(done.figures.paused).toBeNull();
  });

  test('a study too large for the time-out is found by halving, counted as unreadable, and keeps no other', async () => {
    await archiveEleven(opened.store, bench);
    bench.onQuestion((uids) => {
      if (uids.includes(uidAt(5))) throw outage('orthanc/timeout');
    });
    await bench.requestResync(false);
    const run = await bench.work(await bench.leased());
    expect(run.figures.found).toEqual({ ...elevenFound, unchanged: 6, unreadable: 2 });
    expect((await findingsOf(run)).filter(({ finding }) => finding === 'unreadable')).toEqual([
      { studyInstanceUid: uidAt(5), finding: 'unreadable' },
      { studyInstanceUid: uidAt(8), finding: 'unreadable' },
    ]);
  });

  test('while the database of Orthanc is in doubt a run that asks for looks waits; a preview shows all the same (D2)', async () => {
    await archiveEleven(opened.store, bench);
    await saveMarker(opened.store.knex, databaseDoubtMarker, '{"why":"another database"}', bench.ports.clock());
    await bench.requestResync(true);
    const { run, waitMs } = await stepRun(bench.ports, await bench.leased());
    expect(waitMs).toBe(5_000);
    expect(run).toMatchObject({ position: '', figures: { paused: { code: 'publication/pacs-database-changed' } } });
    expect(await dueStudies()).toEqual([]);
    await deleteMarker(opened.store.knex, databaseDoubtMarker);
    await bench.work(run);
    const done = await bench.workWithLooks(await bench.leased());
    expect(done).toMatchObject({ phase: 'finished', figures: { found: elevenFound, paused: null } });

    await emptyComparisons(opened.store.knex);
    await saveMarker(opened.store.knex, databaseDoubtMarker, '{"why":"another database"}', bench.ports.clock());
    await bench.requestResync(false);
    expect((await bench.work(await bench.leased())).phase).toBe('compared');
    await deleteMarker(opened.store.knex, databaseDoubtMarker);
  });

  test('an error of ours is no outage of the PACS', async () => {
    await archiveEleven(opened.store, bench);
    await bench.requestResync(false);
    bench.onQuestion(() => {
      throw new TypeError('invented');
    });
    await expect(bench.work(await bench.leased())).rejects.toThrow('invented');
  });
});
