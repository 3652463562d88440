/** Runs of the comparison in the archive: who may start, take over, apply and stop one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  askForLooks,
  type ComparisonPurpose,
  type ComparisonRun,
  countHeldFindings,
  countLooks,
  countUnconcluded,
  extendRunLease,
  leaseRun,
  loadFindings,
  loadLatestRun,
  loadManifestObjects,
  loadRun,
  loadStudiesToCompare,
  markLooked,
  releaseRun,
  requestResyncRun,
  requestSweepRun,
  RunPhase,
  saveFindings,
  saveRunStep,
  stopRun,
} from '../../plugin/archive/index.ts';
import { archiveStudies, emptyComparisons, inventedContents } from '../fixtures/comparison/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
let leases = 0;
const at = Date.UTC(2026, 2, 12, 10, 0, 0);
const contents = inventedContents(5);
const uidAt = (index: number): string => contents[index]?.studyInstanceUid ?? '';

beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  await emptyComparisons(opened.store.knex);
});

const sweep = (atUtcMs = at, unlessSinceUtcMs?: number): Promise<boolean> =>
  opened.store.transaction((trx) =>
    requestSweepRun(trx, { atUtcMs, ...(unlessSinceUtcMs === undefined ? {} : { unlessSinceUtcMs }) }),
  );
const resync = (isApplied: boolean): Promise<ComparisonRun> =>
  opened.store.transaction((trx) => requestResyncRun(trx, { atUtcMs: at, isApplied }));
const lease = (nowUtcMs = at): Promise<ComparisonRun | undefined> => {
  leases += 1;
  const token = `token-${leases}`;
  return opened.store.transaction((trx) => leaseRun(trx, { token, nowUtcMs, untilUtcMs: nowUtcMs + 30_000 }));
};
const leased = async (nowUtcMs = at): Promise<ComparisonRun> => {
  const run = await lease(nowUtcMs);
  if (run === undefined) throw new Error('nothing to lease');
  return run;
};
const save = (run: ComparisonRun, step: Parameters<typeof saveRunStep>[2]): Promise<ComparisonRun> =>
  opened.store.transaction((trx) => saveRunStep(trx, run, step, at));
const latest = async (purpose: ComparisonPurpose): Promise<ComparisonRun> => {
  const run = await loadLatestRun(opened.store.knex, purpose);
  if (run === undefined) throw new Error(`no ${purpose}`);
  return run;
};
const countRuns = async (): Promise<number> => (await opened.store.knex('comparison_run')).length;

describe('a sweep', () => {
  test('is asked for once as long as it has not begun', async () => {
    expect([await sweep(), await sweep(), await countRuns()]).toEqual([true, true, 1]);
    expect((await latest('sweep')).isWantedAgain).toBe(false);
  });

  test('that has begun is followed by another one: it may have passed what was asked for', async () => {
    await sweep();
    const run = await leased();
    await sweep();
    await sweep();
    expect(await countRuns()).toBe(1);
    await save(run, { phase: RunPhase.finished });
    expect(await countRuns()).toBe(2);
    expect(await latest('sweep')).toMatchObject({ phase: 'comparing', position: '', isWantedAgain: false });
    await save(await leased(), { phase: RunPhase.finished });
    expect(await countRuns()).toBe(2);
  });

  test('of that hour is not made twice, by two clocks that differ a little', async () => {
    await sweep(at);
    await save(await leased(), { phase: RunPhase.finished });
    expect([await sweep(at + 5_000, at - 600_000), await countRuns()]).toEqual([false, 1]);
    expect([await sweep(at + 86_400_000, at + 86_000_000), await countRuns()]).toEqual([true, 2]);
  });

  test('asked for by two at once is one', async () => {
    await Promise.all([sweep(), sweep(), sweep()]);
    expect(await countRuns()).toBe(1);
  });
});

describe('a resynchronisation', () => {
  test('that is under way is joined, and applied when that is asked for', async () => {
    const first = await resync(false);
    expect(first).toMatchObject({ phase: 'comparing', isApplied: false, purpose: 'resync' });
    expect((await resync(false)).id).toBe(first.id);
    const run = await leased();
    expect(await resync(true)).toMatchObject({ id: first.id, isApplied: true });
    // Whoever works on it goes on to the looks, though it did not know when it read the run.
    expect(run.isApplied).toBe(false);
    expect(await save(run, { phase: RunPhase.compared })).toMatchObject({ phase: 'looking', isApplied: true });
  });

  test('that was compared waits for its application, and for nobody else', async () => {
    const { id } = await resync(false);
    const compared = await save(await leased(), { phase: RunPhase.compared, figures: { comparedAtUtcMs: at } });
    expect([compared.phase, compared.leaseToken, await lease()]).toEqual(['compared', undefined, undefined]);
    expect(await resync(true)).toMatchObject({ id, phase: 'looking', isApplied: true });
    expect(await leased()).toMatchObject({ id, phase: 'looking' });
  });

  test('compares anew when it is not applied; the former preview is over', async () => {
    const { id } = await resync(false);
    await save(await leased(), { phase: RunPhase.compared });
    const next = await resync(false);
    expect(next.id).not.toBe(id);
    expect(await loadRun(opened.store.knex, id)).toMatchObject({ phase: 'stopped', finishedAtUtcMs: at });
  });

  test('that is stopped is not worked on any more, and its worker notices', async () => {
    await resync(true);
    const run = await leased();
    expect(await stopRun(opened.store.knex, 'resync', at)).toBe(true);
    expect(await stopRun(opened.store.knex, 'resync', at)).toBe(false);
    await expect(save(run, { position: 'x' })).rejects.toMatchObject({ code: 'store/lease-lost' });
    expect(await latest('resync')).toMatchObject({ phase: 'stopped', position: '' });
    expect(await lease()).toBeUndefined();
  });

  test('none to stop, none to show', async () => {
    expect(await stopRun(opened.store.knex, 'resync', at)).toBe(false);
    expect(await loadLatestRun(opened.store.knex, 'resync')).toBeUndefined();
    expect(await loadRun(opened.store.knex, 1)).toBeUndefined();
  });
});

describe('the lease', () => {
  test('is of one run at a time, whoever asks; what an administrator waits for comes first', async () => {
    await sweep();
    await resync(false);
    expect((await leased()).purpose).toBe('resync');
    expect(await lease()).toBeUndefined();
    expect((await leased(at + 31_000)).purpose).toBe('resync');
  });

  test('of a run that only waits for others leaves the sweep its turn', async () => {
    await resync(true);
    await releaseRun(opened.store.knex, await save(await leased(), { phase: RunPhase.concluding }));
    await sweep();
    expect((await leased()).purpose).toBe('sweep');
  });

  test('can be prolonged and given back by its holder only', async () => {
    await sweep();
    const first = await leased();
    expect(await extendRunLease(opened.store.knex, first, at + 60_000)).toBe(true);
    expect(await lease(at + 31_000)).toBeUndefined();
    const second = await leased(at + 61_000);
    expect(await extendRunLease(opened.store.knex, first, at + 120_000)).toBe(false);
    await releaseRun(opened.store.knex, first);
    expect(await lease(at + 62_000)).toBeUndefined();
    await releaseRun(opened.store.knex, second);
    expect(await lease(at + 62_000)).toBeDefined();
  });

  test('whatever a killed process held can be freed at once', async () => {
    await sweep();
    await leased();
    await releaseRun(opened.store.knex);
    expect(await lease()).toBeDefined();
  });

  test('figures of a step replace those before and leave the others as they are', async () => {
    await sweep();
    const run = await leased();
    await save(run, { figures: { retries: 2 }, position: '1.2' });
    await sweep();
    const saved = await save(run, { figures: { paused: { code: 'orthanc/timeout', sinceUtcMs: 1, failures: 1 } } });
    expect(saved).toMatchObject({ position: '1.2', isWantedAgain: true, figures: { retries: 2 } });
    expect(saved.figures.paused?.code).toBe('orthanc/timeout');
  });
});

describe('findings', () => {
  let run: ComparisonRun;
  beforeEach(async () => {
    await archiveStudies(
      opened.store.knex,
      contents.map((content) => ({ content })),
    );
    await sweep();
    run = await leased();
  });
  const keep = (findings: Parameters<typeof saveFindings>[2]): Promise<void> =>
    saveFindings(opened.store.knex, run.id, findings);
  const ask = (limit: number): Promise<number> =>
    opened.store.transaction((trx) => askForLooks(trx, run.id, limit, at));

  test('are kept once each; what turned out unchanged is no finding any more', async () => {
    await keep([
      { studyInstanceUid: uidAt(0), finding: 'unreadable' },
      { studyInstanceUid: uidAt(1), finding: 'unreadable' },
      { studyInstanceUid: uidAt(2), finding: 'unchanged' },
    ]);
    await keep([
      { studyInstanceUid: uidAt(0), finding: 'changed' },
      { studyInstanceUid: uidAt(1), finding: 'unchanged' },
    ]);
    expect(await loadFindings(opened.store.knex, run.id)).toEqual([
      { studyInstanceUid: uidAt(0), finding: 'changed', state: 'published', isLooked: false },
    ]);
    expect(await loadFindings(opened.store.knex, run.id, { finding: 'unreadable' })).toEqual([]);
  });

  test('become looks, each once, never those that could not be read; a hint later than now is brought forward', async () => {
    const { knex } = opened.store;
    await keep(
      contents.map(({ studyInstanceUid }, index) => ({
        studyInstanceUid,
        finding: index === 1 ? 'unreadable' : 'changed',
      })),
    );
    await knex('study')
      .where('study_uid', uidAt(0))
      .update({ look_due_at_utc_ms: at + 5_000, look_number: 7 });
    await knex('study')
      .where('study_uid', uidAt(2))
      .update({ look_due_at_utc_ms: at - 5_000 });
    expect([await ask(2), await ask(0), await ask(10), await ask(10)]).toEqual([2, 0, 2, 0]);
    const rows: object[] = await knex('study').orderBy('study_uid').select('look_due_at_utc_ms', 'look_number');
    expect(rows).toEqual(
      [
        [at, 8],
        [null, 0],
        [at - 5_000, 1],
        [at, 1],
        [at, 1],
      ].map(([due, number]) => ({ look_due_at_utc_ms: due, look_number: number })),
    );
    expect(await countLooks(knex, run.id)).toEqual({ wanted: 4, asked: 4, looked: 0 });
    expect(await countUnconcluded(knex, run.id, { nowUtcMs: at, stableSinceUtcMs: at })).toBe(4);
    await knex('study')
      .whereIn('study_uid', [uidAt(0), uidAt(2)])
      .update({ look_due_at_utc_ms: at + 60_000 });
    await knex('study').where('study_uid', uidAt(3)).update({ look_due_at_utc_ms: null, state: 'held' });
    await markLooked(knex, run.id, at);
    expect(await countLooks(knex, run.id)).toEqual({ wanted: 4, asked: 4, looked: 3 });
    expect(await countUnconcluded(knex, run.id, { nowUtcMs: at, stableSinceUtcMs: at })).toBe(1);
    expect(await countHeldFindings(knex, run.id)).toBe(1);
  });

  test('of a former run are forgotten when the next one begins; the run itself stays', async () => {
    await keep([{ studyInstanceUid: uidAt(0), finding: 'changed' }]);
    await save(run, { phase: RunPhase.finished });
    await sweep();
    expect(await loadFindings(opened.store.knex, run.id)).toEqual([]);
    expect(await loadRun(opened.store.knex, run.id)).toMatchObject({ phase: 'finished' });
  });
});

test('what a manifest names is read whole; an imported one of unknown content names nothing', async () => {
  const { knex } = opened.store;
  const [first, second] = contents;
  if (first === undefined || second === undefined) throw new Error('no contents');
  await archiveStudies(knex, [{ content: first }, { content: second }]);
  await knex('submission').where('study_uid', uidAt(1)).update({ manifest: '{}' });
  const studies = await loadStudiesToCompare(knex, '', 10);
  const ids = studies.map(({ published }) => published?.submissionId ?? 0);
  const objects = await loadManifestObjects(knex, ids);
  const instances = first.series.flatMap((series) => series.instances);
  expect(objects.get(ids[0] ?? 0)?.size).toBe(instances.length);
  expect(objects.get(ids[1] ?? 0)?.size).toBe(0);
  expect(await loadManifestObjects(knex, [])).toEqual(new Map());
});
