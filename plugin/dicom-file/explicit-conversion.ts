/**
 * Writes an Implicit VR Little Endian or Explicit VR Big Endian file anew in Explicit VR Little Endian: every element,
 * also those behind the pixel data. Sequences get defined lengths; retired group lengths are left out.
 *
 * @see PS3.5 annex A.1–A.3, §6.2.2 (values too long for their VR become UN), §7.3 (byte order)
 */
import { encodeHeader } from './element-encoder.ts';
import {
  checkDepth,
  isShortVr,
  isTrailingPadding,
  itemEncodingOf,
  itemEndTag,
  itemTag,
  malformed,
  readElementHeader,
  sequenceEndTag,
  undefinedLength,
  type Cursor,
  type ElementHeader,
} from './element-reader.ts';
import { buildFileMeta, readFileMeta } from './file-meta.ts';
import { openCursor } from './outline-reader.ts';
import type { DicomFileOutline, OutlineLimits } from './outline.ts';
import { explicitLittleEndian, transferSyntaxUids, type DatasetEncoding } from './transfer-syntax.ts';
import { loadDictionaryVr } from './value-representations.ts';

interface Conversion {
  readonly cursor: Cursor;
  readonly isSigned: boolean;
  readonly pieces: Buffer[];
  /** Of all pieces so far, bytes. */
  length: number;
}

/** Size of the words that the byte order is about. */
const wordSizes: Readonly<Record<string, 2 | 4 | 8>> = {
  AT: 2,
  OW: 2,
  SS: 2,
  US: 2,
  FL: 4,
  OF: 4,
  OL: 4,
  SL: 4,
  UL: 4,
  FD: 8,
  OD: 8,
  OV: 8,
  SV: 8,
  UV: 8,
};

const swapWords = (value: Buffer, vr: string): Buffer => {
  const size = wordSizes[vr];
  if (size === undefined) return value;
  const swapped = Buffer.from(value);
  const whole = swapped.subarray(0, swapped.length - (swapped.length % size));
  if (size === 2) whole.swap16();
  else if (size === 4) whole.swap32();
  else whole.swap64();
  return swapped;
};

const put = (conversion: Conversion, piece: Buffer): void => {
  conversion.pieces.push(piece);
  conversion.length += piece.length;
};

/** "??" and blanks, which some writers put, are no VR that anybody could read back. */
const knownVr = (vr: string): string => (/^[A-Z]{2}$/.test(vr) ? vr : 'UN');

/** Puts a header whose length is known once `putContent` has put the rest. */
const putAround = (conversion: Conversion, tag: number, vr: string, putContent: () => void): void => {
  const header = encodeHeader(explicitLittleEndian, tag, vr, 0);
  put(conversion, header);
  const before = conversion.length;
  putContent();
  header.writeUInt32LE(conversion.length - before, header.length - 4);
};

const convertElement = (
  conversion: Conversion,
  header: ElementHeader,
  encoding: DatasetEncoding,
  depth: number,
): void => {
  const { cursor, isSigned } = conversion;
  const { tag, vr: writtenVr, length, valueOffset } = header;
  const vr = encoding.isExplicit ? knownVr(writtenVr) : loadDictionaryVr(tag, isSigned);
  const isSequence = length === undefinedLength || vr === 'SQ';
  if (isSequence) {
    const itemEncoding = length === undefinedLength ? itemEncodingOf(writtenVr, encoding) : encoding;
    putAround(conversion, tag, 'SQ', () => convertItems(conversion, header, itemEncoding, depth + 1));
    return;
  }
  cursor.offset = valueOffset + length;
  if ((tag & 0xffff) === 0) return;
  const stored = cursor.bytes.subarray(valueOffset, cursor.offset);
  const value = encoding.isLittleEndian ? stored : swapWords(stored, vr);
  const fits = !isShortVr(vr) || length <= 0xfffe;
  put(conversion, encodeHeader(explicitLittleEndian, tag, fits ? vr : 'UN', length));
  put(conversion, value);
};

const convertItems = (
  conversion: Conversion,
  header: ElementHeader,
  encoding: DatasetEncoding,
  depth: number,
): void => {
  const { cursor } = conversion;
  checkDepth(cursor, depth);
  const isDelimited = header.length === undefinedLength;
  const end = isDelimited ? cursor.bytes.length : header.valueOffset + header.length;
  while (isDelimited || cursor.offset < end) {
    const item = readElementHeader(cursor, end, encoding);
    if (isDelimited && item.tag === sequenceEndTag && item.length === 0) return;
    if (item.tag !== itemTag) throw malformed(`no item at byte ${item.start}`);
    putAround(conversion, itemTag, '', () => convertItem(conversion, item, end, encoding, depth));
  }
};

const convertItem = (
  conversion: Conversion,
  item: ElementHeader,
  sequenceEnd: number,
  encoding: DatasetEncoding,
  depth: number,
): void => {
  const { cursor } = conversion;
  const isOpen = item.length === undefinedLength;
  const end = isOpen ? sequenceEnd : item.valueOffset + item.length;
  while (isOpen || cursor.offset < end) {
    const header = readElementHeader(cursor, end, encoding);
    if (isOpen && header.tag === itemEndTag && header.length === 0) return;
    if (header.tag >= itemTag) throw malformed(`item where an element was due, byte ${header.start}`);
    convertElement(conversion, header, encoding, depth);
  }
};

/**
 * The same data set with every sequence written as SQ of defined length, those too that were written as UN: for readers that
 * do not know that form (PS3.5 §6.2.2).
 *
 * @param file     a file without pixel data, or a beginning that was cut before it; not changed
 * @param outline  of a file that begins so
 * @throws dicom-file/malformed, dicom-file/too-deep, dicom-file/too-large
 */
export const withPlainSequences = (
  file: Uint8Array,
  { encoding, image }: Pick<DicomFileOutline, 'encoding' | 'image'>,
  limits: OutlineLimits = {},
): Buffer => {
  const cursor = openCursor(file, { limits });
  const meta = readFileMeta(cursor);
  const conversion: Conversion = { cursor, isSigned: image?.pixelRepresentation === 1, pieces: [], length: 0 };
  put(conversion, buildFileMeta(cursor.bytes, meta, transferSyntaxUids.explicitVrLittleEndian));
  while (cursor.offset < cursor.fileLength && !isTrailingPadding(cursor)) {
    const header = readElementHeader(cursor, cursor.fileLength, encoding);
    if (header.tag >= itemTag) throw malformed(`item where an element was due, byte ${header.start}`);
    convertElement(conversion, header, encoding, 0);
  }
  return Buffer.concat(conversion.pieces, conversion.length);
};

/**
 * @param file     a whole file; not changed
 * @param outline  of this very file
 * @returns        the file in Explicit VR Little Endian: `file` itself when it is so already (or encapsulated)
 * @throws dicom-file/malformed, dicom-file/too-deep, dicom-file/too-large
 */
export const toExplicitLittleEndian = (
  file: Uint8Array,
  outline: DicomFileOutline,
  limits: OutlineLimits = {},
): Buffer => {
  const { isExplicit, isLittleEndian } = outline.encoding;
  if (isExplicit && isLittleEndian) return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  return withPlainSequences(file, outline, limits);
};
