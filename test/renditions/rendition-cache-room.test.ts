/** Room in the cache for what nobody has asked for yet: never at the cost of what is used. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRenditionCache, type RenditionCache, type RenditionKey } from '../../plugin/renditions/index.ts';
import { parseSopInstanceUid, parseStudyInstanceUid } from '../../plugin/standards/index.ts';

const dayMs = 86_400_000;
let folder: string;
let now: number;
const opened: RenditionCache[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-renditions-'));
  now = Date.UTC(2026, 2, 12);
});
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
  await rm(folder, { recursive: true, force: true });
});

const open = async (maxBytes: number): Promise<RenditionCache> => {
  const cache = await openRenditionCache(
    { folder: join(folder, 'renditions'), maxBytes, minFreeBytes: 0, isEncrypted: false, software: 'codecs 1' },
    { clock: () => now, randomBytes, log: { warn: () => undefined } },
  );
  opened.push(cache);
  return cache;
};

const studyOf = (number: number) => parseStudyInstanceUid(`1.2.250.1.999999.2.${number}`);
const keyOf = (study: number, object = 1): RenditionKey => ({
  studyInstanceUid: studyOf(study),
  sopInstanceUid: parseSopInstanceUid(`1.2.250.1.999999.2.${study}.${object}`),
  content: 'attachment-1',
  transferSyntax: '1.2.840.10008.1.2.4.80',
});

const put = (cache: RenditionCache, key: RenditionKey, length: number) =>
  cache.put(key, randomBytes(length), cache.ticket());
const putSparing = (cache: RenditionCache, key: RenditionKey, length: number) =>
  cache.put(key, randomBytes(length), cache.ticket(), now - dayMs);

const read = async (cache: RenditionCache, key: RenditionKey): Promise<Buffer | undefined> => {
  const found = await cache.get(key);
  try {
    return await found?.readAll();
  } finally {
    await found?.close();
  }
};

describe('a file that nobody has asked for yet', () => {
  test('takes the place of studies that were not used for long, not of those that were', async () => {
    const cache = await open(10_000);
    await put(cache, keyOf(1), 3_000);
    now += dayMs / 2;
    await put(cache, keyOf(2), 3_000);
    now += dayMs / 2 + 1;
    expect(await putSparing(cache, keyOf(3), 5_000)).toEqual({ kind: 'kept' });
    expect([1, 2, 3].map((study) => cache.has(keyOf(study)))).toEqual([false, true, true]);
    expect(await putSparing(cache, keyOf(4), 5_000)).toEqual({ kind: 'full' });
    expect([2, 3, 4].map((study) => cache.has(keyOf(study)))).toEqual([true, true, false]);
    // Whoever asks for one has room made.
    expect(await put(cache, keyOf(4), 5_000)).toEqual({ kind: 'kept' });
  });

  test('a study that was read, or that something was added to, counts as used', async () => {
    const cache = await open(10_000);
    await put(cache, keyOf(1), 2_000);
    await put(cache, keyOf(2), 2_000);
    now += dayMs + 1;
    expect(await read(cache, keyOf(1))).toBeDefined();
    await put(cache, keyOf(2, 2), 2_000);
    expect(await putSparing(cache, keyOf(3), 6_000)).toEqual({ kind: 'full' });
    expect(cache.stats()).toMatchObject({ studies: 2, files: 3, evictedStudiesTotal: 0 });
  });

  test('takes nothing away where that would not make room enough', async () => {
    const cache = await open(10_000);
    await put(cache, keyOf(1), 2_000);
    now += dayMs + 1;
    await put(cache, keyOf(2), 6_000);
    expect(await putSparing(cache, keyOf(3), 6_000)).toEqual({ kind: 'full' });
    expect(cache.stats()).toMatchObject({ studies: 2, evictedStudiesTotal: 0 });
  });

  test('what a study takes is told, that of another one not counted', async () => {
    const cache = await open(100_000);
    expect(cache.studyBytes(studyOf(1))).toBe(0);
    await put(cache, keyOf(1, 1), 2_000);
    await put(cache, keyOf(1, 2), 3_000);
    await put(cache, keyOf(2), 4_000);
    expect(cache.studyBytes(studyOf(1)) + cache.studyBytes(studyOf(2))).toBe(cache.stats().bytes);
    expect(cache.studyBytes(studyOf(1))).toBeGreaterThanOrEqual(5_000);
    await cache.dropStudy(studyOf(1));
    expect(cache.studyBytes(studyOf(1))).toBe(0);
  });
});
