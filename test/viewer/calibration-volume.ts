/**
 * An invented volume made to be read back from a screen: every image says by a bar code whose it is, of which series and which
 * slice, and no two of its axes look alike. Nothing is real.
 *
 * In units of the volume's edges (0 to 1): x to the patient's left, y to the back, z to the head. A body of one grey, with a
 * bright block, a dark block and, in front, the bar code.
 */
import { buildCtInstance, inventedSeries, type InventedInstance, type InventedStudy } from '../fixtures/dicom/index.ts';

export const calibration = { size: 128, slices: 31, windowWidth: 400, windowCenter: 40 } as const;

/** Hounsfield units. */
const values = { body: 40, bright: 220, dark: -140 } as const;

type Interval = readonly [from: number, to: number];
interface Box {
  readonly x: Interval;
  readonly y: Interval;
  readonly z: Interval;
  readonly value: number;
}

/** Each reaches through the middle of at least two axes, so that the planes through the middle show it, each elsewhere. */
const boxes: readonly Box[] = [
  { x: [0.08, 0.56], y: [0.42, 0.72], z: [0.3, 0.85], value: values.bright },
  { x: [0.44, 0.92], y: [0.46, 0.94], z: [0.1, 0.62], value: values.dark },
];

/** Bits of the bar code, cells from left to right, the first the highest. */
const code = { x: [0.1, 0.9], y: [0.06, 0.26], bits: 10 } as const;

export interface ImageName {
  /** 0 to 7. */
  readonly patient: number;
  /** 0 to 3. */
  readonly series: number;
  /** 1 to 31, counted from the feet. */
  readonly slice: number;
}

const encode = ({ patient, series, slice }: ImageName): number => (patient << 7) | (series << 5) | (slice & 31);
const decode = (word: number): ImageName => ({ patient: word >> 7, series: (word >> 5) & 3, slice: word & 31 });

const isIn = (at: number, [from, to]: Interval): boolean => at >= from && at < to;

const isInCode = (x: number, y: number): boolean => isIn(x, code.x) && isIn(y, code.y);

/** What the volume holds at a place outside the bar code. */
const valueAt = (x: number, y: number, z: number): number =>
  boxes.findLast((box) => isIn(x, box.x) && isIn(y, box.y) && isIn(z, box.z))?.value ?? values.body;

const codeValue = (x: number, word: number): number => {
  const cell = Math.floor(((x - code.x[0]) / (code.x[1] - code.x[0])) * code.bits);
  return (word >> (code.bits - 1 - cell)) & 1 ? values.bright : values.dark;
};

const rescaleIntercept = -1024;

/** Pixel data is the last element of these files. */
const paint = (bytes: Uint8Array, name: ImageName): void => {
  const { size, slices } = calibration;
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 2 * size * size);
  const word = encode(name);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const [x, y, z] = [(column + 0.5) / size, (row + 0.5) / size, (name.slice - 0.5) / slices];
      const value = isInCode(x, y) ? codeValue(x, word) : valueAt(x, y, z);
      view.setUint16(2 * (row * size + column), value - rescaleIntercept, true);
    }
  }
};

/** Series of 31 images, as many as the code has bits for, 0.5 mm × 0.5 mm × 1 mm. */
export const buildCalibrationSeries = (study: InventedStudy, patient: number, series: number): InventedInstance[] =>
  Array.from({ length: calibration.slices }, (_, index) => {
    const slice = index + 1;
    const instance = buildCtInstance(study, inventedSeries(study, series, 'CT'), slice, calibration.size);
    const bytes = Buffer.from(instance.bytes);
    paint(bytes, { patient, series, slice });
    return { ...instance, bytes };
  });

// Read back ------------------------------------------------------------------------------------------------------------

/** Grey values of a picture, 0 to 255, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly greys: readonly number[];
}

export interface GreyWindow {
  readonly width: number;
  readonly center: number;
}

export const usualWindow: GreyWindow = { width: calibration.windowWidth, center: calibration.windowCenter };

/** @see PS3.3 C.11.2.1.2 */
export const greyOf = (value: number, { width, center }: GreyWindow = usualWindow): number => {
  const share = (value - (center - 0.5)) / (width - 1) + 0.5;
  return Math.round(255 * Math.min(1, Math.max(0, share)));
};

const greyAt = ({ width, height, greys }: Picture, x: number, y: number): number =>
  greys[Math.min(height - 1, Math.floor(y * height)) * width + Math.min(width - 1, Math.floor(x * width))] ?? 0;

/** In pixels. */
export interface PictureBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where the image is in the black around it: what is brighter than black, from edge to edge. */
export const findContent = ({ width, height, greys }: Picture): PictureBox => {
  const isLit = (column: number, row: number): boolean => (greys[row * width + column] ?? 0) > 12;
  const columns = Array.from({ length: width }, (_, at) => at);
  const rows = Array.from({ length: height }, (_, at) => at);
  const litColumns = columns.filter((column) => rows.some((row) => isLit(column, row)));
  const litRows = rows.filter((row) => columns.some((column) => isLit(column, row)));
  const [left = 0, right = 0] = [litColumns[0], litColumns.at(-1)];
  const [top = 0, bottom = 0] = [litRows[0], litRows.at(-1)];
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
};

/** The image without the black around it. */
export const cropToContent = (picture: Picture): Picture => {
  const { left, top, width, height } = findContent(picture);
  const lines = Array.from({ length: height }, (_, row) => (top + row) * picture.width + left);
  return { width, height, greys: lines.flatMap((start) => picture.greys.slice(start, start + width)) };
};

/** Whose image it is, as the image itself says; `undefined` where no bar code can be read. */
export const readName = (picture: Picture): ImageName | undefined => {
  const image = cropToContent(picture);
  if (image.width < 8 * code.bits || image.height < 40) return undefined;
  const [left, right] = code.x;
  const y = (code.y[0] + code.y[1]) / 2;
  const cells = Array.from({ length: code.bits }, (_, at) =>
    greyAt(image, left + ((at + 0.5) / code.bits) * (right - left), y),
  );
  const middle = greyAt(image, 0.03, 0.03);
  if (cells.some((grey) => Math.abs(grey - middle) < 20)) return undefined;
  return decode(cells.reduce((word, grey) => 2 * word + (grey > middle ? 1 : 0), 0));
};

export type Plane = 'axial' | 'coronal' | 'sagittal';

/** What a plane through the middle shows at a place of the picture: right, down. `undefined`: the bar code, which is not compared. */
const planeValue = (plane: Plane, right: number, down: number): number | undefined => {
  if (plane === 'axial') return isInCode(right, down) ? undefined : valueAt(right, down, 0.5);
  if (plane === 'coronal') return valueAt(right, 0.5, 1 - down);
  return isInCode(0.5, right) ? undefined : valueAt(0.5, right, 1 - down);
};

/** Share of the places of a picture that show what that plane must: 1 is all. Edges of the blocks are blurred: not compared. */
export const comparePlane = (picture: Picture, plane: Plane, window: GreyWindow = usualWindow): number => {
  const image = cropToContent(picture);
  const steps = 40;
  const reach = 0.045;
  let compared = 0;
  let alike = 0;
  for (let row = 1; row < steps; row += 1) {
    for (let column = 1; column < steps; column += 1) {
      const [x, y] = [column / steps, row / steps];
      const around = [-reach, 0, reach].flatMap((dy) =>
        [-reach, 0, reach].map((dx) => planeValue(plane, x + dx, y + dy)),
      );
      const [value] = around;
      if (value === undefined || around.some((other) => other !== value)) continue;
      compared += 1;
      if (Math.abs(greyAt(image, x, y) - greyOf(value, window)) <= 8) alike += 1;
    }
  }
  return compared === 0 ? 0 : alike / compared;
};

/** Grey of the body, of the bright and of the dark block in the axial plane through the middle. */
export const readBlocks = (
  picture: Picture,
): { readonly body: number; readonly bright: number; readonly dark: number } => {
  const image = cropToContent(picture);
  return { body: greyAt(image, 0.03, 0.6), bright: greyAt(image, 0.25, 0.57), dark: greyAt(image, 0.7, 0.75) };
};

export const blockValues = values;
