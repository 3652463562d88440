/**
 * DICOM's run-length encoding: one PackBits segment for each byte of each sample, most significant first.
 *
 * @see PS3.5 annex G
 */
import { decodeFailed } from './codestream-failures.ts';

const headerBytes = 64;

/** Unpacks one segment to every `stride`-th byte of `target`. Spare bytes after the last pixel are padding. */
const unpackSegment = (segment: Uint8Array, target: Uint8Array, first: number, stride: number): void => {
  let offset = 0;
  let at = first;
  while (at < target.length) {
    const control = segment[offset];
    if (control === undefined) throw decodeFailed('RLE segment ends before its pixels');
    offset += 1;
    if (control === 128) continue;
    const isRun = control > 128;
    const count = isRun ? 257 - control : control + 1;
    if (offset + (isRun ? 1 : count) > segment.length) throw decodeFailed('RLE segment ends before its pixels');
    for (let index = 0; index < count && at < target.length; index += 1, at += stride) {
      target[at] = segment[isRun ? offset : offset + index] ?? 0;
    }
    offset += isRun ? 1 : count;
  }
};

/**
 * @param frame           one encoded frame
 * @param pixels          rows × columns
 * @param samples         samples of a pixel
 * @param bytesASample    whole bytes: BitsAllocated / 8
 * @returns               little-endian samples, colour by pixel
 * @throws renditions/decode-failed
 */
export const decodeRle = (frame: Uint8Array, pixels: number, samples: number, bytesASample: number): Uint8Array => {
  if (frame.length < headerBytes) throw decodeFailed('RLE header cut');
  const view = new DataView(frame.buffer, frame.byteOffset, headerBytes);
  const segmentCount = view.getUint32(0, true);
  if (segmentCount !== samples * bytesASample || segmentCount > 15)
    throw decodeFailed('another number of RLE segments');
  const offsets = Array.from({ length: segmentCount }, (_, index) => view.getUint32(4 + 4 * index, true));
  const target = new Uint8Array(pixels * segmentCount);
  for (const [index, start] of offsets.entries()) {
    const end = offsets[index + 1] ?? frame.length;
    if (start < headerBytes || end < start || end > frame.length) throw decodeFailed('RLE segments out of order');
    const sample = Math.floor(index / bytesASample);
    const byte = bytesASample - 1 - (index % bytesASample);
    unpackSegment(frame.subarray(start, end), target, sample * bytesASample + byte, segmentCount);
  }
  return target;
};
