/**
 * What can be made of what, by attributes and transfer syntaxes alone: negotiation asks before any pixel is read.
 *
 * @see PS3.5 §8.2 (tables of what each syntax may carry), edition 2026c · decisions E8
 */
import type { ImageAttributes } from '../dicom-file/index.ts';
import { transferSyntaxes } from '../standards/index.ts';

const {
  implicitVrLittleEndian,
  explicitVrLittleEndian,
  deflatedExplicitVrLittleEndian,
  explicitVrBigEndian,
  jpegBaseline,
  jpegExtended,
  jpegLossless,
  jpegLosslessSv1,
  jpegLsLossless,
  jpegLsNearLossless,
  jpeg2000Lossless,
  jpeg2000,
  rleLossless,
} = transferSyntaxes;

/** How pixels are written under a syntax that we read. */
export const PixelCoding = {
  native: 'native',
  jpegLossy: 'jpeg-lossy',
  jpegLossless: 'jpeg-lossless',
  jpegLs: 'jpeg-ls',
  jpeg2000: 'jpeg-2000',
  rle: 'rle',
} as const;
export type PixelCoding = (typeof PixelCoding)[keyof typeof PixelCoding];

const codingOf: ReadonlyMap<string, PixelCoding> = new Map<string, PixelCoding>([
  [implicitVrLittleEndian, PixelCoding.native],
  [explicitVrLittleEndian, PixelCoding.native],
  [deflatedExplicitVrLittleEndian, PixelCoding.native],
  [explicitVrBigEndian, PixelCoding.native],
  [jpegBaseline, PixelCoding.jpegLossy],
  [jpegExtended, PixelCoding.jpegLossy],
  [jpegLossless, PixelCoding.jpegLossless],
  [jpegLosslessSv1, PixelCoding.jpegLossless],
  [jpegLsLossless, PixelCoding.jpegLs],
  [jpegLsNearLossless, PixelCoding.jpegLs],
  [jpeg2000Lossless, PixelCoding.jpeg2000],
  [jpeg2000, PixelCoding.jpeg2000],
  [rleLossless, PixelCoding.rle],
]);

/** Undefined for a syntax that we do not decode: video, high throughput, JPEG XL, private. */
export const pixelCodingOf = (transferSyntaxUid: string): PixelCoding | undefined => codingOf.get(transferSyntaxUid);

/** What we make, lossless first, smaller first; near-lossless JPEG-LS and JPEG 2000 are made without loss. */
export const renditionTargets: readonly string[] = [
  jpegLsLossless,
  jpegLosslessSv1,
  jpeg2000Lossless,
  explicitVrLittleEndian,
  jpegLossless,
  jpegLsNearLossless,
  jpeg2000,
  jpegBaseline,
  jpegExtended,
];

/** The two that lose something: made only for who ranks a lossy syntax above every lossless one (E8). */
export const isLossyTarget = (transferSyntaxUid: string): boolean =>
  transferSyntaxUid === jpegBaseline || transferSyntaxUid === jpegExtended;

const monochrome: ReadonlySet<string> = new Set(['MONOCHROME1', 'MONOCHROME2']);
const threeSamples: ReadonlySet<string> = new Set(['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_RCT', 'YBR_ICT']);
/** JPEG and JPEG 2000 count lines and columns in 16 bits, as DICOM does. */
const maxSide = 65_535;

/** One and three samples, whole bytes, the stored bits at the bottom of them. */
const isPlainImage = (image: ImageAttributes): boolean => {
  const { rows, columns, samplesPerPixel, photometricInterpretation, pixelRepresentation } = image;
  const { bitsAllocated, bitsStored, highBit } = image;
  const isColour = samplesPerPixel === 3;
  return (
    rows >= 1 &&
    rows <= maxSide &&
    columns >= 1 &&
    columns <= maxSide &&
    (bitsAllocated === 8 || bitsAllocated === 16) &&
    bitsStored >= 1 &&
    bitsStored <= bitsAllocated &&
    highBit === bitsStored - 1 &&
    (isColour
      ? pixelRepresentation === 0 && threeSamples.has(photometricInterpretation)
      : samplesPerPixel === 1 && (monochrome.has(photometricInterpretation) || isPalette(image)))
  );
};

/** What PhotometricInterpretation is once decoded. @see PS3.5 §8.2.1–8.2.4 */
export const decodedPhotometric = (image: ImageAttributes, from: string): string => {
  const { photometricInterpretation: stored } = image;
  if (stored === 'YBR_RCT' || stored === 'YBR_ICT') return 'RGB';
  if (codingOf.get(from) === PixelCoding.jpegLossy && image.samplesPerPixel === 3) return 'RGB';
  return stored === 'YBR_FULL_422' ? 'YBR_FULL' : stored;
};

/** What it is in a rendition that we make. */
export const renderedPhotometric = (image: ImageAttributes, from: string, to: string): string => {
  if (image.samplesPerPixel === 3 && isLossyTarget(to)) return 'YBR_FULL_422';
  const decoded = decodedPhotometric(image, from);
  return decoded === 'RGB' && codingOf.get(to) === PixelCoding.jpeg2000 ? 'YBR_RCT' : decoded;
};

const isPalette = ({ photometricInterpretation }: ImageAttributes): boolean =>
  photometricInterpretation === 'PALETTE COLOR';

/** RLE cuts any whole number of bytes into segments; the others know one and two bytes. */
const isDecodable = (image: ImageAttributes, coding: PixelCoding): boolean => {
  if (coding === PixelCoding.native) return true;
  if (coding === PixelCoding.rle) {
    const { rows, columns, samplesPerPixel, bitsAllocated } = image;
    return rows > 0 && columns > 0 && samplesPerPixel > 0 && bitsAllocated > 0 && bitsAllocated % 8 === 0;
  }
  return isPlainImage(image) && (coding !== PixelCoding.jpeg2000 || isSoundForOpenJpeg(image));
};

/** Its wrapper writes beyond its memory for colour of 16 bits, and takes signed bytes for unsigned ones. */
const isSoundForOpenJpeg = ({ samplesPerPixel, bitsAllocated, pixelRepresentation }: ImageAttributes): boolean =>
  samplesPerPixel === 3 ? bitsAllocated === 8 : bitsAllocated === 16 || pixelRepresentation === 0;

const isEncodable = (image: ImageAttributes, from: string, to: string): boolean => {
  if (!isPlainImage(image)) return false;
  const { samplesPerPixel, photometricInterpretation, bitsAllocated, bitsStored } = image;
  const isColour = samplesPerPixel === 3;
  // Two pixels share their chrominance in a native 4:2:2 image.
  if (photometricInterpretation === 'YBR_FULL_422' && image.columns % 2 !== 0) return false;
  if (isLossyTarget(to)) return isColour ? bitsAllocated === 8 && bitsStored === 8 : !isPalette(image);
  // A palette bears no loss; these two syntaxes may not carry one, though ours would be lossless.
  if (isPalette(image) && (to === jpegLsNearLossless || to === jpeg2000)) return false;
  if (codingOf.get(to) !== PixelCoding.jpeg2000) return true;
  // Its encoder transforms any three components as if they were RGB.
  return isSoundForOpenJpeg(image) && (!isColour || decodedPhotometric(image, from) === 'RGB');
};

/**
 * @param image  absent for an object without pixels
 * @param from   as stored
 * @returns      whether `renderFile` can make it; a broken image may still fail
 */
export const canProduce = (image: ImageAttributes | undefined, from: string, to: string): boolean => {
  if (from === to) return true;
  const coding = pixelCodingOf(from);
  if (coding === undefined || !renditionTargets.includes(to)) return false;
  if (to === explicitVrLittleEndian) {
    return coding === PixelCoding.native || (image !== undefined && isDecodable(image, coding));
  }
  return image !== undefined && isDecodable(image, coding) && isEncodable(image, from, to);
};
