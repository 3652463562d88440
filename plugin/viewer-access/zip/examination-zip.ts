/**
 * An examination as one ZIP file with DICOMDIR, made while it leaves.
 *
 * ```
 * DICOM/             a folder: the first byte leaves at once
 * DICOM/PA…/IM…      images as stored, with the INS of the manifest
 * DICOMDIR           after the images: it needs the head of each
 * LISEZ-MOI.txt      tells what could not be read
 * central directory
 * ```
 * Its length and every offset follow from the sizes that the index of the PACS tells; no file is opened for them. What a file
 * needs beyond its stored length (the INS) has fixed room, of which the rest is a ZIP extra field; an image that cannot be read
 * is replaced by blanks. So any part of it can be made again (Range) as long as this object lives: it remembers the CRC-32 of
 * each image, and reads those that it does not know when the end is due. Another object is another archive, with another
 * validator: a download that cannot go on begins again.
 */
import type { LentMemory } from '../../lent-memory.ts';
import { prepareInOrder } from '../../wado/index.ts';
import type { FileRecord } from '../dicomdir/directory-record.ts';
import { ArchivePlan } from './archive-plan.ts';
import { buildTail, folderContent } from './archive-tail.ts';
import {
  type ByteRange,
  changed,
  type EntryTerms,
  type Outcome,
  type PlannedImage,
  prepareImage,
  type ReadyImage,
  settleImage,
} from './image-entry.ts';
import { planImages, type PlanningPorts, type WantedImages } from './image-planning.ts';
import { piecesUntilAborted, untilAborted } from './until-aborted.ts';
import { buildLocalHeader } from '../../zip-records.ts';

export interface ExaminationZipPorts extends PlanningPorts {
  /** UTC, milliseconds. */
  readonly clock: () => number;
  /** A new UID: of the file-set, and the validator of the archive. Nobody can guess it. */
  readonly newUid: () => string;
  readonly implementationClassUid: string;
  /** IANA name: in which LISEZ-MOI.txt tells the day [Europe/Paris]. */
  readonly timeZone?: string;
  /** Images read before their turn, of at most 2 MiB each in memory [2]. */
  readonly ahead?: number;
}

export interface ZipProgress {
  /** Images whose last byte was given. */
  readonly objectsDone: number;
  readonly objectsTotal: number;
  /** Position in the archive: all before it left, or was before the range. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface ZipStreamOptions {
  /** Absent: the whole. */
  readonly range?: ByteRange;
  /** Ends reading at once. */
  readonly signal: AbortSignal;
  /** Told each time that the taker comes for more. */
  readonly onProgress?: (progress: ZipProgress) => void;
}

export interface ExaminationZip {
  /** Strong validator, with its quotes: of this object and no other. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** Images that have a place. */
  readonly objects: number;
  /** Named by the manifest, and not in the PACS any more. */
  readonly missing: number;
  /** Images found unreadable so far. */
  leftOut(): number;
  /**
   * No faster than it is taken; several at once are possible. Memory is given back by the taker once nobody reads it any more,
   * in the order it was given; what is not given back is left to the garbage collector.
   *
   * @throws RangeError for a range beyond the archive · viewer-access/download-changed: begin again · orthanc/*: go on later
   */
  stream(options: ZipStreamOptions): AsyncGenerator<LentMemory, void, undefined>;
}

const defaultAhead = 2;
/** About which the PACS is asked ahead. */
const lookedAhead = 300;

const discardReady = (ready: ReadyImage): void => void ready.close().catch(() => undefined);

/** What of these bytes, which stand at `at`, is within the range. */
const clipped = (bytes: Buffer, at: number, { start, end }: ByteRange): readonly LentMemory[] => {
  const clip = bytes.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
  return clip.length === 0 ? [] : [{ bytes: clip, giveBack: () => undefined }];
};

class StreamedExamination implements ExaminationZip {
  readonly #archive: ArchivePlan;
  readonly #terms: EntryTerms;
  readonly #ahead: number;
  /** What was decided about each image. */
  readonly #outcomes: (Outcome | undefined)[];

  constructor(archive: ArchivePlan, terms: EntryTerms, ahead: number) {
    this.#archive = archive;
    this.#terms = terms;
    this.#ahead = ahead;
    this.#outcomes = archive.images.map(() => undefined);
  }

  get etag(): string {
    return `"${this.#archive.stamp.fileSetUid}"`;
  }

  get sizeBytes(): number {
    return this.#archive.layout.totalBytes;
  }

  get objects(): number {
    return this.#archive.images.length;
  }

  get missing(): number {
    return this.#archive.content.missing;
  }

  leftOut(): number {
    return this.#outcomes.filter((outcome) => outcome?.kind === 'left-out').length;
  }

  async *stream({ range, signal, onProgress }: ZipStreamOptions): AsyncGenerator<LentMemory, void, undefined> {
    const { start, end } = range ?? { start: 0, end: this.sizeBytes };
    const isWithin = Number.isSafeInteger(start) && start >= 0 && start <= end && end <= this.sizeBytes;
    if (!isWithin) throw new RangeError('a range beyond the archive');
    let at = start;
    const before = this.#archive.imagesBefore(start);
    for await (const piece of this.#pieces({ start, end }, signal)) {
      signal.throwIfAborted();
      at += piece.bytes.length;
      yield piece;
      onProgress?.({
        objectsDone: this.#archive.imagesBefore(at) - before,
        objectsTotal: this.objects,
        bytesDone: at,
        bytesTotal: this.sizeBytes,
      });
    }
  }

  async *#pieces(range: ByteRange, signal: AbortSignal): AsyncGenerator<LentMemory, void, undefined> {
    const archive = this.#archive;
    yield* clipped(buildLocalHeader(archive.room(0), folderContent, archive.stamp.madeAtUtcMs), 0, range);
    for await (const { item: index, prepared: ready } of this.#ready(
      archive.imagesWithin(range.start, range.end),
      signal,
    )) {
      try {
        yield* this.#image(index, ready, range, signal);
      } finally {
        await ready.close();
      }
    }
    const tailStart = archive.startOf(archive.dicomdirRoom);
    if (range.end <= tailStart) return;
    yield* clipped(buildTail(archive, await this.#settleAll(signal)), tailStart, range);
  }

  /** Images in order, the next ones being read meanwhile. */
  #ready(indexes: readonly number[], signal: AbortSignal) {
    return prepareInOrder(indexes, (index, _, stop) => this.#prepare(index, stop), {
      ahead: this.#ahead,
      discard: discardReady,
      signal,
    });
  }

  async #prepare(index: number, signal: AbortSignal): Promise<ReadyImage> {
    const planned = this.#archive.images[index] as PlannedImage;
    const next = this.#archive.images.slice(index + 1, index + 1 + lookedAhead).map(({ image }) => image);
    const known = this.#outcomes[index];
    const ready = await untilAborted(prepareImage(planned, next, this.#terms, known, signal), signal, discardReady);
    try {
      // Another stream of this archive may have decided meanwhile.
      const settled = settleImage(this.#outcomes[index], ready);
      if (settled !== ready) await ready.close();
      this.#outcomes[index] ??= this.#sparing(index, settled.outcome);
      return settled;
    } catch (error) {
      await ready.close();
      throw error;
    }
  }

  /** What an image says of its patient, study and series is mostly what the one before said: kept once. */
  #sparing(index: number, outcome: Outcome): Outcome {
    const before = this.#outcomes[index - 1];
    if (outcome.kind !== 'kept' || before?.kind !== 'kept') return outcome;
    const same = (key: 'patientKeys' | 'studyKeys' | 'seriesKeys'): Buffer =>
      before.record[key].equals(outcome.record[key]) ? before.record[key] : outcome.record[key];
    const record: FileRecord = {
      ...outcome.record,
      patientKeys: same('patientKeys'),
      studyKeys: same('studyKeys'),
      seriesKeys: same('seriesKeys'),
    };
    return { ...outcome, record };
  }

  async *#image(
    index: number,
    ready: ReadyImage,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<LentMemory, void, undefined> {
    const archive = this.#archive;
    const room = archive.imageRoom(index);
    const content = archive.imageContent(index, ready.outcome);
    const header = buildLocalHeader(archive.room(room), content, archive.stamp.madeAtUtcMs);
    yield* clipped(header, archive.startOf(room), range);
    const contentStart = archive.startOf(room) + header.length;
    const start = Math.max(range.start - contentStart, 0);
    const end = Math.min(range.end - contentStart, content.bytes);
    let left = Math.max(end - start, 0);
    if (left === 0) return;
    for await (const piece of piecesUntilAborted(ready.content({ start, end }, signal), signal)) {
      left -= piece.bytes.length;
      if (left < 0) break;
      yield piece;
    }
    if (left !== 0) throw changed('a stored file is not as long as it was');
  }

  /** Reads those about which nothing is known yet: a range may begin behind them. */
  async #settleAll(signal: AbortSignal): Promise<readonly Outcome[]> {
    const unknown = this.#outcomes.flatMap((outcome, index) => (outcome === undefined ? [index] : []));
    for await (const { prepared } of this.#ready(unknown, signal)) await prepared.close();
    return this.#outcomes.filter((outcome) => outcome !== undefined);
  }
}

/**
 * Plans the archive of a study, or of one series: nothing is read yet but the index of the PACS.
 *
 * The grant, the restrictions (E5) and the audit are the caller's, for each answer anew.
 *
 * @throws viewer-access/download-empty: no image is left · wado/study-duplicated (A5) · orthanc/*
 */
export const createExaminationZip = async (
  wanted: WantedImages,
  ports: ExaminationZipPorts,
  signal: AbortSignal,
): Promise<ExaminationZip> => {
  const { manifest, seriesInstanceUid } = wanted;
  const stamp = {
    fileSetUid: ports.newUid(),
    implementationClassUid: ports.implementationClassUid,
    madeAtUtcMs: ports.clock(),
    timeZone: ports.timeZone ?? 'Europe/Paris',
    isWholeStudy: seriesInstanceUid === undefined,
  };
  const archive = new ArchivePlan(await planImages(wanted, ports, signal), stamp);
  const terms = { images: ports.images, studyInstanceUid: manifest.studyInstanceUid, ins: manifest.ins };
  return new StreamedExamination(archive, terms, ports.ahead ?? defaultAhead);
};
