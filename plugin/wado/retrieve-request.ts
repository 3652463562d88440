/**
 * A retrieve request of another DRIMbox: which study, series or instance, for which manifest, accepting what.
 *
 * Read in two steps, because the trust checks of facts/spec.md b.5.3 (1–4) stand before the header checks (5): the caller
 * reads the resource, asks for trust, then reads the headers.
 *
 * @see PS3.18 §10.1 (resources), §10.4 (retrieve) · facts/spec.md b.5.1, b.5.3 · decision E9
 */
import { DrimboxError } from '../errors.ts';
import {
  parseSeriesInstanceUid,
  parseSopInstanceUid,
  parseStudyInstanceUid,
  type SeriesInstanceUid,
  type SopInstanceUid,
  type StudyInstanceUid,
} from '../standards/index.ts';
import { type Accept, parseAccept } from './accept-header.ts';

export const RetrieveLevel = { study: 'study', series: 'series', instance: 'instance' } as const;
export type RetrieveLevel = (typeof RetrieveLevel)[keyof typeof RetrieveLevel];

/** What the address names. */
export interface RetrieveResource {
  readonly level: RetrieveLevel;
  /** `…/metadata`: the dataset as JSON, without pixel data. */
  readonly isMetadata: boolean;
  /** The configured base path under which it was asked, as configured. */
  readonly basePath: string;
  readonly studyInstanceUid: StudyInstanceUid;
  /** From level series on. */
  readonly seriesInstanceUid?: SeriesInstanceUid;
  /** At level instance. */
  readonly sopInstanceUid?: SopInstanceUid;
}

/** What the headers say. */
export interface RetrieveHeaders {
  readonly accept: Accept;
  /** The manifest the requester holds. */
  readonly kosSopInstanceUid: SopInstanceUid;
}

const maxTargetCharacters = 2048;

const unknown = (detail: string): DrimboxError => new DrimboxError('wado/resource-unknown', { detail });

/** `https://host/path?query` (RFC 9112 §3.2.2, as the national sample writes it) → `/path?query` */
const withoutOrigin = (target: string): string => target.replace(/^https?:\/\/[^/?#]*/i, '');

/** Segment by segment, so that an encoded slash never makes two of one. Dots and empty segments are kept: they match nothing. */
const readSegments = (path: string): string[] => {
  if (!path.startsWith('/')) throw unknown('not an absolute path');
  try {
    return path.slice(1).split('/').map(decodeURIComponent);
  } catch (error) {
    throw new DrimboxError('wado/resource-unknown', { cause: error, detail: 'malformed percent-encoding' });
  }
};

const segmentsOf = (basePath: string): string[] => basePath.split('/').filter((segment) => segment !== '');

const isUnder = (segments: readonly string[], base: readonly string[]): boolean =>
  base.every((segment, place) => segments[place] === segment);

/** The longest of those that match; `/` and the empty text stand for the root. */
const findBasePath = (segments: readonly string[], basePaths: readonly string[]): string => {
  const [found] = basePaths
    .filter((basePath) => isUnder(segments, segmentsOf(basePath)))
    .sort((a, b) => segmentsOf(b).length - segmentsOf(a).length);
  if (found === undefined) throw unknown('under no base path');
  return found;
};

/** Frames, bulk data, rendered and thumbnail resources, and searches, are not served to another DRIMbox. */
const readNames = (segments: readonly string[]): { uids: string[]; isMetadata: boolean } => {
  const isMetadata = segments.length > 2 && segments.at(-1) === 'metadata';
  const names = isMetadata ? segments.slice(0, -1) : segments;
  const uids = names.filter((_, place) => place % 2 === 1);
  const isKnown =
    names.length > 0 &&
    names.length % 2 === 0 &&
    names.every((name, place) => place % 2 === 1 || name === ['studies', 'series', 'instances'][place / 2]);
  if (!isKnown) throw unknown('not a study, a series, an instance or their metadata');
  return { uids, isMetadata };
};

/** PS3.18 §8.3.3.1. All other query parameters are ignored, as the standard has it. */
const refuseAcceptParameter = (query: string): void => {
  if (new URLSearchParams(query).has('accept')) {
    throw new DrimboxError('wado/query-unsupported', { detail: 'query parameter accept: use the header' });
  }
};

/**
 * @param target  request target as it came: path and query, or a whole URL
 * @param basePaths  configured, absolute; one trailing slash after the resource is tolerated, nothing else is normalised
 * @throws wado/resource-unknown, wado/query-unsupported, standards/uid-invalid
 */
export const parseResource = (target: string, basePaths: readonly string[]): RetrieveResource => {
  if (target.length > maxTargetCharacters) throw unknown(`more than ${maxTargetCharacters} characters`);
  const [path = '', ...query] = withoutOrigin(target).split('?');
  const segments = readSegments(path.endsWith('/') ? path.slice(0, -1) : path);
  const basePath = findBasePath(segments, basePaths);
  const { uids, isMetadata } = readNames(segments.slice(segmentsOf(basePath).length));
  const [study = '', series, instance] = uids;
  const resource = { isMetadata, basePath, studyInstanceUid: parseStudyInstanceUid(study) };
  refuseAcceptParameter(query.join('?'));
  if (series === undefined) return { ...resource, level: RetrieveLevel.study };
  const seriesInstanceUid = parseSeriesInstanceUid(series);
  if (instance === undefined) return { ...resource, level: RetrieveLevel.series, seriesInstanceUid };
  const sopInstanceUid = parseSopInstanceUid(instance);
  return { ...resource, level: RetrieveLevel.instance, seriesInstanceUid, sopInstanceUid };
};

/** `IncomingMessage.rawHeaders`: names and values in turn, doubled ones kept apart. */
const fieldValues = (rawHeaders: readonly string[], name: string): string[] | undefined => {
  const values = rawHeaders.filter((_, place) => place % 2 === 1 && rawHeaders[place - 1]?.toLowerCase() === name);
  return values.length === 0 ? undefined : values;
};

const readKosUid = (values: readonly string[] | undefined): SopInstanceUid => {
  if (values === undefined) throw new DrimboxError('wado/kos-header-missing');
  const [value = '', ...others] = values;
  if (others.length > 0) throw new DrimboxError('wado/kos-header-invalid', { detail: 'given more than once' });
  try {
    return parseSopInstanceUid(value.trim());
  } catch (error) {
    throw new DrimboxError('wado/kos-header-invalid', { cause: error, detail: 'not a SOPInstanceUID' });
  }
};

/**
 * Check 5 of b.5.3. `Situation` is declared by the proof of concept and read by nobody: neither required nor looked at.
 *
 * @param rawHeaders  `IncomingMessage.rawHeaders`
 * @throws wado/accept-invalid, wado/kos-header-missing, wado/kos-header-invalid
 */
export const parseRetrieveHeaders = (rawHeaders: readonly string[]): RetrieveHeaders => ({
  accept: parseAccept(fieldValues(rawHeaders, 'accept')),
  kosSopInstanceUid: readKosUid(fieldValues(rawHeaders, 'kos-sopinstanceuid')),
});
