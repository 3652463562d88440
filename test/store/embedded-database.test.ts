/** What the embedded database commits is on the disk: a power cut loses nothing that was acknowledged. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openPglite } from '../../plugin/store/embedded-database.ts';

describe('embedded database', () => {
  let folder: string;
  let database: PGlite;
  beforeAll(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'drimbox-embedded-'));
    database = await openPglite(join(folder, 'pglite'));
    await database.exec('CREATE TABLE kept (id int, content bytea)');
  }, 60_000);
  afterAll(async () => {
    await database.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  const countSyncs = (): (() => number) => {
    const fsync = vi.spyOn(fs, 'fsyncSync');
    syncBuiltinESMExports();
    return () => fsync.mock.calls.length;
  };

  test('is synced to the disk at each commit, as the promise of an acknowledgment needs it (decision B3)', async () => {
    const syncs = countSyncs();
    await database.query('INSERT INTO kept VALUES (1, NULL)');
    expect(syncs()).toBeGreaterThan(0);
    const before = syncs();
    await database.transaction(async (trx) => {
      await trx.query('INSERT INTO kept VALUES (2, NULL)');
      // Nothing is promised yet.
      expect(syncs()).toBe(before);
      await trx.query('INSERT INTO kept VALUES (3, NULL)');
    });
    expect(syncs()).toBeGreaterThan(before);
  });

  test('syncs folders too at a checkpoint, so that new files are found again', async () => {
    const folders: boolean[] = [];
    const { fsyncSync } = fs;
    vi.spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      folders.push(fs.fstatSync(descriptor).isDirectory());
      fsyncSync(descriptor);
    });
    syncBuiltinESMExports();
    await database.query('INSERT INTO kept SELECT n, NULL FROM generate_series(100, 200) AS n');
    await database.exec('CHECKPOINT');
    await database.exec('CREATE DATABASE invented');
    expect(folders).toContain(true);
    expect(folders).toContain(false);
  });

  test('gives every byte back as it was, empty content too', async () => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const part = every.subarray(13, 200);
    for (const [id, content] of [every, part, new Uint8Array()].entries()) {
      await database.query('INSERT INTO kept VALUES ($1, $2)', [1000 + id, content]);
    }
    const { rows } = await database.query<{ content: Uint8Array }>(
      'SELECT content FROM kept WHERE id >= 1000 ORDER BY id',
    );
    expect(rows.map(({ content }) => [...content])).toEqual([[...every], [...part], []]);
  });

  test('is modest with memory: 16 MB of shared buffers', async () => {
    expect((await database.query('SHOW shared_buffers')).rows).toEqual([{ shared_buffers: '16MB' }]);
  });
});
