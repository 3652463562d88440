/** A frame as codecs know it. */
import type { ImageAttributes } from '../dicom-file/index.ts';
import { decodeFailed } from './codestream-failures.ts';

/** What the header of a code stream says; read before anything is allocated for the pixels. */
export interface CodestreamHeader {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  /** Bits of a sample, 1 to 16. */
  readonly precision: number;
}

/** One frame out of its code stream, or on its way in. */
export interface CodedImage extends CodestreamHeader {
  /** Two's complement; only JPEG 2000 says so in the code stream. */
  readonly isSigned: boolean;
  /** Colour by pixel; one byte a sample up to 8 bits of precision, else two, little endian. */
  readonly bytes: Uint8Array;
}

export interface DecodedImage extends CodedImage {
  /** The code stream itself lost something: near-lossless JPEG-LS, irreversible wavelet, DCT. */
  readonly isLossy: boolean;
}

export const bytesPerSample = (precision: number): 1 | 2 => (precision <= 8 ? 1 : 2);

/** Length of `CodedImage.bytes`. */
export const codedBytes = ({ rows, columns, samplesPerPixel, precision }: CodestreamHeader): number =>
  rows * columns * samplesPerPixel * bytesPerSample(precision);

/**
 * A code stream of another size than the attributes say is another image, or a trap.
 *
 * @throws renditions/decode-failed
 */
export const checkHeader = (header: CodestreamHeader, image: ImageAttributes): void => {
  const { rows, columns, samplesPerPixel, bitsAllocated } = image;
  if (header.rows !== rows || header.columns !== columns) throw decodeFailed('another size than the attributes say');
  if (header.samplesPerPixel !== samplesPerPixel) throw decodeFailed('another number of samples');
  if (header.precision < 1 || header.precision > bitsAllocated) throw decodeFailed('more bits than are allocated');
};
