/**
 * One object made ready to leave: read, known to be the one that was asked for (decision E1), in a syntax that is accepted,
 * with the INS of the manifest beside its other patient numbers.
 *
 * @see facts/spec.md b.5.2, d 10 · decision E8
 */
import {
  type DicomFileOutline,
  type FilePlan,
  checkIdentity,
  inflateDataset,
  pixelDataBytes,
  planInsSplice,
  readOutline,
} from '../dicom-file/index.ts';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { type LentMemory, ownedMemory } from '../lent-memory.ts';
import {
  type InsIdentifier,
  isLossySyntax,
  parseTransferSyntaxUid,
  type TransferSyntaxUid,
} from '../standards/index.ts';
import type { ImageFile, ImageStore, StoredImage, WantedRendition, Workshop } from './image-store.ts';
import type { ServedChoice } from './negotiation.ts';
import { chooseRanked, type NegotiablePart, type SyntaxRanking } from './syntax-choice.ts';

export type PlannedPart = ServedChoice & { readonly storedSyntax: TransferSyntaxUid };

/** What every object of one answer has in common. */
export interface AnswerTerms {
  readonly studyInstanceUid: string;
  readonly ins: InsIdentifier;
  /** What is accepted, best first. */
  readonly ranking: SyntaxRanking;
  /** What is expected of each image, as far as one of its series tells. */
  readonly planned: ReadonlyMap<StoredImage, PlannedPart>;
}

export interface PreparationPorts {
  readonly images: ImageStore;
  readonly workshop: Workshop;
}

export interface PreparedPart {
  readonly transferSyntax: TransferSyntaxUid;
  readonly sizeBytes: number;
  /** Effective length of Pixel Data. */
  readonly pixelBytes: number;
  /** The whole, where it is in memory; `onLeft` once nobody reads that memory any more, and only then. */
  readonly whole?: { readonly pieces: readonly Uint8Array[]; readonly onLeft: () => void };
  /** The whole, piece by piece; once. @throws orthanc/*: the file breaks off while it leaves */
  chunks(signal: AbortSignal): AsyncIterable<LentMemory>;
  /** Gives back what it holds open; after the last chunk, or instead of them. */
  close(): Promise<void>;
}

/** An image file is read whole up to this size: one read instead of many. */
const wholeFileBytes = 2 * 1024 * 1024;
const firstPrefixBytes = 64 * 1024;
/** A deflated data set may grow to this. */
const maxInflatedBytes = 1024 * 1024 * 1024;

/** A stored file of which as much was read as tells what it is. */
export interface LookedAt {
  readonly outline: DicomFileOutline;
  /** Its beginning: at least all that stands before the pixel data. */
  readonly head: Buffer;
  /** The whole file, where it was read whole. */
  readonly whole?: Buffer;
  /** That of a deflated file is Explicit VR Little Endian: it is inflated as soon as it is read. */
  readonly storedSyntax: TransferSyntaxUid;
}

const lookAtWhole = (whole: Buffer): LookedAt => {
  const reading = readOutline(whole);
  if (reading.kind === 'outline') {
    const { outline } = reading;
    return { outline, head: whole, whole, storedSyntax: parseTransferSyntaxUid(outline.transferSyntaxUid) };
  }
  if (reading.kind === 'need-more') throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
  return lookAtWhole(inflateDataset(whole, maxInflatedBytes));
};

/**
 * Reads as much as tells what it is.
 *
 * @param wholeUpToBytes  a file that is not longer is read whole, in one go: it will probably leave as it is [0]
 * @throws orthanc/*, dicom-file/*
 */
export const lookAt = async (file: ImageFile, wholeUpToBytes = 0): Promise<LookedAt> => {
  if (file.whole !== undefined) return lookAtWhole(file.whole.bytes);
  if (file.sizeBytes <= wholeUpToBytes) return lookAtWhole(await file.readAll());
  for (let bytes = firstPrefixBytes; ; ) {
    const prefix = await file.readPrefix(bytes);
    const reading = readOutline(prefix, { fileLength: file.sizeBytes });
    if (reading.kind === 'outline') {
      const { outline } = reading;
      return { outline, head: prefix, storedSyntax: parseTransferSyntaxUid(outline.transferSyntaxUid) };
    }
    if (reading.kind === 'deflated') return lookAtWhole(await file.readAll());
    if (reading.atLeastBytes <= bytes) throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
    bytes = reading.atLeastBytes;
  }
};

/** What negotiation asks of one object; `failed`: syntaxes that turned out not to be makeable. */
export const negotiable = (
  outline: DicomFileOutline,
  storedSyntax: TransferSyntaxUid,
  workshop: Workshop,
  failed: ReadonlySet<string> = new Set(),
): NegotiablePart => ({
  storedSyntax,
  isLossyStored: outline.image?.isLossy === true || isLossySyntax(storedSyntax),
  canProduce: (uid) => !failed.has(uid) && workshop.canProduce(outline, uid),
});

/** Opens an image only to see what it is; undefined when that cannot be told. */
export const lookAtImage = async (
  image: StoredImage,
  next: readonly StoredImage[],
  { images }: Pick<PreparationPorts, 'images'>,
  signal: AbortSignal,
): Promise<LookedAt | undefined> => {
  try {
    const file = await images.open(image, next, signal);
    try {
      return await lookAt(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code } = asDrimboxError(error);
    // The PACS as a whole: it would say the same of every other image.
    if (code === 'orthanc/unreachable' || code === 'orthanc/timeout' || code === 'orthanc/refused') throw error;
    return undefined;
  }
};

async function* planChunks(
  file: ImageFile,
  plan: FilePlan,
  signal: AbortSignal,
): AsyncGenerator<LentMemory, void, undefined> {
  for (const segment of plan.segments) {
    if (segment.kind === 'bytes') yield ownedMemory(Buffer.from(segment.bytes));
    else yield* file.stream(segment, signal);
  }
}

const piecesOf = (whole: Buffer, plan: FilePlan): readonly Uint8Array[] =>
  plan.segments.map((segment) =>
    segment.kind === 'bytes' ? segment.bytes : whole.subarray(segment.start, segment.end),
  );

const preparedFrom = (
  file: ImageFile,
  lookedAt: { readonly outline: DicomFileOutline; readonly whole?: Buffer },
  transferSyntax: TransferSyntaxUid,
  ins: InsIdentifier,
): PreparedPart => {
  const { outline, whole } = lookedAt;
  const plan = planInsSplice(outline, ins);
  // Where the pieces are parts of what was read with the file, its memory is given back when they have left, or never.
  const onLeft = whole !== undefined && whole === file.whole?.bytes ? file.whole.keep().giveBack : () => undefined;
  return {
    transferSyntax,
    sizeBytes: plan.totalBytes,
    pixelBytes: pixelDataBytes(outline),
    ...(whole === undefined ? {} : { whole: { pieces: piecesOf(whole, plan), onLeft } }),
    chunks: (signal) => planChunks(file, plan, signal),
    close: () => file.close(),
  };
};

const renditionOf = (
  image: StoredImage,
  { revision, sizeBytes }: ImageFile,
  { studyInstanceUid }: AnswerTerms,
  transferSyntax: TransferSyntaxUid,
): WantedRendition => ({
  studyInstanceUid,
  sopInstanceUid: image.sopInstanceUid,
  revision,
  sizeBytes,
  transferSyntax,
});

const preparedRendition = (
  image: StoredImage,
  file: ImageFile,
  made: Buffer,
  transferSyntax: TransferSyntaxUid,
  { studyInstanceUid, ins }: AnswerTerms,
): PreparedPart => {
  const { outline } = lookAtWhole(made);
  checkIdentity(outline, { ...image, studyInstanceUid });
  return preparedFrom(file, { outline, whole: made }, transferSyntax, ins);
};

/**
 * What was planned, where it was made before: the stored file need not be read. Only of images that the index says to be stored
 * like the one that was looked at: for any other the plan may not be the best.
 */
const findPlanned = async (
  image: StoredImage,
  file: ImageFile,
  terms: AnswerTerms,
  ports: PreparationPorts,
): Promise<PreparedPart | undefined> => {
  const planned = terms.planned.get(image);
  if (planned?.kind !== 'produce' || planned.storedSyntax !== file.transferSyntaxUid) return undefined;
  const { transferSyntax } = planned;
  const made = await ports.workshop.findMade(renditionOf(image, file, terms, transferSyntax));
  return made === undefined ? undefined : preparedRendition(image, file, made, transferSyntax, terms);
};

/** Makes the best syntax that can be made; one that fails is left out of the choice, and the next one is tried. */
const produceBest = async (
  image: StoredImage,
  file: ImageFile,
  lookedAt: LookedAt,
  terms: AnswerTerms,
  ports: PreparationPorts,
  signal: AbortSignal,
): Promise<PreparedPart> => {
  const { ranking, ins } = terms;
  const failed = new Set<string>();
  let failure: DrimboxError | undefined;
  for (;;) {
    const part = negotiable(lookedAt.outline, lookedAt.storedSyntax, ports.workshop, failed);
    const { choice } = chooseRanked(ranking, part);
    if (choice.kind === 'unacceptable') throw failure ?? new DrimboxError('wado/not-acceptable');
    if (choice.kind === 'as-stored') return preparedFrom(file, lookedAt, choice.transferSyntax, ins);
    const { transferSyntax } = choice;
    try {
      const wanted = renditionOf(image, file, terms, transferSyntax);
      const made = await ports.workshop.produce(wanted, () => file.readAll(), signal);
      return preparedRendition(image, file, made, transferSyntax, terms);
    } catch (error) {
      signal.throwIfAborted();
      failure = asDrimboxError(error);
      if (!failure.code.startsWith('renditions/')) throw failure;
      failed.add(transferSyntax);
    }
  }
};

/**
 * @throws orthanc/* when it cannot be read; dicom-file/identity-mismatch when it is another object than the one asked for;
 *   dicom-file/*, renditions/*, wado/not-acceptable: this object cannot be sent
 */
export const preparePart = async (
  image: StoredImage,
  next: readonly StoredImage[],
  terms: AnswerTerms,
  ports: PreparationPorts,
  signal: AbortSignal,
): Promise<PreparedPart> => {
  // What is planned to leave as stored, and is not large, is read in one go.
  const wholeUpToBytes = terms.planned.get(image)?.kind === 'as-stored' ? wholeFileBytes : 0;
  const file = await ports.images.open(image, next, signal, wholeUpToBytes);
  try {
    const found = await findPlanned(image, file, terms, ports);
    if (found !== undefined) return found;
    const lookedAt = await lookAt(file, wholeUpToBytes);
    checkIdentity(lookedAt.outline, { ...image, studyInstanceUid: terms.studyInstanceUid });
    return await produceBest(image, file, lookedAt, terms, ports, signal);
  } catch (error) {
    await file.close();
    throw error;
  }
};
