/**
 * The one study that a grant opens, and which of its objects may be given: those of the current manifest that the PACS has
 * (decision E1). Whatever else is asked for does not exist.
 */
import type { ServedManifest } from '../../archive/index.ts';
import { DrimboxError } from '../../errors.ts';
import { parseStudyInstanceUid } from '../../standards/index.ts';
import type { ImageStore, StoredImage } from '../../wado/index.ts';
import type { ResourceUids } from './image-resource.ts';

/** What a grant opens; checked against the current flags when this request came (decision E5). */
export interface ViewedStudy {
  /** One for each session: limits count by it. Not an identity. */
  readonly sessionKey: string;
  readonly kosSopInstanceUid: string;
  readonly manifest: ServedManifest;
}

/** Objects of one series, in the order of their numbers; at least one. */
export interface ViewedSeries {
  readonly seriesInstanceUid: string;
  readonly images: readonly StoredImage[];
}

const notFound = (detail: string): DrimboxError => new DrimboxError('viewer-access/image-not-found', { detail });

const numberOf = ({ instanceNumber }: StoredImage): number => instanceNumber ?? Number.POSITIVE_INFINITY;
const byNumber = (a: StoredImage, b: StoredImage): number => {
  const [first, second] = [numberOf(a), numberOf(b)];
  return first === second ? 0 : first - second;
};

/**
 * Whether the manifest names what is asked for; before anything is looked up.
 *
 * @throws viewer-access/image-not-found
 */
export const checkNamed = ({ manifest }: ViewedStudy, uids: ResourceUids): void => {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = uids;
  if (studyInstanceUid !== manifest.studyInstanceUid) throw notFound('another study');
  if (seriesInstanceUid === undefined) return;
  const named = manifest.series.get(seriesInstanceUid);
  if (named === undefined) throw notFound('another series');
  if (sopInstanceUid === undefined || named.some((one) => one.sopInstanceUid === sopInstanceUid)) return;
  throw notFound('another instance');
};

/**
 * What the PACS has of what the manifest names, as far as it is asked for; series in the order of the manifest.
 *
 * @throws viewer-access/image-not-found · wado/images-gone (E2) · wado/study-duplicated (A5) · orthanc/*
 */
export const findViewed = async (
  viewed: ViewedStudy,
  uids: ResourceUids,
  images: Pick<ImageStore, 'find'>,
): Promise<readonly ViewedSeries[]> => {
  checkNamed(viewed, uids);
  const { manifest } = viewed;
  const found = await images.find(parseStudyInstanceUid(manifest.studyInstanceUid));
  if (found.kind === 'duplicated') throw new DrimboxError('wado/study-duplicated');
  if (found.kind === 'absent') throw new DrimboxError('wado/images-gone');
  const series = [...manifest.series]
    .filter(([uid]) => uids.seriesInstanceUid === undefined || uid === uids.seriesInstanceUid)
    .map(([seriesInstanceUid, named]) => ({
      seriesInstanceUid,
      images: found
        .pick(named.map((one) => ({ seriesInstanceUid, ...one })))
        .filter((one) => uids.sopInstanceUid === undefined || one.sopInstanceUid === uids.sopInstanceUid)
        .toSorted(byNumber),
    }))
    .filter((one) => one.images.length > 0);
  if (series.length === 0) throw new DrimboxError('wado/images-gone');
  return series;
};

/** The one object, and those that follow it in its series: they are probably asked for next. */
export interface ViewedObject {
  readonly image: StoredImage;
  readonly next: readonly StoredImage[];
}

/** Objects about which the PACS is asked before they are needed. */
const lookedAhead = 100;

/** @throws as `findViewed` */
export const findViewedObject = async (
  viewed: ViewedStudy,
  uids: ResourceUids,
  images: Pick<ImageStore, 'find'>,
): Promise<ViewedObject> => {
  checkNamed(viewed, uids);
  const { studyInstanceUid, seriesInstanceUid = '', sopInstanceUid } = uids;
  const [series] = await findViewed(viewed, { studyInstanceUid, seriesInstanceUid }, images);
  const place = series?.images.findIndex((one) => one.sopInstanceUid === sopInstanceUid) ?? -1;
  const image = series?.images[place];
  if (series === undefined || image === undefined) throw new DrimboxError('wado/images-gone');
  return { image, next: series.images.slice(place + 1, place + 1 + lookedAhead) };
};
