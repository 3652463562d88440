/**
 * Walks over data elements without looking into their values. The bytes may be only the beginning of a file.
 *
 * ```
 * explicit, short VR   tag(4) VR(2) length(2) value
 * explicit, long VR    tag(4) VR(2) 00 00 length(4) value
 * implicit, and items  tag(4) length(4) value
 * undefined length     …FFFFFFFF, items, (FFFE,E0DD) 00000000
 * ```
 * A VR that is not of the table is read as Orthanc's reader (DCMTK) reads it: two capitals have a long length, anything
 * else ("??", spaces) a short one.
 *
 * @see PS3.5 §7.1, §7.5, §6.2.2 (UN)
 */
import { DrimboxError } from '../errors.ts';
import { implicitLittleEndian, type DatasetEncoding } from './transfer-syntax.ts';

export const itemTag = 0xfffee000;
export const itemEndTag = 0xfffee00d;
export const sequenceEndTag = 0xfffee0dd;
export const undefinedLength = 0xffffffff;

export interface Cursor {
  /** What is there of the file, from its first byte. */
  readonly bytes: Buffer;
  /** Of the whole file: at least `bytes.length`. */
  readonly fileLength: number;
  readonly maxDepth: number;
  offset: number;
  /** How many elements and items may still be walked over. */
  budget: number;
}

export interface ElementHeader {
  readonly tag: number;
  /** '' in Implicit VR and for items. */
  readonly vr: string;
  readonly length: number;
  readonly start: number;
  readonly valueOffset: number;
}

/** Not a failure: the look needs bytes that the beginning does not have. Never leaves the room. */
export class BeginningTooShort extends Error {
  readonly neededBytes: number;
  constructor(neededBytes: number) {
    super('beginning too short');
    this.neededBytes = neededBytes;
  }
}

export const malformed = (detail: string): DrimboxError => new DrimboxError('dicom-file/malformed', { detail });

const shortVrs: ReadonlySet<string> = new Set(
  'AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '),
);
export const isShortVr = (vr: string): boolean => shortVrs.has(vr);

/** Fails unless `count` bytes follow within `end`, and are there. */
export const requireBytes = (cursor: Cursor, end: number, count: number): void => {
  const needed = cursor.offset + count;
  if (needed > end) throw malformed(`cut or wrong length at byte ${cursor.offset}`);
  if (needed > cursor.bytes.length) throw new BeginningTooShort(needed);
};

const readUint16 = (bytes: Buffer, offset: number, isLittleEndian: boolean): number =>
  isLittleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
const readUint32 = (bytes: Buffer, offset: number, isLittleEndian: boolean): number =>
  isLittleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);

const hasLongLength = (bytes: Buffer, offset: number, vr: string): boolean => {
  if (shortVrs.has(vr)) return false;
  const [first = 0, second = 0] = [bytes[offset], bytes[offset + 1]];
  return first >= 0x41 && first <= 0x5a && second >= 0x41 && second <= 0x5a;
};

/** Reads tag, VR and length; leaves the cursor at the value, whose length is checked against `end` when defined. */
export const readElementHeader = (cursor: Cursor, end: number, encoding: DatasetEncoding): ElementHeader => {
  cursor.budget -= 1;
  if (cursor.budget < 0) throw new DrimboxError('dicom-file/too-large', { detail: 'too many elements' });
  requireBytes(cursor, end, 8);
  const { bytes, offset: start } = cursor;
  const { isExplicit, isLittleEndian } = encoding;
  const group = readUint16(bytes, start, isLittleEndian);
  const tag = group * 0x10000 + readUint16(bytes, start + 2, isLittleEndian);
  let vr = '';
  let length: number;
  if (!isExplicit || group === 0xfffe) {
    length = readUint32(bytes, start + 4, isLittleEndian);
    cursor.offset += 8;
  } else {
    vr = bytes.toString('latin1', start + 4, start + 6);
    if (hasLongLength(bytes, start + 4, vr)) {
      requireBytes(cursor, end, 12);
      length = readUint32(bytes, start + 8, isLittleEndian);
      cursor.offset += 12;
    } else {
      length = readUint16(bytes, start + 6, isLittleEndian);
      cursor.offset += 8;
    }
  }
  if (length !== undefinedLength && cursor.offset + length > end) throw malformed(`wrong length at byte ${start}`);
  return { tag, vr, length, start, valueOffset: cursor.offset };
};

/** How the items of a sequence are encoded: those of a sequence written as UN are Implicit VR Little Endian. */
export const itemEncodingOf = (vr: string, encoding: DatasetEncoding): DatasetEncoding =>
  vr === 'UN' ? implicitLittleEndian : encoding;

/** Moves past the value of the element whose header was just read. */
export const skipValue = (
  cursor: Cursor,
  end: number,
  header: ElementHeader,
  encoding: DatasetEncoding,
  depth: number,
): void => {
  if (header.length === undefinedLength) skipItems(cursor, end, itemEncodingOf(header.vr, encoding), depth + 1);
  else cursor.offset = header.valueOffset + header.length;
};

export const checkDepth = (cursor: Cursor, depth: number): void => {
  if (depth > cursor.maxDepth) throw new DrimboxError('dicom-file/too-deep', { detail: `deeper than ${depth - 1}` });
};

/** Moves past the items and the delimiter of a sequence of undefined length. Fragments of pixels are items too. */
const skipItems = (cursor: Cursor, end: number, encoding: DatasetEncoding, depth: number): void => {
  checkDepth(cursor, depth);
  for (;;) {
    const item = readElementHeader(cursor, end, encoding);
    if (item.tag === sequenceEndTag) {
      if (item.length !== 0) throw malformed(`wrong delimiter at byte ${item.start}`);
      return;
    }
    if (item.tag !== itemTag) throw malformed(`no item at byte ${item.start}`);
    if (item.length === undefinedLength) skipItem(cursor, end, encoding, depth);
    else cursor.offset += item.length;
  }
};

const skipItem = (cursor: Cursor, end: number, encoding: DatasetEncoding, depth: number): void => {
  for (;;) {
    const header = readElementHeader(cursor, end, encoding);
    if (header.tag === itemEndTag) {
      if (header.length !== 0) throw malformed(`wrong delimiter at byte ${header.start}`);
      return;
    }
    if (header.tag >= itemTag) throw malformed(`item where an element was due, byte ${header.start}`);
    skipValue(cursor, end, header, encoding, depth);
  }
};

/** Text of a value, ISO 8859-1, without the padding at its end; at most 1,024 bytes of it. */
export const readText = (bytes: Buffer, start: number, end: number): string => {
  let last = Math.min(end, start + 1024);
  while (last > start && (bytes[last - 1] === 0x00 || bytes[last - 1] === 0x20)) last -= 1;
  return bytes.toString('latin1', start, last);
};

/** Whether only zeros follow up to the end of the file: some writers fill up the last block. */
export const isTrailingPadding = (cursor: Cursor): boolean => {
  const { bytes, fileLength, offset } = cursor;
  const sample = Math.min(8, fileLength - offset);
  requireBytes(cursor, fileLength, sample);
  for (let index = offset; index < offset + sample; index += 1) if (bytes[index] !== 0) return false;
  if (bytes.length < fileLength) throw new BeginningTooShort(fileLength);
  for (let index = offset; index < fileLength; index += 1) if (bytes[index] !== 0) return false;
  return true;
};
