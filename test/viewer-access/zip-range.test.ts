import { describe, expect, it } from 'vitest';
import type { ExaminationZip } from '../../plugin/viewer-access/zip/examination-zip.ts';
import { buildZipHead, chooseRange } from '../../plugin/viewer-access/zip/zip-range.ts';
import { createZipShelf } from '../../plugin/viewer-access/zip/zip-shelf.ts';

const zip = { etag: '"2.25.1"', sizeBytes: 1000 };
const ifRange = zip.etag;

describe('which part of the archive is given', () => {
  it.each([
    ['bytes=0-', 0, 1000],
    ['bytes=100-', 100, 1000],
    ['bytes=100-199', 100, 200],
    ['bytes=999-5000', 999, 1000],
    ['bytes=-10', 990, 1000],
    ['bytes=-5000', 0, 1000],
  ])('%s is that part, where the client has the rest of this very archive', (range, start, end) => {
    expect(chooseRange({ range, ifRange }, zip)).toEqual({ kind: 'part', range: { start, end } });
  });

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=0-1,5-9', 'bytes=9-1', 'octets=1-2', 'bytes=a-b', 'bytes=1e3-'])(
    '%s is the whole: nothing, several ranges, other units, malformed (RFC 9110 §14.2)',
    (range) => {
      expect(chooseRange({ range, ifRange }, zip)).toEqual({ kind: 'whole' });
    },
  );

  it.each([undefined, '"2.25.2"', 'W/"2.25.1"', 'Thu, 15 Jan 2026 00:00:00 GMT'])(
    'is the whole when If-Range is %s: parts of two archives do not fit together',
    (other) => {
      expect(chooseRange({ range: 'bytes=100-', ifRange: other }, zip)).toEqual({ kind: 'whole' });
    },
  );

  it.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=-0'])('%s cannot be given', (range) => {
    expect(chooseRange({ range, ifRange }, zip)).toEqual({ kind: 'unsatisfiable' });
  });
});

describe('the head of the answer', () => {
  it('announces the size, the validator and that parts may be asked for', () => {
    expect(buildZipHead({ kind: 'whole' }, zip, 'examen-imagerie.zip')).toEqual({
      status: 200,
      headers: {
        'Content-Type': 'application/zip',
        'Content-Disposition': 'attachment; filename="examen-imagerie.zip"',
        'Accept-Ranges': 'bytes',
        'Cache-Control': 'private, no-store',
        ETag: '"2.25.1"',
        'Content-Length': 1000,
      },
    });
  });

  it('says which part it is, or that there is none', () => {
    const part = buildZipHead({ kind: 'part', range: { start: 10, end: 20 } }, zip, 'a.zip');
    expect(part).toMatchObject({
      status: 206,
      headers: { 'Content-Length': 10, 'Content-Range': 'bytes 10-19/1000', ETag: '"2.25.1"' },
    });
    expect(buildZipHead({ kind: 'unsatisfiable' }, zip, 'a.zip')).toEqual({
      status: 416,
      headers: { 'Content-Range': 'bytes */1000' },
    });
  });
});

describe('the shelf of archives', () => {
  const archive = (etag: string): ExaminationZip => ({ etag, sizeBytes: 1 }) as ExaminationZip;
  const shelfAt = (start: number) => {
    let now = start;
    const shelf = createZipShelf({ clock: () => now, keepMs: 1000, maxKept: 2 });
    return { shelf, pass: (ms: number) => void (now += ms) };
  };

  it('gives an archive to who has a part of it, under the key it was kept with, and to nobody else', () => {
    const { shelf } = shelfAt(0);
    const one = archive('"1"');
    shelf.keep('grant-a', one);
    expect(shelf.find('grant-a', '"1"')).toBe(one);
    expect(shelf.find('grant-a', '"2"')).toBeUndefined();
    expect(shelf.find('grant-a', undefined)).toBeUndefined();
    expect(shelf.find('grant-b', '"1"')).toBeUndefined();
  });

  it('forgets what was asked for too long ago, what is too much, and what ended', () => {
    const { shelf, pass } = shelfAt(0);
    shelf.keep('a', archive('"1"'));
    pass(900);
    expect(shelf.find('a', '"1"')).toBeDefined();
    pass(900);
    expect(shelf.find('a', '"1"')).toBeDefined();
    pass(1000);
    expect(shelf.find('a', '"1"')).toBeUndefined();
    for (const key of ['a', 'b', 'c']) shelf.keep(key, archive('"1"'));
    expect(['a', 'b', 'c'].map((key) => shelf.find(key, '"1"') !== undefined)).toEqual([false, true, true]);
    shelf.forget('b');
    expect(shelf.find('b', '"1"')).toBeUndefined();
  });
});
