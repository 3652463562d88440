import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildManifest, parseManifest, type ManifestContent } from '../../plugin/kos/index.ts';
import { nameTexts, readWithDcmjs, valuesAt } from '../fixtures/kos/dcmjs-reading.ts';
import {
  inventContent,
  inventContentBeyondLatin1,
  inventInstances,
  inventManifestSeries,
  inventSmallContent,
  inventStamp,
  sopClass,
} from '../fixtures/kos/invented-manifest.ts';

const content = inventContent();
const withPatient = (changes: Partial<ManifestContent['patient']>): ManifestContent =>
  inventContent({ patient: { ...content.patient, ...changes } });
const withStudy = (changes: Partial<ManifestContent['study']>): ManifestContent =>
  inventContent({ study: { ...content.study, ...changes } });
/** As dcmjs reads it. */
const dataset = (from: ManifestContent = content, ...rest: readonly [ReturnType<typeof inventStamp>?, object?]) =>
  readWithDcmjs(buildManifest(from, rest[0] ?? inventStamp(), rest[1]));
const golden = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/kos', name));

describe('the manifest as another reader sees it (facts/spec.md b.3)', () => {
  const read = dataset();
  const one = (...tags: string[]): unknown => valuesAt(read, ...tags)[0];

  test.each([
    ['SpecificCharacterSet', '00080005', 'ISO_IR 192'],
    ['InstanceCreationDate', '00080012', '20240116'],
    ['InstanceCreationTime', '00080013', '093005'],
    ['SOPClassUID', '00080016', sopClass.keyObjectSelection],
    ['SOPInstanceUID', '00080018', '1.2.250.1.999999.9.1'],
    ['StudyDate', '00080020', '20240115'],
    ['SeriesDate', '00080021', '20240116'],
    ['ContentDate', '00080023', '20240116'],
    ['StudyTime', '00080030', '101530.250000'],
    ['SeriesTime', '00080031', '093005'],
    ['ContentTime', '00080033', '093005'],
    ['Modality', '00080060', 'KO'],
    ['Manufacturer', '00080070', 'DRIMbox Exemple'],
    ['InstitutionName', '00080080', 'Hôpital Exemple^^^^^^^^^1010000017'],
    ['TimezoneOffsetFromUTC', '00080201', '+0100'],
    ['StudyDescription', '00081030', 'Scanner thoracique injecté'],
    ['PatientID', '00100020', '275017512345657'],
    ['IssuerOfPatientID', '00100021', 'ASIP-SANTE-INS-NIR'],
    ['PatientBirthDate', '00100030', '19750115'],
    ['PatientSex', '00100040', 'F'],
    ['PatientComments', '00104000', '63220'],
    ['SoftwareVersions', '00181020', '0.1.0'],
    ['StudyInstanceUID', '0020000D', '1.2.250.1.999999.1'],
    ['SeriesInstanceUID', '0020000E', '1.2.250.1.999999.9.2'],
    ['StudyID', '00200010', 'ETU1'],
    ['SeriesNumber', '00200011', 59],
    ['InstanceNumber', '00200013', 1],
    ['ValueType', '0040A040', 'CONTAINER'],
    ['ContinuityOfContent', '0040A050', 'SEPARATE'],
  ])('%s', (keyword, tag, value) => {
    // dcmjs always says ISO_IR 192 after reading; what the file says is in the tests of character sets.
    expect({ [keyword]: one(tag) }).toEqual({ [keyword]: value });
  });

  test('names the patient as born, by INS and its OID', () => {
    expect(nameTexts(valuesAt(read, '00100010'))).toEqual(['EXEMPLÉ^AMÉLIE']);
    expect(one('00100024', '00400032')).toBe('1.2.250.1.213.1.4.10');
    expect(one('00100024', '00400033')).toBe('ISO');
    expect(one('00101002', '00100020')).toBe('275017512345657');
    expect(one('00101002', '00100021')).toBe('ASIP-SANTE-INS-NIR');
    expect(one('00101002', '00100022')).toBe('TEXT');
    expect(one('00101002', '00100024', '00400032')).toBe('1.2.250.1.213.1.4.10');
    expect(one('00101002', '00100024', '00400033')).toBe('ISO');
  });

  test('is titled 113030 after template TID 2010', () => {
    expect(['00080100', '00080102', '00080104'].map((tag) => one('0040A043', tag))).toEqual([
      '113030',
      'DCM',
      'Manifest',
    ]);
    expect(['00080105', '0040DB00'].map((tag) => one('0040A504', tag))).toEqual(['DCMR', '2010']);
  });

  test('has its accession number in the request, not at the root', () => {
    expect(valuesAt(read, '00080050')).toEqual(['']);
    const request = ['00080050', '0020000D', '00402016'].map((tag) => one('0040A370', tag));
    expect(request).toEqual(['ACN1', '1.2.250.1.999999.1', 'OPN1']);
    expect(one('0040A370', '00080051', '00400032')).toBe('1.2.250.1.999999.5');
    expect(one('0040A370', '00080051', '00400033')).toBe('ISO');
    expect(one('0040A370', '00400026', '00400032')).toBe('1.2.250.1.999999.6');
    expect(one('0040A370', '00400026', '00400033')).toBe('ISO');
  });

  test('gives each series its URL', () => {
    expect(valuesAt(read, '0040A375', '00081115', '00081190')[1]).toBe(
      'https://db.exemple.fr/drimbox/studies/1.2.250.1.999999.1/series/1.2.250.1.999999.2.2',
    );
  });

  test('lists every instance once in evidence and once in content, by its kind (decision C3)', () => {
    const uids = content.series.flatMap((series) => series.instances.map((instance) => instance.sopInstanceUid));
    expect(valuesAt(read, '0040A375', '00081115', '00081199', '00081155')).toEqual(uids);
    expect(valuesAt(read, '0040A730', '00081199', '00081155')).toEqual(uids);
    expect(valuesAt(read, '0040A730', '0040A040')).toEqual([
      'IMAGE',
      'IMAGE',
      'IMAGE',
      'COMPOSITE',
      'COMPOSITE',
      'COMPOSITE',
      'COMPOSITE',
      'WAVEFORM',
      'TEXT',
    ]);
  });

  test('numbers series and instances, and frames where there are several', () => {
    expect(valuesAt(read, '0040A375', '00081115', '00200011')).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(valuesAt(read, '0040A375', '00081115', '00081199', '00200013')).toEqual([1, 2, 1, 1, 1, 1, 1, 1]);
    expect(valuesAt(read, '0040A375', '00081115', '00081199', '00280008')).toEqual([40]);
  });

  test('leaves those numbers out when told to keep to PS3.3', () => {
    const bare = dataset(content, inventStamp(), { writeNonStandardEvidence: false });
    expect(valuesAt(bare, '0040A375', '00081115', '00200011')).toEqual([]);
    expect(valuesAt(bare, '0040A375', '00081115', '00081199', '00200013')).toEqual([]);
    expect(valuesAt(bare, '0040A375', '00081115', '00081199', '00081155')).toHaveLength(8);
  });

  test('describes study, act and series in a text item', () => {
    const text = valuesAt(read, '0040A730').at(-1) as Parameters<typeof valuesAt>[0];
    expect(['00080100', '00080104'].map((tag) => valuesAt(text, '0040A043', tag)[0])).toEqual([
      '113012',
      'Key Object Description',
    ]);
    expect(String(valuesAt(text, '0040A160')[0]).split('\n').slice(0, 4)).toEqual([
      'Examen : Scanner thoracique injecté',
      'Acte = Scanographie du thorax',
      'Série-1.2.250.1.999999.2.1 : CT @ CHEST : Série axiale 1',
      'Série-1.2.250.1.999999.2.2 : US @  : Série axiale 2',
    ]);
  });
});

describe('same arguments, same bytes (decision C2)', () => {
  test.each([
    ['manifest-latin1.dcm', inventSmallContent()],
    ['manifest-utf8.dcm', inventContentBeyondLatin1()],
  ])('%s', (name, from) => {
    expect(Buffer.from(buildManifest(from, inventStamp())).equals(golden(name))).toBe(true);
  });
});

describe('character set', () => {
  test('is ISO_IR 100 while every text fits it', () => {
    const read = parseManifest(buildManifest(content, inventStamp()));
    expect([read.specificCharacterSet, read.patient.name]).toEqual(['ISO_IR 100', 'EXEMPLÉ^AMÉLIE']);
  });

  test.each([
    ['name', withPatient({ birthFamilyName: 'ŁUKASZEWSKI' })],
    ['used name', withPatient({ usedFamilyName: 'CŒUR' })],
    ['label', withStudy({ studyDescription: 'IRM 3 Tesla – crâne' })],
    ['label of a series', inventContent({ series: [inventManifestSeries(1, { seriesDescription: '½ → ¾' })] })],
    ['act', inventContent({ actDisplayName: 'Échographie de l’abdomen' })],
    ['accession number', inventContent({ orders: [{ accessionNumber: { value: 'Ω1' } }] })],
  ])('is ISO_IR 192 when a %s does not fit: nothing is replaced by a question mark', (_, from) => {
    const read = parseManifest(buildManifest(from, inventStamp()));
    expect(read.specificCharacterSet).toBe('ISO_IR 192');
    expect(read.patient.name).toBe(`${from.patient.birthFamilyName}^AMÉLIE`);
    expect(read.actDisplayName).toBe(from.actDisplayName);
    expect(read.requests[0]?.accessionNumber).toBe(from.orders[0]?.accessionNumber?.value);
    expect(read.study.studyDescription).toBe(from.study.studyDescription);
  });
});

test('a final slash of the base URL makes no double slash', () => {
  const [series] = parseManifest(
    buildManifest(inventContent({ retrieveUrlBase: 'https://db.exemple.fr/drimbox//' }), inventStamp()),
  ).series;
  expect(series?.retrieveUrl).toBe(
    'https://db.exemple.fr/drimbox/studies/1.2.250.1.999999.1/series/1.2.250.1.999999.2.1',
  );
});

test('creation times are written at the offset of the study: a study of July published in January (decision C4)', () => {
  const read = parseManifest(buildManifest(withStudy({ studyDate: '20230714' }), inventStamp()));
  expect([read.timezoneOffsetFromUtc, read.contentDate, read.contentTime]).toEqual(['+0200', '20240116', '103005']);
});

test('no text from report or PACS, however odd, makes a file that others cannot read', () => {
  const odd = fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.string({ unit: 'grapheme', maxLength: 100 }));
  fc.assert(
    fc.property(
      fc.record({ name: odd, given: odd, label: odd, physician: odd, id: odd, date: odd, act: odd }),
      (texts) => {
        const from = inventContent({
          patient: {
            ...content.patient,
            birthFamilyName: texts.name,
            firstBirthGivenName: texts.given,
            birthGivenNames: texts.given,
            usedFamilyName: texts.name,
            birthDate: texts.date,
          },
          institution: { id: '1010000017', name: texts.name },
          study: {
            studyInstanceUid: content.study.studyInstanceUid,
            studyDate: texts.date,
            studyTime: texts.date,
            studyId: texts.id,
            studyDescription: texts.label,
            referringPhysicianName: texts.physician,
          },
          actDisplayName: texts.act,
          series: [
            inventManifestSeries(1, {
              modality: texts.id,
              seriesNumber: texts.id,
              seriesDescription: texts.label,
              bodyPartExamined: texts.label,
            }),
          ],
        });
        const bytes = buildManifest(from, inventStamp({ manufacturer: texts.label, softwareVersion: texts.label }));
        const ours = parseManifest(bytes);
        const theirs = readWithDcmjs(bytes);
        expect(ours.patient.id).toBe('275017512345657');
        expect(valuesAt(theirs, '00100020')).toEqual(['275017512345657']);
        expect(valuesAt(theirs, '0040A730', '00081199', '00081155')).toEqual([
          '1.2.250.1.999999.3.1.1',
          '1.2.250.1.999999.3.1.2',
        ]);
        expect(ours.series[0]?.instances.map((instance) => instance.sopInstanceUid)).toEqual([
          '1.2.250.1.999999.3.1.1',
          '1.2.250.1.999999.3.1.2',
        ]);
      },
    ),
    { numRuns: 200 },
  );
});

test('an identifier is read back exactly or was refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
      let bytes: Uint8Array;
      try {
        bytes = buildManifest(inventContent({ orders: [{ accessionNumber: { value } }] }), inventStamp());
      } catch (error) {
        expect(error).toMatchObject({ code: 'kos/value-invalid' });
        return;
      }
      expect(parseManifest(bytes).requests[0]?.accessionNumber).toBe(value.trim());
    }),
  );
});

test('10,000 instances: all there, in well under the time of a request', () => {
  const big = inventContent({
    series: [inventManifestSeries(1, { instances: inventInstances(1, sopClass.ct, 10_000) })],
  });
  const startedAt = performance.now();
  const bytes = buildManifest(big, inventStamp());
  const elapsedMs = performance.now() - startedAt;
  const [series] = parseManifest(bytes).series;
  expect(series?.instances).toHaveLength(10_000);
  expect(series?.instances.at(-1)).toMatchObject({
    sopInstanceUid: '1.2.250.1.999999.3.1.10000',
    instanceNumber: '10000',
  });
  // 25 ms on two shared cores; the bound only catches a growth that is no longer linear.
  expect(elapsedMs).toBeLessThan(3000);
});
