/**
 * Where the frames of an image stand in its file, found without reading the pixels: by arithmetic where they are native, by
 * the offset tables, or by hopping from fragment to fragment.
 *
 * ```
 * native        frame n = value + (n − 1) × length
 * encapsulated  item(offsets) item(fragment) item(fragment) … delimiter
 * ```
 * A table that does not begin at the first fragment, does not rise or has another number of frames is not guessed; that each
 * frame is made of whole fragments is checked when it is read. A wrong frame is another image.
 *
 * @see PS3.5 §8, annex A.4 · PS3.3 C.7.6.3.1.8, C.7.6.3.1.9 (extended offset table)
 */
import { attributeBytes, type ImageAttributes, type PixelPlace } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';
import type { StoredObject } from './stored-object.ts';

export type FramePlaces =
  | { readonly kind: 'native'; readonly valueOffset: number; readonly frameBytes: number; readonly count: number }
  /** Offsets of the first item header of each frame, and one past the last; that may be unknown (a frame to the delimiter). */
  | { readonly kind: 'encapsulated'; readonly starts: readonly number[]; readonly end?: number }
  /** Frames that do not begin at a byte: the whole is read. */
  | { readonly kind: 'bits' };

/** Of one fragment, its bytes; or the delimiter. */
export interface FragmentPlace {
  readonly start: number;
  readonly end: number;
}

type Bytes = (start: number, end: number) => Promise<Buffer>;

const itemTag = 0xfffee000;
const sequenceEndTag = 0xfffee0dd;
const extendedOffsetTableTag = 0x7fe00001;
const windowBytes = 64 * 1024;
const maxFragments = 1_000_000;

export const framesUnreadable = (detail: string): DrimboxError =>
  new DrimboxError('dicom-file/frames-unreadable', { detail });

/** Small reads close to one another, out of one larger read. */
export const createWindow = (read: Bytes, fileLength: number): Bytes => {
  let from = 0;
  let bytes: Buffer = Buffer.alloc(0);
  return async (start, end) => {
    if (end > fileLength) throw framesUnreadable('the pixel data is cut');
    if (start < from || end > from + bytes.length) {
      from = start;
      bytes = await read(start, Math.min(fileLength, Math.max(end, start + windowBytes)));
    }
    return bytes.subarray(start - from, end - from);
  };
};

/** The fragment whose header stands there; undefined for the delimiter. @throws dicom-file/frames-unreadable */
export const readFragmentPlace = async (bytes: Bytes, offset: number): Promise<FragmentPlace | undefined> => {
  const header = await bytes(offset, offset + 8);
  const tag = header.readUInt16LE(0) * 0x10000 + header.readUInt16LE(2);
  const length = header.readUInt32LE(4);
  if (tag === sequenceEndTag && length === 0) return undefined;
  if (tag !== itemTag || length === 0xffffffff) throw framesUnreadable(`no fragment at byte ${offset}`);
  return { start: offset + 8, end: offset + 8 + length };
};

/** YBR_FULL_422 has two samples a pixel when it is not compressed. */
const nativePlaces = (pixel: PixelPlace, image: ImageAttributes): FramePlaces => {
  const samples = image.photometricInterpretation === 'YBR_FULL_422' ? 2 : image.samplesPerPixel;
  const frameBits = image.rows * image.columns * samples * image.bitsAllocated;
  if (frameBits === 0) throw framesUnreadable('a frame without pixels');
  if (Math.ceil((frameBits * image.numberOfFrames) / 8) > (pixel.length ?? 0)) {
    throw framesUnreadable('less pixel data than the frames need');
  }
  if (frameBits % 8 !== 0) return { kind: 'bits' };
  const { valueOffset } = pixel;
  return { kind: 'native', valueOffset, frameBytes: frameBits / 8, count: image.numberOfFrames };
};

const basicOffsets = async (bytes: Bytes, { start, end }: FragmentPlace): Promise<readonly number[]> => {
  if ((end - start) % 4 !== 0) throw framesUnreadable('an offset table that is cut');
  const table = await bytes(start, end);
  return Array.from({ length: table.length / 4 }, (_, index) => table.readUInt32LE(4 * index));
};

const extendedOffsets = ({ outline, head }: StoredObject): readonly number[] => {
  const table = attributeBytes(outline, head, extendedOffsetTableTag) ?? Buffer.alloc(0);
  return Array.from({ length: Math.floor(table.length / 8) }, (_, index) => Number(table.readBigUInt64LE(8 * index)));
};

const checkOffsets = (offsets: readonly number[], frames: number): void => {
  if (offsets.length !== frames) throw framesUnreadable('another number of frames in the offset table');
  if (offsets[0] !== 0) throw framesUnreadable('the offset table does not begin at the first fragment');
  const isRising = offsets.every((offset, place) => place === 0 || offset > (offsets[place - 1] ?? 0));
  if (!isRising) throw framesUnreadable('the offset table does not rise');
};

/** SOI or SOC with what must follow: where a JPEG or JPEG 2000 code stream begins. */
const isCodestreamStart = (bytes: Buffer): boolean =>
  bytes[0] === 0xff &&
  ((bytes[1] === 0xd8 && bytes[2] === 0xff) || (bytes[1] === 0x4f && bytes[2] === 0xff && bytes[3] === 0x51));

/** Without a table: as many fragments, or as many code streams that begin, as there are frames. */
const hopOverFragments = async (bytes: Bytes, first: number, frames: number): Promise<FramePlaces> => {
  const fragments: number[] = [];
  const codestreams: number[] = [];
  let offset = first;
  for (;;) {
    const place = await readFragmentPlace(bytes, offset);
    if (place === undefined) break;
    if (fragments.length >= maxFragments) throw new DrimboxError('dicom-file/too-large', { detail: 'fragments' });
    fragments.push(offset);
    const isStart = place.end - place.start >= 4 && isCodestreamStart(await bytes(place.start, place.start + 4));
    if (isStart) codestreams.push(offset);
    offset = place.end;
  }
  if (fragments.length === frames) return { kind: 'encapsulated', starts: fragments, end: offset };
  if (codestreams.length !== frames || codestreams[0] !== fragments[0]) {
    throw framesUnreadable(`${fragments.length} fragments do not make ${frames} frames`);
  }
  return { kind: 'encapsulated', starts: codestreams, end: offset };
};

/**
 * @throws dicom-file/frames-unreadable, dicom-file/too-large, orthanc/*
 */
export const findFramePlaces = async (object: StoredObject): Promise<FramePlaces> => {
  const { pixel, image, fileLength } = object.outline;
  if (pixel === undefined || image === undefined) throw framesUnreadable('no pixel data');
  if (image.numberOfFrames < 1) throw framesUnreadable('NumberOfFrames is not a count');
  if (!pixel.isEncapsulated) return nativePlaces(pixel, image);
  const bytes = createWindow((start, end) => object.read(start, end), fileLength);
  const table = await readFragmentPlace(bytes, pixel.valueOffset);
  if (table === undefined) throw framesUnreadable('no basic offset table');
  // Whatever a table says, one frame is all there is.
  if (image.numberOfFrames === 1) return { kind: 'encapsulated', starts: [table.end] };
  const basic = await basicOffsets(bytes, table);
  const offsets = basic.length > 0 ? basic : extendedOffsets(object);
  if (offsets.length === 0) return hopOverFragments(bytes, table.end, image.numberOfFrames);
  checkOffsets(offsets, image.numberOfFrames);
  return { kind: 'encapsulated', starts: offsets.map((offset) => table.end + offset) };
};
