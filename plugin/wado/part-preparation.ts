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
import {
  type InsIdentifier,
  isLossySyntax,
  parseTransferSyntaxUid,
  type TransferSyntaxUid,
} from '../standards/index.ts';
import type { ImageFile, ImageStore, StoredImage, Workshop } from './image-store.ts';
import { chooseRanked, type NegotiablePart, type SyntaxRanking } from './syntax-choice.ts';

/** What every object of one answer has in common. */
export interface AnswerTerms {
  readonly studyInstanceUid: string;
  readonly ins: InsIdentifier;
  /** What is accepted, best first. */
  readonly ranking: SyntaxRanking;
  /** Images that are planned to leave as stored. */
  readonly asStored: ReadonlySet<StoredImage>;
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
  /** The whole, where it is in memory. */
  readonly pieces?: readonly Uint8Array[];
  /** The whole, piece by piece; once. @throws orthanc/*: the file breaks off while it leaves */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
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
 * @param isSent  it will probably leave as it is: a file that is not large is read whole, in one go
 * @throws orthanc/*, dicom-file/*
 */
export const lookAt = async (file: ImageFile, isSent: boolean): Promise<LookedAt> => {
  if (isSent && file.sizeBytes <= wholeFileBytes) return lookAtWhole(await file.readAll());
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
      return await lookAt(file, false);
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
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const segment of plan.segments) {
    if (segment.kind === 'bytes') yield segment.bytes;
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
  return {
    transferSyntax,
    sizeBytes: plan.totalBytes,
    pixelBytes: pixelDataBytes(outline),
    ...(whole === undefined ? {} : { pieces: piecesOf(whole, plan) }),
    chunks: (signal) => planChunks(file, plan, signal),
    close: () => file.close(),
  };
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
  const { studyInstanceUid, ranking, ins } = terms;
  const failed = new Set<string>();
  let failure: DrimboxError | undefined;
  for (;;) {
    const part = negotiable(lookedAt.outline, lookedAt.storedSyntax, ports.workshop, failed);
    const { choice } = chooseRanked(ranking, part);
    if (choice.kind === 'unacceptable') throw failure ?? new DrimboxError('wado/not-acceptable');
    if (choice.kind === 'as-stored') return preparedFrom(file, lookedAt, choice.transferSyntax, ins);
    const { transferSyntax } = choice;
    try {
      const made = await ports.workshop.produce(
        {
          studyInstanceUid,
          sopInstanceUid: image.sopInstanceUid,
          revision: file.revision,
          sizeBytes: file.sizeBytes,
          transferSyntax,
        },
        () => file.readAll(),
        signal,
      );
      const { outline } = lookAtWhole(made);
      checkIdentity(outline, { ...image, studyInstanceUid });
      return preparedFrom(file, { outline, whole: made }, transferSyntax, ins);
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
  const file = await ports.images.open(image, next, signal);
  try {
    const lookedAt = await lookAt(file, terms.asStored.has(image));
    checkIdentity(lookedAt.outline, { ...image, studyInstanceUid: terms.studyInstanceUid });
    return await produceBest(image, file, lookedAt, terms, ports, signal);
  } catch (error) {
    await file.close();
    throw error;
  }
};
