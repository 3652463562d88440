import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExaminationZip } from '../../plugin/viewer-access/zip/examination-zip.ts';
import { unzipFindings } from '../fixtures/viewer-access/zip-judges.ts';
import { createZipStore } from '../fixtures/viewer-access/zip-store.ts';
import { mixed, never, ports, createZip, take } from '../fixtures/viewer-access/zip-taking.ts';

describe('ranges of the archive', () => {
  const whole = createZip(createZipStore(mixed)).then((zip) => take(zip));

  it('join to the same bytes wherever they are cut, also from an object that saw nothing before (resumable)', async () => {
    const archive = await whole;
    const cuts = fc.array(fc.nat(archive.length), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), fc.boolean(), async (places, isWhole, backwards) => {
        const zip = await createZip(createZipStore(mixed, isWhole ? {} : { wholeUpToBytes: 0 }));
        const edges = [0, ...places.toSorted((a, b) => a - b), archive.length];
        const ranges = edges.slice(1).map((end, at) => ({ start: edges[at] ?? 0, end }));
        const pieces = new Map<number, Buffer>();
        for (const [at, range] of backwards ? [...ranges.entries()].toReversed() : ranges.entries()) {
          pieces.set(at, await take(zip, range));
        }
        const joined = Buffer.concat(ranges.map((_, at) => pieces.get(at) ?? Buffer.alloc(0)));
        expect(joined.equals(archive)).toBe(true);
      }),
      { numRuns: 40, seed: 20260115 },
    );
  });

  it('may be one byte at any place', async () => {
    const archive = await whole;
    const zip = await createZip(createZipStore(mixed));
    for (let at = 0; at < archive.length; at += 997) {
      expect((await take(zip, { start: at, end: at + 1 }))[0]).toBe(archive[at]);
    }
    await expect(take(zip, { start: 0, end: archive.length + 1 })).rejects.toThrow(RangeError);
  });

  it('read only the images that they touch, and all of them only when the end is due', async () => {
    const stored = createZipStore(mixed);
    const zip = await createZip(stored);
    await take(zip, { start: 100, end: 200 });
    expect(new Set(stored.opens)).toEqual(new Set([mixed[0]?.sopInstanceUid]));
    await take(zip, { start: zip.sizeBytes - 10 });
    expect(new Set(stored.opens).size).toBe(mixed.length);
    const before = stored.opens.length;
    await take(zip, { start: zip.sizeBytes - 10 });
    expect(stored.opens.length).toBe(before);
  });

  it('of two archives of the same images have two validators: parts of both never fit together unseen', async () => {
    const stored = createZipStore(mixed);
    let count = 0;
    const counting = { ...ports(stored), newUid: () => `2.25.${(count += 1)}` };
    const first = await createExaminationZip({ manifest: stored.manifest }, counting, never);
    const second = await createExaminationZip({ manifest: stored.manifest }, counting, never);
    expect(first.etag).not.toBe(second.etag);
    expect(first.etag).toMatch(/^"[!-~]+"$/);
  });

  it('stays what it was when an image becomes readable again: what was left out stays out', async () => {
    const stored = createZipStore(mixed);
    const uid = mixed[1]?.sopInstanceUid ?? '';
    stored.faults.set(uid, { openFails: 'orthanc/not-found' });
    const zip = await createZip(stored);
    const half = Math.floor(zip.sizeBytes / 2);
    const first = await take(zip, { end: half });
    stored.faults.clear();
    const archive = Buffer.concat([first, await take(zip, { start: half })]);
    expect(unzipFindings(archive).status).toBe(0);
    expect(zip.leftOut()).toBe(1);
  });

  it('breaks off when an image is not any more what it was told to be (viewer-access/download-changed)', async () => {
    const stored = createZipStore(mixed);
    const uid = mixed[0]?.sopInstanceUid ?? '';
    const zip = await createZip(stored);
    await take(zip, { end: 2000 });
    stored.faults.set(uid, { revision: 'another' });
    await expect(take(zip, { start: 500, end: 600 })).rejects.toMatchObject({ code: 'viewer-access/download-changed' });
    stored.faults.set(uid, { openFails: 'orthanc/not-found' });
    await expect(take(zip, { start: 500, end: 600 })).rejects.toMatchObject({ code: 'viewer-access/download-changed' });
    const bytes = Buffer.from(mixed[0]?.bytes ?? []);
    bytes[bytes.length - 1] = 0x55;
    stored.faults.set(uid, { bytes });
    await expect(take(zip, { start: 500, end: 600 })).rejects.toMatchObject({ code: 'viewer-access/download-changed' });
  });
});
