/**
 * `…/rendered` and `…/thumbnail`: a JPEG for people; of a video the video, of a PDF the PDF.
 *
 * @see PS3.18 §8.3.5.1 (window, viewport, quality), §10.4.1.1.3 (rendered), §10.4.1.1.6 (thumbnails)
 */
import { asDrimboxError, DrimboxError } from '../../errors.ts';
import type { StoredImage } from '../../wado/index.ts';
import { answerBulk, findPlayable } from './bulk-serving.ts';
import { answerBytes, answerUnchanged, type Exchange, type ImageDesk } from './exchange.ts';
import { PictureKind, type ResourceUids } from './image-resource.ts';
import { type GreyWindow, notDisplayable } from './picture-drawing.ts';
import { buildWindow } from './picture-look.ts';
import type { PictureWish } from './pictures.ts';
import { type StoredObject, withStoredObject } from './stored-object.ts';
import { findViewed, findViewedObject } from './viewed-study.ts';

const thumbnailSide = 128;
const largestSide = 4_096;
const defaultQuality = 85;

const invalid = (detail: string): DrimboxError => new DrimboxError('viewer-access/image-request-invalid', { detail });

const numberOf = (text: string | undefined): number =>
  text !== undefined && /^-?\d{1,9}(\.\d{1,6})?$/.test(text.trim()) ? Number(text) : Number.NaN;

/** `window=center,width,function` */
const parseWindow = (text: string | undefined): GreyWindow | undefined => {
  if (text === undefined) return undefined;
  const [center, width, shape = 'LINEAR', ...others] = text.split(',');
  const [middle, span] = [numberOf(center), numberOf(width)];
  const isKnown = /^(linear|linear[-_]exact|sigmoid)$/i.test(shape);
  if (!Number.isFinite(middle) || !(span > 1) || !isKnown || others.length > 0) throw invalid('window');
  return buildWindow(middle, span, shape.toUpperCase().replace('-', '_'));
};

/** `viewport=width,height`; parts of the image are not cut out. */
const parseViewport = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const [width, height, ...others] = text.split(',').map(numberOf);
  const side = Math.min(width ?? Number.NaN, height ?? Number.NaN);
  if (!(side >= 1) || others.length > 0) throw invalid('viewport');
  return Math.round(side);
};

/** @throws viewer-access/image-request-invalid */
export const parsePictureWish = (
  query: ReadonlyMap<string, string>,
  kind: PictureKind,
  frame?: number,
): PictureWish => {
  const quality = query.has('quality') ? numberOf(query.get('quality')) : defaultQuality;
  if (!(quality >= 1 && quality <= 100)) throw invalid('quality');
  const window = parseWindow(query.get('window'));
  const side = parseViewport(query.get('viewport')) ?? (kind === PictureKind.thumbnail ? thumbnailSide : largestSide);
  return {
    maxSide: Math.min(side, largestSide),
    quality: Math.round(quality),
    ...(window === undefined ? {} : { window }),
    ...(frame === undefined ? {} : { frame }),
  };
};

export const answerPicture = async (
  exchange: Exchange,
  desk: ImageDesk,
  object: StoredObject,
  wish: PictureWish,
): Promise<void> => {
  const { studyInstanceUid } = exchange.viewed.manifest;
  const picture = desk.pictures.pictureOf(studyInstanceUid, object, wish, exchange.writer.signal);
  if (await answerUnchanged(exchange, picture.etag)) return;
  const bytes = await picture.bytes();
  await answerBytes(exchange, bytes, { 'Content-Type': 'image/jpeg', ETag: picture.etag });
};

/** Outwards from the middle: the middle, the one after it, the one before it, … */
export const fromTheMiddle = <One>(ones: readonly One[]): readonly One[] => {
  const middle = (ones.length - 1) >> 1;
  return ones
    .map((one, place) => ({ one, distance: 2 * Math.abs(place - middle) - (place > middle ? 1 : 0) }))
    .toSorted((a, b) => a.distance - b.distance)
    .map(({ one }) => one);
};

/** Neighbours that are tried where the one in the middle cannot be shown. */
const tried = 3;

/**
 * The picture that stands for several objects: that of the middle, or of a neighbour where it is broken.
 *
 * @throws the failure of the one in the middle
 */
export const answerMiddlePicture = async (
  exchange: Exchange,
  desk: ImageDesk,
  images: readonly StoredImage[],
  wish: PictureWish,
): Promise<void> => {
  const { viewed, writer, response } = exchange;
  let failure: DrimboxError | undefined;
  for (const image of fromTheMiddle(images).slice(0, tried)) {
    try {
      return await withStoredObject({ image, next: [] }, viewed, desk.objects, writer.signal, (object) =>
        answerPicture(exchange, desk, object, wish),
      );
    } catch (error) {
      if (response.headersSent || writer.signal.aborted) throw error;
      failure ??= asDrimboxError(error);
    }
  }
  throw failure ?? notDisplayable('nothing in it');
};

export const servePicture = async (
  exchange: Exchange,
  desk: ImageDesk,
  uids: ResourceUids,
  kind: PictureKind,
  frame?: number,
): Promise<void> => {
  const wish = parsePictureWish(exchange.query, kind, frame);
  if (uids.sopInstanceUid === undefined) {
    const series = await findViewed(exchange.viewed, uids, desk.images);
    for (const [place, { images }] of series.entries()) {
      try {
        return await answerMiddlePicture(exchange, desk, images, wish);
      } catch (error) {
        const isLast = place === series.length - 1;
        const { code } = asDrimboxError(error);
        if (isLast || exchange.response.headersSent || code !== 'viewer-access/image-not-displayable') throw error;
      }
    }
    return;
  }
  const found = await findViewedObject(exchange.viewed, uids, desk.images);
  await withStoredObject(found, exchange.viewed, desk.objects, exchange.writer.signal, async (object) => {
    const isWhole = kind === PictureKind.rendered && frame === undefined;
    const playable = isWhole ? await findPlayable(object) : undefined;
    if (playable !== undefined) return answerBulk(exchange, desk, object, playable);
    // The standard has the first frame, or all of them: a rendered object is its first frame.
    return answerPicture(exchange, desk, object, isWhole ? { ...wish, frame: 1 } : wish);
  });
};
