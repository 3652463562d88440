/**
 * The download of an open examination: one ZIP, whole or of one series, announced with its length, which goes on where it broke
 * off as long as the same archive is known (Range with If-Range).
 *
 * @see PS3.10 · decisions E1, E5 · facts/spec.md b.7 (ZIP with DICOMDIR)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import { type AnswerWriter, createAnswerWriter, cutAnswer } from '../wado/index.ts';
import type { AnswerExamination, Examination } from './entry-ports.ts';
import { createExaminationZip, type ExaminationZip, type ExaminationZipPorts } from './zip/examination-zip.ts';
import { untilAborted } from './zip/until-aborted.ts';
import { buildZipHead, chooseRange, type RangeChoice, type ZipAnswerHead } from './zip/zip-range.ts';
import { createZipShelf } from './zip/zip-shelf.ts';

export const DownloadOutcome = {
  /** What was asked for, the whole or a part, left whole, and no image is missing. */
  served: 'served',
  /** Images are missing, or it broke off on our side. */
  partial: 'partial',
  /** It was asked for what is behind the end. */
  refused: 'refused',
  /** The browser went away, or took nothing any more. */
  cancelled: 'cancelled',
} as const;
export type DownloadOutcome = (typeof DownloadOutcome)[keyof typeof DownloadOutcome];

/** What left of a download; holds no identity. */
export interface DownloadEnd {
  readonly bytes: number;
  /** Images that could not be read are counted: blanks stand in their place. */
  readonly objects: number;
  readonly outcome: DownloadOutcome;
  /** As it was sent. */
  readonly httpStatus: ZipAnswerHead['status'];
  /** Why it was refused, or broke off. */
  readonly reason?: ErrorCode;
}

export interface ZipAnswerPorts<Traits> extends ExaminationZipPorts {
  /** Written before the first byte leaves; what it gives is told the end. @throws audit/unavailable: nothing leaves */
  readonly begin: (examination: Examination<Traits>) => Promise<(end: DownloadEnd) => Promise<void>>;
  /** So often it is asked whether the examination is still open while it leaves, milliseconds [15 s]. */
  readonly recheckMs?: number;
  /** Nothing taken for so long: the browser is left, milliseconds. */
  readonly idleMs: number;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
}

const defaultRecheckMs = 15_000;

const fileNameOf = (number: number): string => (number === 1 ? 'examen-imagerie.zip' : `examen-imagerie-${number}.zip`);

const field = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** @throws viewer-access/image-not-found */
const seriesOf = <Traits>({ manifest }: Examination<Traits>, request: IncomingMessage): string | undefined => {
  const series = new URL(request.url ?? '/', 'http://localhost').searchParams.get('serie') ?? undefined;
  if (series === undefined || manifest.series.has(series)) return series;
  throw new DrimboxError('viewer-access/image-not-found', { detail: 'another series' });
};

interface Sending {
  readonly zip: ExaminationZip;
  readonly choice: RangeChoice;
  readonly head: ZipAnswerHead;
  /** Not for HEAD, and not where nothing fits. */
  readonly hasBody: boolean;
  readonly response: ServerResponse;
  readonly writer: AnswerWriter;
  /** @throws viewer-access/link-refused: closed meanwhile (decision E5) */
  readonly checkStillOpen: () => Promise<void>;
}

/**
 * Writes no faster than it is taken; memory is given back when the operating system has it.
 *
 * @param onProgress  told of the images whose last byte was given so far
 * @throws AnswerClosedError · viewer-access/download-changed, viewer-access/link-refused, orthanc/*
 */
const write = async (
  { zip, choice, head, hasBody, response, writer, checkStillOpen }: Sending,
  onProgress: (objects: number) => void,
): Promise<void> => {
  response.writeHead(head.status, head.headers);
  if (hasBody) {
    const pieces = zip.stream({
      ...(choice.kind === 'part' ? { range: choice.range } : {}),
      signal: writer.signal,
      onProgress: ({ objectsDone }) => onProgress(objectsDone),
    });
    for await (const { bytes, giveBack } of pieces) {
      await writer.write([bytes], giveBack);
      await checkStillOpen();
    }
  }
  await writer.end();
};

const outcomeOf = ({ zip, head }: Sending): DownloadOutcome => {
  if (head.status === 416) return DownloadOutcome.refused;
  return zip.missing + zip.leftOut() === 0 ? DownloadOutcome.served : DownloadOutcome.partial;
};

/** Never throws. @returns what left; `failure` is what broke it off on our side */
const send = async (sending: Sending): Promise<{ readonly end: DownloadEnd; readonly failure?: Error }> => {
  const { writer, response, head } = sending;
  let objects = 0;
  const left = (outcome: DownloadOutcome, reason?: ErrorCode): DownloadEnd => ({
    bytes: writer.bytes(),
    objects,
    outcome,
    httpStatus: head.status,
    ...(reason === undefined ? {} : { reason }),
  });
  try {
    await write(sending, (done) => {
      objects = done;
    });
    const outcome = outcomeOf(sending);
    return { end: left(outcome, outcome === 'refused' ? 'viewer-access/range-unsatisfiable' : undefined) };
  } catch (error) {
    if (writer.signal.aborted) return { end: left(DownloadOutcome.cancelled) };
    // What has begun cannot become a refusal: cut, so that nobody takes it for the whole.
    cutAnswer(response);
    const failure = asDrimboxError(error);
    return { end: left(DownloadOutcome.partial, failure.code), failure };
  }
};

export interface ZipAnswer<Traits> {
  readonly answer: AnswerExamination<Traits>;
  /** How long the whole download is. @throws wado/images-gone, orthanc/*, viewer-access/download-empty */
  readonly sizeOf: (examination: Examination<Traits>) => Promise<number>;
}

/** Asks no more often than every `everyMs`. @param clock  never backwards: a clock that is set must not put it off */
const createRecheck = <Traits>({ isStillOpen }: Examination<Traits>, clock: () => number, everyMs: number) => {
  let askedAtMs = clock();
  return async (): Promise<void> => {
    if (clock() - askedAtMs < everyMs) return;
    askedAtMs = clock();
    if (!(await isStillOpen())) {
      throw new DrimboxError('viewer-access/link-refused', { detail: 'closed during a download' });
    }
  };
};

export const createZipAnswer = <Traits>(ports: ZipAnswerPorts<Traits>): ZipAnswer<Traits> => {
  const { monotonic, idleMs, recheckMs = defaultRecheckMs } = ports;
  const shelf = createZipShelf({ clock: ports.clock });
  const plan = (examination: Examination<Traits>, series: string | undefined, signal: AbortSignal) =>
    createExaminationZip(
      { manifest: examination.manifest, ...(series === undefined ? {} : { seriesInstanceUid: series }) },
      ports,
      signal,
    );
  const answer: AnswerExamination<Traits> = async (examination, request, response) => {
    const series = seriesOf(examination, request);
    const key = [examination.basePath, examination.kosSopInstanceUid, series ?? ''].join(' ');
    const ifRange = field(request, 'if-range');
    const writer = createAnswerWriter(response, { idleMs, clock: monotonic });
    const { signal } = writer;
    const planning = Promise.resolve(shelf.find(key, ifRange) ?? plan(examination, series, signal));
    const zip = await untilAborted(planning, signal).catch((error: unknown) => {
      throw signal.aborted ? new DrimboxError('viewer-access/images-cancelled') : error;
    });
    shelf.keep(key, zip);
    const choice = chooseRange({ range: field(request, 'range'), ifRange }, zip);
    const head = buildZipHead(choice, zip, fileNameOf(examination.number));
    const tellEnd = await ports.begin(examination);
    const checkStillOpen = createRecheck(examination, monotonic, recheckMs);
    const hasBody = choice.kind !== 'unsatisfiable' && request.method !== 'HEAD';
    const { end, failure } = await send({ zip, choice, head, hasBody, response, writer, checkStillOpen });
    // It never fits again: whoever goes on is given another archive.
    if (end.reason === 'viewer-access/download-changed') shelf.forget(key);
    await tellEnd(end);
    if (failure !== undefined) throw failure;
  };
  return {
    sizeOf: async (examination) => (await plan(examination, undefined, new AbortController().signal)).sizeBytes,
    answer,
  };
};
