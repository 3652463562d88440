/** Made files kept on the disk: never another one, never a damaged one, never one of a study that was withdrawn (E1, E5). */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chunkBytes } from '../../plugin/renditions/cached-file.ts';
import {
  openRenditionCache,
  type RenditionCache,
  type RenditionCacheOptions,
  type RenditionKey,
} from '../../plugin/renditions/rendition-cache.ts';
import { parseSopInstanceUid, parseStudyInstanceUid } from '../../plugin/standards/index.ts';

let folder: string;
let now = 0;
let warnings: object[] = [];
const opened: RenditionCache[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-renditions-'));
  now = Date.UTC(2026, 2, 12);
  warnings = [];
});
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
  await rm(folder, { recursive: true, force: true });
});

const ports = {
  clock: () => now,
  randomBytes: (count: number) => randomBytes(count),
  log: { warn: (fields: object): number => warnings.push(fields) },
};
const place = (): string => join(folder, 'renditions');

const open = async (options: Partial<RenditionCacheOptions> = {}): Promise<RenditionCache> => {
  const cache = await openRenditionCache(
    { folder: place(), maxBytes: 100_000_000, minFreeBytes: 0, isEncrypted: false, software: 'codecs 1', ...options },
    ports,
  );
  opened.push(cache);
  return cache;
};

const reopen = async (options: Partial<RenditionCacheOptions> = {}): Promise<RenditionCache> => {
  await opened.pop()?.close();
  return open(options);
};

const studyOf = (number: number) => parseStudyInstanceUid(`1.2.250.1.999999.2.${number}`);
const keyOf = (study: number, object = 1, more: Partial<RenditionKey> = {}): RenditionKey => ({
  studyInstanceUid: studyOf(study),
  sopInstanceUid: parseSopInstanceUid(`1.2.250.1.999999.2.${study}.${object}`),
  content: 'attachment-1',
  transferSyntax: '1.2.840.10008.1.2.4.80',
  ...more,
});
/** Bytes of which no part looks like another. */
const bytesOf = (length: number): Buffer => randomBytes(length);

const put = (cache: RenditionCache, key: RenditionKey, bytes: Buffer) => cache.put(key, bytes, cache.ticket());

const read = async (cache: RenditionCache, key: RenditionKey): Promise<Buffer | undefined> => {
  const found = await cache.get(key);
  if (found === undefined) return undefined;
  try {
    return await found.readAll();
  } finally {
    await found.close();
  }
};

/** Every made file on the disk; what was taken out of its place may still be about to be removed. */
const filesOnDisk = async (): Promise<readonly string[]> => {
  const folders = (await readdir(place(), { withFileTypes: true })).filter(
    (entry) => entry.isDirectory() && entry.name !== 'tmp',
  );
  const entries = await Promise.all(
    folders.map(({ name }) => readdir(join(place(), name), { recursive: true, withFileTypes: true })),
  );
  return entries
    .flat()
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
};

describe.each([
  ['access-limited', false],
  ['encrypted', true],
])('a made file (%s)', (_, isEncrypted) => {
  test('is found only for its study, object, stored file and syntax', async () => {
    const cache = await open({ isEncrypted });
    await put(cache, keyOf(1), bytesOf(100));
    for (const other of [
      keyOf(2),
      keyOf(1, 2),
      keyOf(1, 1, { content: 'attachment-2' }),
      keyOf(1, 1, { transferSyntax: '1.2.840.10008.1.2.4.70' }),
      keyOf(1, 1, { studyInstanceUid: studyOf(2) }),
    ]) {
      expect(cache.has(other)).toBe(false);
      expect(await cache.get(other)).toBeUndefined();
    }
    expect(cache.stats()).toMatchObject({ hitsTotal: 0, missesTotal: 5, files: 1, studies: 1 });
  });

  test('under the name of another one is not taken for it', async () => {
    const cache = await open({ isEncrypted });
    await put(cache, keyOf(1, 1), bytesOf(100));
    const [first = ''] = await filesOnDisk();
    await put(cache, keyOf(1, 2), bytesOf(100));
    const second = (await filesOnDisk()).find((path) => path !== first) ?? '';
    await rename(first, second);
    expect(await read(cache, keyOf(1, 2))).toBeUndefined();
    expect(cache.stats()).toMatchObject({ damagedTotal: 1, files: 1 });
  });

  test('damaged in the middle fails the stream there, and is made again next time', async () => {
    const cache = await open({ isEncrypted });
    await put(cache, keyOf(1), bytesOf(40 * chunkBytes));
    const [path = ''] = await filesOnDisk();
    const damaged = await readFile(path);
    damaged.writeUInt8(damaged.readUInt8(20 * chunkBytes) ^ 1, 20 * chunkBytes);
    await writeFile(path, damaged);
    const found = await cache.get(keyOf(1));
    const stream = found?.stream() as NodeJS.ReadableStream;
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'renditions/cache-damaged' });
    await found?.close();
    expect(await cache.get(keyOf(1))).toBeUndefined();
    expect(await filesOnDisk()).toEqual([]);
  });
});

describe('on the disk', () => {
  test('nothing tells an identity, and nobody else may read (A6)', async () => {
    const cache = await open();
    await put(cache, keyOf(1), bytesOf(100));
    const [path = ''] = await filesOnDisk();
    expect(path.slice(place().length)).toMatch(/^\/[0-9a-f]{40}\/[0-9a-f]{40}\/[0-9a-f]{40}$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const name of ['.', 'tmp', path.split('/').at(-3) ?? '']) {
      expect((await stat(join(place(), name))).mode & 0o777).toBe(0o700);
    }
  });

  test('a folder that holds something else is refused, and nothing in it is touched', async () => {
    await mkdir(place());
    await writeFile(join(place(), 'thesis.odt'), 'mine');
    await expect(open()).rejects.toMatchObject({ code: 'renditions/cache-folder-foreign' });
    expect(await readdir(place())).toEqual(['thesis.odt']);
  });

  test('a folder that cannot be made is told: renditions/cache-unwritable', async () => {
    await writeFile(place(), 'a file');
    await expect(open()).rejects.toMatchObject({ code: 'renditions/cache-unwritable' });
  });

  test('two processes on one folder: the second is refused, and may open it when the first has closed', async () => {
    const cache = await open();
    await expect(open()).rejects.toMatchObject({ code: 'renditions/cache-locked' });
    await cache.close();
    opened.splice(0);
    await open();
  });
});

describe('at the start', () => {
  test('whole files of before are there again, without what was half written and what is not ours', async () => {
    const bytes = bytesOf(1_000);
    await put(await open(), keyOf(1), bytes);
    const [path = ''] = await filesOnDisk();
    await writeFile(join(place(), 'tmp', '7'), 'half');
    await writeFile(join(path, '..', 'core'), 'rubbish');
    await writeFile(join(path, '..', '..', 'rubbish'), 'rubbish');
    await mkdir(join(place(), 'other'));
    const cache = await reopen();
    expect((await read(cache, keyOf(1)))?.equals(bytes)).toBe(true);
    expect(await filesOnDisk()).toEqual([path]);
    expect(await readdir(place())).not.toContain('other');
    expect(cache.stats()).toMatchObject({ studies: 1, files: 1 });
  });

  test('nothing made by other codecs is kept: what they made is not what these would', async () => {
    await put(await open(), keyOf(1), bytesOf(1_000));
    const cache = await reopen({ software: 'codecs 2' });
    expect(await cache.get(keyOf(1))).toBeUndefined();
    expect(await filesOnDisk()).toEqual([]);
  });

  test('an encrypted cache is empty: its key is gone', async () => {
    await put(await open({ isEncrypted: true }), keyOf(1), bytesOf(1_000));
    const cache = await reopen({ isEncrypted: true });
    expect(cache.has(keyOf(1))).toBe(false);
    expect(await filesOnDisk()).toEqual([]);
  });

  test('the least recently used study is known still', async () => {
    const first = await open();
    for (const number of [1, 2, 3]) await put(first, keyOf(number), bytesOf(1_000));
    now += 120_000;
    const used = await first.get(keyOf(1));
    await used?.close();
    // The folders were made at this machine's time, the use is at the test's.
    const [current = ''] = (await readdir(place())).filter((name) => name.length === 40);
    const usedAt = now / 1_000;
    for (const name of await readdir(join(place(), current))) {
      const path = join(place(), current, name);
      const isUsed = Math.round((await stat(path)).mtimeMs) === now;
      if (!isUsed) await utimes(path, usedAt - 60, usedAt - 60);
    }
    const cache = await reopen({ maxBytes: 3_500 });
    await put(cache, keyOf(4), bytesOf(1_000));
    expect(cache.has(keyOf(1))).toBe(true);
    expect(cache.stats()).toMatchObject({ studies: 3, evictedStudiesTotal: 1 });
  });
});

describe('room', () => {
  test('is made by taking away whole studies, the least recently used first', async () => {
    const cache = await open({ maxBytes: 50_000 });
    for (const number of [1, 2, 3])
      for (const object of [1, 2]) await put(cache, keyOf(number, object), bytesOf(7_000));
    await read(cache, keyOf(1, 1));
    await put(cache, keyOf(4), bytesOf(9_000));
    expect([1, 2, 3, 4].map((number) => cache.has(keyOf(number)))).toEqual([true, false, true, true]);
    expect(cache.has(keyOf(2, 2))).toBe(false);
    expect(cache.stats()).toMatchObject({ studies: 3, evictedStudiesTotal: 1 });
  });

  test('is never made at the cost of the study itself: what does not fit is not kept', async () => {
    const cache = await open({ maxBytes: 10_000 });
    await put(cache, keyOf(1, 1), bytesOf(6_000));
    expect(await put(cache, keyOf(1, 2), bytesOf(6_000))).toEqual({ kind: 'full' });
    expect(await put(cache, keyOf(2), bytesOf(60_000))).toEqual({ kind: 'full' });
    expect(cache.has(keyOf(1, 1))).toBe(true);
  });

  test('on the disk is left free for others: beyond, nothing is kept', async () => {
    const cache = await open({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    expect(await put(cache, keyOf(1), bytesOf(100))).toEqual({ kind: 'full' });
    expect(await filesOnDisk()).toEqual([]);
  });

  test('of nothing keeps nothing', async () => {
    const cache = await open({ maxBytes: 0 });
    expect(await put(cache, keyOf(1), bytesOf(100))).toEqual({ kind: 'full' });
  });

  test('is never exceeded, with many writers at once; figures and disk agree', async () => {
    const cache = await open({ maxBytes: 200_000 });
    let most = 0;
    await Promise.all(
      Array.from({ length: 120 }, async (_, at) => {
        await put(cache, keyOf(1 + (at % 12), at), bytesOf(1_000 + at * 50));
        most = Math.max(most, cache.stats().bytes);
      }),
    );
    const sizes = await Promise.all((await filesOnDisk()).map(async (path) => (await stat(path)).size));
    expect(most).toBeLessThanOrEqual(200_000);
    expect(sizes.length).toBe(cache.stats().files);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(cache.stats().bytes);
    expect(cache.stats().files).toBeGreaterThan(5);
  });

  test('of a disk that refuses is told once, and nothing fails', async () => {
    const cache = await open();
    // The tests run as root: a folder that is gone refuses root too.
    await rm(join(place(), 'tmp'), { recursive: true });
    expect(await put(cache, keyOf(1), bytesOf(100))).toEqual({ kind: 'failed' });
    expect(await put(cache, keyOf(1), bytesOf(100))).toEqual({ kind: 'failed' });
    expect(warnings).toEqual([{ code: 'renditions/cache-unwritable', errno: 'ENOENT' }]);
    expect(cache.stats()).toMatchObject({ files: 0, bytes: 0 });
  });
});

describe('a study that is dropped (changed, withdrawn)', () => {
  test('is gone at once, from memory and disk; others stay', async () => {
    const cache = await open();
    for (const number of [1, 2]) await put(cache, keyOf(number), bytesOf(100));
    const dropping = cache.dropStudy(studyOf(1));
    expect(cache.has(keyOf(1))).toBe(false);
    expect(await cache.get(keyOf(1))).toBeUndefined();
    await dropping;
    const after = await reopen();
    expect([after.has(keyOf(1)), after.has(keyOf(2))]).toEqual([false, true]);
  });

  test('does not come back by a file that was being made: the ticket was taken before', async () => {
    const cache = await open();
    const ticket = cache.ticket();
    await cache.dropStudy(studyOf(1));
    expect(await cache.put(keyOf(1), bytesOf(100), ticket)).toEqual({ kind: 'dropped' });
    // Of another study, and of this one when it is begun anew, it is welcome.
    expect(await cache.put(keyOf(2), bytesOf(100), ticket)).toEqual({ kind: 'kept' });
    expect(await put(cache, keyOf(1), bytesOf(100))).toEqual({ kind: 'kept' });
  });

  test('whenever it is dropped while files are put, none of before is found afterwards, in memory or on the disk', async () => {
    const cache = await open();
    for (let round = 0; round < 30; round += 1) {
      const ticket = cache.ticket();
      const putting = Array.from({ length: 5 }, (_, object) => cache.put(keyOf(1, object), bytesOf(50_000), ticket));
      for (let turn = 0; turn < round % 6; turn += 1) await new Promise(setImmediate);
      await cache.dropStudy(studyOf(1));
      await Promise.all(putting);
      expect(cache.stats()).toMatchObject({ studies: 0, files: 0, bytes: 0 });
      expect(await filesOnDisk()).toEqual([]);
    }
  });

  test('is every one but those that are to be kept', async () => {
    const cache = await open();
    for (const number of [1, 2, 3]) await put(cache, keyOf(number), bytesOf(100));
    expect(await cache.keepOnly([studyOf(2), studyOf(9)])).toBe(2);
    expect([1, 2, 3].map((number) => cache.has(keyOf(number)))).toEqual([false, true, false]);
    expect(await filesOnDisk()).toHaveLength(1);
  });

  test('may be read to its end by who had opened it before', async () => {
    const cache = await open();
    const bytes = bytesOf(6_000_000);
    await put(cache, keyOf(1), bytes);
    const found = await cache.get(keyOf(1));
    await cache.dropStudy(studyOf(1));
    expect((await found?.readAll())?.equals(bytes)).toBe(true);
    await found?.close();
  });
});

describe('readers and writers at once', () => {
  test('one of them put twice at the same time is one file', async () => {
    const cache = await open();
    const bytes = bytesOf(300_000);
    await Promise.all([put(cache, keyOf(1), bytes), put(cache, keyOf(1), bytes)]);
    expect(cache.stats()).toMatchObject({ files: 1 });
    expect((await read(cache, keyOf(1)))?.equals(bytes)).toBe(true);
  });

  test('a file that somebody removed from the disk is a miss, and is forgotten', async () => {
    const cache = await open();
    await put(cache, keyOf(1), bytesOf(100));
    for (const path of await filesOnDisk()) await rm(path);
    expect(await cache.get(keyOf(1))).toBeUndefined();
    expect(cache.stats()).toMatchObject({ files: 0, bytes: 0 });
  });
});

test('is closed to other users also when the folder was made open by somebody', async () => {
  await mkdir(place());
  await chmod(place(), 0o777);
  await open();
  expect((await stat(place())).mode & 0o777).toBe(0o700);
});
