/**
 * What one forward look over a DICOM file tells: who it is, where its elements stand, how its pixels are stored.
 * Offsets and lengths are bytes, counted from the start of the file (preamble included).
 *
 * @see PS3.5 §7 · PS3.10 §7.1
 */
import type { DatasetEncoding } from './transfer-syntax.ts';

/** Where one element of the top level stands. */
export interface ElementPlace {
  /** (gggg,eeee) is 0xggggeeee. */
  readonly tag: number;
  /** As written; '' in Implicit VR. */
  readonly vr: string;
  /** First byte of the tag. */
  readonly start: number;
  readonly valueOffset: number;
  /** One past the last byte of the element, delimiter included. */
  readonly end: number;
  readonly isUndefinedLength: boolean;
}

/** PixelData, FloatPixelData or DoubleFloatPixelData. */
export interface PixelPlace {
  readonly tag: 0x7fe00008 | 0x7fe00009 | 0x7fe00010;
  readonly vr: string;
  readonly start: number;
  readonly valueOffset: number;
  /** Absent when undefined: the value ends with a delimiter that was not looked for. */
  readonly length?: number;
  /** Fragments in items (then `length` is absent) or one native value. */
  readonly isEncapsulated: boolean;
}

/** What a decoder needs to know; values as stored, DICOM's defaults where an optional one is absent. */
export interface ImageAttributes {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly photometricInterpretation: string;
  /** 0 colour by pixel, 1 colour by plane; 0 when absent. */
  readonly planarConfiguration: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  /** 0 unsigned, 1 two's complement. */
  readonly pixelRepresentation: number;
  /** 1 when absent; 0 when what stands there is no count: such frames cannot be read. */
  readonly numberOfFrames: number;
  /** LossyImageCompression is 01: a lossy step in its history. */
  readonly isLossy: boolean;
}

/** One item of OtherPatientIDsSequence, as far as it tells whose number it is. */
export interface OtherPatientId {
  readonly id: string;
  /** UniversalEntityID of IssuerOfPatientIDQualifiersSequence, of type ISO or untyped. */
  readonly issuerOids: readonly string[];
}

/** OtherPatientIDsSequence (0010,1002) where the file has one. */
export interface OtherPatientIdsPlace extends ElementPlace {
  /** How its items are encoded: that of the data set, or Implicit LE when the sequence is written as UN. */
  readonly itemEncoding: DatasetEncoding;
  /** Where a further item goes: before the delimiter, or at the end. */
  readonly appendOffset: number;
  readonly items: readonly OtherPatientId[];
}

export interface DicomFileOutline {
  readonly fileLength: number;
  readonly transferSyntaxUid: string;
  readonly encoding: DatasetEncoding;
  /** First byte after the file meta information. */
  readonly datasetOffset: number;
  /** Where the look ended: start of the pixel data element, else end of the data set (trailing zeros excluded). */
  readonly scanEnd: number;
  /** Of the data set; '' when absent (the three UIDs of the identity never are). */
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Identity: never to be logged. Bytes as ISO 8859-1, whatever the character set. */
  readonly patientId?: string;
  /** The universal issuers that IssuerOfPatientIDQualifiersSequence gives to `patientId`. */
  readonly patientIdIssuerOids: readonly string[];
  /** Absent when empty or not an integer. */
  readonly instanceNumber?: number;
  readonly modality: string;
  readonly specificCharacterSet: string;
  /** Top-level elements before the pixel data, by tag, in the order of the file. */
  readonly elements: ReadonlyMap<number, ElementPlace>;
  readonly pixel?: PixelPlace;
  /** Absent when Rows, Columns or BitsAllocated is. */
  readonly image?: ImageAttributes;
  /** Where OtherPatientIDsSequence goes, in tag order, when the file has none: before the first higher tag. */
  readonly otherPatientIdsInsertOffset: number;
  readonly otherPatientIds?: OtherPatientIdsPlace;
  /** Value of (0010,0000), retired but found, where present. */
  readonly patientGroupLength?: number;
}

/** What a look at a file, or at its beginning, gives. */
export type OutlineReading =
  | { readonly kind: 'outline'; readonly outline: DicomFileOutline }
  /** The beginning given is too short: come back with this many bytes from the start of the file. */
  | { readonly kind: 'need-more'; readonly atLeastBytes: number }
  /** The data set is deflated: `inflateDataset` the whole file, then look at the result. */
  | { readonly kind: 'deflated'; readonly transferSyntaxUid: string };

export interface OutlineLimits {
  /** Sequences in sequences [64]. */
  readonly maxDepth?: number;
  /** Elements and items walked over [1,000,000]; values of defined length are jumped over. Top level: 50,000 at most. */
  readonly maxElements?: number;
}
