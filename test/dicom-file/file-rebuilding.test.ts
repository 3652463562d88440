/** Renditions: new pixels and elements around what is copied. DCMTK judges. */
import { describe, expect, test } from 'vitest';
import {
  assembleFile,
  attributeNumbers,
  attributeText,
  buildFile,
  encapsulate,
  readFrames,
  transferSyntaxUids,
  type FileRewrite,
} from '../../plugin/dicom-file/index.ts';
import {
  cineFile,
  ctFile,
  dcmdump,
  dcmtkConvert,
  element,
  encodeAs,
  fragmented,
  identity,
  imageElements,
  isDicomFile,
  item,
  outlineOf,
  rawFile,
} from '../fixtures/dicom-file/index.ts';
import { readWithDcmjs } from '../fixtures/kos/dcmjs-reading.ts';

const jpegLsLossless = '1.2.840.10008.1.2.4.80';
const rle = '1.2.840.10008.1.2.5';
const rebuild = (file: Buffer, rewrite: FileRewrite): Buffer => {
  const plan = buildFile(outlineOf(file), file, rewrite);
  const built = assembleFile(file, plan);
  expect(built.length).toBe(plan.totalBytes);
  return built;
};
const pixelsOf = (file: Buffer): Buffer => Buffer.concat([...readFrames(outlineOf(file), file)]);

describe('a file with other pixels', () => {
  test.each([
    ['basic', ctFile([], 32)],
    ['basic', cineFile(7)],
  ] as const)('%s table: frames encoded elsewhere are decoded by DCMTK to the pixels they were', (_, source) => {
    const encoded = dcmtkConvert('dcmcjpls', [], source);
    const frames = [...readFrames(outlineOf(encoded), encoded)];
    const built = rebuild(source, {
      transferSyntaxUid: jpegLsLossless,
      elements: [],
      pixelData: { kind: 'encapsulated', frames },
    });
    expect(isDicomFile(built)).toBe(true);
    expect(dcmdump(built, ['-q']).warnings).toBe('');
    const decoded = dcmtkConvert('dcmdjpls', [], built);
    expect(pixelsOf(decoded).equals(pixelsOf(source))).toBe(true);
    expect(attributeText(outlineOf(decoded), decoded, 0x00100010)).toBe(
      attributeText(outlineOf(source), source, 0x00100010),
    );
  });

  test('goes back to native pixels, and is then the same data set for dcmjs', () => {
    const source = cineFile();
    const encoded = dcmtkConvert('dcmcrle', [], source);
    const built = rebuild(encoded, {
      transferSyntaxUid: transferSyntaxUids.explicitVrLittleEndian,
      elements: [],
      pixelData: { kind: 'native', vr: 'OB', chunks: [...readFrames(outlineOf(source), source)] },
    });
    expect(readWithDcmjs(built)).toEqual(readWithDcmjs(source));
  });

  test('has its elements set, inserted in tag order and removed; odd lengths are padded', () => {
    const file = ctFile();
    const built = rebuild(file, {
      transferSyntaxUid: transferSyntaxUids.explicitVrLittleEndian,
      elements: [
        { kind: 'set', tag: 0x00282110, vr: 'CS', value: '01' },
        { kind: 'set', tag: 0x00082111, vr: 'ST', value: 'Exemple' },
        { kind: 'set', tag: 0x00280100, vr: 'US', value: [8] },
        { kind: 'set', tag: 0x00281050, vr: 'DS', value: '127.5\\3' },
        { kind: 'set', tag: 0x00280106, vr: 'SS', value: [-5] },
        { kind: 'set', tag: 0x00189999, vr: 'FD', value: [1.5, -2] },
        { kind: 'set', tag: 0x00091001, vr: 'UN', value: Uint8Array.of(1, 2, 3) },
        { kind: 'remove', tag: 0x00281052 },
        { kind: 'remove', tag: 0x00283000 },
      ],
      pixelData: { kind: 'native', vr: 'OB', chunks: [Buffer.alloc(33, 1), Buffer.alloc(30, 2)] },
    });
    const { status, text, warnings } = dcmdump(built, ['-q']);
    expect({ status, warnings }).toEqual({ status: 0, warnings: '' });
    const outline = outlineOf(built);
    const numbers = (tag: number): readonly number[] => attributeNumbers(outline, built, tag);
    expect([0x00280100, 0x00281050, 0x00280106, 0x00189999].map(numbers)).toEqual([[8], [127.5, 3], [-5], [1.5, -2]]);
    expect(outline.image).toMatchObject({ isLossy: true, bitsAllocated: 8 });
    expect(attributeText(outline, built, 0x00082111)).toBe('Exemple');
    expect(outline.elements.has(0x00281052)).toBe(false);
    expect(outline.pixel?.length).toBe(64);
    const tags = [...outline.elements.keys()];
    expect(tags).toEqual(tags.toSorted((a, b) => a - b));
    expect(text).toContain('(0009,1001) UN 01\\02\\03\\00');
  });

  test('loses what no longer holds: group lengths, offset tables, signatures and padding; keeps what stands behind', () => {
    const behind = [
      element(0x7fe11010, 'LO', 'PRIVE EXEMPLE'),
      element(0xfffafffa, 'SQ', item(element(0x04000005, 'US', Buffer.alloc(2)))),
      element(0xfffcfffc, 'OB', Buffer.alloc(20)),
      Buffer.alloc(30),
    ];
    const file = rawFile(
      [
        element(0x00080000, 'UL', Buffer.alloc(4)),
        ...identity,
        ...imageElements({ frames: 1 }),
        element(0x7fe00001, 'OV', Buffer.alloc(8)),
        element(0x7fe00002, 'OV', Buffer.alloc(8)),
        fragmented(Buffer.alloc(0), Buffer.alloc(64)),
        ...behind,
      ],
      rle,
    );
    const built = rebuild(file, {
      transferSyntaxUid: transferSyntaxUids.explicitVrLittleEndian,
      elements: [],
      pixelData: { kind: 'native', vr: 'OB', chunks: [Buffer.alloc(4, 9)] },
    });
    const outline = outlineOf(built);
    expect([...outline.elements.keys()].some((tag) => tag % 0x10000 === 0 || tag >>> 16 === 0x7fe0)).toBe(false);
    const pixelEnd = (outline.pixel?.valueOffset ?? 0) + 4;
    expect(built.subarray(pixelEnd).equals(element(0x7fe11010, 'LO', 'PRIVE EXEMPLE'))).toBe(true);
  });

  test('says its new transfer syntax and the right group length in the file meta, and nothing else new', () => {
    const file = ctFile();
    const built = rebuild(file, {
      transferSyntaxUid: jpegLsLossless,
      elements: [],
      pixelData: { kind: 'encapsulated', frames: [Buffer.alloc(65)] },
    });
    const meta = (text: string): readonly string[] => text.split('\n').filter((line) => line.startsWith('(0002,'));
    const before = meta(dcmdump(file).text);
    const after = meta(dcmdump(built).text);
    expect(after.filter((line) => !before.includes(line)).map((line) => line.slice(0, 11))).toEqual([
      '(0002,0000)',
      '(0002,0010)',
    ]);
    expect(built.readUInt32LE(140)).toBe(outlineOf(built).datasetOffset - 144);
  });

  test('is refused for what the caller mixes up', () => {
    const file = ctFile();
    const native = { kind: 'native', vr: 'OW', chunks: [Buffer.alloc(128)] } as const;
    const build = (source: Buffer, changes: Partial<FileRewrite>) => () =>
      rebuild(source, {
        transferSyntaxUid: transferSyntaxUids.explicitVrLittleEndian,
        elements: [],
        pixelData: native,
        ...changes,
      });
    expect(build(encodeAs('implicit LE', file), {})).toThrow(TypeError);
    expect(build(file, { transferSyntaxUid: rle })).toThrow(TypeError);
    expect(build(file, { elements: [{ kind: 'set', tag: 0x00082111, vr: 'ST', value: 'é' }] })).toThrow(TypeError);
    expect(build(file, { elements: [{ kind: 'set', tag: 0x00280100, vr: 'CS', value: [8] }] })).toThrow(TypeError);
    expect(build(rawFile([...identity]), {})).toThrow(
      expect.objectContaining({ code: 'dicom-file/frames-unreadable' }),
    );
  });
});

describe('encapsulated pixel data', () => {
  const frames = [Buffer.from([1, 2, 3]), Buffer.from([4, 5]), Buffer.from([6])];
  const fileWith = (offsetTable: 'basic' | 'extended'): Buffer =>
    rawFile([...identity, ...imageElements({ frames: 3 }), ...encapsulate(frames, { offsetTable })], rle);

  test.each(['basic', 'extended'] as const)(
    '%s table: gives the frames back, padded to even lengths',
    (offsetTable) => {
      const file = fileWith(offsetTable);
      expect([...readFrames(outlineOf(file), file)]).toEqual([
        Buffer.from([1, 2, 3, 0]),
        Buffer.from([4, 5]),
        Buffer.from([6, 0]),
      ]);
      expect(dcmdump(file, ['-q'])).toMatchObject({ status: 0, warnings: '' });
    },
  );

  test('the table is the basic one as long as 32 bits suffice', () => {
    const pieces = encapsulate(frames);
    expect(pieces[2]).toEqual(Buffer.from([0, 0, 0, 0, 12, 0, 0, 0, 22, 0, 0, 0]));
    expect(outlineOf(fileWith('extended')).elements.has(0x7fe00001)).toBe(true);
    expect(outlineOf(fileWith('basic')).elements.has(0x7fe00001)).toBe(false);
  });

  test('an empty frame, or none, is a mistake of the caller', () => {
    expect(() => encapsulate([])).toThrow(TypeError);
    expect(() => encapsulate([Buffer.alloc(0)])).toThrow(TypeError);
  });
});
