/** One frame out of a stored file, by where it stands. What was found out about an image of many frames is remembered. */
import { type ImageAttributes, readFrames } from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';
import type { TransferSyntaxUid } from '../../standards/index.ts';
import {
  createWindow,
  findFramePlaces,
  type FragmentPlace,
  type FramePlaces,
  framesUnreadable,
  readFragmentPlace,
} from './frame-places.ts';
import type { StoredObject } from './stored-object.ts';

export interface FrameReading {
  readonly image: ImageAttributes;
  readonly transferSyntax: TransferSyntaxUid;
  readonly places: FramePlaces;
}

/** Where each frame of an image stands. */
export interface FrameMemory {
  /** @throws dicom-file/*, orthanc/* */
  readingOf(object: StoredObject): Promise<FrameReading>;
}

/** About 8 MB. */
const maxRememberedFrames = 1_000_000;

/** Places of frames are found once for a file; a file of another revision is another file. */
export const createFrameMemory = (): FrameMemory => {
  const remembered = new Map<string, FrameReading>();
  let frames = 0;

  const countOf = ({ places }: FrameReading): number => (places.kind === 'encapsulated' ? places.starts.length : 1);

  const keep = (key: string, reading: FrameReading): void => {
    remembered.set(key, reading);
    frames += countOf(reading);
    for (const [oldest, old] of remembered) {
      if (frames <= maxRememberedFrames) break;
      remembered.delete(oldest);
      frames -= countOf(old);
    }
  };

  return {
    readingOf: async (object) => {
      const { image } = object.outline;
      if (image === undefined) throw framesUnreadable('no image');
      const key = `${object.image.sopInstanceUid} ${object.revision}`;
      const known = remembered.get(key);
      if (known !== undefined) return known;
      const reading = { image, transferSyntax: object.transferSyntax, places: await findFramePlaces(object) };
      const isWorthIt = image.numberOfFrames > 1 && reading.places.kind === 'encapsulated';
      if (isWorthIt && !remembered.has(key)) keep(key, reading);
      return reading;
    },
  };
};

/** Read in one go with the headers of its fragments. */
const inOneGoBytes = 8 * 1024 * 1024;

/** The fragments of a frame: all of them whole, up to where the next frame begins or to the delimiter. */
const fragmentsOf = async (
  object: StoredObject,
  start: number,
  end: number | undefined,
): Promise<readonly FragmentPlace[]> => {
  const { fileLength } = object.outline;
  const bytes = createWindow((from, to) => object.read(from, to), fileLength);
  const fragments: FragmentPlace[] = [];
  let offset = start;
  while (offset !== end) {
    const place = await readFragmentPlace(bytes, offset);
    if (place === undefined) {
      if (end !== undefined) throw framesUnreadable('the offset table points beside the fragments');
      break;
    }
    if (place.end > (end ?? fileLength)) throw framesUnreadable('a fragment across two frames, or cut');
    fragments.push(place);
    offset = place.end;
  }
  if (fragments.length === 0) throw framesUnreadable('a frame without fragments');
  return fragments;
};

const readEncapsulated = async (
  object: StoredObject,
  places: Extract<FramePlaces, { kind: 'encapsulated' }>,
  frame: number,
  maxBytes: number,
): Promise<Buffer> => {
  const start = places.starts[frame - 1];
  if (start === undefined) throw framesUnreadable('no such frame');
  const end = places.starts[frame] ?? places.end;
  const isSmall = end !== undefined && end - start <= inOneGoBytes;
  // Once into memory; what is read then is out of it.
  const region = isSmall ? await object.read(start, end) : undefined;
  const source: StoredObject =
    region === undefined
      ? object
      : { ...object, read: (from, to) => Promise.resolve(region.subarray(from - start, to - start)) };
  const outlineEnd = region === undefined ? object.outline.fileLength : start + region.length;
  const limited = { ...source, outline: { ...object.outline, fileLength: outlineEnd } };
  const fragments = await fragmentsOf(limited, start, end);
  const length = fragments.reduce((sum, one) => sum + one.end - one.start, 0);
  if (length > maxBytes) throw new DrimboxError('dicom-file/too-large', { detail: 'a frame' });
  const pieces: Buffer[] = [];
  for (const one of fragments) pieces.push(await source.read(one.start, one.end));
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
};

/** 1-bit images whose frames do not fill whole bytes: rare and small. */
const readBits = async (object: StoredObject, frame: number, maxBytes: number): Promise<Buffer> => {
  const { fileLength } = object.outline;
  if (fileLength > maxBytes) throw new DrimboxError('dicom-file/too-large', { detail: 'frames of bits' });
  const whole = object.whole ?? (await object.read(0, fileLength));
  let number = 0;
  for (const bytes of readFrames(object.outline, whole)) {
    number += 1;
    if (number === frame) return Buffer.from(bytes);
  }
  throw framesUnreadable('no such frame');
};

/**
 * @param frame  from 1, at most NumberOfFrames
 * @returns      the frame as stored, in memory of its own; native ones little endian
 * @throws dicom-file/*, orthanc/*
 */
export const readFrame = async (
  object: StoredObject,
  { places }: FrameReading,
  frame: number,
  maxBytes: number,
): Promise<Buffer> => {
  switch (places.kind) {
    case 'native': {
      const { valueOffset, frameBytes } = places;
      if (frameBytes > maxBytes) throw new DrimboxError('dicom-file/too-large', { detail: 'a frame' });
      const start = valueOffset + (frame - 1) * frameBytes;
      return object.read(start, start + frameBytes);
    }
    case 'encapsulated':
      return readEncapsulated(object, places, frame, maxBytes);
    case 'bits':
      return readBits(object, frame, maxBytes);
  }
};
