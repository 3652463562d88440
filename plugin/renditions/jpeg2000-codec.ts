/**
 * JPEG 2000 by OpenJPEG; encoding is reversible, three components always by the reversible colour transform.
 *
 * @see ITU-T T.800 · PS3.5 §8.2.4, A.4.4
 */
import type { ImageAttributes } from '../dicom-file/index.ts';
import { checkHeader, type CodedImage, codedBytes, type DecodedImage } from './coded-image.ts';
import { decodeFailed, encodeFailed, unsupported } from './codestream-failures.ts';
import { findCodestream, parseJpeg2000Header } from './jpeg2000-header.ts';
import { loadWasmModule, takeBytes } from './wasm-module.ts';

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned: boolean;
}

interface OpenJpegDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  delete(): void;
}

interface OpenJpegEncoder {
  getDecodedBuffer(frameInfo: FrameInfo): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setQuality(isLossless: boolean, quality: number): void;
  setDecompositions(levels: number): void;
  encode(): void;
  delete(): void;
}

interface OpenJpegModule {
  readonly J2KDecoder: new () => OpenJpegDecoder;
  readonly J2KEncoder: new () => OpenJpegEncoder;
}

export interface Jpeg2000Codec {
  /** A transform over the components is undone. @throws renditions/decode-failed, renditions/unsupported */
  readonly decode: (frame: Uint8Array, image: ImageAttributes) => DecodedImage;
  /** Without loss; three components must be RGB, and are YBR_RCT then. @throws renditions/encode-failed */
  readonly encode: (image: CodedImage) => Uint8Array;
}

const decode = (openJpeg: OpenJpegModule, frame: Uint8Array, image: ImageAttributes): DecodedImage => {
  const codestream = findCodestream(frame);
  const { isReversible, isColorTransformed: _, ...header } = parseJpeg2000Header(codestream);
  checkHeader(header, image);
  // The package clips them at 0.
  if (header.isSigned && header.precision <= 8) throw unsupported('signed samples of 8 bits or fewer');
  try {
    const decoder = new openJpeg.J2KDecoder();
    decoder.getEncodedBuffer(codestream.length).set(codestream);
    decoder.decode();
    const bytes = takeBytes(decoder.getDecodedBuffer());
    decoder.delete();
    if (bytes.length !== codedBytes(header)) throw new TypeError('another length than the header says');
    return { ...header, isLossy: !isReversible, bytes };
  } catch (cause) {
    throw decodeFailed('JPEG 2000', cause);
  }
};

/** Each level halves the image: no more than it has room for. */
const levelsOf = ({ rows, columns }: CodedImage): number => Math.min(5, Math.floor(Math.log2(Math.min(rows, columns))));

const encode = (openJpeg: OpenJpegModule, image: CodedImage): Uint8Array => {
  try {
    const encoder = new openJpeg.J2KEncoder();
    const frameInfo = {
      width: image.columns,
      height: image.rows,
      bitsPerSample: image.precision,
      componentCount: image.samplesPerPixel,
      isSigned: image.isSigned,
    };
    encoder.getDecodedBuffer(frameInfo).set(image.bytes);
    encoder.setQuality(true, 0);
    encoder.setDecompositions(levelsOf(image));
    encoder.encode();
    const encoded = takeBytes(encoder.getEncodedBuffer());
    encoder.delete();
    const { isReversible, isColorTransformed } = parseJpeg2000Header(findCodestream(encoded));
    // PhotometricInterpretation says which: the package leaves no choice.
    if (!isReversible || isColorTransformed !== (image.samplesPerPixel === 3))
      throw new TypeError('not the encoding that was asked for');
    return encoded;
  } catch (cause) {
    throw encodeFailed('JPEG 2000', cause);
  }
};

/** An instance of its own: after a failure its memory is not to be trusted any more. */
export const loadJpeg2000Codec = async (): Promise<Jpeg2000Codec> => {
  const openJpeg = (await loadWasmModule('@cornerstonejs/codec-openjpeg')) as OpenJpegModule;
  return { decode: (frame, image) => decode(openJpeg, frame, image), encode: (image) => encode(openJpeg, image) };
};
