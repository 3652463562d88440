import { beforeAll, describe, expect, it } from 'vitest';
import { type FrameCodecs, loadFrameCodecs, renderFile } from '../../plugin/renditions/index.ts';
import { expectedNative, renderLimits } from '../fixtures/renditions/expectations.ts';
import { describeImage, type InventedImage, inventedFile } from '../fixtures/renditions/images.ts';
import { convertWith, decoders, outlineOf, pixelsOf } from '../fixtures/renditions/judges.ts';

interface Encoder {
  readonly tool: string;
  readonly options: readonly string[];
  readonly syntax: string;
  readonly decoder: keyof typeof decoders;
}

const lossless: Readonly<Record<string, Encoder>> = {
  'DCMTK JPEG lossless, any predictor': {
    tool: 'dcmcjpeg',
    options: ['+el'],
    syntax: '.4.57',
    decoder: 'dcmtkJpegAsStored',
  },
  'DCMTK JPEG lossless SV1': { tool: 'dcmcjpeg', options: ['+e1'], syntax: '.4.70', decoder: 'dcmtkJpegAsStored' },
  'DCMTK JPEG-LS by line': { tool: 'dcmcjpls', options: ['+el', '+il'], syntax: '.4.80', decoder: 'dcmtkJpegLs' },
  'DCMTK JPEG-LS by sample': { tool: 'dcmcjpls', options: ['+el', '+is'], syntax: '.4.80', decoder: 'dcmtkJpegLs' },
  'DCMTK JPEG-LS by plane': { tool: 'dcmcjpls', options: ['+el', '+in'], syntax: '.4.80', decoder: 'dcmtkJpegLs' },
  'DCMTK RLE': { tool: 'dcmcrle', options: [], syntax: '.5', decoder: 'dcmtkRle' },
  'GDCM JPEG lossless SV1': { tool: 'gdcmconv', options: ['--jpeg'], syntax: '.4.70', decoder: 'gdcm' },
  'GDCM JPEG-LS': { tool: 'gdcmconv', options: ['--jpegls'], syntax: '.4.80', decoder: 'gdcm' },
  'GDCM JPEG 2000': { tool: 'gdcmconv', options: ['--j2k'], syntax: '.4.90', decoder: 'gdcm' },
  'GDCM RLE': { tool: 'gdcmconv', options: ['--rle'], syntax: '.5', decoder: 'gdcm' },
};

const lossy: Readonly<Record<string, Encoder>> = {
  'DCMTK JPEG baseline': { tool: 'dcmcjpeg', options: ['+eb'], syntax: '.4.50', decoder: 'dcmtkJpeg' },
  'DCMTK JPEG baseline, chrominance whole': {
    tool: 'dcmcjpeg',
    options: ['+eb', '+s4'],
    syntax: '.4.50',
    decoder: 'dcmtkJpeg',
  },
  'DCMTK JPEG baseline, RGB kept': { tool: 'dcmcjpeg', options: ['+eb', '+cr'], syntax: '.4.50', decoder: 'dcmtkJpeg' },
  'DCMTK JPEG extended': { tool: 'dcmcjpeg', options: ['+ee'], syntax: '.4.51', decoder: 'dcmtkJpeg' },
  'DCMTK JPEG-LS near-lossless': { tool: 'dcmcjpls', options: ['+en'], syntax: '.4.81', decoder: 'dcmtkJpegLs' },
  'GDCM JPEG 2000 lossy': {
    tool: 'gdcmconv',
    options: ['--j2k', '--lossy', '-q', '40'],
    syntax: '.4.91',
    decoder: 'gdcm',
  },
};

const images: readonly InventedImage[] = [
  { bitsAllocated: 8 },
  { bitsStored: 10 },
  { bitsStored: 12 },
  { bitsStored: 12, pixelRepresentation: 1 },
  { bitsStored: 16, pixelRepresentation: 1 },
  { bitsStored: 12, numberOfFrames: 3 },
  { bitsAllocated: 8, samplesPerPixel: 3 },
  { bitsAllocated: 8, samplesPerPixel: 3, numberOfFrames: 2 },
];
const unsignedImages = images.filter(({ pixelRepresentation }) => pixelRepresentation !== 1);

const crossed = (encoders: Readonly<Record<string, Encoder>>, of: readonly InventedImage[]) =>
  Object.entries(encoders).flatMap(([name, encoder]) =>
    of.map((image) => [name, describeImage(image), encoder, image] as const),
  );

let codecs: FrameCodecs;
beforeAll(async () => {
  codecs = await loadFrameCodecs();
});

const render = (file: Uint8Array): Buffer => {
  const outcome = renderFile(codecs, file, '1.2.840.10008.1.2.1', renderLimits);
  if (outcome.kind === 'failed') throw new Error(outcome.code);
  return Buffer.from(outcome.bytes);
};

const encode = ({ tool, options, syntax }: Encoder, image: InventedImage): Buffer => {
  const encoded = convertWith(tool, options, inventedFile(image));
  expect(outlineOf(encoded).transferSyntaxUid).toBe(`1.2.840.10008.1.2${syntax}`);
  return encoded;
};

/** Largest difference of two samples. */
const distance = (one: Buffer, other: Buffer, bitsAllocated: number): number => {
  expect(one.length).toBe(other.length);
  let largest = 0;
  for (let at = 0; at + 1 < one.length; at += 2) {
    const differences =
      bitsAllocated === 8
        ? [(one[at] ?? 0) - (other[at] ?? 0), (one[at + 1] ?? 0) - (other[at + 1] ?? 0)]
        : [one.readInt16LE(at) - other.readInt16LE(at)];
    largest = Math.max(largest, ...differences.map(Math.abs));
  }
  return largest;
};

describe('what other encoders wrote into the PACS (DB.SO.46)', () => {
  it.each(crossed(lossless, images))('%s comes out bit for bit: %s', (_, __, encoder, image) => {
    const made = render(encode(encoder, image));
    expect(pixelsOf(made)).toEqual(expectedNative(image));
    expect(outlineOf(made).image?.planarConfiguration).toBe(0);
    expect(outlineOf(made).image?.isLossy).toBe(false);
  });

  it.each(crossed(lossy, unsignedImages))(
    '%s comes out as its own decoder has it, ±2, and says that it lost something: %s',
    (_, __, encoder, image) => {
      const encoded = encode(encoder, image);
      const made = render(encoded);
      const theirs = decoders[encoder.decoder](encoded);
      const bits = outlineOf(made).image?.bitsAllocated ?? 0;
      expect(distance(pixelsOf(made), pixelsOf(theirs), bits)).toBeLessThanOrEqual(2);
      expect(outlineOf(made).image?.photometricInterpretation).toBe(outlineOf(theirs).image?.photometricInterpretation);
      expect(outlineOf(made).image?.isLossy).toBe(true);
    },
  );

  it('YBR_FULL that was compressed without loss stays YBR_FULL, bit for bit (PS3.5 §8.2.1)', () => {
    const image: InventedImage = { bitsAllocated: 8, samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL' };
    for (const encoder of Object.values(lossless)) {
      const made = render(encode(encoder, image));
      expect(pixelsOf(made)).toEqual(expectedNative(image));
      expect(outlineOf(made).image?.photometricInterpretation).toBe('YBR_FULL');
    }
  });

  it('a signed sample that a code stream holds in fewer bits has its sign above them, for readers that look at the whole', () => {
    const image: InventedImage = { bitsStored: 12, pixelRepresentation: 1, spare: 'zero' };
    const encoder = lossless['GDCM JPEG-LS'] as Encoder;
    const signed: InventedImage = { ...image, spare: 'sign' };
    expect(pixelsOf(render(encode(encoder, image)))).toEqual(expectedNative(signed));
  });
});
