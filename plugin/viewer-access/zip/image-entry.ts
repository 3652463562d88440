/**
 * The entry of one image: decided once, the same ever after. A part of the archive that is asked for later must fit those that
 * left before, so an image that was left out stays out, and one that changed after it was told of breaks the download off.
 */
import { asDrimboxError, DrimboxError, type ErrorCode } from '../../errors.ts';
import type { LentMemory } from '../../lent-memory.ts';
import type { ImageStore, StoredImage } from '../../wado/index.ts';
import { type FileRecord, readFileRecord } from '../dicomdir/directory-record.ts';
import { recordTypeOf } from '../dicomdir/record-types.ts';
import { buildFiller, fillerChecksum } from './filler.ts';
import {
  checksumOf,
  type ImageFile,
  readImage,
  type ReadImage,
  type ReadingTerms,
  streamPlanned,
  viewPlanned,
  wholeFileBytes,
} from './image-reading.ts';

/** An image that has a place in the archive; places are counted from 0. */
export interface PlannedImage {
  readonly image: StoredImage;
  readonly series: number;
  readonly place: number;
  /** As the manifest has it. */
  readonly sopClassUid: string;
  /** Of the stored file, as the index of the PACS has it. */
  readonly sizeBytes: number;
  readonly revision: string;
}

export type Outcome =
  | {
      readonly kind: 'kept';
      readonly bytes: number;
      readonly crc32: number;
      readonly isDeflated: boolean;
      readonly record: FileRecord;
    }
  | { readonly kind: 'left-out'; readonly bytes: number; readonly crc32: number; readonly code: ErrorCode };

export interface ByteRange {
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

export interface ReadyImage {
  readonly outcome: Outcome;
  /**
   * A part of the content; once. Memory is given back by the taker, in the order it was given: the last piece gives back all.
   *
   * @throws orthanc/*: the file breaks off while it leaves
   */
  content(range: ByteRange, signal: AbortSignal): AsyncIterable<LentMemory>;
  /** After the last use, or instead of it. */
  close(): Promise<void>;
}

export const changed = (detail: string): DrimboxError => new DrimboxError('viewer-access/download-changed', { detail });

/** What is wrong with one file; anything else is wrong with the PACS, and would be so for every other file. */
const isOwnFault = (code: ErrorCode): boolean =>
  code.startsWith('dicom-file/') ||
  code === 'orthanc/not-found' ||
  code === 'orthanc/file-too-large' ||
  code === 'orthanc/answer-invalid' ||
  code === 'viewer-access/download-changed';

const leftOut = (outcome: Extract<Outcome, { kind: 'left-out' }>): ReadyImage => ({
  outcome,
  content: (range) => buildFiller(outcome.bytes, range),
  close: () => Promise.resolve(),
});

async function* keptContent(
  file: ImageFile,
  { plan, whole }: ReadImage,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<LentMemory, void, undefined> {
  if (whole === undefined) {
    yield* streamPlanned(file, plan, range, signal);
    return;
  }
  const pieces = viewPlanned(whole, plan, range.start, range.end);
  const giveBack = whole === file.whole?.bytes && pieces.length > 0 ? file.whole.keep().giveBack : () => undefined;
  for (const [at, bytes] of pieces.entries()) {
    yield { bytes, giveBack: at === pieces.length - 1 ? giveBack : () => undefined };
  }
}

export interface EntryTerms extends ReadingTerms {
  readonly images: Pick<ImageStore, 'open'>;
}

const openPlanned = async (
  { image, sizeBytes, revision }: PlannedImage,
  next: readonly StoredImage[],
  { images }: EntryTerms,
  signal: AbortSignal,
): Promise<ImageFile> => {
  const file = await images.open(image, next, signal, wholeFileBytes);
  if (file.sizeBytes === sizeBytes && file.revision === revision) return file;
  await file.close();
  throw changed('another file than the one that was planned');
};

const readKept = async (
  file: ImageFile,
  planned: PlannedImage,
  terms: EntryTerms,
  known: Outcome | undefined,
  signal: AbortSignal,
): Promise<ReadyImage> => {
  const read = await readImage(file, planned.image, terms);
  // The file is the same as before: a large one need not be read twice again.
  const isTrusted = read.whole === undefined && known?.kind === 'kept';
  const place = {
    type: recordTypeOf(planned.sopClassUid),
    seriesPlace: planned.series + 1,
    instancePlace: planned.place + 1,
    storedBytes: planned.sizeBytes,
    patientIdOtherwise: terms.ins.value,
  };
  const outcome: Outcome = {
    kind: 'kept',
    bytes: read.plan.totalBytes,
    crc32: isTrusted ? known.crc32 : await checksumOf(file, read, signal),
    isDeflated: read.isDeflated,
    record: readFileRecord(read.head, place, read.transferSyntaxUid),
  };
  return {
    outcome,
    content: (range, leaving) => keptContent(file, read, range, leaving),
    close: () => file.close(),
  };
};

/**
 * @param next   images whose turn comes after
 * @param known  how it was decided before
 * @throws orthanc/*: the PACS does not answer
 */
export const prepareImage = async (
  planned: PlannedImage,
  next: readonly StoredImage[],
  terms: EntryTerms,
  known: Outcome | undefined,
  signal: AbortSignal,
): Promise<ReadyImage> => {
  if (known?.kind === 'left-out') return leftOut(known);
  let file: ImageFile | undefined;
  try {
    file = await openPlanned(planned, next, terms, signal);
    return await readKept(file, planned, terms, known, signal);
  } catch (error) {
    await file?.close();
    signal.throwIfAborted();
    const failure = asDrimboxError(error);
    if (!isOwnFault(failure.code)) throw failure;
    const { sizeBytes: bytes } = planned;
    return leftOut({ kind: 'left-out', bytes, crc32: fillerChecksum(bytes), code: failure.code });
  }
};

/**
 * The decision about an image: the first one stands.
 *
 * @throws viewer-access/download-changed when the image that is ready is another one than was told before
 */
export const settleImage = (known: Outcome | undefined, ready: ReadyImage): ReadyImage => {
  const { outcome } = ready;
  if (known === undefined) return ready;
  if (known.kind === 'left-out') return leftOut(known);
  if (outcome.kind === 'kept' && outcome.crc32 === known.crc32 && outcome.bytes === known.bytes) return ready;
  throw changed('an image is not what it was when the download began');
};
