/**
 * How a transfer syntax encodes the data set, and whether its pixel data come in fragments.
 *
 * @see PS3.5 annex A · PS3.6 table A-1, edition 2026c
 */
import { DrimboxError } from '../errors.ts';

export interface DatasetEncoding {
  readonly isExplicit: boolean;
  readonly isLittleEndian: boolean;
}

export const transferSyntaxUids = {
  implicitVrLittleEndian: '1.2.840.10008.1.2',
  explicitVrLittleEndian: '1.2.840.10008.1.2.1',
  deflatedExplicitVrLittleEndian: '1.2.840.10008.1.2.1.99',
  explicitVrBigEndian: '1.2.840.10008.1.2.2',
  jpipReferencedDeflate: '1.2.840.10008.1.2.4.95',
  jpipHtj2kReferencedDeflate: '1.2.840.10008.1.2.4.205',
} as const;

export const implicitLittleEndian: DatasetEncoding = { isExplicit: false, isLittleEndian: true };
export const explicitLittleEndian: DatasetEncoding = { isExplicit: true, isLittleEndian: true };
export const explicitBigEndian: DatasetEncoding = { isExplicit: true, isLittleEndian: false };

const standardRoot = '1.2.840.10008.1.2.';

const deflated: ReadonlySet<string> = new Set([
  transferSyntaxUids.deflatedExplicitVrLittleEndian,
  transferSyntaxUids.jpipReferencedDeflate,
  transferSyntaxUids.jpipHtj2kReferencedDeflate,
]);

/** Whether everything after the file meta information is one deflate stream. */
export const isDeflatedSyntax = (transferSyntaxUid: string): boolean => deflated.has(transferSyntaxUid);

/**
 * @returns how the data set is written, once inflated where it is deflated
 * @throws dicom-file/syntax-unsupported for a private or non-DICOM transfer syntax: nothing says how to read it
 */
export const datasetEncodingOf = (transferSyntaxUid: string): DatasetEncoding => {
  if (transferSyntaxUid === transferSyntaxUids.implicitVrLittleEndian) return implicitLittleEndian;
  if (transferSyntaxUid === transferSyntaxUids.explicitVrBigEndian) return explicitBigEndian;
  if (transferSyntaxUid.startsWith(standardRoot)) return explicitLittleEndian;
  throw new DrimboxError('dicom-file/syntax-unsupported', { detail: 'a transfer syntax outside DICOM' });
};

/** Whether PixelData is a sequence of fragments: all but the uncompressed and the deflated ones. */
export const isEncapsulatedSyntax = (transferSyntaxUid: string): boolean =>
  transferSyntaxUid.startsWith(standardRoot) &&
  transferSyntaxUid !== transferSyntaxUids.explicitVrLittleEndian &&
  transferSyntaxUid !== transferSyntaxUids.explicitVrBigEndian &&
  !deflated.has(transferSyntaxUid);
