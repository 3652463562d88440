/**
 * JPEG pictures for people: thumbnails, rendered frames, previews. Drawn in a thread of their own, kept in memory while there is
 * room; each under the very file it was drawn from, so that one of an older file is never shown.
 */
import { DrimboxError } from '../../errors.ts';
import { type GreyWindow, notDisplayable } from './picture-drawing.ts';
import { readPictureLook } from './picture-look.ts';
import type { PictureThreads } from './picture-threads.ts';
import { type FrameMemory, readFrame } from './frame-reading.ts';
import { findTransferSyntax } from '../../standards/index.ts';
import type { StoredObject } from './stored-object.ts';
import { buildEtag } from './answer.ts';

export interface PictureWish {
  /** From 1; absent: the one in the middle, where the viewer begins. */
  readonly frame?: number;
  /** Pixels, of the longer side. */
  readonly maxSide: number;
  /** Of JPEG, 1–100. */
  readonly quality: number;
  readonly window?: GreyWindow;
}

export interface Picture {
  readonly etag: string;
  /** JPEG. @throws as `Pictures.pictureOf` */
  bytes(): Promise<Buffer>;
}

export interface Pictures {
  /**
   * @throws viewer-access/image-not-displayable, viewer-access/image-not-found; renditions/*, dicom-file/*, orthanc/*
   */
  pictureOf(studyInstanceUid: string, object: StoredObject, wish: PictureWish, signal: AbortSignal): Picture;
  dropStudy(studyInstanceUid: string): void;
  figures(): { readonly pictures: number; readonly bytes: number };
}

export interface PicturesOptions {
  readonly maxBytes: number;
  readonly maxFrameBytes: number;
  readonly software: string;
}

interface Kept {
  readonly studyInstanceUid: string;
  readonly bytes: Buffer;
}

export const createPictures = (
  options: PicturesOptions,
  { threads, frames }: { readonly threads: PictureThreads; readonly frames: FrameMemory },
): Pictures => {
  const kept = new Map<string, Kept>();
  let keptBytes = 0;
  /** Counts what was dropped: a picture that was begun before is not kept. */
  let drops = 0;

  const forget = (key: string): void => {
    keptBytes -= kept.get(key)?.bytes.length ?? 0;
    kept.delete(key);
  };

  const keep = (key: string, studyInstanceUid: string, bytes: Buffer): void => {
    forget(key);
    kept.set(key, { studyInstanceUid, bytes });
    keptBytes += bytes.length;
    for (const oldest of kept.keys()) {
      if (keptBytes <= options.maxBytes) break;
      forget(oldest);
    }
  };

  const draw = async (object: StoredObject, wish: PictureWish, frame: number, signal: AbortSignal): Promise<Buffer> => {
    const { image } = object.outline;
    if (image === undefined) throw notDisplayable('no image');
    const look = readPictureLook(object, frame, wish.window);
    const reading = await frames.readingOf(object);
    const bytes = await readFrame(object, reading, frame, options.maxFrameBytes);
    const { maxSide, quality } = wish;
    return threads.run(
      { kind: 'draw', frame: bytes, image, from: object.transferSyntax, look, maxSide, quality },
      signal,
    );
  };

  return {
    pictureOf: (studyInstanceUid, object, wish, signal) => {
      const { image } = object.outline;
      const isVideo = findTransferSyntax(object.transferSyntax)?.isVideo === true;
      if (image === undefined || object.outline.pixel === undefined || isVideo)
        throw notDisplayable('no picture in it');
      const frame = wish.frame ?? Math.floor(image.numberOfFrames / 2) + 1;
      if (frame > image.numberOfFrames) {
        throw new DrimboxError('viewer-access/image-not-found', { detail: 'no such frame' });
      }
      const { low, high } = wish.window ?? {};
      const what = [frame, wish.maxSide, wish.quality, low ?? '', high ?? ''].join(' ');
      const etag = buildEtag(options.software, studyInstanceUid, object.image.sopInstanceUid, object.revision, what);
      return {
        etag,
        bytes: async () => {
          const known = kept.get(etag);
          if (known !== undefined) return known.bytes;
          const before = drops;
          const bytes = await draw(object, wish, frame, signal);
          if (before === drops) keep(etag, studyInstanceUid, bytes);
          return bytes;
        },
      };
    },
    dropStudy: (studyInstanceUid) => {
      drops += 1;
      for (const [key, one] of kept) if (one.studyInstanceUid === studyInstanceUid) forget(key);
    },
    figures: () => ({ pictures: kept.size, bytes: keptBytes }),
  };
};
