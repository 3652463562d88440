/**
 * Reads and writes the few data elements and sequences of a directory record, Explicit VR Little Endian.
 *
 * What is copied out of a stored file is read whole and written anew: a wrong length in one file must not make the
 * directory of all others unreadable.
 *
 * @see PS3.5 §7.1.2, §7.5
 */

export type ElementContent = Buffer | readonly DatasetItem[];

export interface DatasetElement {
  /** (gggg,eeee) is 0xggggeeee. */
  readonly tag: number;
  readonly vr: string;
  readonly content: ElementContent;
}

export type DatasetItem = readonly DatasetElement[];

const longVrs: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
const itemTag = 0xfffee000;
const itemEndTag = 0xfffee00d;
const sequenceEndTag = 0xfffee0dd;
const undefinedLength = 0xffffffff;
const maxDepth = 16;

const encodeHeader = (tag: number, vr: string, length: number): Buffer => {
  const isLong = longVrs.has(vr);
  const header = Buffer.alloc(isLong ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  header.write(vr, 4, 'latin1');
  if (isLong) header.writeUInt32LE(length, 8);
  else header.writeUInt16LE(length, 6);
  return header;
};

/** @param length  of what follows, bytes */
export const encodeItemHeader = (length: number): Buffer => {
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(length, 4);
  return header;
};

const padded = (bytes: Buffer, vr: string): Buffer => {
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from([vr === 'UI' || longVrs.has(vr) ? 0x00 : 0x20])]);
};

const encodeItem = (item: DatasetItem): Buffer => {
  const content = encodeElements(item);
  return Buffer.concat([encodeItemHeader(content.length), content]);
};

/** @throws RangeError for a value that a short VR cannot hold */
export const encodeElement = ({ tag, vr, content }: DatasetElement): Buffer => {
  const value = content instanceof Uint8Array ? padded(content, vr) : Buffer.concat(content.map(encodeItem));
  return Buffer.concat([encodeHeader(tag, vr, value.length), value]);
};

/** In ascending order of tags, whatever order they come in. */
export const encodeElements = (elements: readonly DatasetElement[]): Buffer =>
  Buffer.concat(elements.toSorted((a, b) => a.tag - b.tag).map(encodeElement));

interface Reading {
  readonly bytes: Buffer;
  at: number;
}

interface Header {
  readonly tag: number;
  readonly vr: string;
  readonly length: number;
}

const readHeader = (reading: Reading, end: number): Header => {
  const { bytes, at } = reading;
  if (at + 8 > end) throw new RangeError('cut');
  const group = bytes.readUInt16LE(at);
  const tag = group * 0x10000 + bytes.readUInt16LE(at + 2);
  if (group === 0xfffe) {
    reading.at += 8;
    return { tag, vr: '', length: bytes.readUInt32LE(at + 4) };
  }
  const vr = bytes.toString('latin1', at + 4, at + 6);
  if (!/^[A-Z]{2}$/.test(vr)) throw new RangeError('no VR');
  if (!longVrs.has(vr)) {
    reading.at += 8;
    return { tag, vr, length: bytes.readUInt16LE(at + 6) };
  }
  if (at + 12 > end) throw new RangeError('cut');
  reading.at += 12;
  return { tag, vr, length: bytes.readUInt32LE(at + 8) };
};

const endOf = (reading: Reading, end: number, length: number): number => {
  if (length === undefinedLength) return end;
  if (reading.at + length > end) throw new RangeError('wrong length');
  return reading.at + length;
};

const readItem = (reading: Reading, end: number, isOpen: boolean, depth: number): DatasetItem => {
  const elements: DatasetElement[] = [];
  while (isOpen || reading.at < end) {
    const { tag, vr, length } = readHeader(reading, end);
    if (isOpen && tag === itemEndTag) return elements;
    if (vr === '') throw new RangeError('item where an element was due');
    if (vr === 'SQ') elements.push({ tag, vr, content: readItems(reading, end, length, depth + 1) });
    else {
      if (length === undefinedLength) throw new RangeError('undefined length');
      const valueEnd = endOf(reading, end, length);
      // Group lengths, retired, would be wrong in what is written anew.
      const isGroupLength = tag % 0x10000 === 0;
      if (!isGroupLength) elements.push({ tag, vr, content: reading.bytes.subarray(reading.at, valueEnd) });
      reading.at = valueEnd;
    }
  }
  return elements;
};

const readItems = (reading: Reading, end: number, length: number, depth: number): readonly DatasetItem[] => {
  if (depth > maxDepth) throw new RangeError('too deep');
  const isOpen = length === undefinedLength;
  const sequenceEnd = endOf(reading, end, length);
  const items: DatasetItem[] = [];
  while (isOpen || reading.at < sequenceEnd) {
    const item = readHeader(reading, sequenceEnd);
    if (isOpen && item.tag === sequenceEndTag) return items;
    if (item.tag !== itemTag) throw new RangeError('no item');
    items.push(readItem(reading, endOf(reading, sequenceEnd, item.length), item.length === undefinedLength, depth));
  }
  return items;
};

/**
 * The items of one sequence.
 *
 * @param element  the whole element, header included; views of it are in what is returned
 * @returns        undefined when it is no sequence that can be read to its end
 */
export const parseSequence = (element: Buffer): readonly DatasetItem[] | undefined => {
  try {
    const reading = { bytes: element, at: 0 };
    const { vr, length } = readHeader(reading, element.length);
    return vr === 'SQ' ? readItems(reading, element.length, length, 1) : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};
