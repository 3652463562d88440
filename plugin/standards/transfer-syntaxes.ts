/**
 * Transfer syntaxes: how a dataset and its pixel data are written.
 *
 * @see PS3.6 table A-1 (UID type "Transfer Syntax") · PS3.5 annex A and §8.2, edition 2026c
 */
import { DrimboxError } from '../errors.ts';

declare const brand: unique symbol;
/** UID of a transfer syntax: one of the table below, or a private one. */
export type TransferSyntaxUid = string & { readonly [brand]: 'TransferSyntaxUid' };

/** How the data elements before the pixel data are written. */
export const DatasetEncoding = {
  explicitLittleEndian: 'explicit-little-endian',
  implicitLittleEndian: 'implicit-little-endian',
  explicitBigEndian: 'explicit-big-endian',
  /** Explicit VR Little Endian, compressed as a whole after the file meta information. */
  deflated: 'deflated',
} as const;
export type DatasetEncoding = (typeof DatasetEncoding)[keyof typeof DatasetEncoding];

/** What the compression of the syntax may do to pixel values. */
export const PixelLoss = {
  never: 'never',
  /** The syntax allows both; the image says which (LossyImageCompression). */
  possible: 'possible',
  always: 'always',
} as const;
export type PixelLoss = (typeof PixelLoss)[keyof typeof PixelLoss];

export interface TransferSyntax {
  readonly uid: TransferSyntaxUid;
  /** UID name of PS3.6, without what follows its colon. */
  readonly name: string;
  readonly datasetEncoding: DatasetEncoding;
  readonly pixelLoss: PixelLoss;
  /** Pixel data stand in fragments (PS3.5 A.4). */
  readonly isEncapsulated: boolean;
  /** A stream of pictures that depend on one another: never decoded nor made by us. */
  readonly isVideo: boolean;
  readonly isRetired: boolean;
}

const asUid = (text: string): TransferSyntaxUid => text as TransferSyntaxUid;

/** Those the code names. */
export const transferSyntaxes = {
  implicitVrLittleEndian: asUid('1.2.840.10008.1.2'),
  explicitVrLittleEndian: asUid('1.2.840.10008.1.2.1'),
  deflatedExplicitVrLittleEndian: asUid('1.2.840.10008.1.2.1.99'),
  explicitVrBigEndian: asUid('1.2.840.10008.1.2.2'),
  jpegBaseline: asUid('1.2.840.10008.1.2.4.50'),
  jpegExtended: asUid('1.2.840.10008.1.2.4.51'),
  jpegLossless: asUid('1.2.840.10008.1.2.4.57'),
  jpegLosslessSv1: asUid('1.2.840.10008.1.2.4.70'),
  jpegLsLossless: asUid('1.2.840.10008.1.2.4.80'),
  jpegLsNearLossless: asUid('1.2.840.10008.1.2.4.81'),
  jpeg2000Lossless: asUid('1.2.840.10008.1.2.4.90'),
  jpeg2000: asUid('1.2.840.10008.1.2.4.91'),
  htj2kLossless: asUid('1.2.840.10008.1.2.4.201'),
  htj2kLosslessRpcl: asUid('1.2.840.10008.1.2.4.202'),
  htj2k: asUid('1.2.840.10008.1.2.4.203'),
  rleLossless: asUid('1.2.840.10008.1.2.5'),
} as const;

const row = (
  uid: string,
  name: string,
  traits: Partial<Omit<TransferSyntax, 'uid' | 'name'>> = {},
): TransferSyntax => ({
  uid: asUid(uid),
  name,
  datasetEncoding: DatasetEncoding.explicitLittleEndian,
  pixelLoss: PixelLoss.never,
  isEncapsulated: false,
  isVideo: false,
  isRetired: false,
  ...traits,
});

const { implicitLittleEndian, explicitBigEndian, deflated } = DatasetEncoding;
const retired = { isRetired: true } as const;
const lossless = { isEncapsulated: true } as const;
const lossy = { isEncapsulated: true, pixelLoss: PixelLoss.always } as const;
const either = { isEncapsulated: true, pixelLoss: PixelLoss.possible } as const;
const video = { ...lossy, isVideo: true } as const;
/** JPIP: the pixel data stand elsewhere, the dataset names a URL; they may be lossy. */
const referenced = { pixelLoss: PixelLoss.possible } as const;

/** In the order of PS3.6. SMPTE ST 2110 (.7.x) is left out: it is never stored in a file. */
export const transferSyntaxTable: readonly TransferSyntax[] = [
  row('1.2.840.10008.1.2', 'Implicit VR Little Endian', { datasetEncoding: implicitLittleEndian }),
  row('1.2.840.10008.1.2.1', 'Explicit VR Little Endian'),
  row('1.2.840.10008.1.2.1.98', 'Encapsulated Uncompressed Explicit VR Little Endian', lossless),
  row('1.2.840.10008.1.2.1.99', 'Deflated Explicit VR Little Endian', { datasetEncoding: deflated }),
  row('1.2.840.10008.1.2.2', 'Explicit VR Big Endian', { datasetEncoding: explicitBigEndian, ...retired }),
  row('1.2.840.10008.1.2.4.50', 'JPEG Baseline (Process 1)', lossy),
  row('1.2.840.10008.1.2.4.51', 'JPEG Extended (Process 2 & 4)', lossy),
  row('1.2.840.10008.1.2.4.52', 'JPEG Extended (Process 3 & 5)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.53', 'JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.54', 'JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.55', 'JPEG Full Progression, Non-Hierarchical (Process 10 & 12)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.56', 'JPEG Full Progression, Non-Hierarchical (Process 11 & 13)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', lossless),
  row('1.2.840.10008.1.2.4.58', 'JPEG Lossless, Non-Hierarchical (Process 15)', { ...lossless, ...retired }),
  row('1.2.840.10008.1.2.4.59', 'JPEG Extended, Hierarchical (Process 16 & 18)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.60', 'JPEG Extended, Hierarchical (Process 17 & 19)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.61', 'JPEG Spectral Selection, Hierarchical (Process 20 & 22)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.62', 'JPEG Spectral Selection, Hierarchical (Process 21 & 23)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.63', 'JPEG Full Progression, Hierarchical (Process 24 & 26)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.64', 'JPEG Full Progression, Hierarchical (Process 25 & 27)', { ...lossy, ...retired }),
  row('1.2.840.10008.1.2.4.65', 'JPEG Lossless, Hierarchical (Process 28)', { ...lossless, ...retired }),
  row('1.2.840.10008.1.2.4.66', 'JPEG Lossless, Hierarchical (Process 29)', { ...lossless, ...retired }),
  row(
    '1.2.840.10008.1.2.4.70',
    'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])',
    lossless,
  ),
  row('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless Image Compression', lossless),
  row('1.2.840.10008.1.2.4.81', 'JPEG-LS Lossy (Near-Lossless) Image Compression', either),
  row('1.2.840.10008.1.2.4.90', 'JPEG 2000 Image Compression (Lossless Only)', lossless),
  row('1.2.840.10008.1.2.4.91', 'JPEG 2000 Image Compression', either),
  row('1.2.840.10008.1.2.4.92', 'JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)', lossless),
  row('1.2.840.10008.1.2.4.93', 'JPEG 2000 Part 2 Multi-component Image Compression', either),
  row('1.2.840.10008.1.2.4.94', 'JPIP Referenced', referenced),
  row('1.2.840.10008.1.2.4.95', 'JPIP Referenced Deflate', { ...referenced, datasetEncoding: deflated }),
  row('1.2.840.10008.1.2.4.100', 'MPEG2 Main Profile / Main Level', video),
  row('1.2.840.10008.1.2.4.100.1', 'Fragmentable MPEG2 Main Profile / Main Level', video),
  row('1.2.840.10008.1.2.4.101', 'MPEG2 Main Profile / High Level', video),
  row('1.2.840.10008.1.2.4.101.1', 'Fragmentable MPEG2 Main Profile / High Level', video),
  row('1.2.840.10008.1.2.4.102', 'MPEG-4 AVC/H.264 High Profile / Level 4.1', video),
  row('1.2.840.10008.1.2.4.102.1', 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1', video),
  row('1.2.840.10008.1.2.4.103', 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', video),
  row('1.2.840.10008.1.2.4.103.1', 'Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', video),
  row('1.2.840.10008.1.2.4.104', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video', video),
  row('1.2.840.10008.1.2.4.104.1', 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video', video),
  row('1.2.840.10008.1.2.4.105', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video', video),
  row('1.2.840.10008.1.2.4.105.1', 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video', video),
  row('1.2.840.10008.1.2.4.106', 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', video),
  row('1.2.840.10008.1.2.4.106.1', 'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', video),
  row('1.2.840.10008.1.2.4.107', 'HEVC/H.265 Main Profile / Level 5.1', video),
  row('1.2.840.10008.1.2.4.108', 'HEVC/H.265 Main 10 Profile / Level 5.1', video),
  row('1.2.840.10008.1.2.4.110', 'JPEG XL Lossless', lossless),
  row('1.2.840.10008.1.2.4.111', 'JPEG XL JPEG Recompression', lossy),
  row('1.2.840.10008.1.2.4.112', 'JPEG XL', either),
  row('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 Image Compression (Lossless Only)', lossless),
  row(
    '1.2.840.10008.1.2.4.202',
    'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)',
    lossless,
  ),
  row('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000 Image Compression', either),
  row('1.2.840.10008.1.2.4.204', 'JPIP HTJ2K Referenced', referenced),
  row('1.2.840.10008.1.2.4.205', 'JPIP HTJ2K Referenced Deflate', { ...referenced, datasetEncoding: deflated }),
  row('1.2.840.10008.1.2.5', 'RLE Lossless', lossless),
  row('1.2.840.10008.1.2.8.1', 'Deflated Image Frame Compression', lossless),
  row('1.2.840.10008.1.20', 'Papyrus 3 Implicit VR Little Endian', {
    datasetEncoding: implicitLittleEndian,
    ...retired,
  }),
];

const byUid: ReadonlyMap<string, TransferSyntax> = new Map(
  transferSyntaxTable.map((syntax): [string, TransferSyntax] => [syntax.uid, syntax]),
);

/** Undefined for a private syntax and for one newer than the table. */
export const findTransferSyntax = (uid: string): TransferSyntax | undefined => byUid.get(uid);

const uidPattern = /^[0-2](\.(0|[1-9][0-9]*))+$/;

export const isTransferSyntaxUid = (text: string): text is TransferSyntaxUid =>
  text.length <= 64 && uidPattern.test(text);

/**
 * @param text  the form of a UID is asked for, not that the table knows it
 * @throws standards/uid-invalid
 */
export const parseTransferSyntaxUid = (text: string): TransferSyntaxUid => {
  if (isTransferSyntaxUid(text)) return text;
  throw new DrimboxError('standards/uid-invalid', { detail: `not a TransferSyntaxUID (${text.length} characters)` });
};

/** True when pixel values surely are those of the image before compression, whatever an attribute says. */
export const isLosslessSyntax = (uid: string): boolean => byUid.get(uid)?.pixelLoss === PixelLoss.never;

/** True when pixel values surely were changed by the compression; where the syntax allows both, the image says (0028,2110). */
export const isLossySyntax = (uid: string): boolean => byUid.get(uid)?.pixelLoss === PixelLoss.always;
