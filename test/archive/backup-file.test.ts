/** The file of a backup: there whole or not at all, for its owner alone; whatever is not whole is refused (DB.SO.24). */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadJournal, restoreBackup, saveBackup, verifyBackup } from '../../plugin/archive/index.ts';
import type { ErrorCode } from '../../plugin/errors.ts';
import { openStore, type Store } from '../../plugin/store/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

const signing = makeSigningIdentity();
const clock = (): number => Date.UTC(2026, 2, 13, 8);
const silent = { report: () => undefined, signal: new AbortController().signal };

let opened: TestStore;
let target: Store | undefined;
let folder: string;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  folder = await mkdtemp(join(tmpdir(), 'drimbox-backup-'));
});
afterEach(async () => {
  await target?.close();
  target = undefined;
  await rm(folder, { recursive: true, force: true });
});

const file = (name = 'archive.backup'): string => join(folder, name);

const openNew = async (): Promise<Store> => {
  target = await openStore({ url: 'embedded', folder: join(folder, 'store'), asIs: true, create: true });
  return target;
};

const save = (store: Store, path = file()) => saveBackup({ store, clock, software: 'DRIMbox 0.0.1', ...silent }, path);
const restore = (store: Store, path = file()) => restoreBackup({ store, clock, ...silent }, path);

/** One published study. */
const fill = async (): Promise<void> => {
  const bench = createBench(opened.store, signing);
  bench.pacs.put(pacsStudy(1));
  await bench.take(buildExamination({ number: 1 }).message);
  await bench.look(buildExamination({ number: 1 }).studyInstanceUid);
};

describe('a file that is no whole backup is refused before anything is touched (archive/backup-unreadable)', () => {
  let good: Buffer;
  let lines: string[];
  beforeEach(async () => {
    await fill();
    await save(opened.store);
    good = await readFile(file());
    lines = gunzipSync(good).toString().trimEnd().split('\n');
  });

  const refuses = async (bytes: Uint8Array, code: ErrorCode): Promise<void> => {
    await writeFile(file('other.backup'), bytes);
    await expect(verifyBackup(file('other.backup'), silent.report, silent.signal)).rejects.toMatchObject({ code });
  };
  const packed = (some: readonly string[]): Buffer => gzipSync(some.map((line) => `${line}\n`).join(''));
  /** With a trailer that fits: what a person could make of it. */
  const sealed = (some: readonly string[]): Buffer => {
    const body = some.slice(0, -1);
    const trailer = JSON.parse(some.at(-1) ?? '') as object;
    const sha256 = createHash('sha256')
      .update(body.map((line) => `${line}\n`).join(''))
      .digest('hex');
    return packed([...body, JSON.stringify({ ...trailer, lines: body.length, sha256 })]);
  };

  test('the good one is taken', async () => {
    const verified = await verifyBackup(file(), silent.report, silent.signal);
    expect(verified).toMatchObject({ header: { software: 'DRIMbox 0.0.1' }, rows: { study: 1, submission: 1 } });
    await writeFile(file('sealed.backup'), sealed(lines));
    await expect(verifyBackup(file('sealed.backup'), silent.report, silent.signal)).resolves.toMatchObject({
      rows: verified.rows,
    });
  });

  test('cut anywhere', async () => {
    for (let at = 0; at < good.length; at += Math.max(1, Math.floor(good.length / 60))) {
      await refuses(good.subarray(0, at), 'archive/backup-unreadable');
    }
    await refuses(good.subarray(0, good.length - 1), 'archive/backup-unreadable');
  });

  test('cut between lines, with or without its end', async () => {
    for (const at of [0, 1, 2, lines.length - 2, lines.length - 1]) {
      await refuses(packed(lines.slice(0, at)), 'archive/backup-unreadable');
    }
    await refuses(packed([...lines.slice(0, 5), ...lines.slice(6)]), 'archive/backup-unreadable');
    await refuses(gzipSync(lines.join('\n').slice(0, -3)), 'archive/backup-unreadable');
  });

  test('one bit turned, wherever it is', async () => {
    for (let at = 20; at < good.length; at += Math.max(1, Math.floor(good.length / 40))) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      await refuses(bad, 'archive/backup-unreadable');
    }
  });

  test.each([
    ['empty', () => Buffer.alloc(0)],
    ['text', () => Buffer.from('hello')],
    ['gzip of text', () => gzipSync('hello\n')],
    ['gzip of other JSON', () => gzipSync('{"format":"other"}\n')],
    ['a damaged header', () => packed(['{"format":"drimbox-backup","version":1}', ...lines.slice(1)])],
    ['more after the end', () => packed([...lines, '[]'])],
    ['rows of an unknown table', () => sealed([lines[0] ?? '', '{"table":"pg_class"}', ...lines.slice(1)])],
    ['a row of another length', () => sealed([...lines.slice(0, 2), '["1"]', ...lines.slice(2)])],
    ['a row before any table', () => sealed([lines[0] ?? '', '["1"]', ...lines.slice(1)])],
    ['a line that is none', () => sealed([lines[0] ?? '', '{"hello":1}', ...lines.slice(1)])],
  ])('%s', async (_title, make) => {
    await refuses(make(), 'archive/backup-unreadable');
  });

  test('a table listed twice, columns of another schema, migrations in another order', async () => {
    const header = JSON.parse(lines[0] ?? '') as { tables: object[]; migrations: string[] };
    const withHeader = (change: object): Buffer =>
      sealed([JSON.stringify({ ...header, ...change }), ...lines.slice(1)]);
    await refuses(withHeader({ tables: [...header.tables, header.tables[0]] }), 'archive/backup-unreadable');
    const store = await openNew();
    for (const change of [
      { migrations: header.migrations.toReversed() },
      { tables: header.tables.map((table) => ({ ...table, key: ['name'] })) },
    ]) {
      await writeFile(file('other.backup'), withHeader(change));
      await expect(restore(store, file('other.backup'))).rejects.toMatchObject({ code: 'archive/backup-unreadable' });
    }
    expect(await store.knex.schema.hasTable('study')).toBe(false);
  }, 30_000);

  test('rows that contradict one another leave nothing behind', async () => {
    const at = lines.findIndex((line) => line === '{"table":"study"}');
    const study = lines[at + 1] ?? '';
    const store = await openNew();
    await writeFile(
      file('other.backup'),
      sealed(lines.map((line) => (line === study ? line.replace(/1\.2\.250/, '1.9.250') : line))),
    );
    await expect(restore(store, file('other.backup'))).rejects.toMatchObject({ code: 'archive/backup-unreadable' });
    expect(await store.knex.schema.hasTable('study')).toBe(false);
    await restore(store);
    expect(await store.knex('study').count()).toEqual([{ count: 1 }]);
  }, 30_000);

  test('of a later version: archive/backup-newer', async () => {
    const header = JSON.parse(lines[0] ?? '') as { migrations: string[] };
    await refuses(packed([JSON.stringify({ ...header, version: 2 }), ...lines.slice(1)]), 'archive/backup-newer');
    await writeFile(
      file('later.backup'),
      sealed([JSON.stringify({ ...header, migrations: [...header.migrations, '9999-later.ts'] }), ...lines.slice(1)]),
    );
    const store = await openNew();
    await expect(restore(store, file('later.backup'))).rejects.toMatchObject({ code: 'archive/backup-newer' });
  });

  test('not there: cli/file-unreadable', async () => {
    await expect(verifyBackup(file('absent'), silent.report, silent.signal)).rejects.toMatchObject({
      code: 'cli/file-unreadable',
    });
  });
});

describe('the file of a backup', () => {
  test('is for its owner alone and never replaces another: archive/file-exists', async () => {
    await save(opened.store);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    const before = await readFile(file());
    await expect(save(opened.store)).rejects.toMatchObject({ code: 'archive/file-exists', httpStatus: 409 });
    expect(await readFile(file())).toEqual(before);
    expect(await readdir(folder)).toEqual(['archive.backup']);
  });

  test('that cannot be written is archive/file-unwritable', async () => {
    await expect(save(opened.store, join(folder, 'absent', 'a.backup'))).rejects.toMatchObject({
      code: 'archive/file-unwritable',
    });
  });

  test('that nobody waits for any longer is removed: archive/interrupted', async () => {
    await fill();
    const gone = new AbortController();
    const report = (): void => gone.abort();
    const saving = saveBackup({ store: opened.store, clock, software: 'x', report, signal: gone.signal }, file());
    await expect(saving).rejects.toMatchObject({ code: 'archive/interrupted' });
    expect(await readdir(folder)).toEqual([]);
  });

  test('takes away what a killed process left of the same file, and nothing of a living one', async () => {
    await writeFile(file('archive.backup.part-999999999'), 'left');
    await writeFile(file('archive.backup.part-1'), 'at work');
    await writeFile(file('other.backup.part-999999999'), 'of another file');
    await save(opened.store);
    expect((await readdir(folder)).toSorted()).toEqual([
      'archive.backup',
      'archive.backup.part-1',
      'other.backup.part-999999999',
    ]);
  });

  test('is told in the journal', async () => {
    await save(opened.store);
    expect((await loadJournal(opened.store.knex, { limit: 1 }))[0]).toMatchObject({
      name: 'archive/backed-up',
      detail: { rows: 0 },
    });
  });
});
