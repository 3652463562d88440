/** Implicit VR, Big Endian and deflated files as Explicit VR Little Endian: DCMTK and dcmjs read the same in them. */
import { deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  attributeNumbers,
  attributeText,
  inflateDataset,
  readOutline,
  toExplicitLittleEndian,
  transferSyntaxUids,
} from '../../plugin/dicom-file/index.ts';
import {
  cineFile,
  ctFile,
  dcmdump,
  dcmtkConvert,
  element,
  encodeAs,
  encodingNames,
  fileMeta,
  identity,
  imageElements,
  implicitElement,
  isDicomFile,
  item,
  outlineOf,
  rawFile,
  sequenceEnd,
  undefinedLength,
} from '../fixtures/dicom-file/index.ts';
import { readWithDcmjs } from '../fixtures/kos/dcmjs-reading.ts';

const convert = (file: Buffer): Buffer => toExplicitLittleEndian(file, outlineOf(file));
const code = (value: string): object => expect.objectContaining({ code: value });

describe('conversion to Explicit VR Little Endian', () => {
  describe.each(encodingNames)('%s', (name) => {
    test.each([
      ['CT', ctFile()],
      ['cine', cineFile()],
    ])('%s: is the file that it was before DCMTK wrote it so', (_, original) => {
      const converted = convert(encodeAs(name, original));
      expect(isDicomFile(converted)).toBe(true);
      expect(dcmdump(converted, ['-q']).warnings).toBe('');
      // Once more through DCMTK: lengths and meta information as it writes them.
      const [ours, theirs] = [converted, original].map((file) => encodeAs('explicit LE', file));
      const withoutPixelVr = (file: Buffer | undefined) => {
        const { '7FE00010': pixels, ...rest } = readWithDcmjs(file ?? Buffer.alloc(0));
        return { rest, pixels: pixels?.Value };
      };
      expect(withoutPixelVr(ours)).toEqual(withoutPixelVr(theirs));
    });
  });

  test('gives a file back as it is when there is nothing to convert', () => {
    for (const file of [ctFile(), dcmtkConvert('dcmcrle', [], cineFile())]) {
      expect(convert(file).equals(file)).toBe(true);
    }
  });

  const implicit = (...parts: readonly Uint8Array[]): Buffer =>
    Buffer.concat([
      fileMeta(transferSyntaxUids.implicitVrLittleEndian),
      implicitElement(0x00080018, '1.2.3\0'),
      ...parts,
      implicitElement(0x0020000d, '1.2\0'),
      implicitElement(0x0020000e, '1.2.4\0'),
    ]);

  test('private elements become UN, their creators LO, undefined lengths sequences (PS3.5 §6.2.2)', () => {
    const sequence = Buffer.concat([
      implicitElement(0x00091002, '', undefinedLength),
      item(implicitElement(0x00080100, 'EXEMPLE ')),
      sequenceEnd,
    ]);
    const converted = convert(
      implicit(implicitElement(0x00090010, 'PRIVE EXEMPLE '), implicitElement(0x00091001, 'abcd'), sequence),
    );
    const vrs = [0x00090010, 0x00091001, 0x00091002].map((tag) => outlineOf(converted).elements.get(tag)?.vr);
    expect(vrs).toEqual(['LO', 'UN', 'SQ']);
    expect(dcmdump(converted, ['-q'])).toMatchObject({ status: 0, warnings: '' });
  });

  test('"US or SS" follows PixelRepresentation, LUTs are OW, an unknown tag is UN, overlays have their VR', () => {
    const file = encodeAs('implicit LE', ctFile());
    const { elements } = outlineOf(convert(file));
    expect(elements.get(0x00280010)?.vr).toBe('US');
    const lutted = convert(
      Buffer.concat([
        implicit(),
        implicitElement(0x00280010, '\u0001\0'),
        implicitElement(0x00280011, '\u0001\0'),
        implicitElement(0x00280100, '\u0010\0'),
        implicitElement(0x00280103, '\u0001\0'),
        implicitElement(0x00280106, '\u00ff\u00ff'),
        implicitElement(0x00283006, 'ab'),
        implicitElement(0x00289990, 'ab'),
        implicitElement(0x60020010, 'ab'),
        implicitElement(0x60023000, 'ab'),
        implicitElement(0x7fe00010, 'ab'),
      ]),
    );
    const outline = outlineOf(lutted);
    const vrs = [0x00280106, 0x00283006, 0x00289990, 0x60020010, 0x60023000].map(
      (tag) => outline.elements.get(tag)?.vr,
    );
    expect(vrs).toEqual(['SS', 'OW', 'UN', 'US', 'OW']);
    expect(attributeNumbers(outline, lutted, 0x00280106)).toEqual([-1]);
    expect(outline.pixel?.vr).toBe('OW');
  });

  test('a value too long for its VR becomes UN, byte for byte (PS3.5 §6.2.2)', () => {
    const long = Buffer.alloc(70_000, '1\\');
    const converted = convert(Buffer.concat([implicit(), implicitElement(0x30060050, long)]));
    const place = outlineOf(converted).elements.get(0x30060050);
    expect(place?.vr).toBe('UN');
    expect(converted.subarray(place?.valueOffset, place?.end).equals(long)).toBe(true);
  });

  test('what is malformed or nested too deep is refused, also where the outline only jumps', () => {
    const broken = implicit(implicitElement(0x00081115, item(Buffer.from('not an element'))));
    expect(() => convert(broken)).toThrow(code('dicom-file/malformed'));
    let nested: Buffer = Buffer.alloc(0);
    for (let depth = 0; depth < 200; depth += 1) nested = implicitElement(0x00081115, item(nested));
    expect(() => convert(implicit(nested))).toThrow(code('dicom-file/too-deep'));
    expect(() => toExplicitLittleEndian(broken, outlineOf(broken), { maxElements: 3 })).toThrow(
      code('dicom-file/too-large'),
    );
  });
});

describe('values of an outline', () => {
  test.each(encodingNames)('%s: text and numbers are read in the encoding of the file', (name) => {
    const file = encodeAs(name, ctFile());
    const outline = outlineOf(file);
    expect(attributeText(outline, file, 0x00281054)).toBe('HU');
    expect(attributeNumbers(outline, file, 0x00281052)).toEqual([-1024]);
    expect(attributeNumbers(outline, file, 0x00280030)).toEqual([0.5, 0.5]);
    expect(attributeNumbers(outline, file, 0x00280101)).toEqual([12]);
    expect(attributeNumbers(outline, file, 0x00280120)).toEqual([]);
    expect(attributeText(outline, file, 0x00280120)).toBe('');
  });
});

describe('a deflated file', () => {
  const deflated = dcmtkConvert('dcmconv', ['+td'], ctFile());

  test('inflates to the same data set in Explicit VR Little Endian', () => {
    const inflated = inflateDataset(deflated, 100_000);
    expect(outlineOf(inflated).transferSyntaxUid).toBe(transferSyntaxUids.explicitVrLittleEndian);
    expect(isDicomFile(inflated)).toBe(true);
    expect(readWithDcmjs(inflated)).toEqual(readWithDcmjs(ctFile()));
  });

  const withDataset = (dataset: Buffer): Buffer =>
    Buffer.concat([fileMeta(transferSyntaxUids.deflatedExplicitVrLittleEndian), dataset]);
  const plain = Buffer.concat([...identity, ...imageElements(), element(0x7fe00010, 'OB', Buffer.alloc(4))]);

  test('is read with the header of zlib too, which some writers put', () => {
    expect(inflateDataset(withDataset(deflateSync(plain)), 10_000).equals(rawFile([plain]))).toBe(true);
  });

  test('dicom-file/too-large: a small file that would fill the memory', () => {
    for (const deflate of [deflateRawSync, deflateSync]) {
      const bomb = withDataset(deflate(Buffer.alloc(50_000_000)));
      expect(bomb.length).toBeLessThan(100_000);
      expect(() => inflateDataset(bomb, 1_000_000)).toThrow(code('dicom-file/too-large'));
    }
  });

  test('dicom-file/malformed where the stream is broken; syntax-unsupported where it is not deflated', () => {
    expect(() => inflateDataset(withDataset(Buffer.from('no stream')), 1000)).toThrow(code('dicom-file/malformed'));
    expect(() => inflateDataset(withDataset(Buffer.from('xx')), 1000)).toThrow(code('dicom-file/malformed'));
    expect(() => inflateDataset(deflated.subarray(0, -20), 100_000)).toThrow(code('dicom-file/malformed'));
    expect(() => inflateDataset(ctFile(), 100_000)).toThrow(code('dicom-file/syntax-unsupported'));
    expect(() => readOutline(withDataset(Buffer.alloc(0)))).not.toThrow();
  });
});
