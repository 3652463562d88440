/** Renditions made before anybody asks: the same as those made on request, never in the way, gone with their study. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Transcoder } from '../../plugin/renditions/index.ts';
import { parseTransferSyntaxUid, transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import { createWorkshop } from '../../plugin/wado/rendition-workshop.ts';
import {
  type AheadBench,
  type AheadBenchOptions,
  inCache,
  openAheadBench,
  plainStudy,
  transcoderForTests,
} from '../fixtures/wado/ahead-bench.ts';
import { inventedFile } from '../fixtures/renditions/images.ts';
import { buildImageKinds, buildStudyDocuments, imageKindNames } from '../fixtures/wado/image-kinds.ts';
import { createStoredStudy, type StoredStudy } from '../fixtures/wado/stored-study.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const open = async (studies: readonly StoredStudy[], options: Partial<AheadBenchOptions> = {}): Promise<AheadBench> => {
  const bench = await openAheadBench(studies, { syntaxes: [syntax.jpegLsLossless], ...options });
  closers.push(bench.stop);
  return bench;
};

const never: Transcoder = {
  render: () => Promise.reject(new Error('made again')),
  counts: () => ({ running: 0, waiting: 0, heldBytes: 0 }),
  close: () => Promise.resolve(),
};

const produceWith = (workshop: ReturnType<typeof createWorkshop>, study: StoredStudy, at: number, to: string) => {
  const instance = study.instances[at];
  const bytes = instance?.bytes ?? Buffer.alloc(0);
  return workshop.produce(
    {
      studyInstanceUid: study.studyInstanceUid,
      sopInstanceUid: instance?.sopInstanceUid ?? '',
      revision: '1',
      sizeBytes: bytes.length,
      transferSyntax: parseTransferSyntaxUid(to),
    },
    () => Promise.resolve(Buffer.from(bytes)),
    new AbortController().signal,
  );
};

describe('what is made ahead', () => {
  it.each([
    ['lossless', [syntax.jpegLsLossless, syntax.jpegLosslessSv1, syntax.jpeg2000Lossless]],
    ['native and lossy', [syntax.explicitVrLittleEndian, syntax.jpegBaseline]],
  ])('is byte for byte what a request would have had made, for every kind of image (%s)', async (_, syntaxes) => {
    const study = createStoredStudy([...buildImageKinds(1, imageKindNames), ...buildStudyDocuments(1)]);
    const bench = await open([study], { syntaxes });
    const line = await bench.fill(study);
    expect(line).toMatchObject({ end: 'complete', images: study.instances.length, failed: 0, ready: 0 });
    const transcoder = transcoderForTests();
    closers.push(transcoder.close);
    const onRequest = createWorkshop({ transcoder });
    const fromCache = createWorkshop({ transcoder: never, cache: bench.cache });
    let compared = 0;
    for (const to of syntaxes) {
      for (const at of inCache(bench, study, to)) {
        const made = await produceWith(onRequest, study, at, to);
        expect((await produceWith(fromCache, study, at, to)).equals(made)).toBe(true);
        compared += 1;
      }
    }
    expect(compared).toBe(line.made);
    // Nearly all kinds of images can be made in each.
    expect(compared).toBeGreaterThan(study.instances.length);
    expect(study.openFiles()).toBe(0);
  });

  it('what is there already is not made again', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    const first = await bench.fill(study);
    expect(first).toMatchObject({ end: 'complete', made: 5, ready: 0 });
    expect(first.bytes).toBeGreaterThan(0);
    const { files, bytes } = bench.cache.stats();
    expect(await bench.fill(study)).toMatchObject({ end: 'complete', made: 0, ready: 5, bytes: 0 });
    expect(bench.cache.stats()).toMatchObject({ files, bytes });
  });

  it('images that leave as stored, and documents, are left alone', async () => {
    const study = createStoredStudy([...buildImageKinds(1, ['jpeg-ls ct']), ...buildStudyDocuments(1)]);
    const bench = await open([study]);
    expect(await bench.fill(study)).toMatchObject({ end: 'complete', images: 4, made: 0, failed: 0 });
    expect(bench.opened).toEqual([]);
  });

  it('a broken image, one that is gone and one that is another one cost themselves only', async () => {
    const study = plainStudy(1);
    const [cut, gone, other, ...sound] = study.instances;
    if (cut === undefined || gone === undefined || other === undefined) throw new Error('too few');
    study.faults.set(cut.sopInstanceUid, { bytes: cut.bytes.subarray(0, cut.bytes.length - 1_000) });
    study.faults.set(gone.sopInstanceUid, { openFails: 'orthanc/not-found' });
    study.faults.set(other.sopInstanceUid, { bytes: gone.bytes });
    const bench = await open([study]);
    expect(await bench.fill(study)).toMatchObject({ end: 'complete', images: 5, made: sound.length, failed: 3 });
    expect(inCache(bench, study)).toEqual([3, 4]);
    expect(study.openFiles()).toBe(0);
  });

  it('one thread for all that wait, given back when nothing does', async () => {
    const studies = [plainStudy(1), plainStudy(2)] as const;
    const bench = await open(studies);
    for (const { studyInstanceUid } of studies) bench.ahead.add(studyInstanceUid);
    await vi.waitFor(() => expect(bench.lines).toHaveLength(2), 8_000);
    expect(bench.opened).toHaveLength(1);
    const [first] = bench.opened;
    // A thread that was given back takes nothing any more.
    await vi.waitFor(async () => {
      const load = () => Promise.resolve(Buffer.alloc(10));
      const outcome = await first?.render({ byteLength: 10, load, to: syntax.jpegLsLossless });
      expect(outcome?.kind).toBe('cancelled');
    });
    await bench.cache.dropStudy(studies[0].studyInstanceUid);
    expect(await bench.fill(studies[0])).toMatchObject({ end: 'complete', made: 5 });
    expect(bench.opened).toHaveLength(2);
  });

  it('tells of a study in one line, with counts and no identity (A6)', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    const line = await bench.fill(study);
    expect(Object.keys(line).toSorted()).toEqual(
      ['bytes', 'durationMs', 'end', 'failed', 'images', 'made', 'ready', 'studyInstanceUid'].toSorted(),
    );
    expect(bench.lines).toHaveLength(1);
    expect(JSON.stringify(line)).not.toMatch(/EXEMPLE|IPP|1990175/);
  });
});

describe('who asks for images comes first', () => {
  it('nothing is begun while a request is answered, nor for a moment after', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const answered = bench.traffic.during(() => promise);
    bench.ahead.add(study.studyInstanceUid);
    await delay(300);
    resolve();
    await answered;
    await delay(300);
    expect(study.opens).toEqual([]);
    const line = bench.nextLine();
    bench.state.nowMs += 1_000;
    expect(await line).toMatchObject({ end: 'complete', made: 5 });
  });

  it('nothing is begun while renditions that were asked for are being made', async () => {
    const study = plainStudy(1);
    const bench = await open([study]);
    bench.state.isTranscoding = true;
    bench.ahead.add(study.studyInstanceUid);
    await delay(300);
    expect(study.opens).toEqual([]);
    const line = bench.nextLine();
    bench.state.isTranscoding = false;
    expect(await line).toMatchObject({ end: 'complete', made: 5 });
  });

  it('a request that arrives ends what is under way at once; that image is taken up again, and counted once', async () => {
    const study = plainStudy(1);
    let waits = Promise.withResolvers<void>();
    let begun = 0;
    const bench = await open([study], {
      syntaxes: [syntax.jpegLsLossless, syntax.jpegLosslessSv1],
      around: (stock) => ({
        ...stock,
        make: async (wanted, readSource, signal) => {
          begun += 1;
          if (begun !== 4) return stock.make(wanted, readSource, signal);
          // The second image, in the second syntax: under way until the request arrives.
          waits.resolve();
          await delay(60_000, undefined, { signal }).catch(() => undefined);
          return { kind: 'cancelled' };
        },
      }),
    });
    bench.ahead.add(study.studyInstanceUid);
    await waits.promise;
    const second = study.instances[1]?.sopInstanceUid;
    expect(study.opens.filter((uid) => uid === second)).toHaveLength(1);
    waits = Promise.withResolvers();
    const answered = bench.traffic.during(() => waits.promise);
    await delay(250);
    expect(study.opens.filter((uid) => uid === second)).toHaveLength(1);
    expect(study.openFiles()).toBe(0);
    waits.resolve();
    await answered;
    const line = bench.nextLine();
    bench.state.nowMs += 1_000;
    expect(await line).toMatchObject({ end: 'complete', images: 5, made: 10, ready: 0, failed: 0 });
    expect(study.opens.filter((uid) => uid === second)).toHaveLength(2);
  });

  it('a codec that is at work gives way, too', async () => {
    const image = { rows: 1_500, columns: 1_500, bitsAllocated: 16, bitsStored: 16 } as const;
    const [native] = buildImageKinds(1, ['ct']);
    if (native === undefined) throw new Error('no image');
    const bytes = inventedFile({
      ...image,
      elements: [
        ['00080018', 'UI', native.sopInstanceUid],
        ['0020000D', 'UI', native.studyInstanceUid],
        ['0020000E', 'UI', native.seriesInstanceUid],
      ],
    });
    const study = createStoredStudy([{ ...native, bytes }]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const outcomes: string[] = [];
    const bench = await open([study], {
      syntaxes: [syntax.jpeg2000Lossless],
      around: (stock) => ({
        ...stock,
        make: async (wanted, readSource, signal) => {
          setTimeout(resolve, 50);
          const made = await stock.make(wanted, readSource, signal);
          outcomes.push(made.kind);
          return made;
        },
      }),
    });
    bench.ahead.add(study.studyInstanceUid);
    await promise;
    const startedAtMs = performance.now();
    await bench.traffic.during(() => vi.waitFor(() => expect(outcomes).toEqual(['cancelled'])));
    // Far less than the codec takes, however slow the machine.
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    const line = bench.nextLine();
    bench.state.nowMs += 1_000;
    expect(await line).toMatchObject({ end: 'complete', made: 1, failed: 0 });
    expect(outcomes).toEqual(['cancelled', 'kept']);
  });
});
