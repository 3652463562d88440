/** Manifests from single files: kept, never sent, completed by an archive or replaced by a report that comes later. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  exportXdm,
  importXdm,
  type LoadedManifestOutcome,
  loadManifestFiles,
  loadOrderHead,
  loadStudy,
} from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { buildManifest } from '../../plugin/kos/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { inventContent } from '../fixtures/kos/invented-manifest.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { inventedSender, publishStudy } from '../fixtures/xdm/index.ts';

let opened: TestStore;
let bench: Bench;
let folder: string;
let archivePath: string;
let kos: Uint8Array;
let uid: string;
const signing = makeSigningIdentity();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-kos-'));
  opened = await openTestStore();
  bench = createBench(opened.store, signing);
  uid = await publishStudy(bench, 1);
  kos = bench.dmp.documents()[0]?.submission.kos ?? new Uint8Array();
  archivePath = join(folder, 'archive.zip');
  await exportXdm(opened.store.knex, { path: archivePath, sender: inventedSender, clock: () => bench.now() });
}, 60_000);
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing, { pacs: bench.pacs, dmp: bench.dmp, owner: 'sidecar-2' });
});

const load = (
  files: readonly Uint8Array[],
  environment: 'test' | 'production' = 'test',
): Promise<readonly LoadedManifestOutcome[]> =>
  loadManifestFiles(
    opened.store,
    files.map((bytes, at) => ({ name: `${at}.dcm`, read: () => Promise.resolve(bytes) })),
    { environment, clock: () => bench.now() },
  );

describe('a manifest from a file', () => {
  test('is kept for its study, and looks send nothing (DB.SO.29)', async () => {
    const calls = bench.dmp.calls.length;
    expect(await load([kos])).toEqual([{ file: '0.dcm', outcome: 'loaded', studyInstanceUid: uid }]);
    expect(await loadStudy(opened.store.knex, uid)).toMatchObject({ state: 'loaded', publishedSubmissionId: 1 });
    expect(await loadOrderHead(opened.store.knex, 1)).toMatchObject({
      origin: 'file',
      state: 'accepted',
      reportId: undefined,
    });
    expect((await bench.look(uid)).study.state).toBe('loaded');
    expect(bench.dmp.calls.length).toBe(calls);
  });

  test('is there already when it comes again; another one of the study is refused', async () => {
    await load([kos]);
    const other = Buffer.from(kos);
    // In the preamble: the same manifest for a reader, other bytes for an archive.
    other[20] = 1;
    expect(await load([kos, other])).toMatchObject([
      { outcome: 'already-there' },
      { outcome: 'refused', code: 'archive/study-known' },
    ]);
  });

  test('is refused for a study that has a report here: the report decides', async () => {
    await bench.take(buildExamination({ number: 1 }).message);
    expect(await load([kos])).toMatchObject([{ outcome: 'refused', code: 'archive/study-known' }]);
  });

  test('is replaced by the manifest of a report that comes later', async () => {
    await load([kos]);
    await bench.take(buildExamination({ number: 1 }).message);
    await bench.look(uid);
    const rows: object[] = await opened.store.knex('submission').orderBy('id');
    expect(rows).toMatchObject([{ origin: 'file' }, { origin: 'order', kind: 'replace', previous_submission_id: 1 }]);
  });

  test('is completed by an archive that has it with its report', async () => {
    await load([kos]);
    const result = await importXdm(opened.store, {
      ...{ path: archivePath, environment: 'test', isDryRun: false, clock: () => bench.now() },
    });
    expect(result).toMatchObject({ counts: { imported: 1 } });
    expect(await opened.store.knex('submission').select('origin', 'report_id')).toEqual([
      { origin: 'xdm', report_id: 1 },
    ]);
    expect((await bench.look(uid)).study.state).toBe('published');
  });

  test('has nothing to hand over: no metadata came with it', async () => {
    await load([kos]);
    const path = join(folder, 'loaded.zip');
    expect(
      await exportXdm(opened.store.knex, { path, sender: inventedSender, clock: () => bench.now() }),
    ).toMatchObject({
      exported: 0,
      leftOut: { loaded: 1 },
    });
    rmSync(path);
  });
});

describe('files are taken one by one', () => {
  test('what is damaged, of another environment or unreadable is refused with its reason, the rest is loaded', async () => {
    const unreadable = {
      name: 'absent.dcm',
      read: () => Promise.reject(new DrimboxError('cli/file-unreadable', { detail: 'absent.dcm' })),
    };
    const files = [
      { name: 'cut.dcm', read: () => Promise.resolve(kos.subarray(0, kos.length - 100)) },
      unreadable,
      { name: 'whole.dcm', read: () => Promise.resolve(kos) },
    ];
    expect(
      await loadManifestFiles(opened.store, files, { environment: 'test', clock: () => bench.now() }),
    ).toMatchObject([
      { file: 'cut.dcm', outcome: 'refused', code: 'kos/unreadable' },
      { file: 'absent.dcm', outcome: 'refused', code: 'cli/file-unreadable' },
      { file: 'whole.dcm', outcome: 'loaded' },
    ]);
  });

  test('one of the other environment is refused (A1)', async () => {
    expect(await load([kos], 'production')).toMatchObject([
      { outcome: 'refused', code: 'archive/environment-mismatch' },
    ]);
    expect(await loadStudy(opened.store.knex, uid)).toBeUndefined();
  });

  test('one that names no INS is refused: nobody could say whose it is', async () => {
    const content = inventContent();
    const stamp = {
      ...{ sopInstanceUid: '2.25.1', seriesInstanceUid: '2.25.2', createdAtUtcMs: 0, timeZone: 'Europe/Paris' },
      ...{ instanceNumber: 1, manufacturer: 'X', softwareVersion: '1', implementationClassUid: '2.25.3' },
    };
    const file = Buffer.from(buildManifest(content, stamp)).toString('latin1');
    const without = Buffer.from(file.replaceAll('1.2.250.1.213.1.4.10', '1.2.250.1.999999.9.1'), 'latin1');
    expect(await load([without])).toMatchObject([{ outcome: 'refused', code: 'standards/ins-invalid' }]);
  });
});
