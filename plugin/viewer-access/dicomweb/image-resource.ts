/**
 * Which resource of DICOMweb a path names. Strict: what is not written exactly so names nothing.
 *
 * ```
 * /studies                                                        search
 * /studies/S/series · /studies/S/instances · …/series/E/instances search
 * /studies/S/series/E/metadata · …/instances/I/metadata           metadata
 * …/series/E/instances/I                                          the object
 * …/instances/I/frames/1,2 [/rendered | /thumbnail]               frames
 * …/instances/I/bulkdata/54000100/1/54001010 · …/pixeldata        values
 * …/rendered · …/thumbnail                                        pictures, of a study, a series or an object
 * ```
 * @see PS3.18 §10.4, §10.6, table 10.4.1-1 to 10.4.1-7
 */
import { parseSeriesInstanceUid, parseSopInstanceUid, parseStudyInstanceUid } from '../../standards/index.ts';

/** Parts of a path that are absent are undefined. */
export interface ResourceUids {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
}

export const PictureKind = { rendered: 'rendered', thumbnail: 'thumbnail' } as const;
export type PictureKind = (typeof PictureKind)[keyof typeof PictureKind];

export type ImageResource =
  | { readonly kind: 'search-studies' }
  | { readonly kind: 'search-series'; readonly uids: ResourceUids }
  | { readonly kind: 'search-instances'; readonly uids: ResourceUids }
  | { readonly kind: 'metadata'; readonly uids: ResourceUids }
  | { readonly kind: 'object'; readonly uids: ResourceUids }
  /** From 1; at least one. */
  | { readonly kind: 'frames'; readonly uids: ResourceUids; readonly frames: readonly number[] }
  | {
      readonly kind: 'picture';
      readonly uids: ResourceUids;
      readonly picture: PictureKind;
      /** Absent: the one in the middle, or the whole object. */
      readonly frame?: number;
    }
  /** Tag, item (from 1), tag, …: ends with a tag. */
  | { readonly kind: 'bulk'; readonly uids: ResourceUids; readonly path: readonly number[] };

const maxPathCharacters = 2_048;
const maxFrames = 500;
const pixelDataTag = 0x7fe00010;

const isUid = (text: string, parse: (uid: string) => string): boolean => {
  try {
    return parse(text) === text;
  } catch {
    return false;
  }
};

const parseFrames = (text: string): readonly number[] | undefined => {
  const numbers = text.split(',');
  if (numbers.length > maxFrames || numbers.some((one) => !/^[1-9][0-9]{0,8}$/.test(one))) return undefined;
  return numbers.map(Number);
};

const parseBulkPath = (segments: readonly string[]): readonly number[] | undefined => {
  const isWellFormed =
    segments.length % 2 === 1 &&
    segments.length <= 15 &&
    segments.every((one, place) => (place % 2 === 0 ? /^[0-9A-F]{8}$/ : /^[1-9][0-9]{0,6}$/).test(one));
  if (!isWellFormed) return undefined;
  return segments.map((one, place) => (place % 2 === 0 ? Number.parseInt(one, 16) : Number(one)));
};

const isPicture = (text: string | undefined): text is PictureKind =>
  text === PictureKind.rendered || text === PictureKind.thumbnail;

const parseFrameResource = (uids: ResourceUids, rest: readonly string[]): ImageResource | undefined => {
  const [list = '', last, ...others] = rest;
  const frames = parseFrames(list);
  if (frames === undefined || others.length > 0) return undefined;
  if (last === undefined) return { kind: 'frames', uids, frames };
  const [frame, ...more] = frames;
  if (!isPicture(last) || frame === undefined || more.length > 0) return undefined;
  return { kind: 'picture', uids, picture: last, frame };
};

const parseObjectResource = (uids: ResourceUids, rest: readonly string[]): ImageResource | undefined => {
  const [word, ...others] = rest;
  if (word === 'frames') return parseFrameResource(uids, others);
  if (word === 'bulkdata') {
    const path = parseBulkPath(others);
    return path === undefined ? undefined : { kind: 'bulk', uids, path };
  }
  if (others.length > 0) return undefined;
  if (word === undefined) return { kind: 'object', uids };
  if (word === 'metadata') return { kind: 'metadata', uids };
  if (word === 'pixeldata') return { kind: 'bulk', uids, path: [pixelDataTag] };
  return isPicture(word) ? { kind: 'picture', uids, picture: word } : undefined;
};

const parseSeriesResource = (uids: ResourceUids, rest: readonly string[]): ImageResource | undefined => {
  const [word, sopInstanceUid, ...others] = rest;
  if (word === 'instances') {
    if (sopInstanceUid === undefined) return { kind: 'search-instances', uids };
    if (!isUid(sopInstanceUid, parseSopInstanceUid)) return undefined;
    return parseObjectResource({ ...uids, sopInstanceUid }, others);
  }
  if (sopInstanceUid !== undefined) return undefined;
  if (word === 'metadata') return { kind: 'metadata', uids };
  return isPicture(word) ? { kind: 'picture', uids, picture: word } : undefined;
};

/**
 * @param path  after the root of the service, undecoded: `/studies/…`; one slash at the end is tolerated
 * @returns     undefined: no such resource
 */
export const parseImageResource = (path: string): ImageResource | undefined => {
  if (path.length > maxPathCharacters || !path.startsWith('/')) return undefined;
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  const [root, studyInstanceUid, word, seriesInstanceUid, ...rest] = segments;
  if (root !== 'studies') return undefined;
  if (studyInstanceUid === undefined) return { kind: 'search-studies' };
  if (!isUid(studyInstanceUid, parseStudyInstanceUid)) return undefined;
  const uids = { studyInstanceUid };
  if (seriesInstanceUid === undefined) {
    if (word === 'series') return { kind: 'search-series', uids };
    if (word === 'instances') return { kind: 'search-instances', uids };
    return isPicture(word) ? { kind: 'picture', uids, picture: word } : undefined;
  }
  if (word !== 'series' || !isUid(seriesInstanceUid, parseSeriesInstanceUid)) return undefined;
  return parseSeriesResource({ ...uids, seriesInstanceUid }, rest);
};
