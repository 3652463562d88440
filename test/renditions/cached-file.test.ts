/** One made file on the disk of the cache: what is read is what was written, or nothing is. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type CachedFile,
  chunkBytes,
  type FileSeal,
  fileBytesOf,
  openCachedFile,
  writeCachedFile,
} from '../../plugin/renditions/cached-file.ts';

let folder: string;
let path: string;
let written = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-cached-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  written += 1;
  path = join(folder, String(written));
});

const keyDigest = randomBytes(32);
const readable: FileSeal = { keyDigest };
const encrypted: FileSeal = { keyDigest, secret: randomBytes(32) };

const withFile = async <Result>(seal: FileSeal, work: (file: CachedFile) => Promise<Result>): Promise<Result> => {
  const file = await openCachedFile(path, seal, (await stat(path)).size);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
};
const readAll = (seal: FileSeal): Promise<Buffer> => withFile(seal, (file) => file.readAll());

describe.each([
  ['access-limited', readable],
  ['encrypted', encrypted],
])('a file (%s)', (_, seal) => {
  test.each([0, 1, 1_000, chunkBytes, chunkBytes + 1, 5 * chunkBytes, 20 * chunkBytes + 7])(
    'of %i bytes comes back as it was: whole, its beginning, any part of it',
    async (length) => {
      const bytes = randomBytes(length);
      await writeCachedFile(path, bytes, seal, 1n);
      expect((await stat(path)).size).toBe(fileBytesOf(length, seal));
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      await withFile(seal, async (file) => {
        expect(file.sizeBytes).toBe(length);
        expect((await file.readAll()).equals(bytes)).toBe(true);
        expect((await file.readPrefix(300)).equals(bytes.subarray(0, 300))).toBe(true);
        for (const [start, end] of [
          [0, length],
          [Math.floor(length / 3), Math.floor(length / 2)],
          [Math.max(length - 5, 0), length + 100],
        ] as const) {
          expect((await buffer(file.stream({ start, end }))).equals(bytes.subarray(start, end))).toBe(true);
        }
        await file.close();
      });
    },
  );

  test('that was cut or changed anywhere, or lost its end in a power failure, is never taken for a whole one', async () => {
    const bytes = randomBytes(3 * chunkBytes + 11);
    await writeCachedFile(path, bytes, seal, 1n);
    const whole = await readFile(path);
    // After the sealed header there are bytes that mean nothing.
    const places = fc.nat({ max: whole.length - 1 }).filter((at) => at < 68 || at >= 80);
    const damage = fc.oneof(
      places.map((length) => whole.subarray(0, length)),
      fc.tuple(places, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
        const changed = Buffer.from(whole);
        changed.writeUInt8(changed.readUInt8(at) ^ bits, at);
        return changed;
      }),
      places.map((from) => Buffer.from(whole).fill(0, from)).filter((zeroed) => !zeroed.equals(whole)),
      fc.uint8Array({ maxLength: 200 }).map((more) => Buffer.concat([whole, Buffer.of(0), more])),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (damaged) => {
        await writeFile(path, damaged);
        await expect(readAll(seal)).rejects.toMatchObject({ code: 'renditions/cache-damaged' });
      }),
      { numRuns: 60 },
    );
  });

  test('with two of its chunks exchanged is damaged', async () => {
    await writeCachedFile(path, randomBytes(2 * chunkBytes), seal, 1n);
    const whole = await readFile(path);
    const sealBytes = (whole.length - 80 - 2 * chunkBytes) / 2;
    const at = 80 + 2 * chunkBytes;
    await writeFile(
      path,
      Buffer.concat([
        whole.subarray(0, 80),
        whole.subarray(80 + chunkBytes, at),
        whole.subarray(80, 80 + chunkBytes),
        whole.subarray(at + sealBytes),
        whole.subarray(at, at + sealBytes),
      ]),
    );
    await expect(readAll(seal)).rejects.toMatchObject({ code: 'renditions/cache-damaged' });
  });

  test('of another key, or sealed in the other way, is not opened', async () => {
    await writeCachedFile(path, randomBytes(100), seal, 1n);
    const other = seal.secret === undefined ? encrypted : readable;
    for (const wrong of [{ ...seal, keyDigest: randomBytes(32) }, other]) {
      await expect(openCachedFile(path, wrong, (await stat(path)).size)).rejects.toMatchObject({
        code: 'renditions/cache-damaged',
      });
    }
  });

  test.each([-3_000_000, -1, 1])('of another length than was written (%i bytes more) is not opened', async (more) => {
    await writeCachedFile(path, randomBytes(100_000), seal, 1n);
    const { size } = await stat(path);
    await expect(openCachedFile(path, seal, size - more)).rejects.toMatchObject({ code: 'renditions/cache-damaged' });
  });

  test('that is cut while it is read fails the reading', async () => {
    await writeCachedFile(path, randomBytes(8_000_000), seal, 1n);
    await withFile(seal, async (file) => {
      await truncate(path, 2_000_000);
      await expect(file.readAll()).rejects.toMatchObject({ code: 'renditions/cache-damaged' });
    });
  });

  test('is read no further when nobody wants it any longer', async () => {
    await writeCachedFile(path, randomBytes(20_000_000), seal, 1n);
    await withFile(seal, async (file) => {
      const gone = new AbortController();
      const stream = file.stream({}, gone.signal);
      stream.once('data', () => gone.abort());
      await expect(buffer(stream)).rejects.toThrow('aborted');
    });
  });

  test('is never written over another one, nor read through a link', async () => {
    await writeCachedFile(path, randomBytes(100), seal, 1n);
    await expect(writeCachedFile(path, randomBytes(100), seal, 2n)).rejects.toMatchObject({ code: 'EEXIST' });
    await symlink(path, `${path}-link`);
    await expect(openCachedFile(`${path}-link`, seal, (await stat(path)).size)).rejects.toMatchObject({
      code: 'ELOOP',
    });
  });
});

describe('an encrypted file', () => {
  const text = Buffer.from('PATIENT EXEMPLE '.repeat(40_000));

  test('has nothing of the image; the same image twice is two different files', async () => {
    await writeCachedFile(path, text, encrypted, 1n);
    const first = await readFile(path);
    await writeCachedFile(`${path}-again`, text, encrypted, 2n);
    const second = await readFile(`${path}-again`);
    expect(first.includes('EXEMPLE')).toBe(false);
    expect(first.subarray(80, 80 + text.length).equals(second.subarray(80, 80 + text.length))).toBe(false);
  });

  test('says nothing to another start: its key is gone', async () => {
    await writeCachedFile(path, text, encrypted, 1n);
    await expect(readAll({ keyDigest, secret: randomBytes(32) })).rejects.toMatchObject({
      code: 'renditions/cache-damaged',
    });
  });
});
