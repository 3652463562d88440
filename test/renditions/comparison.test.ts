import { beforeAll, describe, expect, it } from 'vitest';
import { type Codecs, createFrameCodecs } from '../../plugin/renditions/frame-codecs.ts';
import { loadJpeg2000Codec } from '../../plugin/renditions/jpeg2000-codec.ts';
import { loadJpegCodec } from '../../plugin/renditions/jpeg-codec.ts';
import { loadJpegLsCodec } from '../../plugin/renditions/jpeg-ls-codec.ts';
import { transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import { imageOf, inventedSamples } from '../fixtures/renditions/images.ts';

const image = imageOf({ bitsStored: 12 });
const samples = inventedSamples({ bitsStored: 12 });
const others = Uint8Array.from(samples, (byte, index) => (index === 700 ? byte ^ 1 : byte));

let codecs: Codecs;
beforeAll(async () => {
  const [jpeg, jpegLs, jpeg2000] = await Promise.all([loadJpegCodec(), loadJpegLsCodec(), loadJpeg2000Codec()]);
  codecs = { jpeg, jpegLs, jpeg2000 };
});

/** Encodes an image with one bit changed, from the `from`-th time on. */
const lying = (from: number): Codecs => {
  let calls = 0;
  const wrong = <Image extends { readonly bytes: Uint8Array }>(coded: Image): Image => {
    calls += 1;
    return calls >= from ? { ...coded, bytes: others } : coded;
  };
  return {
    jpeg: { ...codecs.jpeg, encodeLossless: (coded) => codecs.jpeg.encodeLossless(wrong(coded)) },
    jpegLs: { ...codecs.jpegLs, encode: (coded) => codecs.jpegLs.encode(wrong(coded)) },
    jpeg2000: { ...codecs.jpeg2000, encode: (coded) => codecs.jpeg2000.encode(wrong(coded)) },
  };
};

const notExact = expect.objectContaining({ code: 'renditions/encode-failed', cause: 'compared' });

describe('what an encoder made is decoded and compared before it leaves', () => {
  it.each([syntax.jpegLosslessSv1, syntax.jpegLsLossless, syntax.jpeg2000Lossless])(
    '%s: one wrong bit in the first frame of a kind is found (renditions/encode-failed)',
    (to) => {
      expect(() => createFrameCodecs(lying(1)).encode(samples, image, to)).toThrow(notExact);
    },
  );

  it('JPEG lossless: one wrong bit is found in any frame, since its authors disclaim clinical use', () => {
    const frames = createFrameCodecs(lying(3));
    frames.encode(samples, image, syntax.jpegLosslessSv1);
    frames.encode(samples, image, syntax.jpegLosslessSv1);
    expect(() => frames.encode(samples, image, syntax.jpegLosslessSv1)).toThrow(notExact);
  });

  it('JPEG-LS: another kind of image is another first frame', () => {
    const frames = createFrameCodecs(lying(2));
    frames.encode(samples, image, syntax.jpegLsLossless);
    const turned = { ...image, rows: image.columns, columns: image.rows };
    expect(() => frames.encode(samples, turned, syntax.jpegLsLossless)).toThrow(notExact);
  });

  it('JPEG baseline: another picture is found, noise of the image itself is not taken for one', () => {
    const eightBits = imageOf({ bitsAllocated: 8, rows: 64, columns: 64 });
    const picture = inventedSamples({ bitsAllocated: 8, rows: 64, columns: 64 });
    const noise = Uint8Array.from(picture, (_, index) => Math.imul(index + 1, 2_654_435_761) >>> 24);
    const honest = createFrameCodecs(codecs);
    expect(honest.encodeLossy(picture, eightBits, 90).length).toBeGreaterThan(100);
    expect(honest.encodeLossy(noise, eightBits, 90).length).toBeGreaterThan(100);
    const inverted = createFrameCodecs({
      ...codecs,
      jpeg: {
        ...codecs.jpeg,
        encodeBaseline: (coded, quality) =>
          codecs.jpeg.encodeBaseline({ ...coded, bytes: coded.bytes.map((value) => 255 - value) }, quality),
      },
    });
    expect(() => inverted.encodeLossy(picture, eightBits, 90)).toThrow(notExact);
  });
});
