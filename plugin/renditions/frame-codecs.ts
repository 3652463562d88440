/**
 * One frame at a time: out of its code stream to native samples, and into another one. Exact or refused.
 *
 * Native samples are little endian, colour by pixel, BitsAllocated each; signed ones that a code stream holds in fewer
 * bits come out with their sign in all spare bits.
 */
import type { ImageAttributes } from '../dicom-file/index.ts';
import type { CodedImage, DecodedImage } from './coded-image.ts';
import { decodeFailed, encodeFailed, unsupported } from './codestream-failures.ts';
import { type Jpeg2000Codec, loadJpeg2000Codec } from './jpeg2000-codec.ts';
import { type JpegCodec, loadJpegCodec } from './jpeg-codec.ts';
import { JpegProcess } from './jpeg-header.ts';
import { type JpegLsCodec, loadJpegLsCodec } from './jpeg-ls-codec.ts';
import { PixelCoding, pixelCodingOf } from './rendition-targets.ts';
import { decodeRle } from './rle-decoder.ts';
import {
  asWords,
  expandYbr422,
  extendSign,
  findSparePattern,
  interleavePlanes,
  SparePattern,
  widenSamples,
} from './sample-layout.ts';

export interface NativeFrame {
  readonly bytes: Uint8Array;
  /** The code stream lost something. */
  readonly isLossy: boolean;
}

export interface FrameCodecs {
  /**
   * @param frame  as `readFrames` gives it; native frames little endian
   * @throws renditions/decode-failed, renditions/unsupported
   */
  readonly decode: (frame: Uint8Array, image: ImageAttributes, from: string) => NativeFrame;
  /**
   * Without loss; of native samples as `decode` gives them. Every frame of JPEG lossless is decoded and compared, of the
   * other codecs the first of each kind of image.
   *
   * @throws renditions/encode-failed; renditions/unsupported where spare bits are used and the syntax would drop them
   */
  readonly encode: (bytes: Uint8Array, image: ImageAttributes, to: string) => Uint8Array;
  /** JPEG baseline, of 8 unsigned bits. @throws renditions/encode-failed */
  readonly encodeLossy: (bytes: Uint8Array, image: ImageAttributes, quality: number) => Uint8Array;
}

/** The three libraries. */
export interface Codecs {
  readonly jpeg: JpegCodec;
  readonly jpegLs: JpegLsCodec;
  readonly jpeg2000: Jpeg2000Codec;
}

const hasNegative = (coded: CodedImage): boolean => {
  const signBit = 1 << (coded.precision - 1);
  const samples = coded.precision <= 8 ? coded.bytes : asWords(coded.bytes);
  return samples.some((sample) => (sample & signBit) !== 0);
};

const nativeOf = (coded: DecodedImage, image: ImageAttributes): Uint8Array => {
  const { bitsAllocated, bitsStored, pixelRepresentation } = image;
  // Whether the top bit is a sign or the largest half would be a guess.
  if (coded.isSigned && pixelRepresentation === 0 && hasNegative(coded))
    throw decodeFailed('signed against attributes');
  const bytesASample = bitsAllocated === 8 ? 1 : 2;
  const bytes = bytesASample === 2 && coded.precision <= 8 ? widenSamples(coded.bytes) : coded.bytes;
  const isSignInside = pixelRepresentation === 1 && coded.precision < bitsAllocated;
  return isSignInside && (coded.isSigned || coded.precision === bitsStored)
    ? extendSign(bytes, coded.precision, bytesASample)
    : bytes;
};

const decodeNative = (frame: Uint8Array, image: ImageAttributes): Uint8Array => {
  const { samplesPerPixel, planarConfiguration, photometricInterpretation, bitsAllocated } = image;
  if (bitsAllocated !== 8 && bitsAllocated !== 16) throw unsupported('samples of other than 8 or 16 bits');
  const bytesASample = bitsAllocated === 8 ? 1 : 2;
  if (photometricInterpretation === 'YBR_FULL_422') return expandYbr422(frame, bytesASample);
  const isByPlane = samplesPerPixel > 1 && planarConfiguration === 1;
  return isByPlane ? interleavePlanes(frame, samplesPerPixel, bytesASample) : frame;
};

const lossyProcesses = [JpegProcess.baseline, JpegProcess.extended] as const;
const losslessProcesses = [JpegProcess.lossless] as const;

const decodeFrame = (codecs: Codecs, frame: Uint8Array, image: ImageAttributes, from: string): NativeFrame => {
  const coding = pixelCodingOf(from);
  const isYbrToBecomeRgb = image.samplesPerPixel === 3 && image.photometricInterpretation !== 'RGB';
  const asNative = (coded: DecodedImage): NativeFrame => ({ bytes: nativeOf(coded, image), isLossy: coded.isLossy });
  switch (coding) {
    case undefined:
      throw unsupported('a transfer syntax that is not decoded');
    case PixelCoding.native:
      return { bytes: decodeNative(frame, image), isLossy: false };
    case PixelCoding.rle: {
      const { rows, columns, samplesPerPixel, bitsAllocated } = image;
      return { bytes: decodeRle(frame, rows * columns, samplesPerPixel, bitsAllocated / 8), isLossy: false };
    }
    case PixelCoding.jpegLossy:
      return asNative(codecs.jpeg.decode(frame, image, { processes: lossyProcesses, isYbrToBecomeRgb }));
    case PixelCoding.jpegLossless:
      return asNative(codecs.jpeg.decode(frame, image, { processes: losslessProcesses, isYbrToBecomeRgb: false }));
    case PixelCoding.jpegLs:
      return asNative(codecs.jpegLs.decode(frame, image));
    case PixelCoding.jpeg2000:
      return asNative(codecs.jpeg2000.decode(frame, image));
  }
};

/**
 * For codecs that know patterns only. The whole sample where it is signed or anything stands above the stored bits; and
 * below 9 bits, where decoders disagree on how a sample lies in memory.
 */
const patternOf = (bytes: Uint8Array, image: ImageAttributes): CodedImage => {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, pixelRepresentation } = image;
  const isWhole =
    pixelRepresentation === 1 || bitsStored <= 8 || findSparePattern(bytes, bitsStored, 2) !== SparePattern.zero;
  return { rows, columns, samplesPerPixel, precision: isWhole ? bitsAllocated : bitsStored, isSigned: false, bytes };
};

/** JPEG 2000 knows signs, and bits above those it is told of would be lost. */
const signedOf = (bytes: Uint8Array, image: ImageAttributes): CodedImage => {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = image;
  const isSigned = image.pixelRepresentation === 1;
  const bytesASample = bitsAllocated === 8 ? 1 : 2;
  const spare = findSparePattern(bytes, bitsStored, bytesASample);
  if (spare === SparePattern.used || (spare === SparePattern.sign && !isSigned)) {
    throw unsupported('bits above those stored');
  }
  const isToExtend = isSigned && spare === SparePattern.zero && bitsStored < bitsAllocated;
  return {
    rows,
    columns,
    samplesPerPixel,
    precision: bitsAllocated === 16 && bitsStored <= 8 ? bitsAllocated : bitsStored,
    isSigned,
    bytes: isToExtend ? extendSign(bytes, bitsStored, bytesASample) : bytes,
  };
};

interface LosslessCoder {
  readonly prepare: (bytes: Uint8Array, image: ImageAttributes) => CodedImage;
  readonly encode: (coded: CodedImage) => Uint8Array;
  readonly decode: (encoded: Uint8Array, image: ImageAttributes) => DecodedImage;
  /** Its authors disclaim clinical use. */
  readonly isAlwaysCompared: boolean;
}

const chooseCoder = ({ jpeg, jpegLs, jpeg2000 }: Codecs, to: string): LosslessCoder => {
  const coding = pixelCodingOf(to);
  if (coding === PixelCoding.jpegLs) return { ...jpegLs, prepare: patternOf, isAlwaysCompared: false };
  if (coding === PixelCoding.jpeg2000) return { ...jpeg2000, prepare: signedOf, isAlwaysCompared: false };
  if (coding !== PixelCoding.jpegLossless) throw unsupported('a transfer syntax that is not made without loss');
  return {
    prepare: patternOf,
    encode: jpeg.encodeLossless,
    decode: (encoded, image) => jpeg.decode(encoded, image, { processes: losslessProcesses, isYbrToBecomeRgb: false }),
    isAlwaysCompared: true,
  };
};

const kindOf = ({ rows, columns, samplesPerPixel, precision, isSigned }: CodedImage, to: string): string =>
  [to, rows, columns, samplesPerPixel, precision, isSigned].join(' ');

const maxKinds = 1000;

const encodeFrame = (
  codecs: Codecs,
  proven: Set<string>,
  bytes: Uint8Array,
  image: ImageAttributes,
  to: string,
): Uint8Array => {
  const coder = chooseCoder(codecs, to);
  const coded = coder.prepare(bytes, image);
  const encoded = coder.encode(coded);
  const kind = kindOf(coded, to);
  if (!coder.isAlwaysCompared && proven.has(kind)) return encoded;
  const decoded = coder.decode(encoded, image);
  if (decoded.isLossy || Buffer.compare(decoded.bytes, coded.bytes) !== 0) {
    throw encodeFailed('not exact', 'compared');
  }
  if (proven.size >= maxKinds) proven.clear();
  proven.add(kind);
  return encoded;
};

/**
 * Of 255. Quality 90 stays far below on any picture and on grey noise; a frame of another image, or shifted, or in other
 * colours does not, nor does noise in colours, which halved chrominance cannot carry.
 */
const maxMeanError = 24;

const encodeLossyFrame = ({ jpeg }: Codecs, bytes: Uint8Array, image: ImageAttributes, quality: number): Uint8Array => {
  const { rows, columns, samplesPerPixel } = image;
  const coded: CodedImage = { rows, columns, samplesPerPixel, precision: 8, isSigned: false, bytes };
  const encoded = jpeg.encodeBaseline(coded, quality);
  const isYbrToBecomeRgb = samplesPerPixel === 3;
  const decoded = jpeg.decode(encoded, image, { processes: [JpegProcess.baseline], isYbrToBecomeRgb });
  let sum = 0;
  for (const [index, sample] of bytes.entries()) sum += Math.abs(sample - (decoded.bytes[index] ?? 0));
  if (sum > maxMeanError * bytes.length) throw encodeFailed('JPEG baseline lost too much', 'compared');
  return encoded;
};

/** @param codecs of this thread */
export const createFrameCodecs = (codecs: Codecs): FrameCodecs => {
  const proven = new Set<string>();
  return {
    decode: (frame, image, from) => decodeFrame(codecs, frame, image, from),
    encode: (bytes, image, to) => encodeFrame(codecs, proven, bytes, image, to),
    encodeLossy: (bytes, image, quality) => encodeLossyFrame(codecs, bytes, image, quality),
  };
};

/** Codecs of this thread; a failure with a cause means: load them anew before the next frame. */
export const loadFrameCodecs = async (): Promise<FrameCodecs> => {
  const [jpeg, jpegLs, jpeg2000] = await Promise.all([loadJpegCodec(), loadJpegLsCodec(), loadJpeg2000Codec()]);
  return createFrameCodecs({ jpeg, jpegLs, jpeg2000 });
};
