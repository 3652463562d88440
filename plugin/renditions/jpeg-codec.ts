/**
 * JPEG baseline, extended and lossless by dcmjs-codecs (libjpeg). Its authors disclaim clinical use: whatever it
 * encodes is decoded and compared by the caller before it leaves.
 *
 * @see ITU-T T.81 · PS3.5 §8.2.1, A.4.1, A.4.2
 */
import dcmjsCodecs from 'dcmjs-codecs';
import type { ImageAttributes } from '../dicom-file/index.ts';
import { checkHeader, type CodedImage, codedBytes, type DecodedImage } from './coded-image.ts';
import { decodeFailed, encodeFailed } from './codestream-failures.ts';
import { JpegProcess, parseJpegHeader } from './jpeg-header.ts';

const { constants, Context, log, NativeCodecs } = dcmjsCodecs;
const { JpegSampleFactor, PhotometricInterpretation } = constants;

export interface JpegDecodeOptions {
  /** What the transfer syntax allows. */
  readonly processes: readonly JpegProcess[];
  /** The components are luminance and chrominance, and RGB is wanted. */
  readonly isYbrToBecomeRgb: boolean;
}

export interface JpegCodec {
  /** @throws renditions/decode-failed */
  readonly decode: (frame: Uint8Array, image: ImageAttributes, options: JpegDecodeOptions) => DecodedImage;
  /** Process 14, selection value 1. @throws renditions/encode-failed */
  readonly encodeLossless: (image: CodedImage) => Uint8Array;
  /** Process 1, 8 bits; RGB becomes YBR_FULL_422. @throws renditions/encode-failed */
  readonly encodeBaseline: (image: CodedImage, quality: number) => Uint8Array;
}

const contextOf = (
  image: Omit<CodedImage, 'isSigned' | 'bytes'>,
  photometricInterpretation: string,
): ConstructorParameters<typeof Context>[0] => ({
  width: image.columns,
  height: image.rows,
  bitsAllocated: image.precision <= 8 ? 8 : 16,
  bitsStored: image.precision,
  samplesPerPixel: image.samplesPerPixel,
  // libjpeg knows patterns of bits only.
  pixelRepresentation: 0,
  planarConfiguration: 0,
  photometricInterpretation,
});

/**
 * What libjpeg says of a stream whose gaps it fills with grey. Bytes too many before a marker are none of these: some
 * encoders write them.
 */
const damage = /premature end|bad (huffman|arithmetic) code|instead of rst|bogus|inconsistent progression/i;

/** Runs the decoder and listens to it: it throws only when it cannot go on at all. */
const decodeSoundly = (
  context: InstanceType<typeof Context>,
  parameters: Parameters<typeof NativeCodecs.decodeJpeg>[1],
): Uint8Array | undefined => {
  let isDamaged = false;
  log.info = (line: unknown): void => {
    isDamaged ||= damage.test(String(line));
  };
  const decoded = NativeCodecs.decodeJpeg(context, parameters ?? {}).getDecodedBuffer();
  if (isDamaged) throw new TypeError('the stream is damaged');
  return decoded;
};

const decode = (
  frame: Uint8Array,
  image: ImageAttributes,
  { processes, isYbrToBecomeRgb }: JpegDecodeOptions,
): DecodedImage => {
  const { process, ...header } = parseJpegHeader(frame);
  if (!processes.includes(process)) throw decodeFailed('another JPEG process than the syntax says');
  checkHeader(header, image);
  const { Monochrome2, Rgb, YbrFull } = PhotometricInterpretation;
  const photometric = header.samplesPerPixel === 1 ? Monochrome2 : isYbrToBecomeRgb ? YbrFull : Rgb;
  try {
    const context = new Context({ ...contextOf(header, photometric), encodedBuffer: frame });
    const bytes = decodeSoundly(context, { convertColorspaceToRgb: isYbrToBecomeRgb });
    if (bytes?.length !== codedBytes(header)) throw new TypeError('another length than the header says');
    return { ...header, isSigned: false, isLossy: process !== JpegProcess.lossless, bytes };
  } catch (cause) {
    throw decodeFailed('JPEG', cause);
  }
};

const encode = (image: CodedImage, parameters: Parameters<typeof NativeCodecs.encodeJpeg>[1]): Uint8Array => {
  const photometric =
    image.samplesPerPixel === 1 ? PhotometricInterpretation.Monochrome2 : PhotometricInterpretation.Rgb;
  try {
    const context = new Context({ ...contextOf(image, photometric), decodedBuffer: image.bytes });
    const encoded = NativeCodecs.encodeJpeg(context, parameters ?? {}).getEncodedBuffer();
    if (encoded === undefined || encoded.length === 0) throw new TypeError('nothing encoded');
    return encoded;
  } catch (cause) {
    throw encodeFailed('JPEG', cause);
  }
};

/** One for a thread: the package keeps its instance to itself; loading again makes a fresh one. */
export const loadJpegCodec = async (): Promise<JpegCodec> => {
  // Nothing is printed; what it would print of a frame is listened to.
  log.setLevel('silent', false);
  log.info = (): void => {};
  await NativeCodecs.initializeAsync({ logCodecsInfo: true });
  return {
    decode,
    encodeLossless: (image) => encode(image, { lossy: false, predictor: 1, pointTransform: 0 }),
    encodeBaseline: (image, quality) => encode(image, { lossy: true, quality, sampleFactor: JpegSampleFactor.Sf422 }),
  };
};
