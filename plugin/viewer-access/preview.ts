/**
 * The preview that the shell shows at once while the viewer starts: the middle image of a series, at most 512 pixels.
 *
 * @see issue: first picture under a second after sign-in
 */
import { DrimboxError } from '../errors.ts';
import { parseSeriesInstanceUid } from '../standards/index.ts';
import { answerMiddlePicture, fromTheMiddle } from './dicomweb/picture-serving.ts';
import type { PictureWish } from './dicomweb/pictures.ts';
import type { ImagesCall, ViewerDicomWeb } from './dicomweb/router.ts';
import { withStoredObject } from './dicomweb/stored-object.ts';
import { findViewed, type ViewedStudy } from './dicomweb/viewed-study.ts';

const wish: PictureWish = { maxSide: 512, quality: 80 };

export interface SeriesPreviews {
  /**
   * Answers `…/apercu/:series.jpg`; never throws.
   *
   * @param series  place in the manifest, from 1, or SeriesInstanceUID; anything else is not found
   */
  answer(call: ImagesCall, series: string): Promise<void>;
  /** Draws the previews of a study before anybody asks. Never throws. */
  prefill(viewed: ViewedStudy, signal: AbortSignal): Promise<void>;
}

/** @throws viewer-access/image-not-found */
const seriesUidOf = ({ manifest }: ViewedStudy, series: string): string => {
  const uid = /^[1-9][0-9]{0,4}$/.test(series) ? [...manifest.series.keys()][Number(series) - 1] : series;
  if (uid === undefined || !manifest.series.has(uid)) {
    throw new DrimboxError('viewer-access/image-not-found', { detail: 'another series' });
  }
  return parseSeriesInstanceUid(uid);
};

export const createSeriesPreviews = ({ desk, answerInTurn }: ViewerDicomWeb): SeriesPreviews => {
  const drawOne = async (viewed: ViewedStudy, seriesInstanceUid: string, signal: AbortSignal): Promise<void> => {
    const { studyInstanceUid } = viewed.manifest;
    const [found] = await findViewed(viewed, { studyInstanceUid, seriesInstanceUid }, desk.images);
    const [image] = fromTheMiddle(found?.images ?? []);
    if (image === undefined) return;
    await withStoredObject({ image, next: [] }, viewed, desk.objects, signal, async (object) => {
      await desk.pictures.pictureOf(studyInstanceUid, object, wish, signal).bytes();
    });
  };

  return {
    answer: (call, series) =>
      answerInTurn(call, 'preview', {
        check: () => {
          seriesUidOf(call.viewed, series);
        },
        work: async (exchange) => {
          const { viewed } = exchange;
          const { studyInstanceUid } = viewed.manifest;
          const uids = { studyInstanceUid, seriesInstanceUid: seriesUidOf(viewed, series) };
          const [found] = await findViewed(viewed, uids, desk.images);
          await answerMiddlePicture(exchange, desk, found?.images ?? [], wish);
        },
      }),
    prefill: async (viewed, signal) => {
      for (const seriesInstanceUid of viewed.manifest.series.keys()) {
        if (signal.aborted) return;
        // A series without a picture has none here either.
        await drawOne(viewed, seriesInstanceUid, signal).catch(() => undefined);
      }
    },
  };
};
