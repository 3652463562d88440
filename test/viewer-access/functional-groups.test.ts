/**
 * What a multi-frame image says of its frames, and what it says by reference, in whatever way its sequences are written.
 * Invented images without pixels.
 */
import { describe, expect, test } from 'vitest';
import { buildObjectMetadata } from '../../plugin/viewer-access/dicomweb/object-metadata.ts';
import { readPictureLook } from '../../plugin/viewer-access/dicomweb/picture-look.ts';
import type { StoredObject } from '../../plugin/viewer-access/dicomweb/stored-object.ts';
import { findValue } from '../../plugin/viewer-access/dicomweb/value-places.ts';
import { buildDicomFile, type Element } from '../fixtures/orthanc/dicom-file.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';

type Length = 'defined' | 'undefined';

const uint32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const tagBytes = (tag: string): Buffer =>
  Buffer.from([tag.slice(2, 4), tag.slice(0, 2), tag.slice(6), tag.slice(4, 6)].join(''), 'hex');
const even = (text: string): Buffer => Buffer.from(text.length % 2 === 0 ? text : `${text} `, 'latin1');

/** A short VR. */
const explicit = (tag: string, vr: string, text: string): Buffer => {
  const value = even(text);
  const length = Buffer.from(Uint16Array.of(value.length).buffer);
  return Buffer.concat([tagBytes(tag), Buffer.from(vr), length, value]);
};
const implicit = (tag: string, value: Buffer): Buffer => Buffer.concat([tagBytes(tag), uint32(value.length), value]);
const item = (body: Buffer, length: Length): Buffer =>
  length === 'defined'
    ? Buffer.concat([tagBytes('FFFEE000'), uint32(body.length), body])
    : Buffer.concat([tagBytes('FFFEE000'), uint32(0xffffffff), body, tagBytes('FFFEE00D'), uint32(0)]);
const sequenceHead = (tag: string, vr: string, length: number): Buffer =>
  Buffer.concat([tagBytes(tag), Buffer.from(`${vr}\0\0`), uint32(length)]);
const sequence = (tag: string, vr: string, items: readonly Buffer[], length: Length): Buffer => {
  const body = Buffer.concat(items);
  if (length === 'defined') return Buffer.concat([sequenceHead(tag, vr, body.length), body]);
  return Buffer.concat([sequenceHead(tag, vr, 0xffffffff), body, tagBytes('FFFEE0DD'), uint32(0)]);
};

/** As a PACS writes a private sequence that it has no dictionary of (PS3.5 §6.2.2). Its length looks like no VR. */
const privateSequence = sequence(
  '20051402',
  'UN',
  [
    item(
      Buffer.concat([
        implicit('20050010', even('INVENTE')),
        implicit('20051403', Buffer.alloc(300, 7)),
        // A sequence in it, of undefined length too.
        Buffer.concat([tagBytes('20051404'), uint32(0xffffffff)]),
        item(implicit('00080100', even('CODE')), 'undefined'),
        Buffer.concat([tagBytes('FFFEE0DD'), uint32(0)]),
      ]),
      'undefined',
    ),
  ],
  'undefined',
);

const macros = (frame: number, length: Length): readonly Buffer[] => [
  sequence(
    '00289132',
    'SQ',
    [item(Buffer.concat([explicit('00281050', 'DS', String(frame)), explicit('00281051', 'DS', '100')]), length)],
    length,
  ),
  sequence(
    '00289145',
    'SQ',
    [item(Buffer.concat([explicit('00281052', 'DS', String(-frame)), explicit('00281053', 'DS', '2')]), length)],
    length,
  ),
];

const identity: readonly Element[] = [
  ['00080016', 'UI', '1.2.840.10008.5.1.4.1.1.4.1'],
  ['00080018', 'UI', '2.25.7.40.1'],
  ['00080060', 'CS', 'MR'],
  ['00100020', 'LO', 'IPP7'],
  ['0020000D', 'UI', '2.25.7'],
  ['0020000E', 'UI', '2.25.7.40'],
];

/** Appended in the order of their tags, all above those of `identity`. */
const objectOf = (...appended: readonly Buffer[]): StoredObject => {
  const head = Buffer.concat([buildDicomFile(identity), ...appended]);
  const image = { sopInstanceUid: '2.25.7.40.1' } as StoredObject['image'];
  return {
    ...{ image, head, whole: head, revision: '1', outline: outlineOf(head) },
    transferSyntax: '1.2.840.10008.1.2.1' as StoredObject['transferSyntax'],
    read: (start, end) => Promise.resolve(head.subarray(start, end)),
  };
};
const framesOf = (count: number, length: Length, ...more: readonly Buffer[]): readonly Buffer[] =>
  Array.from({ length: count }, (_, at) => item(Buffer.concat([...macros(at + 1, length), ...more]), length));
const lookOf = (object: StoredObject, frame: number) => readPictureLook(object, frame);
/** LINEAR: centre and width of that frame. */
const expected = (frame: number) => ({
  ...{ slope: 2, intercept: -frame },
  window: { low: frame - 50, high: frame + 49 },
});

describe('the window of a frame', () => {
  test.each(['defined', 'undefined'] as const)('is that of its own groups, of %s length', (length) => {
    const object = objectOf(sequence('52009230', 'SQ', framesOf(3, length), length));
    for (const frame of [1, 2, 3]) expect(lookOf(object, frame)).toEqual(expected(frame));
    expect(lookOf(object, 4)).toEqual({ slope: 1, intercept: 0 });
  });

  test('that all frames share is said once; what a frame says itself goes before it', () => {
    const [window = Buffer.alloc(0)] = macros(9, 'defined');
    const object = objectOf(
      sequence('52009229', 'SQ', [item(Buffer.concat(macros(5, 'defined')), 'defined')], 'defined'),
      sequence('52009230', 'SQ', [item(Buffer.alloc(0), 'defined'), item(window, 'defined')], 'defined'),
    );
    expect(lookOf(object, 1)).toEqual(expected(5));
    expect(lookOf(object, 2)).toEqual({ ...expected(5), window: expected(9).window });
  });

  test.each(['defined', 'undefined'] as const)(
    'is read beside private sequences that are written as UN: their items are implicit (PS3.5 §6.2.2), %s length',
    (length) => {
      const object = objectOf(sequence('52009230', 'SQ', framesOf(3, length, privateSequence), length));
      for (const frame of [1, 2, 3]) expect(lookOf(object, frame)).toEqual(expected(frame));
    },
  );

  test('is read where the groups themselves are written as UN', () => {
    const texts = [implicit('00281050', even('40')), implicit('00281051', even('400'))];
    const window = implicit('00289132', item(Buffer.concat(texts), 'defined'));
    const object = objectOf(sequence('52009230', 'UN', [item(window, 'undefined')], 'undefined'));
    expect(lookOf(object, 1)).toEqual({ slope: 1, intercept: 0, window: { low: -160, high: 239 } });
  });

  test('is not looked for behind its own item: what is broken there costs the later frames only', () => {
    const broken = Buffer.alloc(16, 0xee);
    const object = objectOf(sequence('52009230', 'SQ', [...framesOf(2, 'defined'), broken], 'defined'));
    expect(lookOf(object, 1)).toEqual(expected(1));
    expect(lookOf(object, 2)).toEqual(expected(2));
    expect(lookOf(object, 3)).toEqual({ slope: 1, intercept: 0 });
  });

  test('that is asked for stands, also where the groups cannot be read', () => {
    const object = objectOf(sequence('52009230', 'SQ', [Buffer.alloc(16, 0xee)], 'defined'));
    expect(readPictureLook(object, 1, { low: 1, high: 9 })).toEqual({
      ...{ slope: 1, intercept: 0 },
      window: { low: 1, high: 9 },
    });
  });
});

describe('a large value in a sequence', () => {
  const large = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 13) % 251));
  const waveform = (...before: readonly Buffer[]): Buffer =>
    Buffer.concat([...before, sequenceHead('54001010', 'OW', large.length), large]);
  const path = [0x54000100, 2, 0x54001010];
  const uri = 'instances/2.25.7.40.1/bulkdata/54000100/2/54001010';
  const second = (object: StoredObject): unknown =>
    (buildObjectMetadata(object)['54000100']?.Value?.[1] as Record<string, unknown> | undefined)?.['54001010'];

  test.each(['defined', 'undefined'] as const)('is told by reference beside UN of undefined length, %s', (length) => {
    const items = [item(privateSequence, length), item(waveform(privateSequence), length)];
    const object = objectOf(sequence('54000100', 'SQ', items, length));
    expect(second(object)).toEqual({ vr: 'OW', BulkDataURI: uri });
    const { start = 0, end = 0 } = findValue(object.outline, object.head, path) ?? {};
    expect(object.head.subarray(start, end).equals(large)).toBe(true);
  });

  test('deeper than anybody looks costs its reference, not the object', () => {
    let nested = waveform();
    for (let depth = 0; depth < 12; depth += 1) {
      nested = sequence('0040A730', 'SQ', [item(nested, 'undefined')], 'undefined');
    }
    const dataset = buildObjectMetadata(objectOf(nested));
    expect(dataset['00080018']?.Value).toEqual(['2.25.7.40.1']);
    expect(JSON.stringify(dataset)).not.toContain('BulkDataURI');
  });

  test('behind what cannot be walked has none: no such value', () => {
    const items = [item(Buffer.alloc(16, 0xee), 'defined'), item(waveform(), 'defined'), Buffer.alloc(16, 0xee)];
    const object = objectOf(sequence('54000100', 'SQ', items, 'defined'));
    expect(findValue(object.outline, object.head, [0x54000100, 1, 0x54001010])).toBeUndefined();
    expect(findValue(object.outline, object.head, [0x54000100, 4, 0x54001010])).toBeUndefined();
    expect(findValue(object.outline, object.head, [0x54000100, 2])).toBeUndefined();
  });
});
