/**
 * Turns a deflated file into a plain one.
 *
 * @see PS3.5 annex A.5 (RFC 1951, without zlib header; some writers put one)
 */
import { inflateRawSync, inflateSync } from 'node:zlib';
import { DrimboxError } from '../errors.ts';
import { malformed } from './element-reader.ts';
import { buildFileMeta, readFileMeta } from './file-meta.ts';
import { openCursor } from './outline-reader.ts';
import { isDeflatedSyntax, transferSyntaxUids } from './transfer-syntax.ts';

const inflate = (deflated: Buffer, maxOutputLength: number): Buffer => {
  try {
    return inflateRawSync(deflated, { maxOutputLength });
  } catch (error) {
    const isTooLarge = error instanceof RangeError;
    if (isTooLarge) throw new DrimboxError('dicom-file/too-large', { detail: 'inflates too far', cause: error });
    // 0x78: the header of zlib, never the start of a raw stream that can be read.
    if (deflated[0] === 0x78) return inflateWithHeader(deflated, maxOutputLength);
    throw malformed('the deflated data set cannot be inflated');
  }
};

const inflateWithHeader = (deflated: Buffer, maxOutputLength: number): Buffer => {
  try {
    return inflateSync(deflated, { maxOutputLength });
  } catch (error) {
    const code = error instanceof RangeError ? 'dicom-file/too-large' : 'dicom-file/malformed';
    throw new DrimboxError(code, { detail: 'the deflated data set cannot be inflated', cause: error });
  }
};

/**
 * @param file      a whole file in a deflated transfer syntax
 * @param maxBytes  the data set may not inflate beyond
 * @returns         a whole file in Explicit VR Little Endian
 * @throws dicom-file/not-dicom, dicom-file/malformed, dicom-file/too-large, dicom-file/syntax-unsupported (not deflated)
 */
export const inflateDataset = (file: Uint8Array, maxBytes: number): Buffer => {
  const cursor = openCursor(file);
  const meta = readFileMeta(cursor);
  if (!isDeflatedSyntax(meta.transferSyntaxUid)) {
    throw new DrimboxError('dicom-file/syntax-unsupported', { detail: 'not a deflated transfer syntax' });
  }
  const dataset = inflate(cursor.bytes.subarray(meta.end), maxBytes);
  return Buffer.concat([buildFileMeta(cursor.bytes, meta, transferSyntaxUids.explicitVrLittleEndian), dataset]);
};
