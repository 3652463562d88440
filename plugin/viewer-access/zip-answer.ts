/**
 * The download of an open examination: one ZIP, whole or of one series, announced with its length, which goes on where it broke
 * off as long as the same archive is known (Range with If-Range).
 *
 * @see PS3.10 · decisions E1, E5 · facts/spec.md b.7 (ZIP with DICOMDIR)
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import type { AnswerExamination, Examination } from './entry-ports.ts';
import { createExaminationZip, type ExaminationZip, type ExaminationZipPorts } from './zip/examination-zip.ts';
import { buildZipHead, chooseRange, type RangeChoice } from './zip/zip-range.ts';
import { createZipShelf } from './zip/zip-shelf.ts';

/** What left of a download; holds no identity. */
export interface DownloadEnd {
  readonly bytes: number;
  /** Images that could not be read are counted: blanks stand in their place. */
  readonly objects: number;
  /** All of it, and no image is missing. */
  readonly isWhole: boolean;
}

export interface ZipAnswerPorts<Traits> extends ExaminationZipPorts {
  /** Written before the first byte leaves; what it gives is told the end. @throws audit/unavailable: nothing leaves */
  readonly begin: (examination: Examination<Traits>) => Promise<(end: DownloadEnd) => Promise<void>>;
  /** So often it is asked whether the examination is still open while it leaves, milliseconds [15 s]. */
  readonly recheckMs?: number;
  /** Nothing taken for so long: the browser is left, milliseconds. */
  readonly idleMs: number;
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

/** What was given to the browser so far: true whatever ends the download. */
interface Sent {
  bytes: number;
  objects: number;
}

interface Sending {
  readonly response: ServerResponse;
  readonly idleMs: number;
  /** Counted up. */
  readonly sent: Sent;
  /** @throws viewer-access/link-refused: closed meanwhile (decision E5) */
  readonly checkStillOpen: () => Promise<void>;
}

/**
 * Writes no faster than it is taken; memory is given back when the operating system has it.
 *
 * @returns whether all of it was written
 */
const send = async (
  zip: ExaminationZip,
  choice: RangeChoice,
  { response, idleMs, sent, checkStillOpen }: Sending,
): Promise<boolean> => {
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  if (response.destroyed) leaving.abort();
  const taken = (): Promise<void> =>
    new Promise((resolve) => {
      const idle = setTimeout(() => response.destroy(), idleMs);
      const go = (): void => {
        clearTimeout(idle);
        response.off('drain', go);
        leaving.signal.removeEventListener('abort', go);
        resolve();
      };
      response.once('drain', go);
      leaving.signal.addEventListener('abort', go);
      if (leaving.signal.aborted) go();
    });
  const range = choice.kind === 'part' ? { range: choice.range } : {};
  const onProgress = ({ objectsDone }: { readonly objectsDone: number }): void => {
    sent.objects = objectsDone;
  };
  try {
    for await (const piece of zip.stream({ ...range, signal: leaving.signal, onProgress })) {
      sent.bytes += piece.bytes.length;
      const goesOn = response.write(piece.bytes, (error) => {
        if (error === undefined || error === null) piece.giveBack();
      });
      if (!goesOn) await taken();
      if (leaving.signal.aborted) break;
      await checkStillOpen();
    }
  } catch (error) {
    // What has begun cannot become a refusal: cut, so that nobody takes it for the whole.
    response.destroy();
    if (!leaving.signal.aborted) throw error;
  }
  if (!leaving.signal.aborted) response.end();
  return !leaving.signal.aborted;
};

export interface ZipAnswer<Traits> {
  readonly answer: AnswerExamination<Traits>;
  /** How long the whole download is. @throws wado/images-gone, orthanc/*, viewer-access/download-empty */
  readonly sizeOf: (examination: Examination<Traits>) => Promise<number>;
}

/** Asks no more often than every `everyMs`. */
const createRecheck = <Traits>({ isStillOpen }: Examination<Traits>, clock: () => number, everyMs: number) => {
  let askedAtUtcMs = clock();
  return async (): Promise<void> => {
    if (clock() - askedAtUtcMs < everyMs) return;
    askedAtUtcMs = clock();
    if (!(await isStillOpen())) {
      throw new DrimboxError('viewer-access/link-refused', { detail: 'closed during a download' });
    }
  };
};

export const createZipAnswer = <Traits>(ports: ZipAnswerPorts<Traits>): ZipAnswer<Traits> => {
  const shelf = createZipShelf({ clock: ports.clock });
  const plan = (examination: Examination<Traits>, series: string | undefined, signal: AbortSignal) =>
    createExaminationZip(
      { manifest: examination.manifest, ...(series === undefined ? {} : { seriesInstanceUid: series }) },
      ports,
      signal,
    );
  return {
    sizeOf: async (examination) => (await plan(examination, undefined, new AbortController().signal)).sizeBytes,
    answer: async (examination, request, response) => {
      const series = seriesOf(examination, request);
      const key = [examination.basePath, examination.kosSopInstanceUid, series ?? ''].join(' ');
      const ifRange = field(request, 'if-range');
      const planning = new AbortController();
      response.once('close', () => planning.abort());
      const zip = shelf.find(key, ifRange) ?? (await plan(examination, series, planning.signal));
      shelf.keep(key, zip);
      const choice = chooseRange({ range: field(request, 'range'), ifRange }, zip);
      const { status, headers } = buildZipHead(choice, zip, fileNameOf(examination.number));
      const tellEnd = await ports.begin(examination);
      response.writeHead(status, headers);
      const sent: Sent = { bytes: 0, objects: 0 };
      if (choice.kind === 'unsatisfiable' || request.method === 'HEAD') {
        response.end();
        return tellEnd({ ...sent, isWhole: false });
      }
      const checkStillOpen = createRecheck(examination, ports.clock, ports.recheckMs ?? defaultRecheckMs);
      const { idleMs } = ports;
      const isSent = await send(zip, choice, { response, idleMs, sent, checkStillOpen }).catch(
        async (error: unknown) => {
          // It never fits again: whoever goes on is given another archive.
          if (asDrimboxError(error).code === 'viewer-access/download-changed') shelf.forget(key);
          await tellEnd({ ...sent, isWhole: false });
          throw error;
        },
      );
      const isComplete = zip.missing + zip.leftOut() === 0;
      return tellEnd({ ...sent, isWhole: isSent && choice.kind === 'whole' && isComplete });
    },
  };
};
