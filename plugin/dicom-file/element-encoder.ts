/**
 * Writes single data elements in any of the encodings of a data set.
 *
 * @see PS3.5 §6.2, §7.1, §7.5
 */
import { isShortVr, itemTag } from './element-reader.ts';
import type { DatasetEncoding } from './transfer-syntax.ts';

/** Text in ASCII, several values joined by a backslash; numbers for US, SS, UL, SL, FL, FD, OV; bytes as they are. */
export type ElementValue = string | readonly number[] | Uint8Array;

const numberSizes: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8, OV: 8 };

const writeNumber = (bytes: Buffer, vr: string, number: number, offset: number, isLittleEndian: boolean): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (vr === 'US') view.setUint16(offset, number, isLittleEndian);
  else if (vr === 'SS') view.setInt16(offset, number, isLittleEndian);
  else if (vr === 'UL') view.setUint32(offset, number, isLittleEndian);
  else if (vr === 'SL') view.setInt32(offset, number, isLittleEndian);
  else if (vr === 'FL') view.setFloat32(offset, number, isLittleEndian);
  else if (vr === 'FD') view.setFloat64(offset, number, isLittleEndian);
  else view.setBigUint64(offset, BigInt(number), isLittleEndian);
};

const encodeNumbers = (numbers: readonly number[], vr: string, isLittleEndian: boolean): Buffer => {
  const size = numberSizes[vr];
  if (size === undefined) throw new TypeError(`numbers do not fit VR ${vr}`);
  const bytes = Buffer.alloc(numbers.length * size);
  for (const [index, number] of numbers.entries()) writeNumber(bytes, vr, number, index * size, isLittleEndian);
  return bytes;
};

const encodeText = (text: string, vr: string): Buffer => {
  if (/[^\x00-\x7f]/.test(text)) throw new TypeError('text outside ASCII: give its bytes');
  return Buffer.from(text.length % 2 === 0 ? text : text + (vr === 'UI' ? '\0' : ' '), 'latin1');
};

const encodeValue = (value: ElementValue, vr: string, isLittleEndian: boolean): Uint8Array => {
  if (typeof value === 'string') return encodeText(value, vr);
  if (value instanceof Uint8Array) return value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)]);
  return encodeNumbers(value, vr, isLittleEndian);
};

/** @param length  of the value, or 0xffffffff for undefined */
export const encodeHeader = (encoding: DatasetEncoding, tag: number, vr: string, length: number): Buffer => {
  const isItem = tag >= itemTag;
  const isLong = encoding.isExplicit && !isItem && !isShortVr(vr);
  const bytes = Buffer.alloc(isLong ? 12 : 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint16(0, tag >>> 16, encoding.isLittleEndian);
  view.setUint16(2, tag & 0xffff, encoding.isLittleEndian);
  if (encoding.isExplicit && !isItem) {
    bytes.write(vr, 4, 'latin1');
    if (isLong) view.setUint32(8, length, encoding.isLittleEndian);
    else {
      if (length > 0xfffe) throw new TypeError(`value too long for VR ${vr}`);
      view.setUint16(6, length, encoding.isLittleEndian);
    }
  } else view.setUint32(4, length, encoding.isLittleEndian);
  return bytes;
};

/** @throws TypeError for a value that the VR cannot hold: a mistake of the caller */
export const encodeElement = (encoding: DatasetEncoding, tag: number, vr: string, value: ElementValue): Buffer => {
  const bytes = encodeValue(value, vr, encoding.isLittleEndian);
  return Buffer.concat([encodeHeader(encoding, tag, vr, bytes.length), bytes]);
};

/** One item of defined length. */
export const encodeItem = (encoding: DatasetEncoding, elements: readonly Buffer[]): Buffer => {
  const length = elements.reduce((sum, element) => sum + element.length, 0);
  return Buffer.concat([encodeHeader(encoding, itemTag, '', length), ...elements]);
};
