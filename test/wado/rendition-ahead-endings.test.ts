/** What ends the making of renditions ahead: their study leaves, there is no room, the PACS fails, the service ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import {
  type AheadBench,
  type AheadBenchOptions,
  inCache,
  openAheadBench,
  plainStudy,
} from '../fixtures/wado/ahead-bench.ts';
import type { StoredStudy } from '../fixtures/wado/stored-study.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const open = async (studies: readonly StoredStudy[], options: Partial<AheadBenchOptions> = {}): Promise<AheadBench> => {
  const bench = await openAheadBench(studies, { syntaxes: [syntax.jpegLsLossless], ...options });
  closers.push(bench.stop);
  return bench;
};

describe('what ends it', () => {
  it('a study that is dropped while its renditions are made: nothing of it is in the cache, the next one is made', async () => {
    const [first, second] = [plainStudy(1), plainStudy(2)];
    const bench = await open([first, second]);
    first.watchers.add((uid) => {
      if (uid !== first.instances[2]?.sopInstanceUid) return;
      bench.ahead.drop(first.studyInstanceUid);
      void bench.cache.dropStudy(first.studyInstanceUid);
    });
    bench.ahead.add(first.studyInstanceUid);
    bench.ahead.add(second.studyInstanceUid);
    await vi.waitFor(() => expect(bench.lines).toHaveLength(2), 8_000);
    expect(bench.lines[0]).toMatchObject({ studyInstanceUid: first.studyInstanceUid, end: 'stopped', made: 2 });
    expect(bench.lines[1]).toMatchObject({ studyInstanceUid: second.studyInstanceUid, end: 'complete', made: 5 });
    expect(inCache(bench, first)).toEqual([]);
    expect(first.openFiles()).toBe(0);
  });

  it('a rendition that was begun before its study was dropped is not kept', async () => {
    const study = plainStudy(1);
    const bench: AheadBench = await open([study], {
      around: (stock) => ({
        ...stock,
        make: (wanted, readSource, signal) =>
          stock.make(
            wanted,
            async () => {
              // Of this drop no event is heard here: the cache alone knows.
              await bench.cache.dropStudy(study.studyInstanceUid);
              return readSource();
            },
            signal,
          ),
      }),
    });
    expect(await bench.fill(study)).toMatchObject({ end: 'stopped', made: 0 });
    expect(inCache(bench, study)).toEqual([]);
  });

  it('a study that waits and is dropped is not begun', async () => {
    const [first, second] = [plainStudy(1), plainStudy(2)];
    const bench = await open([first, second]);
    const line = bench.nextLine();
    bench.ahead.add(first.studyInstanceUid);
    bench.ahead.add(second.studyInstanceUid);
    bench.ahead.drop(second.studyInstanceUid);
    expect(await line).toMatchObject({ end: 'complete' });
    await bench.ahead.close();
    expect(second.opens).toEqual([]);
    expect(bench.lines).toHaveLength(1);
  });

  it.each([
    ['is held', { kind: 'refused', why: 'held' }],
    ['has no report any more (B7)', { kind: 'refused', why: 'report-gone' }],
    ['has no manifest', undefined],
  ] as const)('nothing is made of a study that %s', async (_, serving) => {
    const study = plainStudy(1);
    const bench = await open([study]);
    if (serving === undefined) bench.servings.delete(study.studyInstanceUid);
    else bench.servings.set(study.studyInstanceUid, serving);
    expect(await bench.fill(study)).toMatchObject({ end: 'not-served', images: 0, made: 0 });
    expect(study.opens).toEqual([]);
  });

  it('nothing is made of a study that is masked from professionals (E5)', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    const { manifest } = study.serving;
    const restrictions = { ...manifest.restrictions, maskedFromProfessionals: true };
    bench.servings.set(study.studyInstanceUid, { kind: 'served', manifest: { ...manifest, restrictions } });
    expect(await bench.fill(study)).toMatchObject({ end: 'not-served', made: 0 });
  });

  it('only what the manifest names is made: a rejected image is not in the cache either (C3)', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    const [[uid, named] = ['', []]] = study.serving.manifest.series;
    const series = new Map([[uid, named.slice(0, 1)]]);
    bench.servings.set(study.studyInstanceUid, { kind: 'served', manifest: { ...study.serving.manifest, series } });
    expect(await bench.fill(study)).toMatchObject({ end: 'complete', images: 1, made: 1 });
    expect(inCache(bench, study)).toEqual([0]);
  });

  it('a withdrawal that no event told of here is noticed within seconds', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    study.watchers.add((uid) => {
      if (uid !== study.instances[1]?.sopInstanceUid) return;
      bench.servings.set(study.studyInstanceUid, { kind: 'refused', why: 'not-current' });
      bench.state.nowMs += 5_000;
    });
    expect(await bench.fill(study)).toMatchObject({ end: 'not-served', images: 2, made: 2 });
  });

  it('another manifest, meanwhile, ends it: its own event begins anew', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    study.watchers.add((uid) => {
      if (uid !== study.instances[1]?.sopInstanceUid) return;
      const manifest = { ...study.serving.manifest, submissionId: 2 };
      bench.servings.set(study.studyInstanceUid, { kind: 'served', manifest });
      bench.state.nowMs += 5_000;
    });
    expect(await bench.fill(study)).toMatchObject({ end: 'not-served', images: 2 });
  });

  it('no more of one study than is configured', async () => {
    const study = plainStudy(1);
    const bench = await open([study], { maxStudyBytes: 1 });
    expect(await bench.fill(study)).toMatchObject({ end: 'study-limit', images: 1, made: 1 });
    expect(await bench.fill(study)).toMatchObject({ end: 'study-limit', images: 1, made: 0, ready: 1 });
    expect(inCache(bench, study)).toEqual([0]);
  });

  it('a full cache: what was used within a day stays, what was not makes room', async () => {
    const [older, newer] = [plainStudy(1), plainStudy(2)];
    const whole = (await (await open([older])).fill(older)).bytes;
    // Room for one study and a half.
    const bench = await open([older, newer], { maxCacheBytes: Math.round(1.5 * whole) });
    expect(await bench.fill(older)).toMatchObject({ end: 'complete' });
    bench.state.utcMs += 23 * 3_600_000;
    const full = await bench.fill(newer);
    expect(full.end).toBe('cache-full');
    expect(full.made).toBeLessThan(5);
    expect(inCache(bench, older)).toEqual([0, 1, 2, 3, 4]);
    bench.state.utcMs += 2 * 3_600_000;
    expect(await bench.fill(newer)).toMatchObject({ end: 'complete', ready: full.made });
    expect(inCache(bench, newer)).toEqual([0, 1, 2, 3, 4]);
    expect(inCache(bench, older)).toEqual([]);
  });

  it('an outage of the PACS ends the study, and the next ones wait a while', async () => {
    const [first, second] = [plainStudy(1), plainStudy(2)];
    for (const { sopInstanceUid } of first.instances)
      first.faults.set(sopInstanceUid, { openFails: 'orthanc/unreachable' });
    const bench = await open([first, second]);
    const line = bench.nextLine();
    bench.ahead.add(first.studyInstanceUid);
    bench.ahead.add(second.studyInstanceUid);
    expect(await line).toMatchObject({ end: 'failed', code: 'orthanc/unreachable', images: 0 });
    await delay(200);
    expect(first.opens).toHaveLength(1);
    expect(second.opens).toEqual([]);
  });

  it('the end of the service: at once, whatever is under way or waits', async () => {
    const [first, second] = [plainStudy(1), plainStudy(2)];
    const { promise, resolve } = Promise.withResolvers<void>();
    const bench = await open([first, second], {
      around: (stock) => ({
        ...stock,
        make: async (_wanted, _readSource, signal) => {
          resolve();
          await delay(60_000, undefined, { signal }).catch(() => undefined);
          return { kind: 'cancelled' };
        },
      }),
    });
    bench.ahead.add(first.studyInstanceUid);
    bench.ahead.add(second.studyInstanceUid);
    await promise;
    const startedAtMs = performance.now();
    await bench.ahead.close();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(bench.lines).toMatchObject([{ end: 'stopped', made: 0 }]);
    expect(second.opens).toEqual([]);
    bench.ahead.add(second.studyInstanceUid);
    await delay(50);
    expect(second.opens).toEqual([]);
  });
});
