/**
 * What a person finds in a series, by the SOP classes of its objects: it decides the words of the list, and whether there is a
 * picture to draw ahead.
 *
 * @see PS3.4 annex B.5 (SOP classes), edition 2026c
 */
import { ReferenceValueType, referenceValueType } from '../standards/index.ts';

export const SeriesContent = {
  images: 'images',
  /** A film, which the browser plays. */
  video: 'video',
  /** PDF. */
  document: 'document',
  /** Reports, segmentations, contours, curves, settings…: no picture of their own. */
  objects: 'objects',
} as const;
export type SeriesContent = (typeof SeriesContent)[keyof typeof SeriesContent];

const storageRoot = '1.2.840.10008.5.1.4.1.1.';

/** Video Endoscopic, Microscopic, Photographic. */
const videos: ReadonlySet<string> = new Set(['77.1.1.1', '77.1.2.1', '77.1.4.1'].map((arcs) => storageRoot + arcs));
const encapsulatedPdf = `${storageRoot}104.1`;
/** Frames that are no pictures but something laid over those of another series: parametric maps, segmentations. */
const laidOverImages: ReadonlySet<string> = new Set(['30', '66.4', '66.7', '66.8'].map((arcs) => storageRoot + arcs));

const contentOf = (sopClassUid: string): SeriesContent => {
  if (videos.has(sopClassUid)) return SeriesContent.video;
  if (sopClassUid === encapsulatedPdf) return SeriesContent.document;
  const isImage = referenceValueType(sopClassUid) === ReferenceValueType.image && !laidOverImages.has(sopClassUid);
  return isImage ? SeriesContent.images : SeriesContent.objects;
};

/** Images before all else, where a series holds several kinds. @param sopClassUids  none: images */
export const findSeriesContent = (sopClassUids: readonly string[]): SeriesContent => {
  const found = new Set(sopClassUids.map(contentOf));
  const { images, video, document, objects } = SeriesContent;
  return [images, video, document, objects].find((one) => found.has(one)) ?? images;
};
