import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildManifest, parseManifest } from '../../plugin/kos/index.ts';
import {
  buildCtStudy,
  buildKeyObject,
  buildRejectionNote,
  buildStoredManifest,
  encodePart10,
  inventedSeries,
  inventedStudy,
  type Element,
} from '../fixtures/dicom/index.ts';
import { inventContent, inventSmallContent, inventStamp } from '../fixtures/kos/invented-manifest.ts';

const golden = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/kos', name));
const outcomeOf = (bytes: Uint8Array, maxBytes?: number): unknown => {
  try {
    return parseManifest(bytes, maxBytes === undefined ? {} : { maxBytes });
  } catch (error) {
    return error;
  }
};
const unreadable = expect.objectContaining({ code: 'kos/unreadable' });
const latin1 = golden('manifest-latin1.dcm');

describe('round trip', () => {
  test('gives back all that was put in', () => {
    const content = inventContent();
    const stamp = inventStamp();
    const read = parseManifest(buildManifest(content, stamp));
    const { studyInstanceUid, ...study } = content.study;
    expect(read).toMatchObject({
      transferSyntaxUid: '1.2.840.10008.1.2.1',
      specificCharacterSet: 'ISO_IR 100',
      sopInstanceUid: stamp.sopInstanceUid,
      seriesInstanceUid: stamp.seriesInstanceUid,
      studyInstanceUid,
      seriesNumber: '59',
      instanceNumber: '1',
      contentDate: '20240116',
      contentTime: '093005',
      timezoneOffsetFromUtc: '+0100',
      manufacturer: stamp.manufacturer,
      softwareVersions: stamp.softwareVersion,
      institution: content.institution,
      title: { code: '113030', codingScheme: 'DCM', meaning: 'Manifest' },
      study,
      actDisplayName: content.actDisplayName,
    });
    expect(read.patient).toEqual({
      id: '275017512345657',
      issuer: 'ASIP-SANTE-INS-NIR',
      issuerOid: '1.2.250.1.213.1.4.10',
      name: 'EXEMPLÉ^AMÉLIE',
      birthDate: '19750115',
      sex: 'F',
      birthPlace: '63220',
      otherNames: ['^AMÉLIE ROSE-ANNE', 'MODÈLE^AMÉLIE'],
      otherIds: [{ id: '275017512345657', issuer: 'ASIP-SANTE-INS-NIR', issuerOid: '1.2.250.1.213.1.4.10' }],
    });
    const valueTypes = { CT: 'IMAGE', US: 'IMAGE', ECG: 'WAVEFORM' } as Record<string, string>;
    expect(read.series).toEqual(
      content.series.map((series) => ({
        ...series,
        studyInstanceUid,
        retrieveUrl: `https://db.exemple.fr/drimbox/studies/${studyInstanceUid}/series/${series.seriesInstanceUid}`,
        retrieveLocationUid: '',
        seriesDescription: series.seriesDescription,
        instances: series.instances.map((instance) => ({
          ...instance,
          valueType: valueTypes[series.modality] ?? 'COMPOSITE',
        })),
      })),
    );
  });

  test('reads in Implicit VR with undefined lengths, as DCMTK wrote it, what it reads in ours', () => {
    const implicit = parseManifest(golden('manifest-implicit.dcm'));
    expect(implicit).toEqual({ ...parseManifest(latin1), transferSyntaxUid: '1.2.840.10008.1.2' });
  });

  test('reads UTF-8', () => {
    expect(parseManifest(golden('manifest-utf8.dcm')).patient.name).toBe('ŁUKASZEWSKI^CŒLINE');
  });

  test('accepts a view into a larger buffer, as sockets and databases give them', () => {
    const larger = Buffer.concat([Buffer.alloc(7, 0xff), latin1, Buffer.alloc(9, 0xff)]);
    expect(parseManifest(larger.subarray(7, 7 + latin1.length))).toEqual(parseManifest(latin1));
  });
});

describe('a file that is not whole is no manifest: it must not pass for one of a smaller study', () => {
  test.each(['manifest-latin1.dcm', 'manifest-utf8.dcm', 'manifest-implicit.dcm'])('%s cut at any byte', (name) => {
    const whole = golden(name);
    for (let length = 0; length < whole.length; length += 1) {
      const outcome = outcomeOf(whole.subarray(0, length));
      // Compared by hand: thousands of `expect` take seconds.
      if ((outcome as { code?: unknown }).code !== 'kos/unreadable') expect.fail(`read when cut at byte ${length}`);
    }
  });

  test('nor is one with something behind it', () => {
    expect(outcomeOf(Buffer.concat([latin1, Buffer.from([1])]))).toEqual(unreadable);
  });

  test('an element that comes twice makes it doubtful which patient it is about', () => {
    const study = inventedStudy();
    const [image] = buildCtStudy();
    const file = buildStoredManifest(study, inventedSeries(study, 9, 'KO'), 1, [image!]).bytes;
    const at = file.indexOf('LO', file.indexOf('PN'));
    const patientId = file.subarray(at - 4, at + 4 + file.readUInt16LE(at + 2));
    const doubled = Buffer.concat([file.subarray(0, at - 4), patientId, file.subarray(at - 4)]);
    expect(outcomeOf(file)).toMatchObject({ studyInstanceUid: study.studyInstanceUid });
    expect(outcomeOf(doubled)).toEqual(unreadable);
  });
});

describe('what is no manifest', () => {
  const study = inventedStudy();
  const series = inventedSeries(study, 9, 'KO');
  const images = buildCtStudy();
  const manifestElements = (...elements: readonly Element[]): Buffer =>
    encodePart10([
      [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.59'],
      [0x00080018, 'UI', '1.2.3'],
      [0x0020000d, 'UI', '1.2.4'],
      ...elements,
    ]);

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('bonjour '.repeat(40))],
    ['a preamble only', latin1.subarray(0, 132)],
    ['an image', images[0]!.bytes],
    ['a rejection note: what it names must not be shown', buildRejectionNote(study, series, 1, images).bytes],
    ['a key object that names nothing', buildKeyObject(study, series, 1, ['113030', 'Manifest'], []).bytes],
    ['a key object without content', manifestElements()],
    [
      'an explicit big endian file',
      Buffer.from(latin1.toString('latin1').replace('1.2.840.10008.1.2.1\0', '1.2.840.10008.1.2.2\0'), 'latin1'),
    ],
    [
      'a deflated file',
      Buffer.from(latin1.toString('latin1').replace('1.2.840.10008.1.2.1\0', '1.2.840.10008.1.2.9\0'), 'latin1'),
    ],
  ])('%s', (_, bytes) => {
    expect(outcomeOf(bytes)).toEqual(unreadable);
  });

  test('a file above the size limit is not even looked at', () => {
    expect(outcomeOf(latin1, latin1.length)).toMatchObject({ studyInstanceUid: '1.2.250.1.999999.1' });
    expect(outcomeOf(latin1, latin1.length - 1)).toEqual(unreadable);
  });

  test('sequences nested without end do not exhaust the stack', () => {
    let nested: Element = [0x0040a730, 'SQ', []];
    for (let depth = 0; depth < 50; depth += 1) nested = [0x0040a730, 'SQ', [[nested]]];
    expect(outcomeOf(manifestElements(nested))).toEqual(unreadable);
  });

  test('errors tell where, never who (decision A6)', () => {
    const error = outcomeOf(latin1.subarray(0, 900)) as Error;
    expect(error.message).toMatch(/^kos\/unreadable: cut or wrong length at byte \d+$/);
  });
});

describe('foreign forms', () => {
  const study = inventedStudy();
  const images = buildCtStudy();
  const stored = buildStoredManifest(study, inventedSeries(study, 9, 'KO'), 1, images).bytes;

  test('a manifest without description, patient qualifiers or requests', () => {
    const read = parseManifest(stored);
    expect(read).toMatchObject({ requests: [], description: '', actDisplayName: '' });
    expect(read.patient).toMatchObject({
      id: 'IPP-EXEMPLE-1',
      name: 'EXEMPLÉ^Amélie',
      otherIds: [{ id: '275017512345657' }],
    });
    expect(read.series[0]).toMatchObject({
      modality: '',
      retrieveUrl: '',
      instances: images.map(({ sopInstanceUid }) => ({ sopInstanceUid, valueType: 'IMAGE' })),
    });
  });

  test.each([
    ['ISO_IR 100', 'É', [0xc9]],
    ['ISO 2022 IR 100', 'É', [0xc9]],
    ['ISO_IR 101', 'Ł', [0xa3]],
    ['ISO_IR 203', 'Œ', [0xbc]],
    ['ISO_IR 144', 'Ж', [0xb6]],
    ['ISO_IR 6', 'É', [0xc9]],
    ['GB18030', '王', [0xcd, 0xf5]],
    ['UNKNOWN', 'É', [0xc9]],
  ])('a name in %s', (term, letter, bytes) => {
    const file = encodePart10([
      [0x00080005, 'CS', term],
      [0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.59'],
      [0x00080018, 'UI', '1.2.3'],
      [0x0020000d, 'UI', '1.2.4'],
      [0x00100010, 'PN', Buffer.from([...Buffer.from('X^'), ...bytes])],
      [0x0040a375, 'SQ', [[[0x00081115, 'SQ', [[[0x00081199, 'SQ', [[[0x00081155, 'UI', '1.2.5']]]]]]]]]],
      [0x0040a730, 'SQ', []],
    ]);
    expect(parseManifest(file).patient.name).toBe(`X^${letter}`);
  });
});

describe('whatever comes in, only kos/unreadable goes out', () => {
  const isOurs = (bytes: Uint8Array): boolean => {
    const outcome = outcomeOf(bytes);
    return !(outcome instanceof Error) || (outcome as { code?: unknown }).code === 'kos/unreadable';
  };

  test('random bytes behind a valid beginning', () => {
    const start = latin1.subarray(0, 330);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => isOurs(Buffer.concat([start, bytes]))));
  });

  test.each(['manifest-latin1.dcm', 'manifest-implicit.dcm'])('%s with some bytes changed', (name) => {
    const whole = golden(name);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const changed = Buffer.from(whole);
        for (const [at, byte] of changes) changed[at] = byte;
        return isOurs(changed);
      }),
      { numRuns: 1000 },
    );
  });

  test('a value of a million spaces takes no time', () => {
    const content = inventSmallContent();
    const text = 'a'.padEnd(1_000_000, ' ');
    const bytes = buildManifest({ ...content, actDisplayName: `${text}b` }, inventStamp());
    expect(parseManifest(bytes).actDisplayName).toHaveLength(1_000_001);
  });
});
