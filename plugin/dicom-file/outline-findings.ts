/** Makes the outline of what the look over a file found. */
import { malformed, readText, requireBytes, type Cursor } from './element-reader.ts';
import type { DicomFileOutline, ElementPlace, ImageAttributes, OtherPatientIdsPlace, PixelPlace } from './outline.ts';
import { implicitLittleEndian, type DatasetEncoding } from './transfer-syntax.ts';

export interface OutlineFindings {
  readonly transferSyntaxUid: string;
  readonly encoding: DatasetEncoding;
  readonly datasetOffset: number;
  readonly elements: Map<number, ElementPlace>;
  patientIdIssuerOids: readonly string[];
  otherPatientIds?: Omit<OtherPatientIdsPlace, 'itemEncoding'>;
  pixel?: PixelPlace;
}

const otherPatientIdsTag = 0x00101002;
/** Of JPIP: the pixels are elsewhere. */
const pixelDataProviderUrlTag = 0x00287fe0;

interface ValueReader {
  readonly text: (tag: number) => string;
  /** The first value of a US or UL element; undefined when absent or empty. */
  readonly number: (tag: number) => number | undefined;
}

const createValueReader = (cursor: Cursor, { elements, encoding }: OutlineFindings): ValueReader => {
  const valueOf = (tag: number): { readonly start: number; readonly end: number } | undefined => {
    const place = elements.get(tag);
    if (place === undefined || place.isUndefinedLength || place.end === place.valueOffset) return undefined;
    // The element may be the last one and its value beyond the bytes that are there.
    cursor.offset = place.valueOffset;
    requireBytes(cursor, cursor.fileLength, place.end - place.valueOffset);
    return { start: place.valueOffset, end: place.end };
  };
  return {
    text: (tag) => {
      const value = valueOf(tag);
      return value === undefined ? '' : readText(cursor.bytes, value.start, value.end).trim();
    },
    number: (tag) => {
      const value = valueOf(tag);
      if (value === undefined) return undefined;
      const size = value.end - value.start;
      const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + value.start, size);
      if (size >= 4 && (tag & 0xffff) === 0) return view.getUint32(0, encoding.isLittleEndian);
      return size >= 2 ? view.getUint16(0, encoding.isLittleEndian) : undefined;
    },
  };
};

const integerOf = (text: string): number | undefined => (/^[+-]?[0-9]{1,12}$/.test(text) ? Number(text) : undefined);

/** @see PS3.3 C.7.6.3 (Image Pixel), C.7.6.6 (Multi-frame) */
const readImageAttributes = ({ text, number }: ValueReader): ImageAttributes | undefined => {
  const rows = number(0x00280010);
  const columns = number(0x00280011);
  const bitsAllocated = number(0x00280100);
  if (rows === undefined || columns === undefined || bitsAllocated === undefined) return undefined;
  const bitsStored = number(0x00280101) ?? bitsAllocated;
  const frames = text(0x00280008).split('\\')[0]?.trim() ?? '';
  const numberOfFrames = frames === '' ? 1 : Math.max(0, integerOf(frames) ?? 0);
  return {
    rows,
    columns,
    samplesPerPixel: number(0x00280002) ?? 1,
    photometricInterpretation: text(0x00280004),
    planarConfiguration: number(0x00280006) ?? 0,
    bitsAllocated,
    bitsStored,
    highBit: number(0x00280102) ?? bitsStored - 1,
    pixelRepresentation: number(0x00280103) ?? 0,
    numberOfFrames,
    isLossy: text(0x00282110) === '01',
  };
};

const requiredUid = ({ text }: ValueReader, tag: number, keyword: string): string => {
  const uid = text(tag);
  if (uid === '') throw malformed(`no ${keyword}`);
  return uid;
};

/** Where an element that is not there goes: before the first one of a higher tag. */
const insertOffsetOf = (elements: ReadonlyMap<number, ElementPlace>, tag: number, end: number): number => {
  for (const place of elements.values()) if (place.tag > tag) return place.start;
  return end;
};

const patientFields = (findings: OutlineFindings, values: ValueReader) => {
  const patientId = values.text(0x00100020);
  const patientGroupLength = values.number(0x00100000);
  const { otherPatientIds: place, encoding } = findings;
  const itemEncoding = place?.vr === 'UN' ? implicitLittleEndian : encoding;
  return {
    ...(patientId === '' ? {} : { patientId }),
    patientIdIssuerOids: findings.patientIdIssuerOids,
    ...(patientGroupLength === undefined ? {} : { patientGroupLength }),
    ...(place === undefined ? {} : { otherPatientIds: { ...place, itemEncoding } }),
  };
};

/** @param cursor  where the look ended */
export const buildOutline = (cursor: Cursor, findings: OutlineFindings): DicomFileOutline => {
  const scanEnd = cursor.offset;
  const values = createValueReader(cursor, findings);
  const { transferSyntaxUid, encoding, datasetOffset, elements, pixel } = findings;
  const instanceNumber = integerOf(values.text(0x00200013));
  const image = readImageAttributes(values);
  // A file may be cut between two elements: nothing but what is missing tells.
  const isWithoutPixels = image !== undefined && pixel === undefined && !elements.has(pixelDataProviderUrlTag);
  if (isWithoutPixels) throw malformed('an image without pixel data');
  return {
    fileLength: cursor.fileLength,
    transferSyntaxUid,
    encoding,
    datasetOffset,
    scanEnd,
    sopClassUid: values.text(0x00080016),
    sopInstanceUid: requiredUid(values, 0x00080018, 'SOPInstanceUID'),
    seriesInstanceUid: requiredUid(values, 0x0020000e, 'SeriesInstanceUID'),
    studyInstanceUid: requiredUid(values, 0x0020000d, 'StudyInstanceUID'),
    modality: values.text(0x00080060),
    specificCharacterSet: values.text(0x00080005),
    ...patientFields(findings, values),
    ...(instanceNumber === undefined ? {} : { instanceNumber }),
    elements,
    ...(pixel === undefined ? {} : { pixel }),
    ...(image === undefined ? {} : { image }),
    otherPatientIdsInsertOffset: insertOffsetOf(elements, otherPatientIdsTag, scanEnd),
  };
};
