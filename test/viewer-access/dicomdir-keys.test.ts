import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOutline } from '../../plugin/dicom-file/index.ts';
import { referenceValueType } from '../../plugin/standards/index.ts';
import {
  maxFileRecordBytes,
  maxPatientBytes,
  maxSeriesBytes,
  maxStudyBytes,
  readFileRecord,
} from '../../plugin/viewer-access/dicomdir/directory-record.ts';
import {
  type DatasetElement,
  encodeElement,
  parseSequence,
} from '../../plugin/viewer-access/dicomdir/explicit-dataset.ts';
import { leafKeys, patientKeys, seriesKeys, studyKeys } from '../../plugin/viewer-access/dicomdir/record-keys.ts';
import { RecordType, recordTypeOf } from '../../plugin/viewer-access/dicomdir/record-types.ts';
import { type Element, encodePart10, type Item } from '../fixtures/dicom/index.ts';

const root = '1.2.840.10008.5.1.4.1.1.';

/** A SOP class of each type. */
const classOf: Readonly<Record<RecordType, string>> = {
  IMAGE: `${root}2`,
  'RT DOSE': `${root}481.2`,
  'RT STRUCTURE SET': `${root}481.3`,
  'RT PLAN': `${root}481.5`,
  'RT TREAT RECORD': `${root}481.4`,
  PRESENTATION: `${root}11.1`,
  WAVEFORM: `${root}9.1.1`,
  'SR DOCUMENT': `${root}88.33`,
  'KEY OBJECT DOC': `${root}88.59`,
  SPECTROSCOPY: `${root}4.2`,
  'RAW DATA': `${root}66`,
  REGISTRATION: `${root}66.1`,
  FIDUCIAL: `${root}66.2`,
  'ENCAP DOC': `${root}104.1`,
  'VALUE MAP': `${root}67`,
  STEREOMETRIC: `${root}77.1.5.3`,
  MEASUREMENT: `${root}78.1`,
  SURFACE: `${root}66.5`,
  'SURFACE SCAN': `${root}68.1`,
  TRACT: `${root}66.6`,
  ASSESSMENT: `${root}90.1`,
  RADIOTHERAPY: `${root}481.12`,
  ANNOTATION: `${root}91.1`,
  PRIVATE: '1.2.250.1.999999.5',
};

const identity: Item = [
  [0x00080018, 'UI', '1.2.250.1.999999.8.3'],
  [0x0020000d, 'UI', '1.2.250.1.999999.8'],
  [0x0020000e, 'UI', '1.2.250.1.999999.8.1'],
];

/** A file whose keys all hold that text; later elements replace earlier ones. */
const fileWith = (sopClassUid: string, type: RecordType, text: string, more: Item): Buffer => {
  const elements = new Map<number, Element>();
  for (const { tag, vr } of [...patientKeys, ...studyKeys, ...seriesKeys, ...leafKeys[type]]) {
    elements.set(tag, [tag, vr, vr === 'US' || vr === 'UL' ? [7] : text]);
  }
  for (const one of [...more, ...identity]) elements.set(one[0], one);
  for (const tag of [0x00280010, 0x00280011]) elements.delete(tag);
  return encodePart10([[0x00080016, 'UI', sopClassUid], ...elements.values()]);
};

const readRecord = (bytes: Buffer, type: RecordType) => {
  const reading = readOutline(bytes);
  if (reading.kind !== 'outline') throw new Error('no outline');
  const place = {
    type,
    seriesPlace: 999_999,
    instancePlace: 999_999,
    storedBytes: bytes.length,
    patientIdOtherwise: '1',
  };
  return readFileRecord({ outline: reading.outline, head: bytes }, place, reading.outline.transferSyntaxUid);
};

const types = Object.values(RecordType);
const code = (meaning: string): Item => [
  [0x00080100, 'SH', 'C1'],
  [0x00080102, 'SH', '99X'],
  [0x00080104, 'LO', meaning],
];

describe('the type of record', () => {
  it.each(types)('%s has its classes', (type) => {
    expect(recordTypeOf(classOf[type])).toBe(type);
  });

  it('is IMAGE exactly for what a manifest calls an image, but for those with a type of their own', () => {
    const own = new Set<RecordType>([
      RecordType.rtDose,
      RecordType.spectroscopy,
      RecordType.stereometric,
      RecordType.presentation,
      RecordType.annotation,
    ]);
    const suffixes = Array.from({ length: 140 }, (_, at) => at + 1).flatMap((arc) => [
      `${arc}`,
      `${arc}.1`,
      `${arc}.2`,
      `${arc}.1.1`,
    ]);
    for (const uid of [...suffixes, ...Array.from({ length: 25 }, (_, at) => `481.${at + 1}`)].map(
      (one) => root + one,
    )) {
      const type = recordTypeOf(uid);
      if (own.has(type)) continue;
      expect([uid, type === RecordType.image]).toEqual([uid, referenceValueType(uid) === 'IMAGE']);
    }
  });
});

describe('the room for a record', () => {
  it.each(types)('%s is never too small, whatever the values and the character set', (type) => {
    const sets = fc.constantFrom('ISO_IR 100', 'ISO_IR 192', '', '\\ISO 2022 IR 87', 'GB18030', 'nonsense');
    const texts = fc.oneof(
      fc.string({ maxLength: 3000 }),
      fc.string({ unit: 'binary', maxLength: 900 }).map((text) => Buffer.from(text, 'utf8').toString('latin1')),
      fc.constantFrom('', '20240115', '101530', '12', 'ORIGINAL\\PRIMARY', '1.2.3'),
    );
    fc.assert(
      fc.property(sets, texts, fc.nat(3000), (set, text, titleLength) => {
        const sequences: Item = [
          [0x00080005, 'CS', set],
          [0x0040a043, 'SQ', [code('t'.repeat(titleLength))]],
          [
            0x0040a730,
            'SQ',
            [
              [
                [0x0040a010, 'CS', 'HAS CONCEPT MOD'],
                [0x0040a043, 'SQ', [code(text)]],
              ],
            ],
          ],
          [
            0x00081115,
            'SQ',
            [
              [
                [0x0020000e, 'UI', '1.2.3'],
                [
                  0x00081140,
                  'SQ',
                  [
                    [
                      [0x00081150, 'UI', '1.2'],
                      [0x00081155, 'UI', '1.3'],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ];
        const bytes = fileWith(classOf[type], type, text, sequences);
        const record = readRecord(bytes, type);
        expect(record.keys.length).toBeLessThanOrEqual(maxFileRecordBytes(classOf[type], bytes.length));
        expect(record.patientKeys.length).toBeLessThanOrEqual(maxPatientBytes);
        expect(record.studyKeys.length).toBeLessThanOrEqual(maxStudyBytes);
        expect(record.seriesKeys.length).toBeLessThanOrEqual(maxSeriesBytes);
      }),
      { numRuns: 60, seed: 20260115 },
    );
  });

  it('cuts a name in UTF-8 between characters, and drops one whose character set cannot be cut', () => {
    const name = Buffer.from('é'.repeat(400), 'utf8').toString('latin1');
    const keysWith = (set: string): Buffer =>
      readRecord(fileWith(classOf.IMAGE, 'IMAGE', name, [[0x00080005, 'CS', set]]), 'IMAGE').patientKeys;
    const cut = keysWith('ISO_IR 192');
    expect(cut.includes(Buffer.from('é'.repeat(256), 'utf8'))).toBe(true);
    expect(cut.includes(Buffer.from('é'.repeat(257), 'utf8'))).toBe(false);
    expect(keysWith('\\ISO 2022 IR 87').includes(Buffer.from('é', 'utf8'))).toBe(false);
  });
});

describe('the sequences of a record', () => {
  const srClass = classOf['SR DOCUMENT'];
  const textOf = (more: Item, type: RecordType = 'SR DOCUMENT'): string =>
    readRecord(fileWith(classOf[type], type, '', more), type).keys.toString('latin1');

  it('hold what modifies the title and nothing else of the content (PS3.3 F.5.25)', () => {
    const content = (relationship: string, meaning: string): Item => [
      [0x0040a010, 'CS', relationship],
      [0x0040a043, 'SQ', [code(meaning)]],
    ];
    const text = textOf([
      [0x0040a730, 'SQ', [content('CONTAINS', 'Secret finding'), content('HAS CONCEPT MOD', 'Language')]],
    ]);
    expect(text).toContain('Language');
    expect(text).not.toContain('Secret finding');
  });

  it('give the latest time of verification of a verified report', () => {
    const observers = ['20240115101500', '20240116', '20230101'].map((time): Item => [[0x0040a030, 'DT', time]]);
    expect(textOf([[0x0040a073, 'SQ', observers]])).toContain('20240116');
    expect(textOf([[0x0040a073, 'SQ', [[[0x0040a030, 'DT', 'whenever']]]]])).not.toContain('whenever');
  });

  it('that cannot be read to their end are not copied: one file cannot make the directory unreadable', () => {
    const broken = [
      Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0, 0]),
      Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0x0a, 0, 0, 0, 0x08, 0, 0, 1, 0x53, 0x48, 0xff, 0, 0x41, 0x41]),
      Buffer.from('no item here', 'latin1'),
    ];
    for (const bytes of broken) {
      const text = textOf([[0x0040a043, 'SQ', bytes]]);
      expect(text).toContain('99DRIMBOX');
      expect(text.includes(bytes.toString('latin1'))).toBe(false);
    }
  });

  it('are taken to pieces and put together again without a change; garbage is never more than undefined', () => {
    const values = fc
      .uint8Array({ maxLength: 40 })
      .map((bytes) => Buffer.from(bytes.length % 2 === 0 ? bytes : bytes.slice(1)));
    const elements = fc.array(
      fc.record({
        // Group lengths (gggg,0000) are retired: what is written anew has none.
        tag: fc.integer({ min: 0x00080001, max: 0x7fdfffff }).filter((tag) => tag % 0x10000 !== 0),
        vr: fc.constantFrom('LO', 'UT', 'OB', 'UI'),
        content: values,
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.array(elements, { maxLength: 3 }), fc.uint8Array({ maxLength: 60 }), (items, garbage) => {
        const sorted = items.map((item): readonly DatasetElement[] => item.toSorted((a, b) => a.tag - b.tag));
        const bytes = encodeElement({
          tag: 0x0040a730,
          vr: 'SQ',
          content: [[{ tag: 0x0040a043, vr: 'SQ', content: sorted }]],
        });
        const parsed = parseSequence(bytes);
        expect(parsed).toBeDefined();
        expect(encodeElement({ tag: 0x0040a730, vr: 'SQ', content: parsed ?? [] }).equals(bytes)).toBe(true);
        const cut = bytes.subarray(0, bytes.length - 1);
        expect(parseSequence(cut)).toBeUndefined();
        const hostile = Buffer.concat([bytes.subarray(0, 12), garbage]);
        expect(() => parseSequence(hostile)).not.toThrow();
      }),
      { numRuns: 200, seed: 20260115 },
    );
  });

  it('deeper than sixteen are not followed', () => {
    let item: Item = code('deep');
    for (let depth = 0; depth < 20; depth += 1) item = [[0x0040a730, 'SQ', [item]]];
    const bytes = encodePart10([...identity, [0x00080016, 'UI', srClass], [0x0040a043, 'SQ', [item]]]);
    expect(readRecord(bytes, 'SR DOCUMENT').keys.includes('99DRIMBOX')).toBe(true);
  });
});
