/**
 * Preamble, `DICM` and group 0002: always Explicit VR Little Endian. Its end is where another group begins; the group
 * length is not believed (some writers get it wrong), and made anew when the group is written.
 *
 * @see PS3.10 §7.1
 */
import { DrimboxError } from '../errors.ts';
import { encodeElement } from './element-encoder.ts';
import {
  malformed,
  readElementHeader,
  readText,
  requireBytes,
  undefinedLength,
  type Cursor,
  type ElementHeader,
} from './element-reader.ts';
import { explicitLittleEndian } from './transfer-syntax.ts';

const metaStart = 132;
const groupLengthTag = 0x00020000;
const transferSyntaxTag = 0x00020010;

export interface FileMeta {
  readonly transferSyntaxUid: string;
  readonly elements: readonly ElementHeader[];
  /** First byte of the data set. */
  readonly end: number;
}

/**
 * Reads from the first byte of the file; leaves the cursor at the data set.
 *
 * @throws dicom-file/not-dicom, dicom-file/malformed
 */
export const readFileMeta = (cursor: Cursor): FileMeta => {
  const { bytes, fileLength } = cursor;
  if (fileLength < metaStart) throw new DrimboxError('dicom-file/not-dicom', { detail: 'shorter than a preamble' });
  requireBytes(cursor, fileLength, metaStart);
  if (bytes.toString('latin1', 128, metaStart) !== 'DICM') {
    throw new DrimboxError('dicom-file/not-dicom', { detail: 'no DICM after the preamble' });
  }
  cursor.offset = metaStart;
  const elements: ElementHeader[] = [];
  let transferSyntaxUid = '';
  while (cursor.offset < fileLength) {
    requireBytes(cursor, fileLength, 2);
    if (bytes.readUInt16LE(cursor.offset) !== 2) break;
    const header = readElementHeader(cursor, fileLength, explicitLittleEndian);
    if (header.length === undefinedLength) throw malformed('undefined length in the file meta information');
    requireBytes(cursor, fileLength, header.length);
    cursor.offset += header.length;
    elements.push(header);
    if (header.tag === transferSyntaxTag) transferSyntaxUid = readText(bytes, header.valueOffset, cursor.offset);
  }
  if (transferSyntaxUid === '') throw malformed('no transfer syntax');
  return { transferSyntaxUid, elements, end: cursor.offset };
};

/** Everything before the data set, as it was but for the transfer syntax and the group length. */
export const buildFileMeta = (source: Buffer, meta: FileMeta, transferSyntaxUid: string): Buffer => {
  const elements = meta.elements
    .filter(({ tag }) => tag !== groupLengthTag)
    .map(({ tag, start, valueOffset, length }) =>
      tag === transferSyntaxTag
        ? encodeElement(explicitLittleEndian, tag, 'UI', transferSyntaxUid)
        : source.subarray(start, valueOffset + length),
    );
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return Buffer.concat([
    source.subarray(0, metaStart),
    encodeElement(explicitLittleEndian, groupLengthTag, 'UL', [length]),
    ...elements,
  ]);
};
