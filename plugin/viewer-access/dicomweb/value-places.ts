/**
 * Where values stand in a file, in sequences too: for values that are given by reference (BulkDataURI), and for what the
 * functional groups say of one frame. A path is tag, item (from 1), tag, …: `54000100/1/54001010` is the waveform of the first
 * item of WaveformSequence.
 *
 * The items of a sequence that is written as UN are Implicit VR Little Endian: so a PACS writes those of a private sequence
 * that it has no dictionary of. Little endian only, as all objects that are looked at here.
 *
 * @see PS3.5 §6.2.2 (UN), §7.1, §7.5
 */
import type { DicomFileOutline } from '../../dicom-file/index.ts';
import { asDrimboxError, DrimboxError } from '../../errors.ts';

/** Its bytes, and its VR where the file says it. */
export interface ValuePlace {
  readonly path: readonly number[];
  readonly vr: string;
  readonly start: number;
  readonly end: number;
}

interface Header {
  readonly tag: number;
  readonly vr: string;
  readonly start: number;
  /** Absent: undefined length. */
  readonly length?: number;
}

/** Items of a sequence, or elements of an item: up to `end`, or up to the delimiter before it where there must be one. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly isDelimited: boolean;
  readonly isExplicit: boolean;
}

/** The elements of one item. */
export type ItemPlace = Stretch;

const itemTag = 0xfffee000;
const itemEndTag = 0xfffee00d;
const sequenceEndTag = 0xfffee0dd;
const undefinedLength = 0xffffffff;
/** Sequences in sequences: those where values are looked for… */
const maxDepth = 7;
/** …and those that are passed over, as deep as a file may be. */
const maxPassedDepth = 64;
const longVrs: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

const malformed = (): DrimboxError => new DrimboxError('dicom-file/malformed', { detail: 'a sequence' });

const readHeader = (bytes: Buffer, at: number, { end, isExplicit }: Stretch): Header => {
  if (at + 8 > end) throw malformed();
  const tag = bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2);
  const hasVr = isExplicit && tag < itemTag;
  const vr = hasVr ? String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0) : '';
  const isLong = hasVr && longVrs.has(vr);
  if (isLong && at + 12 > end) throw malformed();
  const length = !hasVr ? bytes.readUInt32LE(at + 4) : isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
  const start = at + (isLong ? 12 : 8);
  if (length === undefinedLength) return { tag, vr, start };
  if (start + length > end) throw malformed();
  return { tag, vr, start, length };
};

/** What stands behind that header, within `around`. */
const insideOf = ({ vr, start, length }: Header, around: Stretch): Stretch => ({
  start,
  end: length === undefined ? around.end : start + length,
  isDelimited: length === undefined,
  isExplicit: around.isExplicit && vr !== 'UN',
});

/** In a sequence items only, in an item elements only. */
const checkKind = ({ tag }: Header, endTag: number): void => {
  if (endTag === sequenceEndTag ? tag !== itemTag : tag >= itemTag) throw malformed();
};

/** @returns one past what stands behind that header, its delimiter included */
const endOf = (bytes: Buffer, header: Header, around: Stretch, depth: number): number => {
  if (header.length !== undefined) return header.start + header.length;
  if (depth > 2 * maxPassedDepth) throw malformed();
  const inside = insideOf(header, around);
  const endTag = header.tag === itemTag ? itemEndTag : sequenceEndTag;
  for (let at = inside.start; at < inside.end; ) {
    const one = readHeader(bytes, at, inside);
    if (one.tag === endTag) return one.start;
    checkKind(one, endTag);
    at = endOf(bytes, one, inside, depth + 1);
  }
  throw malformed();
};

/** The items of a sequence, or the elements of an item; what follows one is looked for only when it is asked for. */
function* headersIn(bytes: Buffer, stretch: Stretch, endTag: number): Generator<Header, void, undefined> {
  for (let at = stretch.start; at < stretch.end; ) {
    const header = readHeader(bytes, at, stretch);
    if (header.tag === endTag) return;
    checkKind(header, endTag);
    yield header;
    at = endOf(bytes, header, stretch, 0);
  }
  if (stretch.isDelimited) throw malformed();
}

const sequenceAt = (outline: DicomFileOutline, bytes: Buffer, tag: number): Stretch | undefined => {
  const place = outline.elements.get(tag);
  const mayBe = place !== undefined && (place.vr === 'SQ' || place.vr === '' || place.vr === 'UN');
  if (!mayBe || place.end > bytes.length) return undefined;
  return {
    start: place.valueOffset,
    end: place.end,
    isDelimited: place.isUndefinedLength,
    isExplicit: outline.encoding.isExplicit && place.vr !== 'UN',
  };
};

const itemIn = (bytes: Buffer, sequence: Stretch, number: number): ItemPlace | undefined => {
  let at = 0;
  for (const header of headersIn(bytes, sequence, sequenceEndTag)) {
    at += 1;
    if (at === number) return insideOf(header, sequence);
  }
  return undefined;
};

const elementIn = (bytes: Buffer, item: ItemPlace, tag: number): Header | undefined => {
  for (const header of headersIn(bytes, item, itemEndTag)) if (header.tag === tag) return header;
  return undefined;
};

/** @throws dicom-file/malformed */
export const findItemIn = (bytes: Buffer, around: ItemPlace, tag: number, number: number): ItemPlace | undefined => {
  const header = elementIn(bytes, around, tag);
  return header === undefined ? undefined : itemIn(bytes, insideOf(header, around), number);
};

/**
 * One item of a sequence at the top level: what stands before it is passed over, what follows is not looked at.
 *
 * @param bytes  at least up to the end of the sequence
 * @throws dicom-file/malformed
 */
export const findItem = (
  outline: DicomFileOutline,
  bytes: Buffer,
  tag: number,
  number: number,
): ItemPlace | undefined => {
  const sequence = sequenceAt(outline, bytes, tag);
  return sequence === undefined ? undefined : itemIn(bytes, sequence, number);
};

/** The values of an item, but its sequences. @throws dicom-file/malformed */
export const valuesIn = (bytes: Buffer, item: ItemPlace): ReadonlyMap<number, Buffer> => {
  const values = new Map<number, Buffer>();
  for (const { tag, vr, start, length } of headersIn(bytes, item, itemEndTag)) {
    if (length !== undefined && vr !== 'SQ') values.set(tag, bytes.subarray(start, start + length));
  }
  return values;
};

/** A file whose sequences cannot be walked is still an object: it only tells less. */
export const unlessMalformed = <Result>(read: () => Result, instead: Result): Result => {
  try {
    return read();
  } catch (error) {
    if (asDrimboxError(error).code !== 'dicom-file/malformed') throw error;
    return instead;
  }
};

const valueInside = (
  outline: DicomFileOutline,
  head: Buffer,
  path: readonly number[],
): (Header & { readonly length: number }) | undefined => {
  const [tag = 0, number = 0, ...rest] = path;
  let item = findItem(outline, head, tag, number);
  for (let at = 0; item !== undefined && at + 2 < rest.length; at += 2) {
    item = findItemIn(head, item, rest[at] ?? 0, rest[at + 1] ?? 0);
  }
  const found = item === undefined ? undefined : elementIn(head, item, rest.at(-1) ?? 0);
  if (found?.length === undefined || found.vr === 'SQ') return undefined;
  return { ...found, length: found.length };
};

/** @returns undefined: no such value in the file, or none that can be read */
export const findValue = (outline: DicomFileOutline, head: Buffer, path: readonly number[]): ValuePlace | undefined => {
  if (path.length === 1) {
    const place = outline.elements.get(path[0] ?? 0);
    if (place === undefined || place.isUndefinedLength || place.vr === 'SQ') return undefined;
    return { path, vr: place.vr, start: place.valueOffset, end: place.end };
  }
  if (path.length % 2 === 0) return undefined;
  const found = unlessMalformed(() => valueInside(outline, head, path), undefined);
  return found === undefined ? undefined : { path, vr: found.vr, start: found.start, end: found.start + found.length };
};

/** What is looked for, and what was found so far. */
interface Search {
  readonly bytes: Buffer;
  readonly moreThanBytes: number;
  readonly found: ValuePlace[];
}

/** What is no longer than that holds nothing longer, and is passed over. @returns one past the stretch, its delimiter included */
const collectLarge = (search: Search, stretch: Stretch, endTag: number, path: readonly number[]): number => {
  const { bytes, moreThanBytes, found } = search;
  const isSequence = endTag === sequenceEndTag;
  let at = stretch.start;
  for (let number = 1; at < stretch.end; number += 1) {
    const header = readHeader(bytes, at, stretch);
    const { tag, vr, start, length } = header;
    if (tag === endTag) return start;
    checkKind(header, endTag);
    const isPassed = (length ?? Infinity) <= moreThanBytes || path.length > 2 * maxDepth;
    // Without VR a defined length says nothing of a sequence.
    const isNested = isSequence || vr === 'SQ' || length === undefined;
    if (isPassed) at = endOf(bytes, header, stretch, 0);
    else if (isNested) {
      const place = [...path, isSequence ? number : tag];
      at = collectLarge(search, insideOf(header, stretch), isSequence ? itemEndTag : sequenceEndTag, place);
    } else {
      found.push({ path: [...path, tag], vr, start, end: start + length });
      at = start + length;
    }
  }
  if (stretch.isDelimited) throw malformed();
  return at;
};

/**
 * The values in a sequence of the top level that are longer than so many bytes; none where it cannot be walked.
 *
 * @param bytes  at least up to the end of the sequence
 */
export const findLargeValues = (
  outline: DicomFileOutline,
  bytes: Buffer,
  tag: number,
  moreThanBytes: number,
): readonly ValuePlace[] => {
  const sequence = sequenceAt(outline, bytes, tag);
  if (sequence === undefined) return [];
  return unlessMalformed(() => {
    const search: Search = { bytes, moreThanBytes, found: [] };
    collectLarge(search, sequence, sequenceEndTag, [tag]);
    return search.found;
  }, []);
};
