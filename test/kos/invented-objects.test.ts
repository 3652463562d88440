/** The DICOM objects that tests put into a PACS are valid themselves. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  buildCtStudy,
  buildLargeCtStudy,
  buildMixedStudy,
  buildRejectionNote,
  buildStoredManifest,
  inventedSeries,
  inventedStudy,
} from '../fixtures/dicom/index.ts';
import { nameTexts, readWithDcmjs, valuesAt } from '../fixtures/kos/dcmjs-reading.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-invented-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const study = inventedStudy();
const keyObjects = inventedSeries(study, 9, 'KO', { bodyPartExamined: '' });
const mixed = buildMixedStudy();
const objects = [
  ...mixed.map((one) => [one.modality, one] as const),
  ['rejection note', buildRejectionNote(study, keyObjects, 1, mixed.slice(0, 1))] as const,
  ['stored manifest', buildStoredManifest(study, keyObjects, 2, mixed)] as const,
  ['one of thousands', buildLargeCtStudy({ instanceCount: 2 })[1]!] as const,
];

test.each(objects)('%s is valid to dciodvfy', (_, { bytes }) => {
  const file = join(folder, 'object.dcm');
  writeFileSync(file, bytes);
  const { status, stderr, error } = spawnSync('dciodvfy', ['-new', file], { encoding: 'latin1' });
  if (error !== undefined) throw error;
  expect(stderr.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
  expect(status).toBe(0);
});

test('names with accents are ISO 8859-1, patient and accession number carry their issuers', () => {
  const read = readWithDcmjs(mixed[0]!.bytes);
  expect(nameTexts(valuesAt(read, '00100010'))).toEqual(['EXEMPLÉ^Amélie']);
  expect(valuesAt(read, '00100024', '00400032')).toEqual(['1.2.250.1.999999.1.1']);
  expect(valuesAt(read, '00101002', '00100020')).toEqual(['275017512345657']);
  expect(valuesAt(read, '00080051', '00400032')).toEqual(['1.2.250.1.999999.1.2']);
});

test('thousands of images differ in UID, number and position only', () => {
  const large = buildLargeCtStudy({ instanceCount: 10_000 });
  expect(new Set(large.map((one) => one.sopInstanceUid)).size).toBe(10_000);
  const read = readWithDcmjs(large[9_999]!.bytes);
  expect(valuesAt(read, '00080018')).toEqual([large[9_999]!.sopInstanceUid]);
  expect(valuesAt(read, '00200013')).toEqual([1_010_000]);
});

test('a study is what its options ask for', () => {
  const instances = buildCtStudy({
    number: 7,
    seriesCount: 2,
    instancesPerSeries: 3,
    study: { accessionNumber: 'X1' },
  });
  expect(instances.map((one) => one.sopInstanceUid)).toEqual(
    ['1.1', '1.2', '1.3', '2.1', '2.2', '2.3'].map((end) => `1.2.250.1.999999.2.7.${end}`),
  );
  expect(valuesAt(readWithDcmjs(instances[5]!.bytes), '00080050')).toEqual(['X1']);
});
