import { beforeAll, describe, expect, it } from 'vitest';
import { type FrameCodecs, loadFrameCodecs, renderFile } from '../../plugin/renditions/index.ts';
import { describeImage, type InventedImage, inventedFile, inventedSamples } from '../fixtures/renditions/images.ts';
import { decoders, outlineOf, pixelsOf } from '../fixtures/renditions/judges.ts';
import { expectedNative, renderLimits, storedValues } from '../fixtures/renditions/expectations.ts';

const explicit = '1.2.840.10008.1.2.1';
const lossless = {
  'JPEG lossless': '1.2.840.10008.1.2.4.70',
  'JPEG-LS': '1.2.840.10008.1.2.4.80',
  'JPEG 2000': '1.2.840.10008.1.2.4.90',
};
type Target = keyof typeof lossless;

const grey = (bitsAllocated: 8 | 16, bitsStored: number, pixelRepresentation: 0 | 1): InventedImage => ({
  bitsAllocated,
  bitsStored,
  pixelRepresentation,
});

/** What all three syntaxes carry. */
const everywhere: readonly InventedImage[] = [
  grey(8, 8, 0),
  grey(16, 8, 0),
  grey(16, 10, 0),
  grey(16, 12, 0),
  grey(16, 12, 1),
  grey(16, 16, 0),
  grey(16, 16, 1),
  { ...grey(16, 12, 0), numberOfFrames: 3 },
  { ...grey(16, 12, 0), photometricInterpretation: 'MONOCHROME1' },
  { ...grey(16, 12, 0), rows: 1, columns: 1 },
  { ...grey(16, 16, 1), rows: 3, columns: 301 },
  { ...grey(8, 8, 0), samplesPerPixel: 3 },
  { ...grey(8, 8, 0), samplesPerPixel: 3, planarConfiguration: 1, numberOfFrames: 2 },
];

/** Besides: what JPEG 2000 or its encoder does not carry exactly. */
const patterns: readonly InventedImage[] = [
  grey(8, 8, 1),
  grey(8, 6, 0),
  { ...grey(16, 12, 0), spare: 'used' },
  { ...grey(16, 12, 1), spare: 'used' },
  { ...grey(16, 12, 1), spare: 'zero' },
  { ...grey(8, 8, 0), samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL' },
  { ...grey(8, 8, 0), samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL_422' },
  { ...grey(16, 12, 0), samplesPerPixel: 3 },
];

const titled = (images: readonly InventedImage[]) => images.map((image) => [describeImage(image), image] as const);
const crossed = (targets: readonly Target[], images: readonly InventedImage[]) =>
  targets.flatMap((target) => images.map((image) => [target, describeImage(image), image] as const));

const cases = [
  ...crossed(Object.keys(lossless) as Target[], everywhere),
  ...crossed(['JPEG lossless', 'JPEG-LS'], patterns),
];

let codecs: FrameCodecs;
beforeAll(async () => {
  codecs = await loadFrameCodecs();
});

const render = (file: Uint8Array, to: string): Buffer => {
  const outcome = renderFile(codecs, file, to, renderLimits);
  if (outcome.kind === 'failed') throw new Error(outcome.code);
  return Buffer.from(outcome.bytes);
};

describe('lossless renditions, so that the image read elsewhere is the image stored here (DB.SO.46)', () => {
  it.each(cases)('%s keeps every bit: %s', (target, _, image) => {
    const made = render(inventedFile(image), lossless[target]);
    expect(outlineOf(made).transferSyntaxUid).toBe(lossless[target]);
    expect(pixelsOf(render(made, explicit))).toEqual(expectedNative(image));
  });

  it.each(titled(everywhere))('GDCM decodes what we encode to the same values: %s', (_, image) => {
    const want = storedValues(expectedNative(image), image);
    for (const to of Object.values(lossless)) {
      expect(storedValues(pixelsOf(decoders.gdcm(render(inventedFile(image), to))), image), to).toEqual(want);
    }
  });

  it.each(titled([...everywhere, ...patterns]))('DCMTK decodes what we encode to the same bytes: %s', (_, image) => {
    const want = expectedNative(image);
    const file = inventedFile(image);
    expect(pixelsOf(decoders.dcmtkJpegLs(render(file, lossless['JPEG-LS'])))).toEqual(want);
    expect(pixelsOf(decoders.dcmtkJpegAsStored(render(file, lossless['JPEG lossless'])))).toEqual(want);
  });

  it('JPEG 2000 is refused where bits above the stored ones would be lost (PS3.5 §8.1.1)', () => {
    const outcome = renderFile(
      codecs,
      inventedFile({ bitsStored: 12, spare: 'used' }),
      lossless['JPEG 2000'],
      renderLimits,
    );
    expect(outcome).toEqual({ kind: 'failed', code: 'renditions/unsupported', isCodecSuspect: false });
  });

  it('JPEG 2000 keeps the values of signed samples whose spare bits are zero', () => {
    const image: InventedImage = { bitsStored: 12, pixelRepresentation: 1, spare: 'zero' };
    const back = pixelsOf(render(render(inventedFile(image), lossless['JPEG 2000']), explicit));
    expect(storedValues(back, image)).toEqual(storedValues(Buffer.from(inventedSamples(image)), image));
  });

  it('is deterministic: the same file gives the same bytes', () => {
    for (const to of Object.values(lossless)) {
      expect(render(inventedFile({ bitsStored: 12 }), to)).toEqual(render(inventedFile({ bitsStored: 12 }), to));
    }
  });
});
