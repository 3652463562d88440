/**
 * Reads the frame header of a JPEG or JPEG-LS stream, and whether the stream comes to its end: the decoders fill in
 * what a cut stream lacks and say nothing.
 *
 * @see ITU-T T.81 annex B · ITU-T T.87 annex C
 */
import type { CodestreamHeader } from './coded-image.ts';
import { decodeFailed } from './codestream-failures.ts';

/** The processes that DICOM's syntaxes use, by the marker that starts the frame. */
export const JpegProcess = {
  /** SOF0, 8 bits. */
  baseline: 'baseline',
  /** SOF1, 8 or 12 bits. */
  extended: 'extended',
  /** SOF3. */
  lossless: 'lossless',
  /** SOF55 of JPEG-LS. */
  jpegLs: 'jpeg-ls',
} as const;
export type JpegProcess = (typeof JpegProcess)[keyof typeof JpegProcess];

export interface JpegHeader extends CodestreamHeader {
  readonly process: JpegProcess;
}

const processOfMarker: Readonly<Record<number, JpegProcess>> = {
  0xc0: JpegProcess.baseline,
  0xc1: JpegProcess.extended,
  0xc3: JpegProcess.lossless,
  0xf7: JpegProcess.jpegLs,
};

const startOfImage = 0xd8;
const startOfScan = 0xda;
const endOfImage = Buffer.from([0xff, 0xd9]);

const isFrameMarker = (marker: number): boolean =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;

const parseFrameHeader = (segment: Buffer, marker: number): JpegHeader => {
  const process = processOfMarker[marker];
  if (process === undefined) throw decodeFailed('a JPEG process that DICOM does not use');
  if (segment.length < 6) throw decodeFailed('JPEG frame header cut');
  const samplesPerPixel = segment.readUInt8(5);
  if (segment.length < 6 + 3 * samplesPerPixel) throw decodeFailed('JPEG frame header cut');
  return {
    process,
    precision: segment.readUInt8(0),
    rows: segment.readUInt16BE(1),
    columns: segment.readUInt16BE(3),
    samplesPerPixel,
  };
};

/**
 * @param frame  one encoded frame; padding after the end marker is allowed
 * @throws renditions/decode-failed when there is no header before the first scan, or no end after it
 */
export const parseJpegHeader = (frame: Uint8Array): JpegHeader => {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== startOfImage) throw decodeFailed('not a JPEG stream');
  let header: JpegHeader | undefined;
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) throw decodeFailed('no JPEG marker where one was due');
    const marker = bytes[offset + 1] ?? 0;
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    const length = bytes.readUInt16BE(offset + 2);
    const end = offset + 2 + length;
    if (length < 2 || end > bytes.length) throw decodeFailed('JPEG segment cut');
    if (isFrameMarker(marker)) {
      if (header !== undefined) throw decodeFailed('two JPEG frame headers');
      header = parseFrameHeader(bytes.subarray(offset + 4, end), marker);
    }
    if (marker === startOfScan) {
      if (header === undefined) throw decodeFailed('JPEG scan without a frame header');
      // Entropy-coded bytes never look like a marker.
      if (bytes.indexOf(endOfImage, end) === -1) throw decodeFailed('JPEG stream without its end');
      return header;
    }
    offset = end;
  }
  throw decodeFailed('JPEG stream without a scan');
};
