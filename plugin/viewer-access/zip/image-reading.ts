/**
 * One stored file made ready for the archive: read as far as tells what it is, known to be the object that the manifest names
 * (decision E1), with the INS of the manifest beside its other patient numbers, and its CRC-32 known before its first byte
 * leaves.
 *
 * A file that is not large is read once, in lent memory. A larger one is read twice, once for its CRC-32: the second time it
 * mostly comes from the memory of the machine, and a file that breaks off is found out while it can still be left out.
 *
 * @see facts/spec.md b.5.2, d 10 · PS3.10 §7
 */
import { crc32 } from 'node:zlib';
import {
  checkIdentity,
  type FilePlan,
  type FileSegment,
  inflateDataset,
  planInsSplice,
  readOutline,
  segmentLength,
} from '../../dicom-file/index.ts';
import { DrimboxError } from '../../errors.ts';
import type { LentMemory } from '../../lent-memory.ts';
import type { InsIdentifier } from '../../standards/index.ts';
import type { ImageStore } from '../../wado/index.ts';
import type { FileHead } from '../dicomdir/key-values.ts';

export type ImageFile = Awaited<ReturnType<ImageStore['open']>>;

export interface ReadingTerms {
  readonly studyInstanceUid: string;
  readonly ins: InsIdentifier;
}

export interface NamedObject {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** A file that may go into the archive. */
export interface ReadImage {
  readonly head: FileHead;
  readonly transferSyntaxUid: string;
  readonly isDeflated: boolean;
  readonly plan: FilePlan;
  /** The whole stored file, where it is in memory; to be given back by the caller when it has left, or closed with the file. */
  readonly whole?: Buffer;
}

/** Read whole up to this size. */
export const wholeFileBytes = 2 * 1024 * 1024;
const firstHeadBytes = 64 * 1024;
/** What stands before the pixels, or a deflated data set, may take this much memory. */
const maxHeadBytes = 64 * 1024 * 1024;

const tooLarge = (): DrimboxError => new DrimboxError('dicom-file/too-large', { detail: 'too much before the pixels' });

type Looked =
  | { readonly kind: 'head'; readonly head: FileHead; readonly whole?: Buffer }
  | { readonly kind: 'deflated'; readonly transferSyntaxUid: string; readonly file: Buffer };

const lookAt = async (file: ImageFile): Promise<Looked> => {
  let whole = file.whole?.bytes;
  if (whole === undefined && file.sizeBytes <= wholeFileBytes) whole = await file.readAll();
  for (let bytes = firstHeadBytes; ; ) {
    const head = whole ?? (await file.readPrefix(bytes));
    const reading = readOutline(head, { fileLength: file.sizeBytes });
    if (reading.kind === 'outline') {
      const found = { kind: 'head', head: { outline: reading.outline, head } } as const;
      return whole === undefined ? found : { ...found, whole };
    }
    if (reading.kind === 'deflated') {
      if (file.sizeBytes > maxHeadBytes) throw tooLarge();
      const { transferSyntaxUid } = reading;
      return { kind: 'deflated', transferSyntaxUid, file: whole ?? (await file.readAll()) };
    }
    const isCut = whole !== undefined || reading.atLeastBytes <= bytes;
    if (isCut) throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
    bytes = reading.atLeastBytes;
    if (bytes > maxHeadBytes) throw tooLarge();
  }
};

const wholePlan = (bytes: number): FilePlan => ({
  segments: [{ kind: 'copy', start: 0, end: bytes }],
  totalBytes: bytes,
});

/** Who a deflated file is stands in what it inflates to; the file itself stays as it is stored, without the INS. */
const readDeflated = (
  { file, transferSyntaxUid }: Extract<Looked, { kind: 'deflated' }>,
  named: NamedObject,
  terms: ReadingTerms,
): ReadImage => {
  const inflated = inflateDataset(file, maxHeadBytes);
  const reading = readOutline(inflated);
  if (reading.kind !== 'outline') throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
  const { outline } = reading;
  checkIdentity(outline, { ...named, studyInstanceUid: terms.studyInstanceUid });
  planInsSplice(outline, terms.ins);
  const plan = wholePlan(file.length);
  return { head: { outline, head: inflated }, transferSyntaxUid, isDeflated: true, plan, whole: file };
};

/**
 * @throws dicom-file/identity-mismatch: another object, or another INS of the same kind; dicom-file/*: it cannot be told what it
 *   is (dicom-file/syntax-unsupported: a private transfer syntax); orthanc/*
 */
export const readImage = async (file: ImageFile, named: NamedObject, terms: ReadingTerms): Promise<ReadImage> => {
  const looked = await lookAt(file);
  if (looked.kind === 'deflated') return readDeflated(looked, named, terms);
  const { head, whole } = looked;
  const { outline } = head;
  checkIdentity(outline, { ...named, studyInstanceUid: terms.studyInstanceUid });
  const { transferSyntaxUid } = outline;
  const plan = planInsSplice(outline, terms.ins);
  return { head, transferSyntaxUid, isDeflated: false, plan, ...(whole === undefined ? {} : { whole }) };
};

/** The part of a plan between two bytes of the file that it makes. */
const clipPlan = ({ segments }: FilePlan, start: number, end: number): readonly FileSegment[] => {
  let at = 0;
  return segments.flatMap((segment): readonly FileSegment[] => {
    const from = Math.max(start - at, 0);
    const length = segmentLength(segment);
    const to = Math.min(end - at, length);
    at += length;
    if (from >= to) return [];
    return segment.kind === 'bytes'
      ? [{ kind: 'bytes', bytes: segment.bytes.subarray(from, to) }]
      : [{ kind: 'copy', start: segment.start + from, end: segment.start + to }];
  });
};

/** Bytes `start` to `end` of what the plan makes of a file in memory: views of it. */
export const viewPlanned = (whole: Buffer, plan: FilePlan, start: number, end: number): readonly Buffer[] =>
  clipPlan(plan, start, end).map((segment) =>
    segment.kind === 'bytes' ? Buffer.from(segment.bytes) : whole.subarray(segment.start, segment.end),
  );

/** As `viewPlanned`, read while it leaves. @throws orthanc/* */
export async function* streamPlanned(
  file: ImageFile,
  plan: FilePlan,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal,
): AsyncGenerator<LentMemory, void, undefined> {
  for (const segment of clipPlan(plan, start, end)) {
    if (segment.kind === 'copy') yield* file.stream(segment, signal);
    else yield { bytes: Buffer.from(segment.bytes), giveBack: () => undefined };
  }
}

/** CRC-32 of what the plan makes. @throws orthanc/* */
export const checksumOf = async (file: ImageFile, { plan, whole }: ReadImage, signal: AbortSignal): Promise<number> => {
  let checksum = 0;
  if (whole !== undefined) {
    for (const piece of viewPlanned(whole, plan, 0, plan.totalBytes)) checksum = crc32(piece, checksum);
    return checksum;
  }
  let bytes = 0;
  for await (const piece of streamPlanned(file, plan, { start: 0, end: plan.totalBytes }, signal)) {
    checksum = crc32(piece.bytes, checksum);
    bytes += piece.bytes.length;
    piece.giveBack();
  }
  if (bytes === plan.totalBytes) return checksum;
  throw new DrimboxError('orthanc/answer-invalid', { detail: 'a stored file became shorter' });
};
