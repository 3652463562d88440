import { describe, expect, it } from 'vitest';
import type { LentMemory } from '../../plugin/lent-memory.ts';
import type { ZipProgress } from '../../plugin/viewer-access/zip/examination-zip.ts';
import { buildCtStudy, buildLargeCtStudy, inventedStudy, type InventedInstance } from '../fixtures/dicom/index.ts';
import { extract, unzipFindings } from '../fixtures/viewer-access/zip-judges.ts';
import { createZipStore } from '../fixtures/viewer-access/zip-store.ts';
import { study, never, createZip, take, spliced, imagesOf, readmeOf } from '../fixtures/viewer-access/zip-taking.ts';

describe('what is larger than is read at once', () => {
  /** 3 MiB: beyond what is read whole. */
  const big = buildCtStudy({ instancesPerSeries: 2, size: 1300, study });
  const uid = big[0]?.sopInstanceUid ?? '';
  const pieces = { pieceBytes: 2 ** 20 };

  it('is read twice, once for its checksum, and leaves in pieces given back', async () => {
    const stored = createZipStore(big, pieces);
    const zip = await createZip(stored);
    let longest = 0;
    const all: Buffer[] = [];
    for await (const { bytes, giveBack } of zip.stream({ signal: never })) {
      longest = Math.max(longest, bytes.length);
      all.push(Buffer.from(bytes));
      giveBack();
    }
    expect(longest).toBeLessThanOrEqual(2 ** 20);
    expect(imagesOf(extract(Buffer.concat(all)))).toEqual(big.map((one) => spliced(one, stored)));
    expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
    expect(stored.figures.highestLentBytes).toBeLessThanOrEqual(4 * 2 ** 20);
  });

  it('is left out when it cannot be read to its end the first time', async () => {
    const stored = createZipStore(big, pieces);
    stored.faults.set(uid, { breaksAtStream: 1 });
    const files = extract(await take(await createZip(stored)));
    expect(imagesOf(files)).toEqual([spliced(big[1] as InventedInstance, stored)]);
    expect(readmeOf(files)).toContain('Série 1, fichier 1 : illisible');
  });

  it('breaks the download off when it fails the second time, and the download goes on later with the same bytes', async () => {
    const stored = createZipStore(big, pieces);
    stored.faults.set(uid, { breaksAtStream: 3 });
    const zip = await createZip(stored);
    const got: Buffer[] = [];
    const broken = async (): Promise<void> => {
      for await (const { bytes } of zip.stream({ signal: never })) got.push(Buffer.from(bytes));
    };
    await expect(broken()).rejects.toMatchObject({ code: 'orthanc/answer-invalid' });
    stored.faults.clear();
    const first = Buffer.concat(got);
    const archive = Buffer.concat([first, await take(zip, { start: first.length })]);
    expect(unzipFindings(archive).status).toBe(0);
    expect(stored.figures.openFiles).toBe(0);
  });

  it('is left out when it ends too early the first time, and breaks the download off the second time', async () => {
    const stored = createZipStore(big, pieces);
    stored.faults.set(uid, { endsAtStream: 2 });
    const first = await createZip(stored);
    await take(first);
    expect(first.leftOut()).toBe(1);
    const again = createZipStore(big, pieces);
    again.faults.set(uid, { endsAtStream: 4 });
    await expect(take(await createZip(again))).rejects.toMatchObject({ code: 'viewer-access/download-changed' });
  });

  it.each(['open', 'stream'] as const)('ends at once when the reader goes away while the %s hangs', async (hangs) => {
    const stored = createZipStore(big, pieces);
    stored.faults.set(big[1]?.sopInstanceUid ?? '', { hangs });
    const leaving = new AbortController();
    const zip = await createZip(stored);
    const taking = take(zip, { signal: leaving.signal });
    setTimeout(() => leaving.abort(new Error('gone')), 30);
    await expect(taking).rejects.toThrow('gone');
  });
});

describe('the stream', () => {
  const small = buildLargeCtStudy({ instanceCount: 60, study });

  it('reads no further ahead than allowed while nobody takes anything (back-pressure)', async () => {
    const stored = createZipStore(small);
    const zip = await createZip(stored);
    const stream = zip.stream({ signal: never });
    for (let pieces = 0; pieces < 3; pieces += 1) await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stored.opens.length).toBeLessThanOrEqual(4);
    await stream.return();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stored.figures.openFiles).toBe(0);
  });

  it('holds lent memory for a few images only, whatever their number, and gives all of it back', async () => {
    const stored = createZipStore(small);
    await take(await createZip(stored));
    const largest = Math.max(...small.map(({ bytes }) => bytes.length));
    expect(stored.figures.highestLentBytes).toBeLessThanOrEqual(4 * largest);
    expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
  });

  it('never writes over what its taker has not given back: the next image may be of another patient', async () => {
    for (const some of [small, buildCtStudy({ instancesPerSeries: 2, size: 1300, study })]) {
      const stored = createZipStore(some, { pieceBytes: 2 ** 20 });
      const zip = await createZip(stored);
      const held: LentMemory[] = [];
      for await (const piece of zip.stream({ signal: never })) held.push(piece);
      const archive = Buffer.concat(held.map(({ bytes }) => bytes));
      expect(archive.equals(await take(await createZip(createZipStore(some))))).toBe(true);
      for (const { giveBack } of held) giveBack();
      expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
    }
  });

  it('tells how far it is: images and bytes, never backwards, the whole at the end', async () => {
    const zip = await createZip(createZipStore(small));
    const told: ZipProgress[] = [];
    for await (const { giveBack } of zip.stream({ signal: never, onProgress: (one) => told.push(one) })) giveBack();
    expect(told.at(-1)).toEqual({
      objectsDone: 60,
      objectsTotal: 60,
      bytesDone: zip.sizeBytes,
      bytesTotal: zip.sizeBytes,
    });
    expect(told.every((one, at) => one.bytesDone > (told[at - 1]?.bytesDone ?? 0))).toBe(true);
    expect(told.some(({ objectsDone }) => objectsDone === 30)).toBe(true);
  });

  it('stops when the PACS as a whole does not answer, and goes on from there when it does', async () => {
    const stored = createZipStore(small);
    stored.faults.set(small[30]?.sopInstanceUid ?? '', { openFails: 'orthanc/unreachable' });
    const zip = await createZip(stored);
    const got: Buffer[] = [];
    const stopped = async (): Promise<void> => {
      for await (const { bytes } of zip.stream({ signal: never })) got.push(Buffer.from(bytes));
    };
    await expect(stopped()).rejects.toMatchObject({ code: 'orthanc/unreachable' });
    stored.faults.clear();
    const first = Buffer.concat(got);
    const archive = Buffer.concat([first, await take(zip, { start: first.length })]);
    expect(unzipFindings(archive).status).toBe(0);
    expect(zip.leftOut()).toBe(0);
  });

  it('may run several times at once, with one decision about each image', async () => {
    const stored = createZipStore(small);
    stored.faults.set(small[5]?.sopInstanceUid ?? '', { bytes: Buffer.alloc(small[5]?.bytes.length ?? 0) });
    const zip = await createZip(stored);
    const [one, two] = await Promise.all([take(zip), take(zip)]);
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
  });

  it('names series and images after their place, in the order of the manifest', async () => {
    const two = buildCtStudy({ seriesCount: 2, instancesPerSeries: 2, study });
    expect(inventedStudy(1).studyInstanceUid).toBe(two[0]?.studyInstanceUid);
    const stored = createZipStore(two);
    const files = extract(await take(await createZip(stored)));
    const third = files.get('DICOM/PA000000/ST000000/SE000001/IM000000') ?? Buffer.alloc(0);
    expect(third.includes(two[2]?.sopInstanceUid ?? '-')).toBe(true);
  });
});
