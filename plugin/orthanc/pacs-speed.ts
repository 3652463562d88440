/**
 * How fast the PACS gives a study: first image and throughput, by the way that the service itself takes.
 *
 * @see facts/spec.md (c), DB.SO.102, DB.SO.155, DB.SO.156
 */
import { asDrimboxError } from '../errors.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import type { OrthancClient } from './client.ts';
import type { StoredFiles } from './stored-files.ts';
import { lookUpStoredStudy, type StoredStudy } from './stored-study.ts';

export type PacsSpeed =
  | {
      readonly kind: 'measured';
      readonly objects: number;
      readonly bytes: number;
      /** From the question to the list of objects. */
      readonly listMs: number;
      /** From the question to the last byte of the first image. */
      readonly firstImageMs: number;
      /** From the question to the last byte of all. */
      readonly totalMs: number;
      /** Over the total time: what who waits sees. */
      readonly megabytesPerSecond: number;
      /** Objects read in Orthanc's folder, the others by REST. */
      readonly readInFolder: number;
      /** Objects by transfer syntax; '' where the index does not say. */
      readonly transferSyntaxes: Readonly<Record<string, number>>;
      /** Code of the error → objects that could not be read. */
      readonly failures: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'duplicated' };

export interface PacsSpeedPorts {
  readonly client: Pick<OrthancClient, 'findStudies' | 'listSeries'>;
  readonly files: StoredFiles;
  /** Milliseconds, monotonic, with fractions. */
  readonly monotonic: () => number;
}

/** As many as the service reads ahead for one peer. */
const readers = 4;
const lookAhead = 300;

const countInto = (counts: Record<string, number>, key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1;
};

const measureFiles = async (
  study: Extract<StoredStudy, { kind: 'found' }>,
  { files, monotonic }: PacsSpeedPorts,
  signal: AbortSignal,
): Promise<{
  bytes: number;
  readInFolder: number;
  firstReadAtMs: number | undefined;
  transferSyntaxes: Record<string, number>;
  failures: Record<string, number>;
}> => {
  const ids = study.series.flatMap(({ instanceIds }) => [...instanceIds]);
  const seen = {
    bytes: 0,
    readInFolder: 0,
    firstReadAtMs: undefined as number | undefined,
    transferSyntaxes: {},
    failures: {},
  };
  let next = 0;

  const readOne = async (place: number, id: string): Promise<void> => {
    const file = await files.open(id, ids.slice(place + 1, place + 1 + lookAhead), signal);
    try {
      for await (const piece of file.stream({ start: 0, end: file.sizeBytes }, signal)) {
        seen.bytes += piece.bytes.length;
        piece.giveBack();
      }
      seen.firstReadAtMs ??= monotonic();
      if (file.source === 'folder') seen.readInFolder += 1;
      countInto(seen.transferSyntaxes, file.transferSyntaxUid ?? '');
    } finally {
      await file.close();
    }
  };
  const work = async (): Promise<void> => {
    for (let place = next++; place < ids.length; place = next++) {
      try {
        await readOne(place, ids[place] ?? '');
      } catch (error) {
        signal.throwIfAborted();
        countInto(seen.failures, asDrimboxError(error).code);
      }
    }
  };
  await Promise.all(Array.from({ length: readers }, work));
  return seen;
};

/**
 * Reads every object of the study once. What the disk has in memory is faster than what it must fetch: the first measure
 * after a while is the one of a radiologist.
 *
 * @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/answer-invalid: the study cannot be listed
 */
export const measurePacsSpeed = async (
  uid: StudyInstanceUid,
  ports: PacsSpeedPorts,
  signal: AbortSignal,
): Promise<PacsSpeed> => {
  const { monotonic } = ports;
  const startedAtMs = monotonic();
  const study = await lookUpStoredStudy(ports.client, uid);
  if (study.kind !== 'found') return study;
  const listedAtMs = monotonic();
  const { bytes, firstReadAtMs, ...seen } = await measureFiles(study, ports, signal);
  const endedAtMs = monotonic();
  const totalMs = endedAtMs - startedAtMs;
  return {
    kind: 'measured',
    ...seen,
    objects: Object.values(seen.transferSyntaxes).reduce((sum, count) => sum + count, 0),
    bytes,
    listMs: listedAtMs - startedAtMs,
    firstImageMs: (firstReadAtMs ?? endedAtMs) - startedAtMs,
    totalMs,
    megabytesPerSecond: totalMs > 0 ? bytes / 1_000 / totalMs : 0,
  };
};
