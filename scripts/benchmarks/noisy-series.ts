/** An invented CT series as hard to compress as those of a scanner: shapes under noise, no two slices alike. Nothing is real. */
import { buildCtInstance, inventedSeries } from '../../test/fixtures/dicom/index.ts';
import { examinationStudy } from '../../test/fixtures/examination.ts';

const size = 512;
/** Standard deviation in Hounsfield units, as in a slice of 1 mm of the body. */
const noise = 12;
const rescaleIntercept = -1024;
const noiseLength = 1 << 20;

/** The same in every run. @see Marsaglia, Xorshift RNGs (2003) */
const makeNoise = (): Int8Array => {
  let state = 0x9e3779b9;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // Sum of twelve: nearly Gaussian, deviation 1.
  return Int8Array.from({ length: noiseLength }, () => {
    let sum = -6;
    for (let term = 0; term < 12; term += 1) sum += uniform();
    return Math.round(sum * noise);
  });
};

/** Hounsfield units of body, lungs and spine at a place from -1 to 1. */
const tissueAt = (x: number, y: number, share: number): number => {
  if ((x / 0.85) ** 2 + (y / 0.6) ** 2 > 1) return -1000;
  if ((x / 0.1) ** 2 + ((y - 0.42) / 0.12) ** 2 <= 1) return 500;
  const lung = 0.3 * Math.sin(Math.PI * share);
  if (lung > 0 && ((Math.abs(x) - 0.4) / lung) ** 2 + ((y + 0.05) / 0.4) ** 2 <= 1) return -750;
  return 40;
};

const paint = (bytes: Uint8Array, given: Int8Array, share: number, from: number): void => {
  const pixels = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 2 * size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = row * size + column;
      const value = tissueAt((2 * column) / size - 1, (2 * row) / size - 1, share);
      const noisy = value + (given[(from + at) % noiseLength] ?? 0) - rescaleIntercept;
      pixels.setUint16(2 * at, Math.min(4095, Math.max(0, noisy)), true);
    }
  }
};

/** @yields the file of one slice after the other; pixel data is their last element */
export function* noisySeries(examination: number, slices: number): Generator<Uint8Array> {
  const study = examinationStudy(examination);
  const series = inventedSeries(study, 1, 'CT');
  const given = makeNoise();
  for (let number = 1; number <= slices; number += 1) {
    const bytes = Buffer.from(buildCtInstance(study, series, number, size).bytes);
    paint(bytes, given, number / (slices + 1), (number * 7_919) % noiseLength);
    yield bytes;
  }
}
