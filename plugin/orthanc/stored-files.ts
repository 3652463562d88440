/**
 * The stored files of instances: read in Orthanc's storage folder where that is possible, asked of Orthanc otherwise.
 */
import { DrimboxError } from '../errors.ts';
import type { OrthancClient } from './client.ts';
import { createRestFileIndex, type FileIndex, type FilePlace } from './file-index.ts';
import { createFilePlaces } from './file-places.ts';
import { type FolderFile, openInFolder } from './storage-folder.ts';

/** Reading fails with orthanc/not-found when it was deleted meanwhile, and with orthanc/* otherwise. */
export interface StoredFile {
  readonly sizeBytes: number;
  /** Name of the file in Orthanc: another file has another one. */
  readonly uuid: string;
  /** As Orthanc's index has it; absent when it does not say. */
  readonly transferSyntaxUid?: string;
  /** Where it is read. */
  readonly source: 'folder' | 'orthanc';
  /** The first bytes; fewer when the file is shorter. */
  readPrefix(bytes: number): Promise<Buffer>;
  /** @throws also orthanc/file-too-large */
  readAll(): Promise<Buffer>;
  /** In pieces of at most 1 MiB. @param range  `end` is one past the last byte */
  stream(range: { readonly start: number; readonly end: number }, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface StoredFiles {
  /**
   * @param others  instances that will be opened soon: asked about together
   * @param signal  ends this, and what is read of the file
   * @throws orthanc/not-found when it is gone, orthanc/*
   */
  open(instanceId: string, others: readonly string[], signal: AbortSignal): Promise<StoredFile>;
}

export interface StoredFilesOptions {
  /** Orthanc's StorageDirectory; absent: everything is asked of Orthanc. */
  readonly folder?: string | undefined;
  /** Absent: Orthanc itself is asked. */
  readonly index?: FileIndex | undefined;
  /** UTC, milliseconds. */
  readonly clock: () => number;
  /** Longest file that `readAll` takes into memory. */
  readonly maxWholeBytes?: number;
}

type Range = { readonly start: number; readonly end: number };

const pieceBytes = 1024 * 1024;
const defaultMaxWholeBytes = 1024 * 1024 * 1024;

/** Leaves without waiting for an answer that others may need. */
const orAborted = <T>(answer: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });

const within = ({ start, end }: Range, sizeBytes: number): Range => {
  if (start >= 0 && start <= end && end <= sizeBytes) return { start, end };
  throw new RangeError(`bytes ${start} to ${end} of a file of ${sizeBytes}`);
};

// In the folder ----------------------------------------------------------------------------------------------------

async function* readPieces(
  file: FolderFile,
  range: Range,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = range.start; at < range.end; at += pieceBytes) {
    signal.throwIfAborted();
    yield await file.read(at, Math.min(at + pieceBytes, range.end));
  }
}

const storedInFolder = (file: FolderFile, place: FilePlace, checkWhole: () => void): StoredFile => ({
  ...place,
  source: 'folder',
  readPrefix: (bytes) => file.read(0, Math.min(bytes, place.sizeBytes)),
  readAll: async () => {
    checkWhole();
    return await file.read(0, place.sizeBytes);
  },
  stream: (range, signal) => readPieces(file, within(range, place.sizeBytes), signal),
  close: () => file.close(),
});

// By Orthanc -------------------------------------------------------------------------------------------------------

const storedInOrthanc = (
  client: Pick<OrthancClient, 'downloadFile'>,
  instanceId: string,
  place: FilePlace,
  { checkWhole, forget }: { readonly checkWhole: () => void; readonly forget: () => void },
  opening: AbortSignal,
): StoredFile => {
  const { sizeBytes } = place;
  let etag: string | undefined;

  /** All parts must be of one file: an instance can be replaced under its own id. */
  async function* parts(range: Range, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    if (range.start === range.end) return;
    try {
      const download = await client.downloadFile(instanceId, { ...range, totalBytes: sizeBytes }, signal);
      etag ??= download.etag;
      const isSame = etag === download.etag;
      for await (const piece of download.bytes) {
        if (!isSame) throw new DrimboxError('orthanc/answer-invalid', { detail: 'the file was replaced meanwhile' });
        yield piece;
      }
    } catch (error) {
      if (!signal.aborted) forget();
      throw error;
    }
  }

  const gather = async (range: Range): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafeSlow(range.end - range.start);
    let filled = 0;
    for await (const piece of parts(range, opening)) filled += piece.copy(buffer, filled);
    return buffer;
  };

  return {
    ...place,
    source: 'orthanc',
    readPrefix: (bytes) => gather({ start: 0, end: Math.min(bytes, sizeBytes) }),
    readAll: async () => {
      checkWhole();
      return await gather({ start: 0, end: sizeBytes });
    },
    stream: (range, signal) => parts(within(range, sizeBytes), signal),
    close: () => Promise.resolve(),
  };
};

// ------------------------------------------------------------------------------------------------------------------

/** A file that is not where Orthanc named it this long ago was replaced or deleted, or is in no folder that we see. */
const missingFreshMs = 1_000;
/** Where nothing but Orthanc tells that an instance was replaced under its own id, it is noticed this much later. */
const unseenFreshMs = 30_000;

/**
 * A place that Orthanc named a while ago is right when its file is still there; otherwise it is asked for again, for an
 * instance may have been replaced or deleted.
 */
export const createStoredFiles = (
  client: Pick<OrthancClient, 'listInstances' | 'downloadFile'>,
  options: StoredFilesOptions,
): StoredFiles => {
  const { folder, clock, maxWholeBytes = defaultMaxWholeBytes } = options;
  const places = createFilePlaces(options.index ?? createRestFileIndex(client), clock);

  const checkWhole =
    ({ sizeBytes }: FilePlace) =>
    (): void => {
      if (sizeBytes <= maxWholeBytes) return;
      throw new DrimboxError('orthanc/file-too-large', { detail: `a stored file of ${sizeBytes} bytes` });
    };

  const tryFolder = async (place: FilePlace): Promise<StoredFile | 'missing' | 'unusable'> => {
    if (folder === undefined) return 'unusable';
    const opened = await openInFolder(folder, place);
    if (opened.kind === 'open') return storedInFolder(opened.file, place, checkWhole(place));
    return opened.kind === 'missing' ? 'missing' : 'unusable';
  };

  return {
    open: async (instanceId, others, signal) => {
      signal.throwIfAborted();
      let place = await orAborted(places.locate(instanceId, others), signal);
      let found = await tryFolder(place);
      const withinMs = found === 'missing' ? missingFreshMs : unseenFreshMs;
      if (typeof found === 'string' && !places.isFresh(instanceId, place, withinMs)) {
        place = await orAborted(places.locateAnew(instanceId, others, withinMs), signal);
        found = await tryFolder(place);
      }
      if (typeof found !== 'string') return found;
      const forget = (): void => places.forget(instanceId);
      return storedInOrthanc(client, instanceId, place, { checkWhole: checkWhole(place), forget }, signal);
    },
  };
};
