/**
 * One stored object, read as far as tells what it is, and known to be the one that was asked for (decision E1) before
 * anybody sees a byte of it.
 */
import {
  checkIdentity,
  type DicomFileOutline,
  inflateDataset,
  planInsSplice,
  readOutline,
  toExplicitLittleEndian,
} from '../../dicom-file/index.ts';
import { asDrimboxError, DrimboxError } from '../../errors.ts';
import { parseTransferSyntaxUid, type TransferSyntaxUid } from '../../standards/index.ts';
import type { ImageStore, StoredImage } from '../../wado/index.ts';
import type { ViewedStudy } from './viewed-study.ts';

export type ImageFile = Awaited<ReturnType<ImageStore['open']>>;

export interface StoredObject {
  readonly image: StoredImage;
  /** Of the stored file: another one when it is another file. */
  readonly revision: string;
  /** Always little endian. */
  readonly outline: DicomFileOutline;
  /** At least all that stands before the pixel data. Good while the object is open. */
  readonly head: Buffer;
  /** The whole file, where it was read whole. Good while the object is open. */
  readonly whole?: Buffer;
  /** Of `outline`: deflated and big endian files are Explicit VR Little Endian as soon as they are read. */
  readonly transferSyntax: TransferSyntaxUid;
  /** Any part of the file, in memory of its own. @throws orthanc/* */
  read(start: number, end: number): Promise<Buffer>;
}

export interface ObjectLimits {
  /** A file that is read whole, and what it inflates to. */
  readonly maxFileBytes: number;
}

export interface ObjectPorts {
  readonly images: Pick<ImageStore, 'open'>;
  readonly limits: ObjectLimits;
}

const firstPrefixBytes = 64 * 1024;
/** Read whole up to this size: one read instead of several. */
const wholeFileBytes = 2 * 1024 * 1024;

type Read = Pick<StoredObject, 'outline' | 'head' | 'whole' | 'transferSyntax'>;

const readWhole = (whole: Buffer, maxBytes: number): Read => {
  const reading = readOutline(whole);
  if (reading.kind === 'need-more') throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
  if (reading.kind === 'deflated') return readWhole(inflateDataset(whole, maxBytes), maxBytes);
  const { outline } = reading;
  if (!outline.encoding.isLittleEndian) {
    return readWhole(Buffer.from(toExplicitLittleEndian(whole, outline)), maxBytes);
  }
  return { outline, head: whole, whole, transferSyntax: parseTransferSyntaxUid(outline.transferSyntaxUid) };
};

const readAll = async (file: ImageFile, maxBytes: number): Promise<Buffer> => {
  if (file.whole !== undefined) return file.whole.bytes;
  if (file.sizeBytes > maxBytes) throw new DrimboxError('dicom-file/too-large', { detail: 'not read as a whole' });
  return file.readAll();
};

const readHead = async (file: ImageFile, { maxFileBytes }: ObjectLimits): Promise<Read> => {
  if (file.whole !== undefined || file.sizeBytes <= wholeFileBytes) {
    return readWhole(await readAll(file, maxFileBytes), maxFileBytes);
  }
  for (let bytes = firstPrefixBytes; ; ) {
    const prefix = await file.readPrefix(bytes);
    const reading = readOutline(prefix, { fileLength: file.sizeBytes });
    if (reading.kind === 'deflated' || (reading.kind === 'outline' && !reading.outline.encoding.isLittleEndian)) {
      return readWhole(await readAll(file, maxFileBytes), maxFileBytes);
    }
    if (reading.kind === 'outline') {
      const { outline } = reading;
      return { outline, head: prefix, transferSyntax: parseTransferSyntaxUid(outline.transferSyntaxUid) };
    }
    if (reading.atLeastBytes <= bytes || reading.atLeastBytes > maxFileBytes) {
      throw new DrimboxError('dicom-file/malformed', { detail: 'the file is cut' });
    }
    bytes = reading.atLeastBytes;
  }
};

const readRange = async (file: ImageFile, start: number, end: number, signal: AbortSignal): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, end - start));
  let filled = 0;
  if (bytes.length === 0) return bytes;
  for await (const piece of file.stream({ start, end }, signal)) {
    filled += piece.bytes.copy(bytes, filled);
    piece.giveBack();
  }
  if (filled !== bytes.length) throw new DrimboxError('orthanc/answer-invalid', { detail: 'the file breaks off' });
  return bytes;
};

/**
 * Reads bytes that are within the file.
 *
 * @throws dicom-file/malformed: beyond its end
 */
const rangeReader =
  (file: ImageFile, { whole, outline }: Read, signal: AbortSignal): StoredObject['read'] =>
  async (start, end) => {
    if (start < 0 || end < start || end > outline.fileLength) {
      throw new DrimboxError('dicom-file/malformed', { detail: 'a value beyond the end of the file' });
    }
    return whole === undefined ? readRange(file, start, end, signal) : Buffer.from(whole.subarray(start, end));
  };

/** The PACS as a whole failed, not this object: it would say the same of every other one. */
export const isOfPacs = (error: unknown): boolean => {
  const { code } = asDrimboxError(error);
  return code === 'orthanc/unreachable' || code === 'orthanc/timeout' || code === 'orthanc/refused';
};

/**
 * Opens an object for as long as `work` takes. A file that says another study, series, instance or another INS under the OID of
 * the patient's is refused before `work` begins.
 *
 * @throws dicom-file/*, orthanc/*, and what `work` throws
 */
export const withStoredObject = async <Result>(
  { image, next }: { readonly image: StoredImage; readonly next: readonly StoredImage[] },
  { manifest }: ViewedStudy,
  { images, limits }: ObjectPorts,
  signal: AbortSignal,
  work: (object: StoredObject) => Promise<Result>,
): Promise<Result> => {
  const file = await images.open(image, next, signal, wholeFileBytes);
  try {
    const read = await readHead(file, limits);
    const { studyInstanceUid, ins } = manifest;
    const { seriesInstanceUid, sopInstanceUid } = image;
    checkIdentity(read.outline, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    // Its plan is of no use here; that it can be made says that the file contradicts no INS.
    planInsSplice(read.outline, ins);
    return await work({ image, revision: file.revision, ...read, read: rangeReader(file, read, signal) });
  } finally {
    await file.close();
  }
};
