import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { imagePath, leftOutPath } from '../../plugin/viewer-access/zip/file-paths.ts';
import { planZip } from '../../plugin/viewer-access/zip/zip-layout.ts';
import {
  buildCentralHeader,
  buildEnd,
  buildLocalHeader,
  type EntryContent,
  type EntryRoom,
  maxSlackBytes,
  roomBytes,
} from '../../plugin/zip-records.ts';
import { listWithPython, withFolder, type ZipListing } from '../fixtures/viewer-access/zip-judges.ts';

const madeAtUtcMs = Date.UTC(2026, 0, 15);
const gibibyte = 2 ** 30;

/** Headers at their places in a file full of holes: sizes are invented, nothing is stored. */
const listSparse = (
  rooms: readonly EntryRoom[],
  contents: readonly EntryContent[],
): ZipListing & { readonly bytes: number } =>
  withFolder((folder) => {
    const path = join(folder, 'sparse.zip');
    const layout = planZip(rooms);
    const file = openSync(path, 'w');
    ftruncateSync(file, layout.totalBytes);
    // The list is in the central directory alone.
    for (const [at, room] of rooms.slice(0, 100).entries()) {
      writeSync(file, buildLocalHeader(room, contents[at] as EntryContent, madeAtUtcMs), null, null, layout.starts[at]);
    }
    const central = rooms.map((room, at) =>
      buildCentralHeader(room, layout.starts[at] ?? 0, contents[at] as EntryContent, madeAtUtcMs),
    );
    const tail = Buffer.concat([...central, buildEnd(layout.central)]);
    expect(layout.central.start + tail.length).toBe(layout.totalBytes);
    writeSync(file, tail, 0, tail.length, layout.central.start);
    closeSync(file);
    return { ...listWithPython(path, false), bytes: layout.totalBytes };
  });

const roomOf = (name: string, maxBytes: number): EntryRoom => ({ name, maxBytes, slackBytes: 512 });

describe('the records of the archive', () => {
  it('reach beyond 4 GiB in files, offsets and archive, as Python reads them (ZIP64)', () => {
    const sizes = [10, 5 * gibibyte, 20, 2 ** 32 - 1, 2 ** 32 - 600, 30];
    const rooms = sizes.map((size, at) => roomOf(imagePath(0, at), size + 512));
    const contents = sizes.map((size, at) => ({ name: imagePath(0, at), bytes: size + 100, crc32: at }));
    const { entries, bytes } = listSparse(rooms, contents);
    const starts = planZip(rooms).starts;
    expect(entries.map(([name, size, offset]) => [name, size, offset])).toEqual(
      contents.map((content, at) => [content.name, content.bytes, starts[at]]),
    );
    expect(bytes).toBeGreaterThan(13 * gibibyte);
  });

  it('count beyond 65,535 files (ZIP64)', () => {
    const names = Array.from({ length: 66_000 }, (_, at) => imagePath(0, at));
    const rooms = names.map((name) => ({ name, maxBytes: 0, slackBytes: 0 }));
    const contents = names.map((name) => ({ name, bytes: 0, crc32: 0 }));
    const layout = planZip(rooms);
    const central = rooms.map((room, at) =>
      buildCentralHeader(room, layout.starts[at] ?? 0, contents[at] as EntryContent, madeAtUtcMs),
    );
    expect(Buffer.concat(central).length).toBe(layout.central.bytes);
    const { entries } = listSparse(rooms, contents);
    expect(entries.length).toBe(66_000);
    expect(entries.at(-1)?.[0]).toBe(names.at(-1));
  });

  it('stay without ZIP64 below: the oldest readers read them', () => {
    const end = buildEnd({ start: 2 ** 32 - 2, bytes: 100, entries: 65_534 });
    expect(end.length).toBe(22);
    expect(buildEnd({ start: 2 ** 32 - 1, bytes: 100, entries: 1 }).length).toBe(56 + 20 + 22);
    expect(buildEnd({ start: 0, bytes: 0, entries: 65_535 }).length).toBe(56 + 20 + 22);
  });

  it('fill the room exactly, whatever of it the content takes; more than the room is refused', () => {
    for (const maxBytes of [512, 100_000, 6 * gibibyte]) {
      const room = roomOf('A', maxBytes);
      for (const unused of [0, 1, 511, 512]) {
        const content = { name: 'A', bytes: maxBytes - unused, crc32: 1 };
        expect(buildLocalHeader(room, content, madeAtUtcMs).length + content.bytes).toBe(roomBytes(room));
      }
      const content = { name: 'A', bytes: maxBytes + 1, crc32: 1 };
      expect(() => buildLocalHeader(room, content, madeAtUtcMs)).toThrow(RangeError);
      expect(() => buildLocalHeader(room, { ...content, bytes: maxBytes - 513 }, madeAtUtcMs)).toThrow(RangeError);
    }
  });

  it('can say the length of the largest slack beside the ZIP64 field', () => {
    const room = { name: 'A', maxBytes: 6 * gibibyte, slackBytes: maxSlackBytes };
    const header = buildLocalHeader(room, { name: 'A', bytes: 6 * gibibyte - maxSlackBytes, crc32: 0 }, madeAtUtcMs);
    expect(header.readUInt16LE(28)).toBe(header.length - 31);
  });

  it('carry the date and the checksum that they are given; dates before 1980 become its first day', () => {
    const content = { name: 'A', bytes: 0, crc32: crc32('x') };
    const room = { name: 'A', maxBytes: 0, slackBytes: 0 };
    const header = buildLocalHeader(room, content, Date.UTC(2026, 0, 15, 13, 5, 8));
    expect(header.readUInt32LE(14)).toBe(crc32('x'));
    expect([header.readUInt16LE(10), header.readUInt16LE(12)]).toEqual([
      (13 << 11) | (5 << 5) | 4,
      ((2026 - 1980) << 9) | (1 << 5) | 15,
    ]);
    expect(buildLocalHeader(room, content, 0).readUInt16LE(12)).toBe((1 << 5) | 1);
  });
});

describe('names in the archive', () => {
  it('are file ids: at most eight parts of at most eight capitals, digits and _ (PS3.10 §8.2, §8.5)', () => {
    for (const path of [imagePath(0, 0), imagePath(999_999, 999_999)]) {
      const parts = path.split('/');
      expect(parts.length).toBeLessThanOrEqual(8);
      expect(parts.every((part) => /^[A-Z0-9_]{1,8}$/.test(part))).toBe(true);
    }
  });

  it('of what is left out are as long, so that nothing behind moves', () => {
    expect(leftOutPath(12, 345).length).toBe(imagePath(12, 345).length);
    expect(leftOutPath(999_999, 0).length).toBe(imagePath(999_999, 0).length);
  });
});
