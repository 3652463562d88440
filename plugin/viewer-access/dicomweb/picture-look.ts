/** How an image wants to be shown, as the header of its file says. */
import { attributeBytes, attributeNumbers, attributeText } from '../../dicom-file/index.ts';
import type { GreyWindow, Palette, PictureLook } from './picture-drawing.ts';
import { notDisplayable } from './picture-drawing.ts';
import type { StoredObject } from './stored-object.ts';
import { findValue } from './value-places.ts';

type Header = Pick<StoredObject, 'outline' | 'head'>;

const Tag = {
  pixelPaddingValue: 0x00280120,
  pixelPaddingRangeLimit: 0x00280121,
  windowCenter: 0x00281050,
  windowWidth: 0x00281051,
  rescaleIntercept: 0x00281052,
  rescaleSlope: 0x00281053,
  voiLutFunction: 0x00281056,
  redDescriptor: 0x00281101,
  redValues: 0x00281201,
} as const;

/** Functional groups of multi-frame images: what is alike in all frames, and what is each frame's own. */
const Group = {
  shared: 0x52009229,
  perFrame: 0x52009230,
  window: 0x00289132,
  rescale: 0x00289145,
} as const;

/** Text of a value of the image itself, or of the functional groups of that frame. @see PS3.3 C.7.6.16 */
const textOf = ({ outline, head }: Header, frame: number, macro: number, tag: number): string => {
  const own = attributeText(outline, head, tag);
  if (own !== '') return own;
  const paths = [
    [Group.perFrame, frame, macro, 1, tag],
    [Group.shared, 1, macro, 1, tag],
  ];
  const place = paths.map((path) => findValue(outline, head, path)).find((found) => found !== undefined);
  return place === undefined ? '' : head.toString('latin1', place.start, place.end).replace(/[ \0]+$/, '');
};

/** The first of several numbers; NaN for a text that is none. */
const numberOf = (...[header, frame, macro, tag]: Parameters<typeof textOf>): number | undefined => {
  const [first = ''] = textOf(header, frame, macro, tag).split('\\');
  return first.trim() === '' ? undefined : Number(first);
};

/** LINEAR_EXACT and SIGMOID are close enough for a picture that nobody measures in. */
const windowOf = (header: Header, frame: number): GreyWindow | undefined => {
  const center = numberOf(header, frame, Group.window, Tag.windowCenter);
  const width = numberOf(header, frame, Group.window, Tag.windowWidth);
  if (center === undefined || width === undefined || !Number.isFinite(center) || !(width > 1)) return undefined;
  return buildWindow(center, width, textOf(header, frame, Group.window, Tag.voiLutFunction));
};

/** @see PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT) */
export const buildWindow = (center: number, width: number, shape: string): GreyWindow =>
  shape === 'LINEAR_EXACT'
    ? { low: center - width / 2, high: center + width / 2 }
    : { low: center - width / 2, high: center + width / 2 - 1 };

const paddingOf = ({ outline, head }: Header) => {
  const [first] = attributeNumbers(outline, head, Tag.pixelPaddingValue);
  const [last = first] = attributeNumbers(outline, head, Tag.pixelPaddingRangeLimit);
  if (first === undefined || last === undefined) return undefined;
  return { first: Math.min(first, last), last: Math.max(first, last) };
};

/** Entries of 16 bits, whose upper half counts, unless all of them are small; or of 8 bits. */
const entriesOf = (values: Buffer, count: number, bits: number): Uint8Array => {
  if (bits === 8 && values.length < 2 * count) return Uint8Array.from(values.subarray(0, count));
  const words = Array.from({ length: count }, (_, index) => values.readUInt16LE(2 * index));
  return words.some((word) => word > 255) ? Uint8Array.from(words, (word) => word >>> 8) : Uint8Array.from(words);
};

const paletteOf = ({ outline, head }: Header): Palette => {
  const [count = 0, firstValue = 0, bits = 16] = attributeNumbers(outline, head, Tag.redDescriptor);
  const entries = (count & 0xffff) === 0 ? 65_536 : count & 0xffff;
  const read = (place: number): Uint8Array => {
    const values = attributeBytes(outline, head, Tag.redValues + place);
    if (values === undefined || values.length < entries * (bits === 8 ? 1 : 2)) {
      throw notDisplayable('a palette that is cut, or in segments');
    }
    return entriesOf(values, entries, bits);
  };
  return { firstValue, red: read(0), green: read(1), blue: read(2) };
};

/**
 * @param frame  from 1
 * @param asked  a window that was asked for instead of that of the image
 * @throws viewer-access/image-not-displayable
 */
export const readPictureLook = (header: Header, frame: number, asked?: GreyWindow): PictureLook => {
  const { outline } = header;
  const slope = numberOf(header, frame, Group.rescale, Tag.rescaleSlope) ?? 1;
  const intercept = numberOf(header, frame, Group.rescale, Tag.rescaleIntercept) ?? 0;
  const isUsable = Number.isFinite(slope) && Number.isFinite(intercept) && slope > 0;
  const window = asked ?? (isUsable ? windowOf(header, frame) : undefined);
  const padding = paddingOf(header);
  const isPalette = outline.image?.photometricInterpretation === 'PALETTE COLOR';
  return {
    slope: isUsable ? slope : 1,
    intercept: isUsable ? intercept : 0,
    ...(window === undefined ? {} : { window }),
    ...(padding === undefined ? {} : { padding }),
    ...(isPalette ? { palette: paletteOf(header) } : {}),
  };
};
