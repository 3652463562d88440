/**
 * What a data set must say once its pixels have lost something. The SOP Instance UID stays: a WADO-RS rendition is
 * the stored object as the requester accepts it, not a new one.
 *
 * @see PS3.3 C.7.6.1.1.5 (lossy compression), C.7.6.1.1.3 (derivation) · decisions E8
 */
import { attributeBytes, attributeText, type DicomFileOutline, type ElementChange } from '../dicom-file/index.ts';
import type { EightBitWindow } from './eight-bit-window.ts';

const Tag = {
  derivationDescription: 0x00082111,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  pixelRepresentation: 0x00280103,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  rescaleType: 0x00281054,
  voiLutFunction: 0x00281056,
  lossyImageCompression: 0x00282110,
  lossyImageCompressionRatio: 0x00282112,
  lossyImageCompressionMethod: 0x00282114,
} as const;

/** They tell stored values, which are others now: smallest, largest, padding, real world values. */
const staleTags = [0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280120, 0x00280121, 0x00409096];

/** LossyImageCompressionMethod. @see PS3.3 C.7.6.1.1.5.1 */
export const LossyMethod = {
  jpeg: 'ISO_10918_1',
  jpegLs: 'ISO_14495_1',
  jpeg2000: 'ISO_15444_1',
} as const;
export type LossyMethod = (typeof LossyMethod)[keyof typeof LossyMethod];

export interface LossyStep {
  readonly method: LossyMethod;
  readonly nativeBytes: number;
  readonly encodedBytes: number;
}

const set = (tag: number, vr: string, value: string | readonly number[] | Uint8Array): ElementChange => ({
  kind: 'set',
  tag,
  vr,
  value,
});

/** DS: at most 16 characters. */
export const decimalText = (value: number): string => {
  const exact = String(value);
  if (exact.length <= 16) return exact;
  for (let digits = 15; digits > 0; digits -= 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  return '0';
};

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** One more value behind those that are there. */
const appended = (outline: DicomFileOutline, file: Uint8Array, tag: number, value: string): string => {
  const existing = attributeText(outline, file, tag);
  return existing === '' || !isAscii(existing) ? value : `${existing}\\${value}`;
};

/** Adds a lossy step to the image's history. */
export const buildLossyHistory = (
  outline: DicomFileOutline,
  file: Uint8Array,
  step: LossyStep,
): readonly ElementChange[] => {
  const ratio = decimalText(Number((step.nativeBytes / Math.max(1, step.encodedBytes)).toPrecision(4)));
  return [
    set(Tag.lossyImageCompression, 'CS', '01'),
    set(Tag.lossyImageCompressionRatio, 'DS', appended(outline, file, Tag.lossyImageCompressionRatio, ratio)),
    set(Tag.lossyImageCompressionMethod, 'CS', appended(outline, file, Tag.lossyImageCompressionMethod, step.method)),
  ];
};

/** ST holds 1,024 characters. Ours comes first: what stands there may end in another character set. */
export const buildDerivation = (outline: DicomFileOutline, file: Uint8Array, text: string): ElementChange => {
  const existing = attributeBytes(outline, file, Tag.derivationDescription) ?? Buffer.alloc(0);
  const isRoom = existing.length > 0 && text.length + 2 + existing.length <= 1024;
  const value = isRoom ? Buffer.concat([Buffer.from(`${text}; `, 'latin1'), existing]) : text;
  return set(Tag.derivationDescription, 'ST', value);
};

/** 8 unsigned bits a sample. */
export const buildEightBits = (): readonly ElementChange[] => [
  set(Tag.bitsAllocated, 'US', [8]),
  set(Tag.bitsStored, 'US', [8]),
  set(Tag.highBit, 'US', [7]),
  set(Tag.pixelRepresentation, 'US', [0]),
];

/** What the 8 bits of a windowed image mean. */
export const buildWindowMeaning = (
  outline: DicomFileOutline,
  file: Uint8Array,
  { low, high, isFromImage }: EightBitWindow,
): readonly ElementChange[] => {
  const remove = (tag: number): ElementChange => ({ kind: 'remove', tag });
  const isFullRange = !isFromImage;
  return [
    set(Tag.rescaleIntercept, 'DS', decimalText(low)),
    set(Tag.rescaleSlope, 'DS', decimalText((high - low) / 255)),
    ...(outline.elements.has(Tag.rescaleType) ? [] : [set(Tag.rescaleType, 'LO', 'US')]),
    ...(isFullRange
      ? [
          set(Tag.windowCenter, 'DS', decimalText((low + high + 1) / 2)),
          set(Tag.windowWidth, 'DS', decimalText(high - low + 1)),
          remove(Tag.voiLutFunction),
          remove(0x00281055),
        ]
      : []),
    ...staleTags.filter((tag) => outline.elements.has(tag)).map(remove),
  ];
};
