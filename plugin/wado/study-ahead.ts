/**
 * Renditions of one published study, made before anybody asks for them: image by image, each only while nobody is answered.
 *
 * @see decisions C3, E1, E2, E5: of what the current manifest names, and only as long as it would be served
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Serving } from '../archive/index.ts';
import { checkIdentity } from '../dicom-file/index.ts';
import { asDrimboxError, type ErrorCode } from '../errors.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import { chooseAhead } from './ahead-choice.ts';
import { findImages } from './image-serving.ts';
import type { ImageFile, ImageStore, StoredImage, WantedRendition, Workshop } from './image-store.ts';
import { lookAt, negotiable } from './part-preparation.ts';
import { checkPossession, type WantedInstance } from './possession.ts';
import type { Stock } from './rendition-stock.ts';
import type { RequestTraffic } from './request-traffic.ts';
import type { SyntaxRanking } from './syntax-choice.ts';

export interface StudyAheadPorts {
  readonly images: ImageStore;
  readonly workshop: Workshop;
  readonly stock: Stock;
  /** What the current manifest of a study opens; undefined: it has none. */
  readonly loadServing: (studyInstanceUid: StudyInstanceUid) => Promise<Serving | undefined>;
  readonly traffic: RequestTraffic;
  /** Renditions that were asked for are being made. */
  readonly isTranscoding: () => boolean;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
}

export interface StudyAheadOptions {
  readonly rankings: readonly SyntaxRanking[];
  /** Renditions of one study in the cache, beyond which no more are made. */
  readonly maxStudyBytes: number;
}

/** Why it ended. */
export const AheadEnd = {
  complete: 'complete',
  /** No current manifest, held, masked, or another manifest than at the beginning. */
  notServed: 'not-served',
  studyLimit: 'study-limit',
  /** No room without taking away what was used of late. */
  cacheFull: 'cache-full',
  /** The disk. */
  notWritten: 'not-written',
  /** The study was dropped, or the service ends. */
  stopped: 'stopped',
  failed: 'failed',
} as const;
export type AheadEnd = (typeof AheadEnd)[keyof typeof AheadEnd];

export interface AheadCounts {
  /** That were looked at. */
  images: number;
  /** Renditions made and kept, and their bytes. */
  made: number;
  bytes: number;
  /** Renditions that were there already. */
  ready: number;
  /** Renditions that cannot be made, and images that cannot be read. */
  failed: number;
}

export interface AheadResult extends Readonly<AheadCounts> {
  readonly end: AheadEnd;
  /** With `failed`. */
  readonly code?: ErrorCode;
}

interface Work extends StudyAheadOptions {
  readonly study: StudyInstanceUid;
  readonly ports: StudyAheadPorts;
  readonly stop: AbortSignal;
  readonly counts: AheadCounts;
}

interface Subject {
  readonly submissionId: number;
  readonly instances: readonly WantedInstance[];
}

/** Between two looks at whether traffic has ceased. */
const pollMs = 100;
/** What may have been withdrawn elsewhere is noticed this much later. */
const recheckMs = 5_000;
/** Asked about together. */
const askedTogether = 64;

const giveWay = async ({ stop, ports }: Work): Promise<void> => {
  stop.throwIfAborted();
  while (!ports.traffic.isQuiet() || ports.isTranscoding()) {
    await delay(pollMs, undefined, { signal: stop, ref: false });
  }
};

/** What is masked is left to its authors, who hardly ever ask another DRIMbox. */
const loadSubject = async ({ study, ports }: Work): Promise<Subject | undefined> => {
  const serving = await ports.loadServing(study);
  if (serving?.kind !== 'served') return undefined;
  const possession = checkPossession(serving, { studyInstanceUid: study }, '');
  if (possession.kind === 'refused') return undefined;
  return { submissionId: serving.manifest.submissionId, instances: possession.instances };
};

const createRecheck = (work: Work, { submissionId }: Subject): (() => Promise<boolean>) => {
  const { monotonic } = work.ports;
  let checkedAtMs = monotonic();
  return async () => {
    if (monotonic() - checkedAtMs < recheckMs) return true;
    checkedAtMs = monotonic();
    return (await loadSubject(work))?.submissionId === submissionId;
  };
};

const makeOne = async (
  wanted: WantedRendition,
  file: ImageFile,
  { study, ports, counts, maxStudyBytes }: Work,
  signal: AbortSignal,
): Promise<AheadEnd | undefined> => {
  if (ports.stock.has(wanted)) {
    counts.ready += 1;
    return undefined;
  }
  if (ports.stock.studyBytes(study) >= maxStudyBytes) return AheadEnd.studyLimit;
  const made = await ports.stock.make(wanted, () => file.readAll(), signal);
  switch (made.kind) {
    case 'kept':
      counts.made += 1;
      counts.bytes += made.bytes;
      return undefined;
    case 'failed':
      counts.failed += 1;
      return undefined;
    case 'cancelled':
      signal.throwIfAborted();
      return AheadEnd.stopped;
    case 'not-kept':
      if (made.why === 'dropped') return AheadEnd.stopped;
      return made.why === 'full' ? AheadEnd.cacheFull : AheadEnd.notWritten;
  }
};

interface Turn {
  readonly image: StoredImage;
  readonly next: readonly StoredImage[];
  /** Syntaxes that are done with, by an attempt that was interrupted after them. */
  readonly settled: Set<string>;
}

const makeImage = async (
  { image, next, settled }: Turn,
  work: Work,
  signal: AbortSignal,
): Promise<AheadEnd | undefined> => {
  const { study, ports, rankings } = work;
  signal.throwIfAborted();
  const file = await ports.images.open(image, next, signal);
  try {
    const { outline, storedSyntax } = await lookAt(file);
    checkIdentity(outline, { ...image, studyInstanceUid: study });
    const { sopInstanceUid } = image;
    const { revision, sizeBytes } = file;
    for (const transferSyntax of chooseAhead(rankings, negotiable(outline, storedSyntax, ports.workshop))) {
      if (settled.has(transferSyntax)) continue;
      const wanted = { studyInstanceUid: study, sopInstanceUid, revision, sizeBytes, transferSyntax };
      const end = await makeOne(wanted, file, work, signal);
      if (end !== undefined) return end;
      settled.add(transferSyntax);
    }
    return undefined;
  } finally {
    await file.close();
  }
};

/** Of the PACS as a whole: it would say the same of every other image. */
const isOfPacs = (code: ErrorCode): boolean =>
  code === 'orthanc/unreachable' || code === 'orthanc/timeout' || code === 'orthanc/refused';

/** Ends what is under way when a request arrives; a broken image costs itself only. */
const attempt = async (turn: Turn, work: Work): Promise<AheadEnd | 'interrupted' | undefined> => {
  const calm = work.ports.traffic.untilNext();
  try {
    return await makeImage(turn, work, AbortSignal.any([work.stop, calm]));
  } catch (error) {
    work.stop.throwIfAborted();
    if (calm.aborted) return 'interrupted';
    if (isOfPacs(asDrimboxError(error).code)) throw error;
    work.counts.failed += 1;
    return undefined;
  }
};

const makeAll = async (work: Work): Promise<AheadEnd> => {
  await giveWay(work);
  const subject = await loadSubject(work);
  if (subject === undefined) return AheadEnd.notServed;
  const isStillServed = createRecheck(work, subject);
  const { images } = await findImages({ study: work.ports.images.find(work.study), instances: subject.instances });
  for (const [place, image] of images.entries()) {
    const next = images.slice(place + 1, place + 1 + askedTogether);
    const turn: Turn = { image, next, settled: new Set() };
    for (let end: Awaited<ReturnType<typeof attempt>> = 'interrupted'; end === 'interrupted'; ) {
      await giveWay(work);
      if (!(await isStillServed())) return AheadEnd.notServed;
      end = await attempt(turn, work);
      if (end !== undefined && end !== 'interrupted') return end;
    }
    work.counts.images += 1;
  }
  return AheadEnd.complete;
};

/** Never throws. @param stop  ends it at once */
export const makeStudyAhead = async (
  study: StudyInstanceUid,
  options: StudyAheadOptions,
  ports: StudyAheadPorts,
  stop: AbortSignal,
): Promise<AheadResult> => {
  const counts: AheadCounts = { images: 0, made: 0, bytes: 0, ready: 0, failed: 0 };
  try {
    return { end: await makeAll({ ...options, study, ports, stop, counts }), ...counts };
  } catch (error) {
    if (stop.aborted) return { end: AheadEnd.stopped, ...counts };
    return { end: AheadEnd.failed, code: asDrimboxError(error).code, ...counts };
  }
};
