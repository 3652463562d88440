/**
 * The frames of an image, one after the other: encoded where the transfer syntax encapsulates, else native.
 *
 * A frame that a table and the fragments do not agree on is not guessed: a wrong frame is another image.
 *
 * @see PS3.5 §8, annex A.4 · PS3.3 C.7.6.3.1
 */
import { attributeBytes } from './attribute-values.ts';
import { framesUnreadable, groupByOffsets, groupWithoutTable, readFragments, type Fragment } from './fragments.ts';
import type { DicomFileOutline, ImageAttributes, PixelPlace } from './outline.ts';

const extendedOffsetTableTag = 0x7fe00001;

/** Bits of one native frame; YBR_FULL_422 has two samples a pixel when it is not compressed. */
const nativeFrameBits = (image: ImageAttributes): number => {
  const samples = image.photometricInterpretation === 'YBR_FULL_422' ? 2 : image.samplesPerPixel;
  return image.rows * image.columns * samples * image.bitsAllocated;
};

/** Copies bits from anywhere to the start of a buffer: frames of 1-bit pixels need not begin at a byte. */
const copyBits = (bytes: Buffer, firstBit: number, bitCount: number): Buffer => {
  const frame = Buffer.alloc(Math.ceil(bitCount / 8));
  const shift = firstBit % 8;
  const start = (firstBit - shift) / 8;
  for (let index = 0; index < frame.length; index += 1) {
    const pair = (bytes[start + index] ?? 0) | ((bytes[start + index + 1] ?? 0) << 8);
    frame[index] = (pair >>> shift) & 0xff;
  }
  const spare = frame.length * 8 - bitCount;
  const last = frame.length - 1;
  frame[last] = (frame[last] ?? 0) & (0xff >>> spare);
  return frame;
};

function* readNativeFrames(bytes: Buffer, pixel: PixelPlace, image: ImageAttributes): IterableIterator<Buffer> {
  const value = bytes.subarray(pixel.valueOffset, pixel.valueOffset + (pixel.length ?? 0));
  const frameBits = nativeFrameBits(image);
  if (frameBits === 0) throw framesUnreadable('a frame without pixels');
  if (Math.ceil((frameBits * image.numberOfFrames) / 8) > value.length) {
    throw framesUnreadable('less pixel data than the frames need');
  }
  for (let index = 0; index < image.numberOfFrames; index += 1) {
    const firstBit = index * frameBits;
    yield frameBits % 8 === 0
      ? value.subarray(firstBit / 8, (firstBit + frameBits) / 8)
      : copyBits(value, firstBit, frameBits);
  }
}

const readBasicOffsets = (bytes: Buffer, { start, end }: Fragment): readonly number[] => {
  if ((end - start) % 4 !== 0) throw framesUnreadable('an offset table that is cut');
  return Array.from({ length: (end - start) / 4 }, (_, index) => bytes.readUInt32LE(start + 4 * index));
};

const readExtendedOffsets = (outline: DicomFileOutline, bytes: Buffer): readonly number[] => {
  const table = attributeBytes(outline, bytes, extendedOffsetTableTag) ?? Buffer.alloc(0);
  return Array.from({ length: Math.floor(table.length / 8) }, (_, index) => Number(table.readBigUInt64LE(8 * index)));
};

const groupFragments = (
  outline: DicomFileOutline,
  bytes: Buffer,
  pixel: PixelPlace,
  frameCount: number,
): readonly (readonly Fragment[])[] => {
  const { basicOffsetTable, fragments } = readFragments(bytes, pixel.valueOffset);
  // Whatever a table says, one frame is all there is.
  if (frameCount === 1) return groupWithoutTable(bytes, fragments, 1);
  const basic = readBasicOffsets(bytes, basicOffsetTable);
  const offsets = basic.length > 0 ? basic : readExtendedOffsets(outline, bytes);
  if (offsets.length === 0) return groupWithoutTable(bytes, fragments, frameCount);
  if (offsets.length !== frameCount) throw framesUnreadable('another number of frames in the offset table');
  return groupByOffsets(fragments, offsets);
};

function* readEncapsulatedFrames(bytes: Buffer, groups: readonly (readonly Fragment[])[]): IterableIterator<Buffer> {
  for (const group of groups) {
    const [first, ...others] = group.map(({ start, end }) => bytes.subarray(start, end));
    if (first === undefined) throw framesUnreadable('a frame without fragments');
    yield others.length === 0 ? first : Buffer.concat([first, ...others]);
  }
}

/**
 * @param outline  of this very file; with pixel data and image attributes
 * @param file     the whole file
 * @returns        exactly NumberOfFrames frames; views of `file`, except frames in several fragments or off byte bounds.
 *   An encoded frame may end with a padding byte. Native bytes are in the byte order of the file.
 * @throws dicom-file/frames-unreadable, at the call or while iterating
 */
export const readFrames = (outline: DicomFileOutline, file: Uint8Array): IterableIterator<Buffer> => {
  const { pixel, image } = outline;
  if (pixel === undefined || image === undefined) throw framesUnreadable('no pixel data');
  if (image.numberOfFrames < 1) throw framesUnreadable('NumberOfFrames is not a count');
  if (file.length !== outline.fileLength) throw new TypeError('not the file of the outline');
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (!pixel.isEncapsulated) return readNativeFrames(bytes, pixel, image);
  return readEncapsulatedFrames(bytes, groupFragments(outline, bytes, pixel, image.numberOfFrames));
};
