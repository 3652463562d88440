/**
 * Reads the main header of a JPEG 2000 code stream and follows its tile parts: a cut stream would be decoded to an
 * image that looks whole.
 *
 * @see ITU-T T.800 annex A (SIZ, COD, SOT) and annex I (JP2 boxes, which some writers leave around the code stream)
 */
import type { CodestreamHeader } from './coded-image.ts';
import { decodeFailed } from './codestream-failures.ts';

export interface Jpeg2000Header extends CodestreamHeader {
  readonly isSigned: boolean;
  /** Reversible wavelet, everywhere. */
  readonly isReversible: boolean;
  /** Components are transformed together (RCT or ICT). */
  readonly isColorTransformed: boolean;
}

interface ImageSize extends CodestreamHeader {
  readonly isSigned: boolean;
  readonly tileCount: number;
}

const Marker = { soc: 0xff4f, siz: 0xff51, cod: 0xff52, coc: 0xff53, sot: 0xff90, eoc: 0xffd9 } as const;
const codestreamBox = 0x6a703263;
const signatureBox = 0x6a502020;
/** T.800 A.4.2: Isot has 16 bits. */
const maxTiles = 65_535;

/** The code stream itself, out of JP2 boxes where there are some; a view. @throws renditions/decode-failed */
export const findCodestream = (frame: Uint8Array): Buffer => {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.length >= 4 && bytes.readUInt16BE(0) === Marker.soc) return bytes;
  if (bytes.length < 12 || bytes.readUInt32BE(4) !== signatureBox) throw decodeFailed('not a JPEG 2000 stream');
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    const length = bytes.readUInt32BE(offset);
    const end = length === 0 ? bytes.length : offset + length;
    if (length === 1 || (length !== 0 && length < 8) || end > bytes.length) throw decodeFailed('JP2 box cut');
    if (bytes.readUInt32BE(offset + 4) === codestreamBox) return bytes.subarray(offset + 8, end);
    offset = end;
  }
  throw decodeFailed('JP2 file without a code stream');
};

const parseSize = (segment: Buffer): ImageSize => {
  if (segment.length < 39) throw decodeFailed('SIZ segment cut');
  const [x1, y1, x0, y0, tileWidth, tileHeight, tileX, tileY] = Array.from({ length: 8 }, (_, index) =>
    segment.readUInt32BE(2 + 4 * index),
  ) as [number, number, number, number, number, number, number, number];
  const samplesPerPixel = segment.readUInt16BE(34);
  if (samplesPerPixel === 0 || segment.length < 36 + 3 * samplesPerPixel) throw decodeFailed('SIZ segment cut');
  const component = segment.readUInt8(36);
  for (let index = 0; index < samplesPerPixel; index += 1) {
    const at = 36 + 3 * index;
    if (segment.readUInt8(at) !== component) throw decodeFailed('components of different depth');
    if (segment.readUInt16BE(at + 1) !== 0x0101) throw decodeFailed('subsampled components');
  }
  if (tileWidth === 0 || tileHeight === 0 || x1 <= x0 || y1 <= y0) throw decodeFailed('SIZ segment without an area');
  const tileCount = Math.ceil((x1 - tileX) / tileWidth) * Math.ceil((y1 - tileY) / tileHeight);
  if (tileCount > maxTiles) throw decodeFailed('too many tiles');
  return {
    rows: y1 - y0,
    columns: x1 - x0,
    samplesPerPixel,
    precision: (component & 0x7f) + 1,
    isSigned: component >= 0x80,
    tileCount,
  };
};

/** Every tile has a part, every part is whole. */
const checkTileParts = (bytes: Buffer, firstOffset: number, tileCount: number): void => {
  const seen = new Set<number>();
  let offset = firstOffset;
  while (offset + 12 <= bytes.length && bytes.readUInt16BE(offset) === Marker.sot) {
    const length = bytes.readUInt32BE(offset + 6);
    const end = length === 0 ? bytes.length : offset + length;
    if (end > bytes.length || (length !== 0 && length < 14)) throw decodeFailed('tile part cut');
    seen.add(bytes.readUInt16BE(offset + 4));
    offset = end;
  }
  if (seen.size !== tileCount) throw decodeFailed('tiles missing');
};

/**
 * @param bytes  as `findCodestream` gave it
 * @throws renditions/decode-failed
 */
export const parseJpeg2000Header = (bytes: Buffer): Jpeg2000Header => {
  let size: ImageSize | undefined;
  let isColorTransformed = false;
  let isReversible: boolean | undefined;
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    const marker = bytes.readUInt16BE(offset);
    if (marker === Marker.sot) break;
    const end = offset + 2 + bytes.readUInt16BE(offset + 2);
    if (marker < 0xff00 || end < offset + 4 || end > bytes.length) throw decodeFailed('JPEG 2000 main header cut');
    const segment = bytes.subarray(offset + 4, end);
    if (marker === Marker.siz && size === undefined) size = parseSize(segment);
    if (marker === Marker.cod) {
      if (segment.length < 10) throw decodeFailed('COD segment cut');
      isColorTransformed = segment.readUInt8(4) !== 0;
      isReversible = (isReversible ?? true) && segment.readUInt8(9) === 1;
    }
    if (marker === Marker.coc) {
      // Ccoc has two bytes from 257 components on; such an image is refused later, by its number of samples.
      if (segment.length < 7) throw decodeFailed('COC segment cut');
      isReversible = (isReversible ?? true) && segment.readUInt8(6) === 1;
    }
    offset = end;
  }
  if (size === undefined || isReversible === undefined) throw decodeFailed('JPEG 2000 main header incomplete');
  const { tileCount, ...image } = size;
  checkTileParts(bytes, offset, tileCount);
  return { ...image, isReversible, isColorTransformed };
};
