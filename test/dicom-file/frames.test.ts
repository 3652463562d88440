/** The frames of native and encapsulated pixel data: PS3.5 §8, annex A.4. A wrong frame is another image. */
import { describe, expect, test } from 'vitest';
import { readFrames } from '../../plugin/dicom-file/index.ts';
import {
  cineFile,
  ctFile,
  dcmtkConvert,
  element,
  encodeAs,
  encodingNames,
  fragmented,
  identity,
  imageElements,
  outlineOf,
  rawFile,
  smallImage,
  uint32,
  type RawImage,
} from '../fixtures/dicom-file/index.ts';

const rle = '1.2.840.10008.1.2.5';
const jpeg = '1.2.840.10008.1.2.4.50';
const unreadable = expect.objectContaining({ code: 'dicom-file/frames-unreadable' });
const framesOf = (file: Buffer): readonly Buffer[] => [...readFrames(outlineOf(file), file)];
const nativePixels = (file: Buffer): Buffer => file.subarray(outlineOf(file).pixel?.valueOffset);
const none = Buffer.alloc(0);
const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);

describe('native frames', () => {
  test.each(encodingNames)('%s: are views of the file, as many as it says', (name) => {
    const file = encodeAs(name, cineFile());
    const frames = framesOf(file);
    expect(frames.map(({ length }) => length)).toEqual([64, 64, 64, 64, 64]);
    expect(Buffer.concat(frames).equals(nativePixels(file))).toBe(true);
    expect(frames.every((frame) => frame.buffer === file.buffer)).toBe(true);
  });

  test('of 1-bit pixels are cut at bits, not at bytes (PS3.5 §8.1.1)', () => {
    const image = { rows: 1, columns: 3, frames: 3, bitsAllocated: 1 };
    // Pixels, first in the lowest bit: 101 011 110, and padding.
    const file = smallImage(image, element(0x7fe00010, 'OB', bytes(0b11110101, 0b00000000)));
    expect(framesOf(file)).toEqual([bytes(0b101), bytes(0b110), bytes(0b011)]);
  });

  test('of YBR_FULL_422 have two samples a pixel when they are not compressed', () => {
    const image: RawImage = { samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL_422', frames: 2 };
    const file = smallImage(image, element(0x7fe00010, 'OB', Buffer.alloc(16)));
    expect(framesOf(file).map(({ length }) => length)).toEqual([8, 8]);
  });

  test('frames-unreadable: less pixel data than frames, no pixels at all; nothing is allocated for what is declared', () => {
    const missing = smallImage({ frames: 2 }, element(0x7fe00010, 'OB', Buffer.alloc(6)));
    const huge = smallImage(
      { rows: 65535, columns: 65535, frames: 2_000_000_000, bitsAllocated: 64 },
      element(0x7fe00010, 'OB', Buffer.alloc(6)),
    );
    const noPixels = smallImage({ rows: 0 }, element(0x7fe00010, 'OB', none));
    for (const file of [missing, huge, noPixels]) expect(() => framesOf(file)).toThrow(unreadable);
    expect(() => framesOf(rawFile([...identity]))).toThrow(unreadable);
  });

  test('frames-unreadable: a NumberOfFrames that is no count; the file as it is can still be looked at', () => {
    for (const text of ['0', '-1', 'many', '1e3']) {
      const parts = [element(0x00280008, 'IS', text), ...imageElements(), element(0x7fe00010, 'OB', Buffer.alloc(4))];
      const file = rawFile([...identity, ...parts]);
      expect(outlineOf(file).image?.numberOfFrames, text).toBe(0);
      expect(() => framesOf(file), text).toThrow(unreadable);
    }
  });
});

describe('encapsulated frames', () => {
  test.each([
    ['dcmcrle', []],
    ['dcmcjpls', ['+ot']],
    ['dcmcjpls', ['-ot']],
    ['dcmcjpeg', ['+e1', '+ot']],
    ['dcmcjpeg', ['+eb', '-ot']],
  ] as const)('%s %j: one for each frame, table or not', (tool, options) => {
    const file = dcmtkConvert(tool, options, cineFile());
    expect(framesOf(file)).toHaveLength(5);
  });

  test.each(['+ot', '-ot'] as const)('%s: a frame in many fragments is the same as in one (dcmcjpeg +fs)', (table) => {
    const source = noisyCine(3);
    const whole = framesOf(dcmtkConvert('dcmcjpeg', ['+e1', '+ot', '+un'], source));
    const split = dcmtkConvert('dcmcjpeg', ['+e1', table, '+un', '+fs', '2'], source);
    expect(fragmentCount(split)).toBeGreaterThan(2 * whole.length);
    const frames = framesOf(split);
    expect(frames).toHaveLength(whole.length);
    for (const [index, frame] of frames.entries()) {
      expect(withoutPadding(frame).equals(withoutPadding(whole[index] ?? none))).toBe(true);
    }
  });

  const offsets = (...values: readonly number[]): Buffer => Buffer.concat(values.map(uint32));
  const [a, b, c] = [bytes(1, 1), bytes(2, 2), bytes(3, 3)];

  test('follow the basic offset table when fragments are more than frames', () => {
    const file = smallImage({ frames: 2 }, fragmented(offsets(0, 20), a, b, c), rle);
    expect(framesOf(file)).toEqual([bytes(1, 1, 2, 2), bytes(3, 3)]);
  });

  test('follow the extended offset table where there is one', () => {
    const table = (...values: readonly number[]): Buffer =>
      Buffer.concat(values.map((value) => Buffer.concat([uint32(value), uint32(0)])));
    const file = rawFile(
      [
        ...identity,
        ...imageElements({ frames: 2 }),
        element(0x7fe00001, 'OV', table(0, 20)),
        element(0x7fe00002, 'OV', table(4, 2)),
        fragmented(none, a, b, c),
      ],
      rle,
    );
    expect(framesOf(file)).toEqual([bytes(1, 1, 2, 2), bytes(3, 3)]);
  });

  test('one frame is all fragments, whatever the table says', () => {
    expect(framesOf(smallImage({}, fragmented(offsets(12), a, b, c), rle))).toEqual([bytes(1, 1, 2, 2, 3, 3)]);
  });

  test('without a table begin where a codestream begins, when that makes the right number', () => {
    const [first, second] = [bytes(0xff, 0xd8, 0xff, 0xc0), bytes(0xff, 0xd8, 0xff, 0xc3)];
    const file = smallImage({ frames: 2 }, fragmented(none, first, a, b, second, c), jpeg);
    expect(framesOf(file)).toEqual([Buffer.concat([first, a, b]), Buffer.concat([second, c])]);
  });

  test('frames-unreadable: tables and fragments that do not agree are not guessed', () => {
    const broken: Readonly<Record<string, Buffer>> = {
      'table of another count': fragmented(offsets(0, 10, 20), a, b, c),
      'offset beside a fragment': fragmented(offsets(0, 11), a, b, c),
      'offset beyond the end': fragmented(offsets(0, 1000), a, b, c),
      'first offset not 0': fragmented(offsets(10, 20), a, b, c),
      'offsets backwards': fragmented(offsets(20, 0), a, b, c),
      'twice the same offset': fragmented(offsets(0, 0), a, b, c),
      'table cut': fragmented(bytes(0, 0, 0, 0, 1, 2), a, b),
      'three fragments, two frames, no table': fragmented(none, a, b, c),
      'one fragment, two frames': fragmented(none, a),
      'no fragment': fragmented(none),
      'not even a table': fragmented(),
      'no delimiter': fragmented(none, a, b).subarray(0, -8),
      'delimiter cut': fragmented(none, a, b).subarray(0, -3),
      'fragment longer than the file': Buffer.concat([fragmented(none, a).subarray(0, -14), uint32(0xfffffff0)]),
    };
    for (const [name, pixelData] of Object.entries(broken)) {
      const file = smallImage({ frames: 2 }, pixelData, rle);
      expect(() => framesOf(file), name).toThrow(unreadable);
    }
  });

  test('are asked for with the file of the outline: another one is a mistake of the caller', () => {
    const file = ctFile();
    expect(() => readFrames(outlineOf(file), file.subarray(0, 600))).toThrow(TypeError);
  });
});

/** Frames that do not compress, so that DCMTK has something to split. */
const noisyCine = (frames: number): Buffer => {
  const size = 96;
  let state = 7;
  const noise = Uint8Array.from({ length: size * size * frames }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state >>> 16;
  });
  const { outline, file } = { outline: outlineOf(cineFile()), file: cineFile() };
  const head = file.subarray(0, outline.elements.get(0x00280002)?.start);
  const image = imageElements({ rows: size, columns: size, frames });
  return Buffer.concat([head, ...image, element(0x7fe00010, 'OB', noise)]);
};

const fragmentCount = (file: Buffer): number => {
  let count = 0;
  let offset = outlineOf(file).pixel?.valueOffset ?? file.length;
  while (file.readUInt16LE(offset + 2) === 0xe000) {
    offset += 8 + file.readUInt32LE(offset + 4);
    count += 1;
  }
  return count - 1;
};

/** A byte of padding may follow the end of image marker. */
const withoutPadding = (frame: Buffer): Buffer => frame.subarray(0, frame.lastIndexOf(Buffer.from([0xff, 0xd9])) + 2);
