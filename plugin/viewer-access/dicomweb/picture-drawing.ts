/**
 * Draws a picture for people out of one decoded frame: values become grey or colours of 8 bits, and are made smaller. Pure.
 *
 * @see PS3.3 C.11.1.1.2 (rescale), C.11.2.1.2 (window), C.7.6.3.1.5–6 (palette), C.7.6.3.1.2 (photometric interpretation)
 */
import type { ImageAttributes } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';

/** Values after rescale; `low` becomes black and `high` white. */
export interface GreyWindow {
  readonly low: number;
  readonly high: number;
}

export interface Palette {
  /** The stored value that the first entry stands for. */
  readonly firstValue: number;
  /** 8 bits an entry, of equal length. */
  readonly red: Uint8Array;
  readonly green: Uint8Array;
  readonly blue: Uint8Array;
}

/** How values are shown. */
export interface PictureLook {
  readonly slope: number;
  readonly intercept: number;
  /** Absent: from the first to the last hundredth of the values. */
  readonly window?: GreyWindow;
  /** Stored values that are no picture; both ends belong to it. */
  readonly padding?: { readonly first: number; readonly last: number };
  readonly palette?: Palette;
}

export interface Drawn {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  readonly bytes: Uint8Array;
}

export const notDisplayable = (detail: string): DrimboxError =>
  new DrimboxError('viewer-access/image-not-displayable', { detail });

const asWords = (bytes: Uint8Array): Uint16Array =>
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 1)
    : new Uint16Array(bytes.slice().buffer);

/** Stored values: whatever stands above the stored bits is no pixel. */
const valuesOf = (frame: Uint8Array, { bitsAllocated, bitsStored, pixelRepresentation }: ImageAttributes) => {
  const samples = bitsAllocated === 8 ? frame : asWords(frame);
  const shift = 32 - bitsStored;
  const valueAt =
    pixelRepresentation === 1
      ? (index: number): number => ((samples[index] ?? 0) << shift) >> shift
      : (index: number): number => ((samples[index] ?? 0) << shift) >>> shift;
  return { count: samples.length, valueAt };
};

const isPadding = (value: number, { padding }: PictureLook): boolean =>
  padding !== undefined && value >= padding.first && value <= padding.last;

const sampledValues = 500_000;

/** From the first to the last hundredth of the values, padding left out; always wider than nothing. */
export const findPercentileWindow = (frame: Uint8Array, image: ImageAttributes, look: PictureLook): GreyWindow => {
  const { count, valueAt } = valuesOf(frame, image);
  const stride = Math.max(1, Math.floor(count / sampledValues));
  const values: number[] = [];
  for (let index = 0; index < count; index += stride) {
    const value = valueAt(index);
    if (!isPadding(value, look)) values.push(value);
  }
  const sorted = Int32Array.from(values).sort();
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? 0;
  const { slope, intercept } = look;
  const low = at(0.01) * slope + intercept;
  const high = at(0.99) * slope + intercept;
  return high > low ? { low, high } : { low, high: low + Math.max(slope, 1) };
};

const drawGrey = (frame: Uint8Array, image: ImageAttributes, look: PictureLook): Drawn => {
  const { low, high } = look.window ?? findPercentileWindow(frame, image, look);
  const { count, valueAt } = valuesOf(frame, image);
  const isInverted = image.photometricInterpretation === 'MONOCHROME1';
  const scale = 255 / (high - low);
  // Clamped arrays round to the nearest and clip.
  const bytes = new Uint8ClampedArray(count);
  for (let index = 0; index < count; index += 1) {
    const value = valueAt(index);
    const grey = (value * look.slope + look.intercept - low) * scale;
    bytes[index] = isPadding(value, look) ? 0 : isInverted ? 255 - grey : grey;
  }
  return { rows: image.rows, columns: image.columns, samplesPerPixel: 1, bytes: new Uint8Array(bytes.buffer) };
};

const drawPalette = (frame: Uint8Array, image: ImageAttributes, { firstValue, red, green, blue }: Palette): Drawn => {
  const { count, valueAt } = valuesOf(frame, image);
  const bytes = new Uint8Array(3 * count);
  for (let index = 0; index < count; index += 1) {
    // Values beyond either end take the entry at that end.
    const entry = Math.min(Math.max(valueAt(index) - firstValue, 0), red.length - 1);
    bytes[3 * index] = red[entry] ?? 0;
    bytes[3 * index + 1] = green[entry] ?? 0;
    bytes[3 * index + 2] = blue[entry] ?? 0;
  }
  return { rows: image.rows, columns: image.columns, samplesPerPixel: 3, bytes };
};

const ybrToRgb = (frame: Uint8Array): Uint8Array => {
  const rgb = new Uint8ClampedArray(frame.length);
  for (let at = 0; at + 2 < frame.length; at += 3) {
    const luminance = frame[at] ?? 0;
    const blue = (frame[at + 1] ?? 0) - 128;
    const red = (frame[at + 2] ?? 0) - 128;
    rgb[at] = luminance + 1.402 * red;
    rgb[at + 1] = luminance - 0.344136 * blue - 0.714136 * red;
    rgb[at + 2] = luminance + 1.772 * blue;
  }
  return new Uint8Array(rgb.buffer);
};

const drawColour = (frame: Uint8Array, image: ImageAttributes, photometric: string): Drawn => {
  const { rows, columns, bitsStored } = image;
  const bytes =
    image.bitsAllocated === 8
      ? frame
      : Uint8Array.from(asWords(frame), (value) => value >>> Math.max(0, bitsStored - 8));
  if (photometric === 'RGB') return { rows, columns, samplesPerPixel: 3, bytes };
  if (photometric === 'YBR_FULL') return { rows, columns, samplesPerPixel: 3, bytes: ybrToRgb(bytes) };
  throw notDisplayable('colours of another kind');
};

/**
 * @param frame        decoded: little endian, colour by pixel
 * @param photometric  what the values are once decoded
 * @throws viewer-access/image-not-displayable
 */
export const drawPicture = (
  frame: Uint8Array,
  image: ImageAttributes,
  photometric: string,
  look: PictureLook,
): Drawn => {
  const samples = image.samplesPerPixel;
  const isDrawn = image.bitsAllocated === 8 || image.bitsAllocated === 16;
  if (!isDrawn || frame.length !== (image.rows * image.columns * samples * image.bitsAllocated) / 8) {
    throw notDisplayable('values of other than 8 or 16 bits');
  }
  if (samples === 3) return drawColour(frame, image, photometric);
  if (samples !== 1) throw notDisplayable('neither grey nor three colours');
  return look.palette === undefined ? drawGrey(frame, image, look) : drawPalette(frame, image, look.palette);
};

/** Each pixel is the mean of those it stands for. Never larger. @param maxSide  pixels, of the longer side */
export const shrinkPicture = (drawn: Drawn, maxSide: number): Drawn => {
  const { rows, columns, samplesPerPixel, bytes } = drawn;
  const factor = Math.min(1, maxSide / Math.max(rows, columns));
  if (factor === 1) return drawn;
  const height = Math.max(1, Math.round(rows * factor));
  const width = Math.max(1, Math.round(columns * factor));
  const target = new Uint8Array(height * width * samplesPerPixel);
  for (let y = 0; y < height; y += 1) {
    const top = Math.floor((y * rows) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * rows) / height));
    for (let x = 0; x < width; x += 1) {
      const left = Math.floor((x * columns) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * columns) / width));
      const pixels = (bottom - top) * (right - left);
      for (let sample = 0; sample < samplesPerPixel; sample += 1) {
        let sum = 0;
        for (let row = top; row < bottom; row += 1) {
          for (let column = left; column < right; column += 1) {
            sum += bytes[(row * columns + column) * samplesPerPixel + sample] ?? 0;
          }
        }
        target[(y * width + x) * samplesPerPixel + sample] = Math.round(sum / pixels);
      }
    }
  }
  return { rows: height, columns: width, samplesPerPixel, bytes: target };
};
