import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createExaminationZip } from '../../plugin/viewer-access/zip/examination-zip.ts';
import { buildCtStudy, inventedPatient, type InventedInstance } from '../fixtures/dicom/index.ts';
import { dcmtkConvert } from '../fixtures/dicom-file/index.ts';
import { extract, listWithPython, unzipFindings, withFolder } from '../fixtures/viewer-access/zip-judges.ts';
import { createZipStore } from '../fixtures/viewer-access/zip-store.ts';
import {
  study,
  mixed,
  never,
  ports,
  createZip,
  take,
  spliced,
  imagesOf,
  readmeOf,
} from '../fixtures/viewer-access/zip-taking.ts';

describe('the archive of an examination', () => {
  it('is read without complaint by Info-ZIP and Python, and is as long as announced', async () => {
    const zip = await createZip(createZipStore(mixed));
    const archive = await take(zip);
    expect(archive.length).toBe(zip.sizeBytes);
    expect(unzipFindings(archive)).toMatchObject({ status: 0, text: expect.stringContaining('No errors detected') });
    const listed = withFolder((folder) => {
      const path = join(folder, 'a.zip');
      writeFileSync(path, archive);
      return listWithPython(path, true);
    });
    expect(listed.bad).toBeNull();
    expect(listed.entries.map(([name]) => name)).toEqual([
      'DICOM/',
      'DICOM/PA000000/ST000000/SE000000/IM000000',
      'DICOM/PA000000/ST000000/SE000000/IM000001',
      ...[1, 2, 3, 4, 5, 6, 7].map((series) => `DICOM/PA000000/ST000000/SE00000${series}/IM000000`),
      'DICOMDIR',
      'LISEZ-MOI.txt',
    ]);
    // Stored, names in UTF-8, sizes before the content (no data descriptors): readable as it comes.
    expect(listed.entries.every(([, , , method, flags]) => method === 0 && (flags & ~0x0800) === 0)).toBe(true);
  });

  it('holds every file byte for byte as stored, but for the INS of the manifest', async () => {
    const stored = createZipStore(mixed);
    const images = imagesOf(extract(await take(await createZip(stored))));
    expect(images).toEqual(mixed.map((one) => spliced(one, stored)));
    expect(images.every((bytes, at) => bytes.length > (mixed[at]?.bytes.length ?? 0))).toBe(true);
  });

  it('holds the same files when the store reads none of them as it opens it (Orthanc by REST)', async () => {
    const stored = createZipStore(mixed, { wholeUpToBytes: 0 });
    expect(imagesOf(extract(await take(await createZip(stored))))).toEqual(mixed.map((one) => spliced(one, stored)));
    expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
  });

  it('knows its length and gives its first byte before any file is opened (first byte under 0.5 s for 2,000 images)', async () => {
    const stored = createZipStore(mixed);
    const zip = await createZip(stored);
    const stream = zip.stream({ signal: never });
    expect((await stream.next()).value?.bytes.toString('latin1')).toContain('DICOM/');
    expect(stored.opens).toEqual([]);
    await stream.return();
  });

  it('works without an index of files: each one is looked at', async () => {
    const stored = createZipStore(mixed);
    const { files: _files, ...without } = ports(stored);
    const zip = await createExaminationZip({ manifest: stored.manifest }, without, never);
    expect(await take(zip)).toEqual(await take(await createZip(stored)));
    expect(stored.figures.openFiles).toBe(0);
  });

  it('holds one series alone when asked for it, and says so', async () => {
    const stored = createZipStore(mixed);
    const files = extract(await take(await createZip(stored, mixed[2]?.seriesInstanceUid)));
    expect([...files.keys()].toSorted()).toEqual([
      'DICOM/PA000000/ST000000/SE000000/IM000000',
      'DICOMDIR',
      'LISEZ-MOI.txt',
    ]);
    expect(readmeOf(files)).toContain('Une partie de l’examen : 1 série.');
  });

  it('refuses an examination without images, and one that the PACS has twice (A5)', async () => {
    const stored = createZipStore(mixed);
    const empty = { manifest: { ...stored.manifest, series: new Map() } };
    await expect(createExaminationZip(empty, ports(stored), never)).rejects.toMatchObject({
      code: 'viewer-access/download-empty',
    });
    const twice = {
      ...ports(stored),
      images: { ...stored.store, find: () => Promise.resolve({ kind: 'duplicated' } as const) },
    };
    await expect(createExaminationZip({ manifest: stored.manifest }, twice, never)).rejects.toMatchObject({
      code: 'wado/study-duplicated',
    });
  });

  it('tells in LISEZ-MOI.txt what is in it, in French, for Notepad, and names nobody', async () => {
    const stored = createZipStore(mixed);
    const text = readmeOf(extract(await take(await createZip(stored))));
    expect(text.startsWith('\uFEFF')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    // 23:30 UTC is the next day in Paris.
    expect(text).toContain('Copie préparée le 16/01/2026.');
    expect(text).toContain('NON DESTINÉ AU DIAGNOSTIC');
    expect(text).toContain('Série 1 : CT, 2 fichiers  (DICOM\\PA000000\\ST000000\\SE000000)');
    expect(text).toContain('Aucune : tous les fichiers annoncés sont présents.');
    expect(text).not.toMatch(/EXEMPL|Am.lie|IPP-|199017512345657|1\.2\.250/i);
  });

  it('counts in LISEZ-MOI.txt what the manifest names and the PACS no longer has', async () => {
    const stored = createZipStore(mixed.slice(1));
    const series = createZipStore(mixed).manifest.series;
    const zip = await createExaminationZip({ manifest: { ...stored.manifest, series } }, ports(stored), never);
    expect(zip.missing).toBe(1);
    expect(readmeOf(extract(await take(zip)))).toContain('Un fichier de l’examen n’est plus disponible');
  });
});

describe('an image that cannot leave', () => {
  const second = mixed[1] as InventedInstance;
  const cases = [
    ['is no DICOM file', { bytes: Buffer.alloc(second.bytes.length, 7) }, 'illisible (dicom-file/not-dicom)'],
    ['is gone', { openFails: 'orthanc/not-found' }, 'n’est plus disponible (orthanc/not-found)'],
    ['cannot be read', { openFails: 'orthanc/answer-invalid' }, 'illisible (orthanc/answer-invalid)'],
    ['was replaced since', { revision: 'another' }, 'illisible (viewer-access/download-changed)'],
  ] as const;
  it.each(cases)('costs its own entry only when it %s, and LISEZ-MOI.txt tells', async (_title, fault, told) => {
    const stored = createZipStore(mixed);
    stored.faults.set(second.sopInstanceUid, fault);
    const zip = await createZip(stored);
    const archive = await take(zip);
    expect(archive.length).toBe(zip.sizeBytes);
    expect(unzipFindings(archive).status).toBe(0);
    const files = extract(archive);
    expect(imagesOf(files)).toEqual(mixed.filter((one) => one !== second).map((one) => spliced(one, stored)));
    expect(readmeOf(files)).toContain(`Série 1, fichier 2 : ${told}`);
    expect(files.get('IMAGES_NON_INCLUSES/SE000000-IM000001.TXT')?.toString('latin1').trimEnd()).toBe(
      'Image non incluse : voir LISEZ-MOI.txt. Fichier de remplissage, sans contenu utile.',
    );
    expect(files.get('DICOMDIR')?.includes(second.sopInstanceUid)).toBe(false);
    expect(stored.figures).toMatchObject({ openFiles: 0, lentBytes: 0 });
  });

  it('is left out when it is another object than the manifest names: no byte of it leaves (E1)', async () => {
    const other = buildCtStudy({ number: 7, study: { patient: { ...study.patient, name: 'AUTREPATIENT^X' } } });
    const { bytes } = other[1] as InventedInstance;
    const archive = await take(await createZip(createZipStore([mixed[0] as InventedInstance, { ...second, bytes }])));
    expect(archive.includes('AUTREPATIENT')).toBe(false);
    expect(archive.includes(other[1]?.sopInstanceUid ?? '-')).toBe(false);
    expect(readmeOf(extract(archive))).toContain(
      'Série 1, fichier 2 : ne correspond pas à cet examen (dicom-file/identity-mismatch)',
    );
  });

  it('is left out when it says another INS of the same kind: two numbers are two patients', async () => {
    const others = buildCtStudy({ instancesPerSeries: 2, study: { patient: inventedPatient } });
    const stored = createZipStore(others);
    const files = extract(await take(await createZip(stored)));
    expect(imagesOf(files)).toEqual([]);
    expect(readmeOf(files)).toContain('ne correspond pas à cet examen (dicom-file/identity-mismatch)');
  });

  it('is left out and told when its transfer syntax is private: nothing says who it is', async () => {
    const bytes = Buffer.from(second.bytes);
    const at = bytes.indexOf('1.2.840.10008.1.2.1\0');
    bytes.write('1.2.840.19999.1.2.1\0', at, 'latin1');
    const stored = createZipStore([mixed[0] as InventedInstance, { ...second, bytes }]);
    expect(readmeOf(extract(await take(await createZip(stored))))).toContain('format propre à un constructeur');
  });

  it('stays deflated as stored when it is: who it is was read in what it inflates to', async () => {
    const bytes = dcmtkConvert('dcmconv', ['+td'], second.bytes);
    const deflated = { ...second, bytes };
    const files = extract(await take(await createZip(createZipStore([mixed[0] as InventedInstance, deflated]))));
    expect(imagesOf(files)[1]?.equals(bytes)).toBe(true);
    expect(readmeOf(files)).toContain('1 fichier est enregistré sous une forme compressée (« deflated »)');
    const wrong = { ...deflated, sopInstanceUid: `${second.sopInstanceUid}.9` };
    const left = extract(await take(await createZip(createZipStore([mixed[0] as InventedInstance, wrong]))));
    expect(imagesOf(left)).toHaveLength(1);
    expect(readmeOf(left)).toContain('ne correspond pas à cet examen');
  });

  it('is left out when it says another INS in what a deflated file inflates to', async () => {
    const others = buildCtStudy({ instancesPerSeries: 1, study: { patient: inventedPatient } });
    const deflated = others.map((one) => ({ ...one, bytes: dcmtkConvert('dcmconv', ['+td'], one.bytes) }));
    const files = extract(await take(await createZip(createZipStore(deflated))));
    expect(imagesOf(files)).toEqual([]);
    expect(readmeOf(files)).toContain('dicom-file/identity-mismatch');
  });
});
