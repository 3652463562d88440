/** The national XDM layout, written: files, names, contents, and what is left out. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportXdm, loadJournal, type XdmExportResult } from '../../plugin/archive/index.ts';
import { buildIndex, buildReadme } from '../../plugin/archive/xdm-readme.ts';
import { parseSubmission } from '../../plugin/dmp/index.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { inventedSender, publishStudy, unpack } from '../fixtures/xdm/index.ts';

let opened: TestStore;
let bench: Bench;
let folder: string;
const signing = makeSigningIdentity();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-xdm-'));
  opened = await openTestStore();
}, 60_000);
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
});

let paths = 0;
const nextPath = (): string => {
  paths += 1;
  return join(folder, `out-${paths}.zip`);
};
const exportTo = (path: string, changes: object = {}): Promise<XdmExportResult> =>
  exportXdm(opened.store.knex, { path, sender: inventedSender, clock: () => bench.now(), ...changes });
const text = (bytes: Buffer | undefined): string => (bytes ?? Buffer.alloc(0)).toString('utf8');

describe('the archive', () => {
  test('has one folder a month, one set a study, and the files that the layout names (DB.SO.31)', async () => {
    await publishStudy(bench, 1);
    await publishStudy(bench, 2);
    bench.advance(30 * 86_400_000);
    await publishStudy(bench, 3);
    const path = nextPath();
    const result = await exportTo(path);
    expect(result).toMatchObject({ exported: 3, changing: 0, leftOut: {}, leftOutStudies: [], path });
    expect(result.bytes).toBe(statSync(path).size);
    const files = [...(await unpack(path)).keys()];
    const setFiles = ['METADATA.XML', 'KOS_1_1.DCM', 'SIGN_1.XML', 'CR.TXT'];
    expect(files).toEqual([
      'KA202603/INDEX.HTM',
      'KA202603/README.TXT',
      ...setFiles.map((file) => `KA202603/IHE_XDM/SS000001/${file}`),
      ...setFiles.map((file) => `KA202603/IHE_XDM/SS000002/${file}`),
      'KA202604/INDEX.HTM',
      'KA202604/README.TXT',
      ...setFiles.map((file) => `KA202604/IHE_XDM/SS000001/${file}`),
    ]);
    execFileSync('unzip', ['-tqq', path]);
  });

  test('carries the bytes that were sent: manifest valid for a foreign reader, signature, metadata with their places', async () => {
    const uid = await publishStudy(bench, 1);
    const path = nextPath();
    await exportTo(path);
    const files = await unpack(path);
    const set = (name: string): Buffer => files.get(`KA202603/IHE_XDM/SS000001/${name}`) ?? Buffer.alloc(0);
    const [sent] = bench.dmp.documents();
    const kos = set('KOS_1_1.DCM');
    expect(kos.equals(sent?.submission.kos ?? Buffer.alloc(0))).toBe(true);
    expect(set('SIGN_1.XML').equals(sent?.submission.signature ?? Buffer.alloc(0))).toBe(true);
    expect(parseManifest(kos).studyInstanceUid).toBe(uid);
    const file = join(folder, 'kos.dcm');
    writeFileSync(file, kos);
    const judged = execFileSync('sh', ['-c', `dciodvfy -new "${file}" 2>&1 || true`], { encoding: 'utf8' });
    expect(judged.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);

    const metadata = set('METADATA.XML');
    const parsed = parseSubmission(metadata);
    expect(parsed.kos).toMatchObject({
      uri: 'SS000001/KOS_1_1.DCM',
      size: kos.length,
      hash: createHash('sha1').update(kos).digest('hex'),
    });
    expect(parsed.signature).toMatchObject({ uri: 'SS000001/SIGN_1.XML' });
    // Never asked for, so not known: nothing is invented in its place.
    expect(text(metadata)).not.toContain('EntryUUID');
    for (const foreign of ['Envelope', 'Assertion', 'LPS_', 'X509']) expect(text(metadata)).not.toContain(foreign);
    expect(text(set('CR.TXT'))).toBe(
      '1.2.250.1.999999.20.1;;285037512345691;1.2.250.1.213.1.4.10;IPP-0042;1.2.250.1.999999.1.1',
    );
  });

  test('writes the entryUUID where it is known', async () => {
    const uid = await publishStudy(bench, 1);
    const entryUuid = 'urn:uuid:00000000-0000-4000-8000-00000000abcd';
    await opened.store.knex('submission').where('study_uid', uid).update({ entry_uuid: entryUuid });
    const path = nextPath();
    await exportTo(path);
    const metadata = (await unpack(path)).get('KA202603/IHE_XDM/SS000001/METADATA.XML') ?? Buffer.alloc(0);
    expect(parseSubmission(metadata).kos).toMatchObject({ entryUuid });
  });

  test('says who made it from the configuration, and no patient', async () => {
    const readme = buildReadme(inventedSender);
    expect(readme).toContain('Centre d’imagerie « Exemple » & fils (1999999991)');
    for (const name of ['METADATA.XML', 'KOS_1_1.DCM', 'SIGN_1.XML', 'CR.TXT']) expect(readme).toContain(name);
    const index = join(folder, 'index.htm');
    writeFileSync(index, buildIndex(inventedSender));
    execFileSync('xmllint', ['--noout', '--nonet', index]);
  });

  test('holds identities: only its owner may read it', async () => {
    await publishStudy(bench, 1);
    const path = nextPath();
    await exportTo(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await loadJournal(opened.store.knex, { limit: 1 }))[0]).toMatchObject({
      name: 'archive/exported',
      detail: { studies: 1, leftOut: 0 },
    });
  });
});

describe('what is not in it', () => {
  test('studies that the DMP does not hold, each with why', async () => {
    const published = await publishStudy(bench, 1);
    expect((await bench.take(buildExamination({ number: 2 }).message)).text).toContain('MSA|AA|');
    const waiting = buildExamination({ number: 2 }).studyInstanceUid;
    await bench.look(waiting);
    const result = await exportTo(nextPath());
    expect(result).toMatchObject({
      exported: 1,
      leftOut: { 'waiting-for-images': 1 },
      leftOutStudies: [{ studyInstanceUid: waiting, reason: 'waiting-for-images' }],
    });
    expect(await exportTo(nextPath(), { studies: [published, '1.2.3'] })).toMatchObject({
      exported: 1,
      leftOut: { unknown: 1 },
    });
  });

  test('a secret connection: the layout cannot carry it, and who imports would publish without it (B8)', async () => {
    bench = createBench(opened.store, signing, { secretConnection: { attribute: 'urn:exemple', value: 'x' } });
    await publishStudy(bench, 1, { message: { flags: { CONNEXION_SECRETE: 'Y' } } });
    expect(await exportTo(nextPath())).toMatchObject({ exported: 0, leftOut: { 'secret-connection': 1 } });
  });

  test('a manifest that cannot be read any more is told, the others are exported', async () => {
    const [one] = [await publishStudy(bench, 1), await publishStudy(bench, 2)];
    await opened.store
      .knex('submission')
      .where('study_uid', one)
      .update({ kos: Buffer.from('broken') });
    expect(await exportTo(nextPath())).toMatchObject({ exported: 1, leftOut: { 'kos/unreadable': 1 } });
  });

  test('says how many may change soon', async () => {
    const uid = await publishStudy(bench, 1);
    const row = await opened.store.knex('submission').where('study_uid', uid).first();
    const { id: _, ...copy } = row as { id: number };
    const open = { ...copy, state: 'open', document_uid: '1.2.3', sender: '{}', manifest: '{}' };
    await opened.store.knex('submission').insert(open);
    expect(await exportTo(nextPath())).toMatchObject({ exported: 1, changing: 1 });
  });
});

describe('the file', () => {
  test('is never written over another', async () => {
    const path = nextPath();
    writeFileSync(path, 'mine');
    await expect(exportTo(path)).rejects.toMatchObject({ code: 'archive/file-exists' });
    expect(statSync(path).size).toBe(4);
  });

  test('is not there when the export ends before: nobody takes half of an archive for a whole one', async () => {
    await publishStudy(bench, 1);
    const path = nextPath();
    const gone = new AbortController();
    gone.abort();
    await expect(exportTo(path, { signal: gone.signal })).rejects.toMatchObject({ code: 'archive/interrupted' });
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
    await expect(exportTo(join(folder, 'absent', 'out.zip'))).rejects.toMatchObject({
      code: 'archive/file-unwritable',
    });
  });

  test('tells how far it is', async () => {
    for (const number of [1, 2, 3]) await publishStudy(bench, number);
    const told: object[] = [];
    await exportTo(nextPath(), { progressEvery: 2, report: (progress: object) => told.push(progress) });
    expect(told).toEqual([{ exported: 2, leftOut: 0 }]);
  });
});
