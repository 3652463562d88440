import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { attributeNumbers, attributeText } from '../../plugin/dicom-file/index.ts';
import {
  type FrameCodecs,
  loadFrameCodecs,
  renderFile,
  type RenderOutcome,
  renditionTargets,
} from '../../plugin/renditions/index.ts';
import { transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import { expectedNative, renderLimits } from '../fixtures/renditions/expectations.ts';
import { type InventedImage, inventedFile, inventedSamples } from '../fixtures/renditions/images.ts';
import { convertWith, decoders, outlineOf, pixelsOf } from '../fixtures/renditions/judges.ts';

let codecs: FrameCodecs;
beforeAll(async () => {
  codecs = await loadFrameCodecs();
});

const outcomeOf = (file: Uint8Array, to: string, limits = renderLimits): RenderOutcome =>
  renderFile(codecs, file, to, limits);
const render = (file: Uint8Array, to: string): Buffer => {
  const outcome = outcomeOf(file, to);
  if (outcome.kind === 'failed') throw new Error(outcome.code);
  return Buffer.from(outcome.bytes);
};
const textOf = (file: Uint8Array, tag: number): string => attributeText(outlineOf(file), file, tag);
const numbersOf = (file: Uint8Array, tag: number): readonly number[] => attributeNumbers(outlineOf(file), file, tag);

const slice: InventedImage = { bitsStored: 12 };

describe('a rendition', () => {
  it('is the same object: its identity and everything but the pixels stay (PS3.18 §8.7)', () => {
    const file = inventedFile({ ...slice, elements: [['00091001', 'UN', Buffer.from('private!')]] });
    for (const to of renditionTargets) {
      const made = outlineOf(render(file, to));
      const stored = outlineOf(file);
      expect(made.transferSyntaxUid).toBe(to);
      for (const key of [
        'sopInstanceUid',
        'seriesInstanceUid',
        'studyInstanceUid',
        'sopClassUid',
        'patientId',
      ] as const) {
        expect(made[key]).toBe(stored[key]);
      }
      expect([...stored.elements.keys()].filter((tag) => !made.elements.has(tag))).toEqual([]);
    }
  });

  it.each([
    ['implicit little endian', 'dcmconv', ['+ti']],
    ['explicit big endian', 'dcmconv', ['+tb']],
    ['deflated', 'dcmconv', ['+td']],
  ])('of a file in %s has the same pixels, in Explicit VR Little Endian and compressed', (_, tool, options) => {
    for (const image of [slice, { bitsAllocated: 8, samplesPerPixel: 3 }] satisfies InventedImage[]) {
      const stored = convertWith(tool, options, inventedFile(image));
      expect(pixelsOf(render(stored, syntax.explicitVrLittleEndian))).toEqual(expectedNative(image));
      const compressed = render(stored, syntax.jpegLsLossless);
      expect(pixelsOf(decoders.dcmtkJpegLs(compressed))).toEqual(expectedNative(image));
    }
  });

  it('names the colours that the code stream has, and no planes', () => {
    const planar: InventedImage = { bitsAllocated: 8, samplesPerPixel: 3, planarConfiguration: 1 };
    const file = inventedFile(planar);
    const image = outlineOf(render(file, syntax.jpeg2000Lossless)).image;
    expect([image?.photometricInterpretation, image?.planarConfiguration]).toEqual(['YBR_RCT', 0]);
    const back = render(render(file, syntax.jpeg2000Lossless), syntax.explicitVrLittleEndian);
    expect(outlineOf(back).image?.photometricInterpretation).toBe('RGB');
    expect(pixelsOf(back)).toEqual(expectedNative(planar));
  });

  it('loses an icon whose pixels are in the old code stream: nobody could read it under the new syntax', () => {
    const icon = Buffer.from(
      'e07f10004f420000fffffffffeff00e000000000fffeddde00000000'.replace('fffeddde', 'feffdde0'),
      'hex',
    );
    const item = Buffer.concat([Buffer.from('feff00e0', 'hex'), Buffer.from([icon.length, 0, 0, 0]), icon]);
    const withIcon = (value: Buffer) => inventedFile({ ...slice, elements: [['00880200', 'SQ', value]] });
    const made = render(render(withIcon(item), syntax.jpegLsLossless), syntax.explicitVrLittleEndian);
    expect(outlineOf(made).elements.has(0x00880200)).toBe(false);
    const empty = render(withIcon(Buffer.alloc(0)), syntax.jpegLsLossless);
    expect(outlineOf(empty).elements.has(0x00880200)).toBe(true);
  });

  it('as stored is the very file', () => {
    const file = inventedFile(slice);
    expect(render(file, syntax.explicitVrLittleEndian)).toEqual(file);
  });
});

describe('a lossy rendition (E8)', () => {
  const windowed = inventedFile({
    bitsStored: 12,
    pixelRepresentation: 1,
    elements: [
      ['00281050', 'DS', '40\\300'],
      ['00281051', 'DS', '400\\1500'],
      ['00281052', 'DS', '-24'],
      ['00281053', 'DS', '1'],
      ['00281054', 'LO', 'HU'],
      ['00280106', 'SS', 0],
      ['00280120', 'SS', 0],
      ['00082111', 'ST', 'averaged'],
    ],
  });

  it('shows the same grey under the same window: rescale maps 0–255 back to what the window covers', () => {
    const made = render(windowed, syntax.jpegBaseline);
    const image = outlineOf(made).image;
    expect([image?.bitsAllocated, image?.bitsStored, image?.highBit, image?.pixelRepresentation]).toEqual([8, 8, 7, 0]);
    const [slope = 0] = numbersOf(made, 0x00281053);
    const [intercept = 0] = numbersOf(made, 0x00281052);
    expect(intercept).toBeCloseTo(-160, 6);
    expect(255 * slope + intercept).toBeCloseTo(239, 6);
    expect(textOf(made, 0x00281050)).toBe('40\\300');
    expect(textOf(made, 0x00281054)).toBe('HU');
    const decoded = pixelsOf(decoders.dcmtkJpeg(made));
    const stored = inventedSamples({ bitsStored: 12, pixelRepresentation: 1 });
    const values = new Int16Array(stored.buffer, stored.byteOffset, stored.length / 2);
    const errors = [...values].map((value, index) => {
      const wanted = Math.min(239, Math.max(-160, value - 24));
      return Math.abs((decoded[index] ?? 0) * slope + intercept - wanted);
    });
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(12);
  });

  it('says that it is lossy, by how much, by which method and why, before what stood there', () => {
    const made = render(windowed, syntax.jpegBaseline);
    expect(textOf(made, 0x00282110)).toBe('01');
    expect(Number(textOf(made, 0x00282112))).toBeGreaterThan(1);
    expect(textOf(made, 0x00282114)).toBe('ISO_10918_1');
    expect(textOf(made, 0x00082111)).toMatch(/^Windowed to 8 bits and lossy JPEG .*; averaged$/);
    expect(outlineOf(made).sopInstanceUid).toBe(outlineOf(windowed).sopInstanceUid);
  });

  it('drops what named stored values that are others now', () => {
    const made = outlineOf(render(windowed, syntax.jpegBaseline));
    for (const tag of [0x00280106, 0x00280120]) expect(made.elements.has(tag)).toBe(false);
  });

  it('without a window of its own covers all values that are no padding', () => {
    const pixels = new Uint8Array(Uint16Array.from([0, 0, 1000, 2000, 3000, 3000, 2000, 1000]).buffer);
    const file = inventedFile({ bitsStored: 12, rows: 2, columns: 4, elements: [['00280120', 'US', 0]] }, pixels);
    const made = render(file, syntax.jpegBaseline);
    expect(numbersOf(made, 0x00281052)).toEqual([1000]);
    expect((numbersOf(made, 0x00281053)[0] ?? 0) * 255).toBeCloseTo(2000, 6);
    expect(numbersOf(made, 0x00281051)).toEqual([2001]);
  });

  it('of 8 bits is not windowed; colour is YBR_FULL_422', () => {
    const grey = render(inventedFile({ bitsAllocated: 8 }), syntax.jpegExtended);
    expect(outlineOf(grey).elements.has(0x00281052)).toBe(false);
    expect(outlineOf(grey).transferSyntaxUid).toBe(syntax.jpegExtended);
    const image: InventedImage = {
      bitsAllocated: 8,
      samplesPerPixel: 3,
      rows: 64,
      columns: 64,
      photometricInterpretation: 'YBR_FULL',
    };
    const colour = render(inventedFile(image), syntax.jpegBaseline);
    expect(outlineOf(colour).image?.photometricInterpretation).toBe('YBR_FULL_422');
    expect(outlineOf(decoders.dcmtkJpeg(colour)).image?.photometricInterpretation).toBe('RGB');
  });

  it('adds to a lossy past, and does not hide it', () => {
    const file = inventedFile({
      bitsAllocated: 8,
      elements: [
        ['00282110', 'CS', '01'],
        ['00282112', 'DS', '7.5'],
        ['00282114', 'CS', 'ISO_15444_1'],
      ],
    });
    const made = render(file, syntax.jpegBaseline);
    expect(textOf(made, 0x00282112)).toMatch(/^7\.5\\\d/);
    expect(textOf(made, 0x00282114)).toBe('ISO_15444_1\\ISO_10918_1');
  });

  it.each([
    ['a modality table', '00283000'],
    ['a table of interest', '00283010'],
    ['functional groups', '52009229'],
  ])('is not made where %s says what values mean (renditions/unsupported)', (_, tag) => {
    const file = inventedFile({ ...slice, elements: [[tag, 'SQ', []]] });
    expect(outcomeOf(file, syntax.jpegBaseline)).toMatchObject({ kind: 'failed', code: 'renditions/unsupported' });
    expect(outcomeOf(file, syntax.jpegLsLossless).kind).toBe('made');
  });
});

describe('what cannot be made', () => {
  it('is refused, with a code that says why', () => {
    const file = inventedFile(slice);
    const unsupported = { kind: 'failed', code: 'renditions/unsupported', isCodecSuspect: false };
    expect(outcomeOf(file, '1.2.840.10008.1.2.4.201')).toEqual(unsupported);
    expect(outcomeOf(file, syntax.jpegLsLossless, { ...renderLimits, maxFrameBytes: 1535 })).toEqual(unsupported);
    expect(
      outcomeOf(render(file, syntax.jpegLsLossless), syntax.explicitVrLittleEndian, {
        ...renderLimits,
        maxFileBytes: 1535,
      }),
    ).toEqual(unsupported);
    expect(outcomeOf(file.subarray(0, 400), syntax.jpegLsLossless)).toMatchObject({
      kind: 'failed',
      code: 'dicom-file/malformed',
    });
    expect(outcomeOf(Buffer.alloc(4), syntax.jpegLsLossless)).toMatchObject({
      kind: 'failed',
      code: 'dicom-file/not-dicom',
    });
  });

  it('leaves the stored bytes as they were', () => {
    const file = inventedFile(slice);
    const before = Buffer.from(file);
    for (const to of renditionTargets) render(file, to);
    expect(file).toEqual(before);
  });

  it('whatever bytes of a file are wrong, there is an outcome, never a throw', async () => {
    const sources = [
      inventedFile({ ...slice, rows: 8, columns: 8 }),
      render(inventedFile({ ...slice, rows: 8, columns: 8 }), syntax.jpegLsLossless),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources),
        fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 4 }),
        fc.constantFrom(...renditionTargets),
        fc.option(fc.nat(4000), { nil: undefined }),
        async (source, changes, to, cut) => {
          const file = Buffer.from(source);
          for (const [at, value] of changes) file[128 + (at % (file.length - 128))] = value;
          const outcome = outcomeOf(file.subarray(0, cut), to);
          if (outcome.kind === 'failed') expect(outcome.code).toMatch(/^(renditions|dicom-file)\//);
          if (outcome.kind === 'failed' && outcome.isCodecSuspect) codecs = await loadFrameCodecs();
        },
      ),
      { numRuns: 150 },
    );
  });
});
