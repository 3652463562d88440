/**
 * Writes encoded frames as encapsulated pixel data: one fragment a frame, a table of where each begins.
 *
 * @see PS3.5 annex A.4 · PS3.3 C.7.6.3.1.8 (Extended Offset Table)
 */
import { encodeElement, encodeHeader } from './element-encoder.ts';
import { itemTag, sequenceEndTag, undefinedLength } from './element-reader.ts';
import { explicitLittleEndian } from './transfer-syntax.ts';

export interface EncapsulationOptions {
  /** Default: the basic table, unless an offset passes 32 bits. */
  readonly offsetTable?: 'basic' | 'extended';
}

const pixelDataTag = 0x7fe00010;
const extendedOffsetTableTag = 0x7fe00001;
const extendedOffsetTableLengthsTag = 0x7fe00002;

const paddedLength = (frame: Uint8Array): number => frame.length + (frame.length % 2);

/**
 * @param frames  in order; at least one; none empty
 * @returns       the whole PixelData element in Explicit VR Little Endian, in pieces (frames are not copied); where the
 *   table is the extended one, its two elements before it
 */
export const encapsulate = (
  frames: readonly Uint8Array[],
  options: EncapsulationOptions = {},
): readonly Uint8Array[] => {
  if (frames.length === 0 || frames.some(({ length }) => length === 0))
    throw new TypeError('no frame, or an empty one');
  const offsets: number[] = [];
  let next = 0;
  for (const frame of frames) {
    offsets.push(next);
    next += 8 + paddedLength(frame);
  }
  const offsetTable = options.offsetTable ?? ((offsets.at(-1) ?? 0) > 0xffffffff ? 'extended' : 'basic');
  const pieces: Uint8Array[] = [];
  if (offsetTable === 'extended') {
    pieces.push(encodeElement(explicitLittleEndian, extendedOffsetTableTag, 'OV', offsets));
    pieces.push(encodeElement(explicitLittleEndian, extendedOffsetTableLengthsTag, 'OV', frames.map(paddedLength)));
  }
  pieces.push(encodeHeader(explicitLittleEndian, pixelDataTag, 'OB', undefinedLength));
  const table = Buffer.alloc(offsetTable === 'basic' ? 4 * offsets.length : 0);
  if (offsetTable === 'basic') for (const [index, offset] of offsets.entries()) table.writeUInt32LE(offset, 4 * index);
  pieces.push(encodeHeader(explicitLittleEndian, itemTag, '', table.length), table);
  for (const frame of frames) {
    pieces.push(encodeHeader(explicitLittleEndian, itemTag, '', paddedLength(frame)), frame);
    if (frame.length % 2 === 1) pieces.push(Buffer.alloc(1));
  }
  pieces.push(encodeHeader(explicitLittleEndian, sequenceEndTag, '', 0));
  return pieces;
};
