/** One forward look over a file: PS3.5, PS3.10; decision E1 rests on it. */
import { describe, expect, test } from 'vitest';
import { pixelDataBytes, readOutline, transferSyntaxUids } from '../../plugin/dicom-file/index.ts';
import {
  cineFile,
  ctFile,
  dcmtkConvert,
  element,
  encodeAs,
  encodingNames,
  fragmented,
  identity,
  imageElements,
  implicitElement,
  item,
  itemEnd,
  outlineOf,
  rawFile,
  sequenceEnd,
  smallImage,
  uint32,
  undefinedLength,
} from '../fixtures/dicom-file/index.ts';

const pixels = element(0x7fe00010, 'OB', Buffer.alloc(4));
const code = (value: string): object => expect.objectContaining({ code: value });

describe('the outline of an image', () => {
  test.each(encodingNames)('%s: says the same of the same object (DCMTK wrote it)', (name) => {
    const file = encodeAs(name, ctFile());
    const outline = outlineOf(file);
    expect(outline).toMatchObject({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      studyInstanceUid: '1.2.250.1.999999.2.7',
      seriesInstanceUid: '1.2.250.1.999999.2.7.2',
      sopInstanceUid: '1.2.250.1.999999.2.7.2.5',
      patientId: 'IPP-EXEMPLE-1',
      patientIdIssuerOids: ['1.2.250.1.999999.1.1'],
      instanceNumber: 5,
      modality: 'CT',
      specificCharacterSet: 'ISO_IR 100',
      image: {
        rows: 8,
        columns: 8,
        samplesPerPixel: 1,
        photometricInterpretation: 'MONOCHROME2',
        planarConfiguration: 0,
        bitsAllocated: 16,
        bitsStored: 12,
        highBit: 11,
        pixelRepresentation: 0,
        numberOfFrames: 1,
        isLossy: false,
      },
      otherPatientIds: { items: [{ id: '275017512345657', issuerOids: ['1.2.250.1.213.1.4.10'] }] },
      pixel: { tag: 0x7fe00010, length: 128, valueOffset: file.length - 128, isEncapsulated: false },
    });
    expect(pixelDataBytes(outline)).toBe(128);
  });

  test('of a compressed cine loop has fragments and no length; its pixel bytes end before the delimiter (b.14 13)', () => {
    const file = dcmtkConvert('dcmcrle', [], cineFile());
    const outline = outlineOf(file);
    expect(outline.pixel).toMatchObject({ isEncapsulated: true, vr: 'OB' });
    expect(outline.pixel).not.toHaveProperty('length');
    expect(outline.image?.numberOfFrames).toBe(5);
    expect(pixelDataBytes(outline)).toBe(file.length - (outline.pixel?.valueOffset ?? 0) - 8);
  });

  test('of a deflated file is not made: the caller inflates it first', () => {
    const reading = readOutline(dcmtkConvert('dcmconv', ['+td'], ctFile()));
    expect(reading).toEqual({ kind: 'deflated', transferSyntaxUid: transferSyntaxUids.deflatedExplicitVrLittleEndian });
  });

  test('of an object without pixels ends with the data set, zeros behind it do not count', () => {
    const file = rawFile([...identity, element(0x00420011, 'OB', Buffer.alloc(10))]);
    const outline = outlineOf(Buffer.concat([file, Buffer.alloc(37)]));
    expect(outline.scanEnd).toBe(file.length);
    expect(outline).not.toHaveProperty('pixel');
    expect(outline).not.toHaveProperty('image');
    expect(pixelDataBytes(outline)).toBe(0);
  });

  test('takes the retired VRs that DCMTK takes: "??" with a short length, unknown capitals with a long one', () => {
    const odd = Buffer.concat([
      Buffer.from([0x09, 0, 0x01, 0x10]),
      Buffer.from('??'),
      Buffer.from([2, 0, 1, 2]),
      Buffer.from([0x09, 0, 0x02, 0x10]),
      Buffer.from('ZZ'),
      Buffer.from([0, 0, 4, 0, 0, 0, 1, 2, 3, 4]),
    ]);
    const outline = outlineOf(
      rawFile([...identity.slice(0, 3), odd, ...identity.slice(3), ...imageElements(), pixels]),
    );
    expect([...outline.elements.keys()]).toContain(0x00091002);
    expect(outline.patientId).toBe('IPP-EXEMPLE-7');
  });

  test('jumps over a sequence written as UN of undefined length: its items are Implicit VR (PS3.5 §6.2.2)', () => {
    const inner = item(Buffer.concat([implicitElement(0x00080100, 'T-1 '), itemEnd]), undefinedLength);
    const unknown = Buffer.concat([element(0x00091010, 'UN', '', undefinedLength), inner, sequenceEnd]);
    const outline = outlineOf(
      rawFile([...identity.slice(0, 3), unknown, ...identity.slice(3), ...imageElements(), pixels]),
    );
    expect(outline.elements.get(0x00091010)).toMatchObject({ isUndefinedLength: true, vr: 'UN' });
    expect(outline.elements.get(0x00091010)?.end).toBe(outline.elements.get(0x00100020)?.start);
  });

  test('jumps over the compressed icon of an item: the first pixel data of the top level is the image', () => {
    const icon = item(Buffer.concat([fragmented(Buffer.alloc(0), Buffer.alloc(6)), itemEnd]), undefinedLength);
    const icons = Buffer.concat([element(0x00880200, 'SQ', '', undefinedLength), icon, sequenceEnd]);
    const file = rawFile([...identity, ...imageElements(), icons, pixels]);
    expect(outlineOf(file).pixel?.valueOffset).toBe(file.length - 4);
  });

  test('reads elements out of order, as DCMTK does', () => {
    const file = rawFile([...identity.toReversed(), ...imageElements(), pixels]);
    expect(outlineOf(file)).toMatchObject({ sopInstanceUid: '1.2.250.1.999999.7.1', patientId: 'IPP-EXEMPLE-7' });
  });
});

describe('the beginning of a file', () => {
  test.each(encodingNames)('%s: cut at every byte asks for more, or says what the whole file says', (name) => {
    const file = encodeAs(name, ctFile());
    const whole = outlineOf(file);
    let outlines = 0;
    for (let length = 0; length < file.length; length += 1) {
      const reading = readOutline(file.subarray(0, length), { fileLength: file.length });
      if (reading.kind === 'need-more') {
        expect(reading.atLeastBytes).toBeGreaterThan(length);
        expect(reading.atLeastBytes).toBeLessThanOrEqual(file.length);
      } else {
        expect(reading).toEqual({ kind: 'outline', outline: whole });
        outlines += 1;
      }
    }
    expect(outlines).toBe(128);
  });

  test('asks at least for twice as much, so that all looks together stay linear, and jumps over long values', () => {
    const long = element(0x00091010, 'OB', Buffer.alloc(100_000));
    const file = rawFile([...identity.slice(0, 3), long, ...identity.slice(3), ...imageElements(), pixels]);
    const short = readOutline(file.subarray(0, 400), { fileLength: file.length });
    expect(short).toMatchObject({ kind: 'need-more' });
    expect(short.kind === 'need-more' && short.atLeastBytes > 100_000).toBe(true);
    const early = readOutline(file.subarray(0, 140), { fileLength: file.length });
    expect(early).toEqual({ kind: 'need-more', atLeastBytes: 280 });
  });
});

describe('what is refused', () => {
  test('dicom-file/not-dicom: no preamble, no DICM, nothing', () => {
    for (const file of [Buffer.alloc(0), Buffer.alloc(500), ctFile().subarray(132), Buffer.from('<html>')]) {
      expect(() => readOutline(file)).toThrow(code('dicom-file/not-dicom'));
    }
  });

  test('dicom-file/malformed: an image cut anywhere is never taken for a shorter one', () => {
    const file = ctFile();
    const whole = outlineOf(file);
    const bitsAllocatedEnd = whole.elements.get(0x00280100)?.end ?? 0;
    for (let length = 132; length < file.length; length += 1) {
      const cut = file.subarray(0, length);
      // Between two elements, before anything says that it is an image: an object without pixels, and nothing to decode.
      const boundary = [...whole.elements.values()].some(({ end }) => end === length) && length < bitsAllocatedEnd;
      if (boundary && length > (whole.elements.get(0x0020000e)?.end ?? 0) - 1) {
        expect(outlineOf(cut)).not.toHaveProperty('image');
      } else expect(() => readOutline(cut), `${length}`).toThrow(code('dicom-file/malformed'));
    }
  });

  test('dicom-file/malformed: an element that decides comes twice, a UID is missing, a length lies', () => {
    const [sopClass, sopInstance, modality, patient, study, series] = identity;
    const rest = [...imageElements(), pixels];
    const files: Readonly<Record<string, readonly Uint8Array[]>> = {
      'a second StudyInstanceUID': [...identity, element(0x0020000d, 'UI', '1.2.3'), ...rest],
      'no SOPInstanceUID': [sopClass, modality, patient, study, series, ...rest],
      'no StudyInstanceUID': [sopClass, sopInstance, modality, patient, series, ...rest],
      'empty SeriesInstanceUID': [sopClass, sopInstance, study, element(0x0020000e, 'UI', ''), ...rest],
      'length beyond the file': [...identity, element(0x00400001, 'OB', Buffer.alloc(4), 1e9), ...rest],
      'undefined length of a text': [...identity, element(0x00400001, 'UT', 'A', undefinedLength), ...rest],
      'item at the top level': [...identity, item(Buffer.alloc(0)), ...rest],
      'file meta in the data set': [
        ...identity,
        element(0x00280001, 'US', Buffer.alloc(2)),
        element(0x00020010, 'UI', '1.2'),
        ...rest,
      ],
      'no delimiter': [...identity, element(0x00400100, 'SQ', '', undefinedLength), ...rest],
      'fragments in a native syntax': [...identity, ...imageElements(), fragmented(Buffer.alloc(0), Buffer.alloc(4))],
    };
    for (const [name, parts] of Object.entries(files)) {
      expect(() => readOutline(rawFile(parts)), name).toThrow(code('dicom-file/malformed'));
    }
    expect(() => readOutline(smallImage({}, pixels, '1.2.840.10008.1.2.4.70')), 'native in JPEG').toThrow(
      code('dicom-file/malformed'),
    );
  });

  test('dicom-file/syntax-unsupported: a private transfer syntax, whose encoding nobody knows', () => {
    expect(() => readOutline(smallImage({}, pixels, '1.2.840.113619.5.2'))).toThrow(
      code('dicom-file/syntax-unsupported'),
    );
  });

  const nested = (depth: number): Buffer => {
    const open = Buffer.concat([
      element(0x00400100, 'SQ', '', undefinedLength),
      item(Buffer.alloc(0), undefinedLength),
    ]);
    const close = Buffer.concat([itemEnd, sequenceEnd]);
    return Buffer.concat([...Array<Buffer>(depth).fill(open), ...Array<Buffer>(depth).fill(close)]);
  };

  test('dicom-file/too-deep: sequences in sequences beyond the limit; up to it they are read', () => {
    expect(outlineOf(rawFile([...identity, nested(64)])).elements.has(0x00400100)).toBe(true);
    for (const depth of [65, 100_000]) {
      expect(() => readOutline(rawFile([...identity, nested(depth)]))).toThrow(code('dicom-file/too-deep'));
    }
    expect(() => readOutline(rawFile([...identity, nested(3)]), { limits: { maxDepth: 2 } })).toThrow(
      code('dicom-file/too-deep'),
    );
  });

  test('dicom-file/too-large: more elements than any image has', () => {
    const many = Buffer.alloc(8 * 1_000_001, item(Buffer.alloc(0)));
    const sequence = Buffer.concat([element(0x00400100, 'SQ', '', undefinedLength), many, sequenceEnd]);
    expect(() => readOutline(rawFile([...identity, sequence]))).toThrow(code('dicom-file/too-large'));
    expect(() => readOutline(ctFile(), { limits: { maxElements: 10 } })).toThrow(code('dicom-file/too-large'));
    const distinct = Array.from({ length: 50_001 }, (_, index) => element(0x30000000 + 2 * index + 1, 'UN', ''));
    expect(() => readOutline(rawFile([...identity, ...distinct]))).toThrow(code('dicom-file/too-large'));
  });

  test('no identity stands in an error', () => {
    const file = rawFile([...identity, element(0x00100020, 'LO', 'IPP-EXEMPLE-8'), uint32(1)]);
    expect(() => readOutline(file)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('IPP') }));
  });
});
