/** Archives that are damaged or contradict themselves: each set refused for its own reason, nothing of it kept. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadStudy, type XdmImportResult } from '../../plugin/archive/index.ts';
import { type ImportBench, openImportBench } from '../fixtures/xdm/import-bench.ts';
import { changed, flipped, pack } from '../fixtures/xdm/index.ts';

let imports: ImportBench;
beforeAll(async () => {
  imports = await openImportBench();
}, 60_000);
afterAll(() => imports.close());
beforeEach(async () => {
  await imports.start();
});

const inSet = (number: number, file: string): string => `KA202603/IHE_XDM/SS00000${number}/${file}`;

describe('what is damaged is refused, alone, and nothing of it is kept', () => {
  const damaged = (file: string, change: (bytes: Buffer) => Buffer | undefined): Promise<XdmImportResult> =>
    imports.importPacked(changed(imports.archive, (name, bytes) => (name === inSet(1, file) ? change(bytes) : bytes)));
  const edited =
    (from: string | RegExp, to: string) =>
    (bytes: Buffer): Buffer =>
      Buffer.from(bytes.toString('utf8').replace(from, to));
  /** A manifest of the same length with other content, and the metadata that describe it: only the signature knows. */
  const describedAnew = (bytes: Buffer): [string, Buffer][] => {
    const hash = createHash('sha1').update(bytes).digest('hex');
    return changed(imports.archive, (name, content) => {
      if (name === inSet(1, 'KOS_1_1.DCM')) return bytes;
      if (name !== inSet(1, 'METADATA.XML')) return content;
      const old = createHash('sha1')
        .update(imports.archive.get(inSet(1, 'KOS_1_1.DCM')) ?? '')
        .digest('hex');
      return Buffer.from(content.toString('utf8').replace(old, hash));
    });
  };
  const kos = (): Buffer => imports.archive.get(inSet(1, 'KOS_1_1.DCM')) ?? Buffer.alloc(0);

  test.each<[string, string, (bytes: Buffer) => Buffer | undefined, string]>([
    ['one bit of the manifest', 'KOS_1_1.DCM', (bytes) => flipped(bytes), 'archive/xdm-hash-mismatch'],
    ['the end of the manifest', 'KOS_1_1.DCM', (bytes) => bytes.subarray(0, -20), 'archive/xdm-hash-mismatch'],
    ['one bit of the signature', 'SIGN_1.XML', (bytes) => flipped(bytes), 'dmp/signature-invalid'],
    ['the metadata', 'METADATA.XML', (bytes) => flipped(bytes, 60), 'dmp/metadata-invalid'],
    ['metadata that are cut', 'METADATA.XML', (bytes) => bytes.subarray(0, 900), 'dmp/metadata-invalid'],
    [
      'metadata with an entity',
      'METADATA.XML',
      edited('<lcm:', '<!DOCTYPE a [<!ENTITY b "c">]><lcm:'),
      'dmp/metadata-invalid',
    ],
    ['no manifest', 'KOS_1_1.DCM', () => undefined, 'archive/xdm-file-missing'],
    ['no signature', 'SIGN_1.XML', () => undefined, 'archive/xdm-file-missing'],
    ['no metadata', 'METADATA.XML', () => undefined, 'archive/xdm-file-missing'],
    ['no report', 'CR.TXT', () => undefined, 'archive/xdm-file-missing'],
    ['a report of five fields', 'CR.TXT', edited(/;[^;]*$/, ''), 'archive/xdm-report-invalid'],
    [
      'a report of another patient',
      'CR.TXT',
      edited('285037512345691', '285037512345692'),
      'archive/xdm-patient-mismatch',
    ],
    ['an IPP of another patient', 'CR.TXT', edited('IPP-0042', 'IPP-0043'), 'archive/xdm-patient-mismatch'],
    [
      'metadata of another patient',
      'METADATA.XML',
      edited(/285037512345691/g, '285037512345692'),
      'archive/xdm-patient-mismatch',
    ],
    [
      'metadata of another study',
      'METADATA.XML',
      edited(/(<Value>)[0-9.]+(\^\^\^[^<]*studyInstanceUID)/g, '$11.2.3$2'),
      'archive/xdm-inconsistent',
    ],
    [
      'a URI that leads out',
      'METADATA.XML',
      edited('SS000001/KOS_1_1.DCM', '../KOS_1_1.DCM'),
      'archive/xdm-inconsistent',
    ],
    [
      'a URI into another set',
      'METADATA.XML',
      edited('SS000001/KOS_1_1.DCM', 'SS000002/KOS_1_1.DCM'),
      'archive/xdm-inconsistent',
    ],
    [
      'a signature nobody describes',
      'METADATA.XML',
      edited(/<ExtrinsicObject id="Signature01".*?<\/ExtrinsicObject>/s, ''),
      'archive/xdm-inconsistent',
    ],
    [
      'a set that the signature does not name',
      'METADATA.XML',
      edited(
        /value="[0-9.]+"(><Name><LocalizedString charset="UTF8" value="XDSSubmissionSet.uniqueId")/,
        'value="1.2.3"$1',
      ),
      'dmp/signature-invalid',
    ],
  ])('%s', async (_, file, change, code) => {
    const result = await damaged(file, change);
    expect(result.items[0], JSON.stringify(result.items)).toMatchObject({
      set: 'KA202603/IHE_XDM/SS000001',
      outcome: 'refused',
      code,
    });
    expect(result).toMatchObject({ counts: { imported: 1, refused: 1 }, refusals: { [code]: 1 } });
    expect(await loadStudy(imports.opened.store.knex, imports.firstUid)).toBeUndefined();
    expect(await imports.submissions()).toHaveLength(1);
    expect(await imports.opened.store.knex('report').count('* as count').first()).toEqual({ count: 1 });
    expect(JSON.stringify(result)).not.toMatch(/285037512345691|EXEMPLE|IPP-00/);
  });

  test('a manifest changed with its description: the signature does not agree', async () => {
    const result = await imports.importPacked(
      describedAnew(Buffer.concat([kos().subarray(0, 20), Buffer.from('x'), kos().subarray(21)])),
    );
    expect(result.items[0]).toMatchObject({ outcome: 'refused', code: 'dmp/signature-invalid' });
  });

  test('a file that is no manifest, described as one', async () => {
    const result = await imports.importPacked(describedAnew(Buffer.alloc(kos().length, 'x')));
    expect(result.items[0]).toMatchObject({ outcome: 'refused', code: 'kos/unreadable' });
  });

  test('the manifest of another patient, described as his', async () => {
    const other = Buffer.from(kos().toString('latin1').replaceAll('285037512345691', '285037512345692'), 'latin1');
    const result = await imports.importPacked(describedAnew(other));
    expect(result.items[0]).toMatchObject({ outcome: 'refused', code: 'archive/xdm-patient-mismatch' });
  });

  test('a manifest with another identifier than its metadata', async () => {
    const [row] = imports.before.submissions;
    const uid = row?.document_uid ?? '';
    const twisted = uid.slice(0, -1) + (uid.endsWith('9') ? '8' : '9');
    const other = Buffer.from(kos().toString('latin1').replaceAll(uid, twisted), 'latin1');
    const result = await imports.importPacked(describedAnew(other));
    expect(result.items[0]).toMatchObject({ outcome: 'refused', code: 'archive/xdm-inconsistent' });
  });

  test('a file that stands twice: it could be read as either', async () => {
    const twice: [string, Buffer][] = [
      ...imports.archive,
      [inSet(1, 'CR.TXT').replace('CR.TXT', 'cr.txt'), Buffer.from('x')],
    ];
    expect((await imports.importPacked(twice)).items[0]).toMatchObject({ code: 'archive/xdm-inconsistent' });
  });

  test('patients of the other environment (A1)', async () => {
    expect(await imports.importFrom(imports.archivePath, { environment: 'production' })).toMatchObject({
      counts: { imported: 0, refused: 2 },
      refusals: { 'archive/environment-mismatch': 2 },
    });
    expect(await imports.countRows()).toBe(0);
  });

  test.each([
    ['an archive that is cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100), 'archive/xdm-zip-invalid'],
    ['another file', () => Buffer.from('not a ZIP'), 'archive/xdm-zip-invalid'],
  ])('%s, as a whole', async (_, change, code) => {
    const path = join(imports.folder, 'broken.zip');
    writeFileSync(path, change(readFileSync(imports.archivePath)));
    await expect(imports.importFrom(path)).rejects.toMatchObject({ code });
    expect(await imports.countRows()).toBe(0);
  });

  test('an archive with a name that leads out, as a whole', async () => {
    const path = join(imports.folder, 'evil.zip');
    await pack(path, [...imports.archive, ['aa/bb/METADATA.XML', Buffer.from('x')]]);
    writeFileSync(path, readFileSync(path).toString('latin1').replaceAll('aa/bb/METADATA', '../../METADATA'), 'latin1');
    await expect(imports.importFrom(path)).rejects.toMatchObject({ code: 'archive/xdm-name-unsafe' });
    expect(await imports.countRows()).toBe(0);
  });

  test('an archive without any submission set', async () => {
    await expect(imports.importPacked([['a.txt', Buffer.from('x')]])).rejects.toMatchObject({
      code: 'archive/xdm-file-missing',
    });
  });

  test('nothing is half-imported: what fails at the end takes all of its set back', async () => {
    await imports.opened.store.knex.raw(
      `ALTER TABLE event ADD CONSTRAINT no_import CHECK (name <> 'archive/imported')`,
    );
    try {
      await imports.importFrom(imports.archivePath).catch(() => undefined);
      expect(await imports.countRows()).toBe(0);
    } finally {
      await imports.opened.store.knex.raw('ALTER TABLE event DROP CONSTRAINT no_import');
    }
  });
});
