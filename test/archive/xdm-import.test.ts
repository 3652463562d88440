/** An archive taken over: what is kept, and what a later look makes of it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportXdm, loadReport, loadStudy, showArchive, type XdmImportResult } from '../../plugin/archive/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, pacsStudy } from '../fixtures/publication/index.ts';
import { type ImportBench, openImportBench, type SubmissionRow } from '../fixtures/xdm/import-bench.ts';
import { changed, inventedSender, publishStudy, unpack } from '../fixtures/xdm/index.ts';

let imports: ImportBench;
let bench: Bench;
beforeAll(async () => {
  imports = await openImportBench();
}, 60_000);
afterAll(() => imports.close());
beforeEach(async () => {
  bench = await imports.start();
});

const inSet = (number: number, file: string): string => `KA202603/IHE_XDM/SS00000${number}/${file}`;

describe('what is imported', () => {
  test('is the same archive again: bytes, identifiers, fingerprint (DB.SO.31, A7)', async () => {
    const result = await imports.importFrom(imports.archivePath);
    expect(result).toMatchObject({ sets: 2, counts: { imported: 2, refused: 0 }, refusals: {} });
    expect(result.signatures).toContain('not judged');
    const rows = await imports.submissions();
    const kept = ({ study_uid, document_uid, fingerprint, metadata, kos, signature }: SubmissionRow): object => ({
      ...{ study_uid, document_uid, fingerprint, metadata },
      kos: Buffer.from(kos).toString('base64'),
      signature: Buffer.from(signature).toString('base64'),
    });
    expect(rows.map(kept)).toEqual(imports.before.submissions.map(kept));
    // Person, structure, roles and sector: what a later VIHF needs.
    expect(rows.map(({ sender }) => sender)).toEqual(imports.before.submissions.map(({ sender }) => sender));
    expect(await loadStudy(imports.opened.store.knex, imports.firstUid)).toMatchObject({
      state: 'published',
      lookDueAtUtcMs: bench.now(),
      publishedSubmissionId: 1,
    });
  });

  test('is a report without message and without CDA, that says so', async () => {
    await imports.importFrom(imports.archivePath);
    const report = await loadReport(imports.opened.store.knex, 1);
    expect(report).not.toHaveProperty('messageId');
    expect(report).toMatchObject({
      state: 'current',
      action: 'initial',
      documentKey: '1.2.250.1.999999.20.1',
      report: { warnings: ['imported'] },
      transmission: { sentToDmp: true, warnings: ['imported'], processingId: 'T' },
    });
    const before = imports.before.report;
    expect(report?.report.patient).toEqual(before?.patient);
    expect(report?.report.orders).toEqual(before?.orders);
    expect(report?.report.facilityType).toMatchObject({ code: 'SA08' });
    expect(report?.transmission.visibility).toEqual({
      maskedFromProfessionals: false,
      invisibleToPatient: false,
      invisibleToRepresentatives: false,
      secretConnection: false,
    });
    expect((await loadReport(imports.opened.store.knex, 2))?.transmission.visibility).toMatchObject({
      maskedFromProfessionals: true,
      invisibleToPatient: true,
    });
  });

  test('is not published again while the PACS holds the same: the look compares and finds nothing to do (C1)', async () => {
    await imports.importFrom(imports.archivePath);
    const before = bench.dmp.calls.length;
    expect((await bench.look(imports.firstUid)).study.state).toBe('published');
    expect(bench.dmp.calls.length).toBe(before);
    expect(await imports.submissions()).toHaveLength(2);
  });

  test('is replaced when the PACS holds something else, in the name of who published (b.4.1, A7)', async () => {
    await imports.importFrom(imports.archivePath);
    bench.pacs.put(pacsStudy(1, { instancesPerSeries: 3 }));
    await bench.look(imports.firstUid);
    bench.pacs.put(pacsStudy(1));
    const rows: { kind: string; state: string; version: number; previous_submission_id: number }[] =
      await imports.opened.store.knex('submission').where('study_uid', imports.firstUid).orderBy('id');
    expect(rows).toMatchObject([
      { kind: 'publish', state: 'accepted', version: 1 },
      { kind: 'replace', state: 'accepted', version: 2, previous_submission_id: 1 },
    ]);
    expect(bench.dmp.calls.at(-1)?.vihf).toMatchObject({
      structureId: '1999999991',
      sector: 'SA08',
      person: { id: '899999999901' },
    });
  });

  test('says nothing that the metadata do not say: role and sector are left to the configuration (A7)', async () => {
    const files = changed(imports.archive, (name, bytes) =>
      name.endsWith('METADATA.XML')
        ? Buffer.from(
            bytes
              .toString('utf8')
              .replace(/<Slot name="authorSpecialty">.*?<\/Slot>/gs, '')
              .replace(/<Classification classificationScheme="urn:uuid:f33fb8ac.*?<\/Classification>/gs, ''),
          )
        : bytes,
    );
    expect(await imports.importPacked(files)).toMatchObject({ counts: { imported: 2 } });
    expect((await imports.submissions())[0]?.sender).toMatchObject({
      roles: [],
      sector: '',
      structureId: '1999999991',
    });
    expect((await loadReport(imports.opened.store.knex, 1))?.report).not.toHaveProperty('facilityType');
  });

  test('shows what happened, without identity', async () => {
    await imports.importFrom(imports.archivePath);
    const view = JSON.stringify(await showArchive(imports.opened.store.knex, imports.firstUid));
    expect(view).toContain('archive/imported');
    for (const identity of ['285037512345691', 'EXEMPLE', 'IPP-0042']) expect(view).not.toContain(identity);
  });

  test('comes without its folder of the month, with names in small letters, without its two texts', async () => {
    const files = changed(
      imports.archive,
      (name, bytes) => (/README|INDEX/.test(name) ? undefined : bytes),
      (name) => name.replace('KA202603/', '').toLowerCase(),
    );
    expect(await imports.importPacked(files)).toMatchObject({ counts: { imported: 2 } });
  });

  test('comes with the URIs that the proof of concept writes, the envelope and the VIHF: they are not kept', async () => {
    const envelope = (request: string): string =>
      `<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><x:Assertion xmlns:x="urn:x">SECRET</x:Assertion></s:Header><s:Body>${request.replace(/^<\?xml[^>]*\?>\s*/, '')}</s:Body></s:Envelope>`;
    const files = changed(imports.archive, (name, bytes) =>
      name.endsWith('METADATA.XML')
        ? Buffer.from(envelope(bytes.toString('utf8')).replaceAll('>SS0', '>IHE_XDM/SS0'))
        : bytes,
    );
    expect(await imports.importPacked(files)).toMatchObject({ counts: { imported: 2 } });
    expect((await imports.submissions()).map(({ metadata }) => metadata)).toEqual(
      imports.before.submissions.map(({ metadata }) => metadata),
    );
  });

  test('comes without a signature that the metadata do not describe either, and is told', async () => {
    const files = changed(imports.archive, (name, bytes) => {
      if (name.endsWith('SIGN_1.XML')) return undefined;
      if (!name.endsWith('METADATA.XML')) return bytes;
      return Buffer.from(
        bytes.toString('utf8').replace(/<ExtrinsicObject id="Signature01".*?<\/ExtrinsicObject>/s, ''),
      );
    });
    const result = await imports.importPacked(files);
    expect(result).toMatchObject({ counts: { imported: 2 }, items: [{ remarks: ['signature-absent'] }, {}] });
    const path = join(imports.folder, 'again.zip');
    await exportXdm(imports.opened.store.knex, { path, sender: inventedSender, clock: () => bench.now() });
    expect([...(await unpack(path)).keys()].filter((name) => name.includes('SIGN'))).toEqual([]);
    rmSync(path);
  });
});

describe('a dry run', () => {
  test('says what would happen and keeps nothing', async () => {
    expect(await imports.importFrom(imports.archivePath, { isDryRun: true })).toMatchObject({
      counts: { imported: 0, importable: 2, refused: 0 },
    });
    expect(await imports.countRows()).toBe(0);
    await imports.importFrom(imports.archivePath);
    expect(await imports.importFrom(imports.archivePath, { isDryRun: true })).toMatchObject({
      counts: { 'already-there': 2 },
    });
  });
});

describe('what the archive knows already', () => {
  test('is there already: importing again changes nothing', async () => {
    await imports.importFrom(imports.archivePath);
    const before = await imports.countRows();
    expect(await imports.importFrom(imports.archivePath)).toMatchObject({
      counts: { imported: 0, 'already-there': 2, refused: 0 },
    });
    expect(await imports.countRows()).toBe(before);
  });

  test('is what this very DRIMbox published: its own export finds everything there', async () => {
    await publishStudy(bench, 7);
    const path = join(imports.folder, 'own.zip');
    await exportXdm(imports.opened.store.knex, { path, sender: inventedSender, clock: () => bench.now() });
    expect(await imports.importFrom(path)).toMatchObject({ counts: { 'already-there': 1, refused: 0 } });
    rmSync(path);
  });

  test('is not overwritten: a study with a current report keeps it', async () => {
    expect((await bench.take(buildExamination({ number: 1, message: { controlId: 'OTHER' } }).message)).text).toContain(
      'MSA|AA|',
    );
    expect(await imports.importFrom(imports.archivePath, { isDryRun: true })).toMatchObject({
      counts: { importable: 1, refused: 1 },
      refusals: { 'archive/xdm-conflict': 1 },
    });
    const result = await imports.importFrom(imports.archivePath);
    expect(result).toMatchObject({ counts: { imported: 1, refused: 1 }, refusals: { 'archive/xdm-conflict': 1 } });
    expect(result.items.find(({ outcome }) => outcome === 'refused')?.studyInstanceUid).toBe(imports.firstUid);
    expect((await loadStudy(imports.opened.store.knex, imports.firstUid))?.state).toBe('new');
  });

  test('is not brought back: a report that was deleted here stays deleted', async () => {
    const deletion = buildExamination({ number: 1, message: { action: 'delete', controlId: 'DEL' } });
    expect((await bench.take(deletion.message)).text).toContain('MSA|AA|');
    expect(await imports.importFrom(imports.archivePath)).toMatchObject({ refusals: { 'archive/xdm-conflict': 1 } });
  });
});

describe('a report that was replaced here before its manifest came', () => {
  test('is not made current: the replacement may be about another study', async () => {
    const replacement = buildExamination({
      number: 9,
      cda: { documentId: { root: '1.2.250.1.999999.20.1.2' }, replaces: [{ root: '1.2.250.1.999999.20.1' }] },
      message: { action: 'replace', documentId: '1.2.250.1.999999.20.1.2', parentDocumentId: '1.2.250.1.999999.20.1' },
    });
    expect((await bench.take(replacement.message)).text).toContain('MSA|AA|');
    for (const isDryRun of [true, false]) {
      const result = await imports.importFrom(imports.archivePath, { isDryRun });
      expect(result).toMatchObject({ counts: { refused: 1 }, refusals: { 'archive/xdm-conflict': 1 } });
    }
    expect(await loadStudy(imports.opened.store.knex, imports.firstUid)).toBeUndefined();
  });
});

describe('two manifests of one study in one archive', () => {
  const withOlder = async (createdAt: string): Promise<XdmImportResult> => {
    // The manifest of study 2, told to be of study 1 and older: its metadata are enough to compare.
    const metadata = (imports.archive.get(inSet(2, 'METADATA.XML')) ?? Buffer.alloc(0))
      .toString('utf8')
      .replaceAll(buildExamination({ number: 2 }).studyInstanceUid, imports.firstUid)
      .replace(/(creationTime"><ValueList><Value>)[0-9]+/, `$1${createdAt}`);
    return imports.importPacked(
      changed(imports.archive, (name, bytes) => (name === inSet(2, 'METADATA.XML') ? Buffer.from(metadata) : bytes)),
    );
  };

  test('only the newest is taken: an old one would be updated in its place', async () => {
    const result = await withOlder('20200101000000');
    expect(result).toMatchObject({ counts: { imported: 1, refused: 1 }, refusals: { 'archive/xdm-superseded': 1 } });
    expect(result.items[1]).toMatchObject({ code: 'archive/xdm-superseded' });
  });

  test('neither is, when both are of the same time', async () => {
    const result = await withOlder('20260312100000');
    expect(result).toMatchObject({ counts: { imported: 0, refused: 2 }, refusals: { 'archive/xdm-superseded': 2 } });
  });
});
