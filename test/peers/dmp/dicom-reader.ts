/**
 * A small DICOM Part 10 reader of our own, for objects without pixel data: Explicit and Implicit VR Little Endian.
 *
 * @see PS3.5 §7 · PS3.10 §7
 */
import { TextDecoder } from 'node:util';

export interface DicomElement {
  /** Text of a string value, trimmed of padding; '' for sequences. */
  readonly text: string;
  readonly items: readonly DicomDataset[];
}

/** By tag in eight upper-case hexadecimal digits. */
export type DicomDataset = ReadonlyMap<string, DicomElement>;

export interface DicomFile {
  readonly meta: DicomDataset;
  readonly dataset: DicomDataset;
}

export class DicomInvalid extends Error {
  override readonly name = 'DicomInvalid';
}

const undefinedLength = 0xffffffff;
const longForms: readonly string[] = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'];
/** Sequences met in key object documents, for Implicit VR where the tag alone says it. */
const sequenceTags: ReadonlySet<string> = new Set(
  (
    '00081032 00081110 00081111 00081115 00081140 00081199 00100024 00101002 00080051 00080082 00321064 00400008 00400026 00400027 ' +
    '0040A043 0040A073 0040A168 0040A360 0040A370 0040A372 0040A375 0040A385 0040A504 0040A525 0040A730 00540220'
  ).split(' '),
);

interface Reader {
  readonly bytes: Buffer;
  readonly isExplicit: boolean;
  readonly decoder: TextDecoder;
}

interface Header {
  readonly tag: string;
  readonly isSequence: boolean;
  readonly length: number;
  readonly valueAt: number;
}

const tagAt = (bytes: Buffer, offset: number): string =>
  (
    bytes.readUInt16LE(offset).toString(16).padStart(4, '0') +
    bytes
      .readUInt16LE(offset + 2)
      .toString(16)
      .padStart(4, '0')
  ).toUpperCase();

const readHeader = (reader: Reader, offset: number): Header => {
  const { bytes } = reader;
  const tag = tagAt(bytes, offset);
  if (tag.startsWith('FFFE') || !reader.isExplicit) {
    const length = bytes.readUInt32LE(offset + 4);
    return { tag, isSequence: sequenceTags.has(tag) || length === undefinedLength, length, valueAt: offset + 8 };
  }
  const vr = bytes.toString('latin1', offset + 4, offset + 6);
  if (!/^[A-Z]{2}$/.test(vr)) throw new DicomInvalid('value representation missing');
  if (!longForms.includes(vr))
    return { tag, isSequence: false, length: bytes.readUInt16LE(offset + 6), valueAt: offset + 8 };
  return { tag, isSequence: vr === 'SQ', length: bytes.readUInt32LE(offset + 8), valueAt: offset + 12 };
};

interface Read<Value> {
  readonly value: Value;
  readonly end: number;
}

const readItems = (reader: Reader, header: Header, limit: number): Read<DicomDataset[]> => {
  const items: DicomDataset[] = [];
  const end = header.length === undefinedLength ? limit : header.valueAt + header.length;
  let offset = header.valueAt;
  while (offset < end) {
    const item = readHeader(reader, offset);
    if (item.tag === 'FFFEE0DD') return { value: items, end: item.valueAt };
    if (item.tag !== 'FFFEE000') throw new DicomInvalid('item expected in a sequence');
    const itemEnd = item.length === undefinedLength ? end : item.valueAt + item.length;
    const content = readDataset(reader, item.valueAt, itemEnd);
    items.push(content.value);
    offset = content.end;
  }
  return { value: items, end };
};

const readDataset = (reader: Reader, start: number, end: number): Read<DicomDataset> => {
  if (end > reader.bytes.length) throw new DicomInvalid('length beyond the end');
  const elements = new Map<string, DicomElement>();
  let offset = start;
  let previous = '';
  while (offset < end) {
    const header = readHeader(reader, offset);
    if (header.tag === 'FFFEE00D') return { value: elements, end: header.valueAt };
    if (header.tag <= previous) throw new DicomInvalid('tags not in ascending order');
    previous = header.tag;
    if (header.isSequence) {
      const sequence = readItems(reader, header, end);
      elements.set(header.tag, { text: '', items: sequence.value });
      offset = sequence.end;
    } else {
      offset = header.valueAt + header.length;
      if (offset > end) throw new DicomInvalid('length beyond the end');
      const text = reader.decoder.decode(reader.bytes.subarray(header.valueAt, offset)).replace(/[\0 ]+$/, '');
      elements.set(header.tag, { text, items: [] });
    }
  }
  return { value: elements, end: offset };
};

const implicitLittleEndian = '1.2.840.10008.1.2';
const explicitLittleEndian = '1.2.840.10008.1.2.1';

/** @throws DicomInvalid */
export const readDicomFile = (file: Uint8Array): DicomFile => {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 144 || bytes.toString('latin1', 128, 132) !== 'DICM') throw new DicomInvalid('not a DICOM file');
  try {
    const metaReader: Reader = { bytes, isExplicit: true, decoder: new TextDecoder('latin1') };
    const groupLength = readHeader(metaReader, 132);
    if (groupLength.tag !== '00020000') throw new DicomInvalid('group length of the file meta missing');
    const metaEnd = groupLength.valueAt + 4 + bytes.readUInt32LE(groupLength.valueAt);
    const meta = readDataset(metaReader, groupLength.valueAt + 4, metaEnd).value;
    const syntax = meta.get('00020010')?.text;
    if (syntax !== explicitLittleEndian && syntax !== implicitLittleEndian)
      throw new DicomInvalid('transfer syntax not accepted');
    const isUtf8 = bytes.subarray(metaEnd).includes('ISO_IR 192');
    const decoder = new TextDecoder(isUtf8 ? 'utf-8' : 'latin1');
    const reader: Reader = { bytes, isExplicit: syntax === explicitLittleEndian, decoder };
    return { meta, dataset: readDataset(reader, metaEnd, bytes.length).value };
  } catch (cause) {
    if (cause instanceof DicomInvalid) throw cause;
    throw new DicomInvalid('truncated', { cause });
  }
};

export const textOfTag = (dataset: DicomDataset | undefined, tag: string): string => dataset?.get(tag)?.text ?? '';
export const itemsOfTag = (dataset: DicomDataset | undefined, tag: string): readonly DicomDataset[] =>
  dataset?.get(tag)?.items ?? [];
