/** How an image wants to be shown, as the header of its file says. */
import { attributeBytes, attributeNumbers, attributeText } from '../../dicom-file/index.ts';
import type { GreyWindow, Palette, PictureLook } from './picture-drawing.ts';
import { notDisplayable } from './picture-drawing.ts';
import type { StoredObject } from './stored-object.ts';
import { findItem, findItemIn, type ItemPlace, unlessMalformed, valuesIn } from './value-places.ts';

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

interface LookReader {
  readonly textOf: (macro: number, tag: number) => string;
  /** The first of several numbers; NaN for a text that is none. */
  readonly numberOf: (macro: number, tag: number) => number | undefined;
}

/**
 * Texts of the image itself, else of the functional groups of that frame, else of those that all frames share. A macro is
 * read at most once, and only when the image itself does not say it.
 *
 * @see PS3.3 C.7.6.16
 */
const createLookReader = ({ outline, head }: Header, frame: number): LookReader => {
  let groups: readonly ItemPlace[] | undefined;
  const macros = new Map<number, readonly ReadonlyMap<number, Buffer>[]>();
  const readMacro = (macro: number): readonly ReadonlyMap<number, Buffer>[] => {
    groups ??= [findItem(outline, head, Group.perFrame, frame), findItem(outline, head, Group.shared, 1)].filter(
      (group) => group !== undefined,
    );
    const items = groups.map((group) => findItemIn(head, group, macro, 1)).filter((item) => item !== undefined);
    return items.map((item) => valuesIn(head, item));
  };
  const textOf = (macro: number, tag: number): string => {
    const own = attributeText(outline, head, tag);
    if (own !== '') return own;
    const read = macros.get(macro) ?? readMacro(macro);
    macros.set(macro, read);
    const value = read.map((values) => values.get(tag)).find((found) => found !== undefined);
    return value === undefined ? '' : value.toString('latin1').replace(/[ \0]+$/, '');
  };
  return {
    textOf,
    numberOf: (macro, tag) => {
      const [first = ''] = textOf(macro, tag).split('\\');
      return first.trim() === '' ? undefined : Number(first);
    },
  };
};

/** LINEAR_EXACT and SIGMOID are close enough for a picture that nobody measures in. */
const windowOf = ({ textOf, numberOf }: LookReader): GreyWindow | undefined => {
  const center = numberOf(Group.window, Tag.windowCenter);
  const width = numberOf(Group.window, Tag.windowWidth);
  if (center === undefined || width === undefined || !Number.isFinite(center) || !(width > 1)) return undefined;
  return buildWindow(center, width, textOf(Group.window, Tag.voiLutFunction));
};

type Grey = Pick<PictureLook, 'slope' | 'intercept' | 'window'>;

/** Without a rescale that can be used the window of the image, which is in its units, says nothing. */
const greyOf = (reader: LookReader, asked: GreyWindow | undefined): Grey => {
  const slope = reader.numberOf(Group.rescale, Tag.rescaleSlope) ?? 1;
  const intercept = reader.numberOf(Group.rescale, Tag.rescaleIntercept) ?? 0;
  const isUsable = Number.isFinite(slope) && Number.isFinite(intercept) && slope > 0;
  if (!isUsable) return withoutLook(asked);
  const window = asked ?? windowOf(reader);
  return { slope, intercept, ...(window === undefined ? {} : { window }) };
};

const withoutLook = (asked: GreyWindow | undefined): Grey => ({
  ...{ slope: 1, intercept: 0 },
  ...(asked === undefined ? {} : { window: asked }),
});

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
  const grey = unlessMalformed(() => greyOf(createLookReader(header, frame), asked), withoutLook(asked));
  const padding = paddingOf(header);
  const isPalette = outline.image?.photometricInterpretation === 'PALETTE COLOR';
  return {
    ...grey,
    ...(padding === undefined ? {} : { padding }),
    ...(isPalette ? { palette: paletteOf(header) } : {}),
  };
};
