/**
 * Moves samples without changing their values. Samples are little endian, as this machine's; those of 16 bits begin at
 * an even offset of their memory, or are copied there.
 */

/** 16-bit view; a copy when the bytes begin at an odd place. */
export const asWords = (bytes: Uint8Array): Uint16Array =>
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 1)
    : new Uint16Array(bytes.slice().buffer);

export const asBytes = (words: Uint16Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** Colour by plane → colour by pixel. */
export const interleavePlanes = (frame: Uint8Array, samples: number, bytesASample: 1 | 2): Uint8Array => {
  const source = bytesASample === 1 ? frame : asWords(frame);
  const target = bytesASample === 1 ? new Uint8Array(frame.length) : new Uint16Array(frame.length >>> 1);
  const pixels = source.length / samples;
  for (let sample = 0; sample < samples; sample += 1) {
    const plane = sample * pixels;
    for (let pixel = 0, at = sample; pixel < pixels; pixel += 1, at += samples) target[at] = source[plane + pixel] ?? 0;
  }
  return target instanceof Uint16Array ? asBytes(target) : target;
};

/**
 * Native YBR_FULL_422 (Y1 Y2 Cb Cr for two pixels) → YBR_FULL: each chrominance twice.
 *
 * @see PS3.3 C.7.6.3.1.2
 */
export const expandYbr422 = (frame: Uint8Array, bytesASample: 1 | 2): Uint8Array => {
  const source = bytesASample === 1 ? frame : asWords(frame);
  const length = (source.length / 2) * 3;
  const target = bytesASample === 1 ? new Uint8Array(length) : new Uint16Array(length);
  for (let from = 0, to = 0; from + 3 < source.length; from += 4, to += 6) {
    const blue = source[from + 2] ?? 0;
    const red = source[from + 3] ?? 0;
    target[to] = source[from] ?? 0;
    target[to + 1] = blue;
    target[to + 2] = red;
    target[to + 3] = source[from + 1] ?? 0;
    target[to + 4] = blue;
    target[to + 5] = red;
  }
  return target instanceof Uint16Array ? asBytes(target) : target;
};

/** One byte a sample → two. */
export const widenSamples = (bytes: Uint8Array): Uint8Array => asBytes(Uint16Array.from(bytes));

/** Repeats bit `bits − 1` in all bits above it. */
export const extendSign = (bytes: Uint8Array, bits: number, bytesASample: 1 | 2): Uint8Array => {
  const shift = 32 - bits;
  if (bytesASample === 1) return Uint8Array.from(bytes, (value) => (value << shift) >> shift);
  return asBytes(asWords(bytes).map((value) => (value << shift) >> shift));
};

/** What stands above the bits that are stored. */
export const SparePattern = {
  zero: 'zero',
  /** Two's complement over the whole sample. */
  sign: 'sign',
  /** An overlay of old, or remains: only the whole sample is exact. */
  used: 'used',
} as const;
export type SparePattern = (typeof SparePattern)[keyof typeof SparePattern];

/** @param bits BitsStored; HighBit is one less */
export const findSparePattern = (bytes: Uint8Array, bits: number, bytesASample: 1 | 2): SparePattern => {
  const width = bytesASample * 8;
  if (bits >= width) return SparePattern.zero;
  const samples = bytesASample === 1 ? bytes : asWords(bytes);
  const spare = (2 ** width - 1) & ~(2 ** bits - 1);
  const signBit = 1 << (bits - 1);
  let isZero = true;
  let isSign = true;
  for (const sample of samples) {
    const above = sample & spare;
    if (above !== 0) isZero = false;
    if (above !== ((sample & signBit) === 0 ? 0 : spare)) isSign = false;
    if (!isZero && !isSign) return SparePattern.used;
  }
  return isZero ? SparePattern.zero : SparePattern.sign;
};
