/**
 * Maps stored values of more than 8 bits to 0–255 for a lossy rendition, and says what the new values mean: the same
 * window over the same modality values shows the same grey.
 *
 * @see decisions E8 · PS3.3 C.11.1 (Modality LUT), C.11.2.1.2 (window; LINEAR and LINEAR_EXACT)
 */
import { attributeNumbers, attributeText, type DicomFileOutline, type ImageAttributes } from '../dicom-file/index.ts';
import { unsupported } from './codestream-failures.ts';
import { asWords } from './sample-layout.ts';

/** Modality values: what RescaleSlope and RescaleIntercept make of stored ones. */
export interface EightBitWindow {
  /** Becomes 0, as everything below. */
  readonly low: number;
  /** Becomes 255, as everything above. */
  readonly high: number;
  readonly slope: number;
  readonly intercept: number;
  /** From the image; else over the values it has. */
  readonly isFromImage: boolean;
}

const Tag = {
  pixelPaddingValue: 0x00280120,
  pixelPaddingRangeLimit: 0x00280121,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  voiLutFunction: 0x00281056,
  modalityLutSequence: 0x00283000,
  voiLutSequence: 0x00283010,
  sharedFunctionalGroups: 0x52009229,
  perFrameFunctionalGroups: 0x52009230,
} as const;

/** What the values mean is told elsewhere than in the attributes we rewrite. */
const refusedTags = [
  Tag.modalityLutSequence,
  Tag.voiLutSequence,
  Tag.sharedFunctionalGroups,
  Tag.perFrameFunctionalGroups,
];

const valueReader = ({ bitsAllocated, bitsStored, pixelRepresentation }: ImageAttributes) => {
  const shift = 32 - bitsStored;
  const samplesOf = (frame: Uint8Array): Uint8Array | Uint16Array => (bitsAllocated === 8 ? frame : asWords(frame));
  // Whatever stands above the stored bits is no pixel.
  const valueOf =
    pixelRepresentation === 1
      ? (sample: number): number => (sample << shift) >> shift
      : (sample: number): number => (sample << shift) >>> shift;
  return { samplesOf, valueOf };
};

/** Smallest and largest stored value, padding left out. */
export const findValueRange = (
  frames: Iterable<Uint8Array>,
  image: ImageAttributes,
  isPadding: (value: number) => boolean,
): { readonly min: number; readonly max: number } => {
  const { samplesOf, valueOf } = valueReader(image);
  let min = Infinity;
  let max = -Infinity;
  for (const frame of frames) {
    for (const sample of samplesOf(frame)) {
      const value = valueOf(sample);
      if ((value < min || value > max) && !isPadding(value)) {
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
    }
  }
  return min > max ? { min: 0, max: 1 } : { min, max };
};

const paddingOf = (outline: DicomFileOutline, file: Uint8Array): ((value: number) => boolean) => {
  const [first] = attributeNumbers(outline, file, Tag.pixelPaddingValue);
  const [last = first] = attributeNumbers(outline, file, Tag.pixelPaddingRangeLimit);
  if (first === undefined || last === undefined) return () => false;
  return (value) => value >= Math.min(first, last) && value <= Math.max(first, last);
};

const windowOf = (outline: DicomFileOutline, file: Uint8Array) => {
  const [center] = attributeNumbers(outline, file, Tag.windowCenter);
  const [width] = attributeNumbers(outline, file, Tag.windowWidth);
  if (center === undefined || width === undefined || !Number.isFinite(center) || !(width > 1)) return undefined;
  const shape = attributeText(outline, file, Tag.voiLutFunction) || 'LINEAR';
  if (shape === 'LINEAR') return { low: center - width / 2, high: center + width / 2 - 1 };
  if (shape === 'LINEAR_EXACT') return { low: center - width / 2, high: center + width / 2 };
  return undefined;
};

/**
 * @param frames  all frames, decoded; looked at only where the image has no linear window of its own
 * @throws renditions/unsupported when a LUT or functional groups say what the values mean
 */
export const chooseEightBitWindow = (
  outline: DicomFileOutline,
  file: Uint8Array,
  image: ImageAttributes,
  frames: () => Iterable<Uint8Array>,
): EightBitWindow => {
  if (refusedTags.some((tag) => outline.elements.has(tag))) throw unsupported('values told by tables');
  const [slope = 1] = attributeNumbers(outline, file, Tag.rescaleSlope);
  const [intercept = 0] = attributeNumbers(outline, file, Tag.rescaleIntercept);
  if (!Number.isFinite(slope) || !Number.isFinite(intercept) || slope <= 0) throw unsupported('rescale not usable');
  const window = windowOf(outline, file);
  if (window !== undefined) return { ...window, slope, intercept, isFromImage: true };
  const { min, max } = findValueRange(frames(), image, paddingOf(outline, file));
  const low = min * slope + intercept;
  return { low, high: Math.max(max, min + 1) * slope + intercept, slope, intercept, isFromImage: false };
};

/** @returns one byte a sample */
export const applyEightBitWindow = (
  frame: Uint8Array,
  image: ImageAttributes,
  { low, high, slope, intercept }: EightBitWindow,
): Uint8Array => {
  const { samplesOf, valueOf } = valueReader(image);
  const scale = 255 / (high - low);
  const samples = samplesOf(frame);
  const target = new Uint8ClampedArray(samples.length);
  // Clamped arrays round to the nearest and clip.
  for (let index = 0; index < samples.length; index += 1) {
    target[index] = (valueOf(samples[index] ?? 0) * slope + intercept - low) * scale;
  }
  return new Uint8Array(target.buffer);
};
