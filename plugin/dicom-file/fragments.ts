/**
 * The fragments of encapsulated pixel data, and which of them make one frame.
 *
 * @see PS3.5 annex A.4, table A.4-1 · PS3.3 C.7.6.3.1.8
 */
import { DrimboxError } from '../errors.ts';
import { itemTag, sequenceEndTag, undefinedLength } from './element-reader.ts';

/** `start` and `end` of its bytes in the file, item header excluded. */
export interface Fragment {
  readonly start: number;
  readonly end: number;
}

export interface FragmentList {
  readonly basicOffsetTable: Fragment;
  readonly fragments: readonly Fragment[];
  /** One past the delimiter. */
  readonly end: number;
}

export const framesUnreadable = (detail: string): DrimboxError =>
  new DrimboxError('dicom-file/frames-unreadable', { detail });

const readItemTag = (bytes: Buffer, offset: number): number =>
  bytes.readUInt16LE(offset) * 0x10000 + bytes.readUInt16LE(offset + 2);

/**
 * @param valueOffset  of PixelData, after its header
 * @throws dicom-file/frames-unreadable
 */
export const readFragments = (bytes: Buffer, valueOffset: number): FragmentList => {
  const items: Fragment[] = [];
  let offset = valueOffset;
  for (;;) {
    if (offset + 8 > bytes.length) throw framesUnreadable('the pixel data is cut');
    const tag = readItemTag(bytes, offset);
    const length = bytes.readUInt32LE(offset + 4);
    offset += 8;
    if (tag === sequenceEndTag && length === 0) break;
    if (tag !== itemTag || length === undefinedLength) throw framesUnreadable(`no fragment at byte ${offset - 8}`);
    if (offset + length > bytes.length) throw framesUnreadable('the pixel data is cut');
    items.push({ start: offset, end: offset + length });
    offset += length;
  }
  const [basicOffsetTable, ...fragments] = items;
  if (basicOffsetTable === undefined) throw framesUnreadable('no basic offset table');
  return { basicOffsetTable, fragments, end: offset };
};

/** Splits the fragments where frames begin. @param offsets of item headers, from the first fragment's on */
export const groupByOffsets = (
  fragments: readonly Fragment[],
  offsets: readonly number[],
): readonly (readonly Fragment[])[] => {
  const origin = (fragments[0]?.start ?? 8) - 8;
  const frames: Fragment[][] = [];
  for (const fragment of fragments) {
    const isFirst = fragment.start - 8 - origin === offsets[frames.length];
    if (isFirst) frames.push([fragment]);
    else {
      const current = frames.at(-1);
      if (current === undefined) throw framesUnreadable('the offset table does not begin at the first fragment');
      current.push(fragment);
    }
  }
  if (frames.length !== offsets.length) throw framesUnreadable('the offset table points beside the fragments');
  return frames;
};

/** SOI or SOC with what must follow: where a JPEG or JPEG 2000 codestream begins. */
const isCodestreamStart = (bytes: Buffer, { start, end }: Fragment): boolean =>
  end - start >= 4 &&
  bytes[start] === 0xff &&
  ((bytes[start + 1] === 0xd8 && bytes[start + 2] === 0xff) ||
    (bytes[start + 1] === 0x4f && bytes[start + 2] === 0xff && bytes[start + 3] === 0x51));

/** Without a table: one frame, one fragment a frame, or as many codestreams that begin as there are frames. */
export const groupWithoutTable = (
  bytes: Buffer,
  fragments: readonly Fragment[],
  frameCount: number,
): readonly (readonly Fragment[])[] => {
  if (frameCount === 1 && fragments.length > 0) return [fragments];
  if (fragments.length === frameCount) return fragments.map((fragment) => [fragment]);
  const frames: Fragment[][] = [];
  for (const fragment of fragments) {
    if (isCodestreamStart(bytes, fragment)) frames.push([fragment]);
    else if (frames.length === 0) break;
    else frames.at(-1)?.push(fragment);
  }
  if (frames.length !== frameCount) {
    throw framesUnreadable(`${fragments.length} fragments do not make ${frameCount} frames`);
  }
  return frames;
};
