/**
 * JPEG-LS by CharLS.
 *
 * @see ITU-T T.87 · PS3.5 §8.2.3, A.4.3
 */
import type { ImageAttributes } from '../dicom-file/index.ts';
import { checkHeader, type CodedImage, codedBytes, type DecodedImage } from './coded-image.ts';
import { decodeFailed, encodeFailed } from './codestream-failures.ts';
import { JpegProcess, parseJpegHeader } from './jpeg-header.ts';
import { interleavePlanes } from './sample-layout.ts';
import { loadWasmModule, takeBytes } from './wasm-module.ts';

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
}

interface CharlsDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getInterleaveMode(): number;
  getNearLossless(): number;
  delete(): void;
}

interface CharlsEncoder {
  getDecodedBuffer(frameInfo: FrameInfo): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setNearLossless(value: number): void;
  setInterleaveMode(mode: number): void;
  encode(): void;
  delete(): void;
}

interface CharlsModule {
  readonly JpegLSDecoder: new () => CharlsDecoder;
  readonly JpegLSEncoder: new () => CharlsEncoder;
}

export interface JpegLsCodec {
  /** @throws renditions/decode-failed */
  readonly decode: (frame: Uint8Array, image: ImageAttributes) => DecodedImage;
  /** Without loss. @throws renditions/encode-failed */
  readonly encode: (image: CodedImage) => Uint8Array;
}

const InterleaveMode = { none: 0, line: 1, sample: 2 } as const;

const decode = (charls: CharlsModule, frame: Uint8Array, image: ImageAttributes): DecodedImage => {
  const { process, ...header } = parseJpegHeader(frame);
  if (process !== JpegProcess.jpegLs) throw decodeFailed('not a JPEG-LS stream');
  checkHeader(header, image);
  try {
    const decoder = new charls.JpegLSDecoder();
    decoder.getEncodedBuffer(frame.length).set(frame);
    decoder.decode();
    const pixels = takeBytes(decoder.getDecodedBuffer());
    const isByPlane = header.samplesPerPixel > 1 && decoder.getInterleaveMode() === InterleaveMode.none;
    const isLossy = decoder.getNearLossless() !== 0;
    decoder.delete();
    if (pixels.length !== codedBytes(header)) throw new TypeError('another length than the header says');
    const bytes = isByPlane ? interleavePlanes(pixels, header.samplesPerPixel, header.precision > 8 ? 2 : 1) : pixels;
    return { ...header, isSigned: false, isLossy, bytes };
  } catch (cause) {
    throw decodeFailed('JPEG-LS', cause);
  }
};

const encode = (charls: CharlsModule, image: CodedImage): Uint8Array => {
  try {
    const encoder = new charls.JpegLSEncoder();
    const frameInfo = {
      width: image.columns,
      height: image.rows,
      bitsPerSample: image.precision,
      componentCount: image.samplesPerPixel,
    };
    encoder.getDecodedBuffer(frameInfo).set(image.bytes);
    encoder.setNearLossless(0);
    encoder.setInterleaveMode(image.samplesPerPixel === 1 ? InterleaveMode.none : InterleaveMode.line);
    encoder.encode();
    const encoded = takeBytes(encoder.getEncodedBuffer());
    encoder.delete();
    return encoded;
  } catch (cause) {
    throw encodeFailed('JPEG-LS', cause);
  }
};

/** An instance of its own: after a failure its memory is not to be trusted any more. */
export const loadJpegLsCodec = async (): Promise<JpegLsCodec> => {
  const charls = (await loadWasmModule('@cornerstonejs/codec-charls')) as CharlsModule;
  return { decode: (frame, image) => decode(charls, frame, image), encode: (image) => encode(charls, image) };
};
