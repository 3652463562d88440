/** `drimbox xdm …` and `drimbox kos load`: what is asked of the archive, and what is refused as a command. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { archiveSiteOf, runStoreCommand, withAbsolutePaths } from '../../plugin/admin/index.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { publishStudy, unpack } from '../fixtures/xdm/index.ts';

let opened: TestStore;
let bench: Bench;
let folder: string;
let wakes = 0;
const signing = makeSigningIdentity();
const archiveSite = archiveSiteOf(
  {
    environment: 'test',
    software: { name: 'DRIMbox', manufacturer: 'Exemple' },
    dmp: { structures: [{ id: '1999999991', name: 'Centre Exemple' }] },
  },
  '0.0.2',
);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-commands-'));
  opened = await openTestStore();
}, 60_000);
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await opened.empty();
  wakes = 0;
  bench = createBench(opened.store, signing);
});

const run = (...words: readonly string[]): Promise<unknown> =>
  runStoreCommand({ store: opened.store, clock: () => bench.now(), archiveSite, wake: () => (wakes += 1) }, words);

describe('xdm', () => {
  test('exports the studies that are asked for, in the name of the site', async () => {
    const [one, two] = [await publishStudy(bench, 1), await publishStudy(bench, 2), await publishStudy(bench, 3)];
    const path = join(folder, 'some.zip');
    expect(await run('xdm', 'export', path, '--study', one, '--study', two)).toMatchObject({ exported: 2 });
    const readme = (await unpack(path)).get('KA202603/README.TXT')?.toString('utf8') ?? '';
    for (const said of ['Centre Exemple (1999999991)', 'DRIMbox', '0.0.2']) expect(readme).toContain(said);
  });

  test('imports and wakes the looks, but not for nothing', async () => {
    await publishStudy(bench, 1);
    const path = join(folder, 'all.zip');
    await run('xdm', 'export', path);
    await opened.empty();
    expect(await run('xdm', 'import', path, '--dry-run')).toMatchObject({ counts: { importable: 1 } });
    expect(wakes).toBe(0);
    expect(await run('xdm', 'import', path)).toMatchObject({ counts: { imported: 1 } });
    expect(wakes).toBe(1);
    expect(await run('xdm', 'import', path)).toMatchObject({ counts: { 'already-there': 1 } });
    expect(wakes).toBe(1);
  });

  test.each([
    ['xdm', 'export'],
    ['xdm', 'export', '/a.zip', '/b.zip'],
    ['xdm', 'export', '/a.zip', '--study'],
    ['xdm', 'export', '/a.zip', '--all'],
    ['xdm', 'import'],
    ['xdm', 'import', '/a.zip', '--force'],
    ['kos', 'load'],
    ['kos', 'load', '/a.dcm', '--force'],
  ])('%s %s %s %s is no command', async (...words) => {
    await expect(run(...words)).rejects.toMatchObject({ code: 'cli/usage' });
  });

  test('takes its files where they were named: the sidecar has another folder to start from', () => {
    const from = (...words: string[]): readonly string[] => withAbsolutePaths(words, '/home/admin');
    expect(from('xdm', 'export', 'out.zip', '--study', '1.2')).toEqual([
      'xdm',
      'export',
      '/home/admin/out.zip',
      '--study',
      '1.2',
    ]);
    expect(from('xdm', 'import', 'in.zip', '--dry-run')).toEqual(['xdm', 'import', '/home/admin/in.zip', '--dry-run']);
    expect(from('kos', 'load', 'a.dcm', '/b.dcm')).toEqual(['kos', 'load', '/home/admin/a.dcm', '/b.dcm']);
  });
});

describe('kos load', () => {
  test('tells what became of each file', async () => {
    const uid = await publishStudy(bench, 1);
    const kos = join(folder, 'kos.dcm');
    writeFileSync(kos, bench.dmp.documents()[0]?.submission.kos ?? '');
    await opened.empty();
    const [text, huge, absent] = ['text.dcm', 'huge.dcm', 'absent.dcm'].map((name) => join(folder, name));
    writeFileSync(text ?? '', 'not DICOM');
    writeFileSync(huge ?? '', '');
    truncateSync(huge ?? '', 65 * 1024 * 1024);
    expect(await run('kos', 'load', kos, text ?? '', huge ?? '', absent ?? '')).toMatchObject({
      counts: { loaded: 1, 'already-there': 0, refused: 3 },
      files: [
        { file: kos, outcome: 'loaded', studyInstanceUid: uid },
        { outcome: 'refused', code: 'kos/unreadable' },
        { outcome: 'refused', code: 'kos/unreadable' },
        { outcome: 'refused', code: 'cli/file-unreadable' },
      ],
    });
  });
});
