/**
 * One forward look over a DICOM file, up to its pixel data, which is never touched.
 *
 * Strict where it matters: lengths fit, delimiters stand, what identifies the object or describes its pixels comes once.
 * Lenient as DCMTK is (Orthanc stored it by DCMTK's reading): wrong group lengths, elements out of order, zeros at the
 * end. Linear in the bytes looked at; sequences of defined length are jumped over.
 *
 * @see PS3.5 §7 · PS3.10 §7.1
 */
import { DrimboxError } from '../errors.ts';
import {
  BeginningTooShort,
  isTrailingPadding,
  malformed,
  readElementHeader,
  skipValue,
  undefinedLength,
  type Cursor,
  type ElementHeader,
} from './element-reader.ts';
import { readFileMeta } from './file-meta.ts';
import { buildOutline, type OutlineFindings } from './outline-findings.ts';
import type { ElementPlace, OutlineLimits, OutlineReading, PixelPlace } from './outline.ts';
import { readIssuerOids, readOtherPatientIds } from './other-patient-ids.ts';
import { datasetEncodingOf, isDeflatedSyntax, isEncapsulatedSyntax, type DatasetEncoding } from './transfer-syntax.ts';

export interface OutlineReadingOptions {
  /** Length of the whole file, where `bytes` is only its beginning. */
  readonly fileLength?: number;
  readonly limits?: OutlineLimits;
}

const pixelTags: ReadonlySet<number> = new Set([0x7fe00008, 0x7fe00009, 0x7fe00010]);
/** They are kept, not only walked over. */
const maxTopLevelElements = 50_000;
const patientIdQualifiersTag = 0x00100024;
const otherPatientIdsTag = 0x00101002;
/** An element of these groups that came twice would make two readers see two objects. */
const decisiveGroups: ReadonlySet<number> = new Set([0x0008, 0x0010, 0x0020, 0x0028]);

export const openCursor = (bytes: Uint8Array, options: OutlineReadingOptions = {}): Cursor => ({
  bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  fileLength: Math.max(bytes.byteLength, options.fileLength ?? 0),
  maxDepth: options.limits?.maxDepth ?? 64,
  offset: 0,
  budget: options.limits?.maxElements ?? 1_000_000,
});

/**
 * @param bytes  a whole DICOM file (preamble included) or its beginning; kept by reference, never changed
 * @throws dicom-file/not-dicom, dicom-file/malformed, dicom-file/too-deep, dicom-file/too-large (too many elements),
 *   dicom-file/syntax-unsupported
 */
export const readOutline = (bytes: Uint8Array, options: OutlineReadingOptions = {}): OutlineReading => {
  const cursor = openCursor(bytes, options);
  try {
    return scanFile(cursor);
  } catch (error) {
    if (!(error instanceof BeginningTooShort)) throw error;
    // Doubling keeps the sum of all looks linear.
    const atLeastBytes = Math.min(cursor.fileLength, Math.max(error.neededBytes, 2 * bytes.byteLength));
    return { kind: 'need-more', atLeastBytes };
  }
};

const scanFile = (cursor: Cursor): OutlineReading => {
  const { transferSyntaxUid, end } = readFileMeta(cursor);
  if (isDeflatedSyntax(transferSyntaxUid)) return { kind: 'deflated', transferSyntaxUid };
  const encoding = datasetEncodingOf(transferSyntaxUid);
  const findings: OutlineFindings = {
    transferSyntaxUid,
    encoding,
    datasetOffset: end,
    elements: new Map(),
    patientIdIssuerOids: [],
  };
  while (cursor.offset < cursor.fileLength && !isTrailingPadding(cursor)) {
    const header = readElementHeader(cursor, cursor.fileLength, encoding);
    if (pixelTags.has(header.tag)) {
      findings.pixel = pixelPlaceOf(header, transferSyntaxUid);
      cursor.offset = header.start;
      break;
    }
    scanElement(cursor, header, encoding, findings);
  }
  return { kind: 'outline', outline: buildOutline(cursor, findings) };
};

const scanElement = (
  cursor: Cursor,
  header: ElementHeader,
  encoding: DatasetEncoding,
  findings: OutlineFindings,
): void => {
  const { tag, vr, start, valueOffset, length } = header;
  const { fileLength } = cursor;
  const group = tag >>> 16;
  const isUndefinedLength = length === undefinedLength;
  if (group === 0xfffe || group <= 0x0002) throw malformed(`an element of another place at byte ${start}`);
  const maySequence = vr === 'SQ' || vr === 'UN' || vr === '';
  if (isUndefinedLength && !maySequence) throw malformed(`undefined length at byte ${start}`);
  const isIdentitySequence = tag === otherPatientIdsTag || tag === patientIdQualifiersTag;
  if (isIdentitySequence && !maySequence) throw malformed(`no sequence at byte ${start}`);
  const isRepeated = findings.elements.has(tag);
  if (isRepeated && decisiveGroups.has(group)) throw malformed(`an element twice, byte ${start}`);
  const placeTo = (end: number): ElementPlace => ({ tag, vr, start, valueOffset, end, isUndefinedLength });
  if (tag === otherPatientIdsTag) {
    const { items, appendOffset } = readOtherPatientIds(cursor, fileLength, header, encoding);
    findings.otherPatientIds = { ...placeTo(cursor.offset), items, appendOffset };
  } else if (tag === patientIdQualifiersTag) {
    findings.patientIdIssuerOids = readIssuerOids(cursor, fileLength, header, encoding);
  } else skipValue(cursor, fileLength, header, encoding, 0);
  if (findings.elements.size >= maxTopLevelElements) {
    throw new DrimboxError('dicom-file/too-large', { detail: 'too many elements of the top level' });
  }
  if (!isRepeated) findings.elements.set(tag, placeTo(cursor.offset));
};

const pixelPlaceOf = (header: ElementHeader, transferSyntaxUid: string): PixelPlace => {
  const { tag, vr, start, valueOffset, length } = header;
  const isPixelData = tag === 0x7fe00010;
  const isEncapsulated = length === undefinedLength;
  // Nothing to decode is the only native value that an encapsulated syntax may come with.
  const isDueEncapsulated = isPixelData && isEncapsulatedSyntax(transferSyntaxUid) && length !== 0;
  if (isEncapsulated !== isDueEncapsulated) throw malformed('pixel data and transfer syntax do not fit together');
  const place = { tag: tag as PixelPlace['tag'], vr, start, valueOffset, isEncapsulated };
  return isEncapsulated ? place : { ...place, length };
};
