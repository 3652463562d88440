/**
 * The stored files of instances: read in Orthanc's storage folder where that is possible, asked of Orthanc otherwise.
 */
import { DrimboxError } from '../errors.ts';
import { createMemoryLender, type LentMemory, type MemoryLender, ownedMemory } from '../lent-memory.ts';
import type { OrthancClient } from './client.ts';
import { createRestFileIndex, type FileIndex, type FilePlace } from './file-index.ts';
import { createFilePlaces } from './file-places.ts';
import { type FolderFile, lookInFolder, openInFolder, readInFolder } from './storage-folder.ts';

/** Reading fails with orthanc/not-found when it was deleted meanwhile, and with orthanc/* otherwise. */
export interface StoredFile {
  readonly sizeBytes: number;
  /** Name of the file in Orthanc: another file has another one. */
  readonly uuid: string;
  /** As Orthanc's index has it; absent when it does not say. */
  readonly transferSyntaxUid?: string;
  /** Where it is read. */
  readonly source: 'folder' | 'orthanc';
  /** The whole file, where it was read as it was opened: good until `close`, or longer where it is kept. */
  readonly whole?: {
    readonly bytes: Buffer;
    /** From now on it is not `close` that gives the memory back, but the caller. */
    keep(): LentMemory;
  };
  /** The first bytes; fewer when the file is shorter. */
  readPrefix(bytes: number): Promise<Buffer>;
  /** @throws also orthanc/file-too-large */
  readAll(): Promise<Buffer>;
  /** In pieces of at most 1 MiB, to be given back. @param range  `end` is one past the last byte */
  stream(range: { readonly start: number; readonly end: number }, signal: AbortSignal): AsyncIterable<LentMemory>;
  close(): Promise<void>;
}

export interface StoredFiles {
  /**
   * @param others  instances that will be opened soon: asked about together
   * @param signal  ends this, and what is read of the file
   * @param wholeUpToBytes  a file that is not longer is read as it is opened [0]
   * @throws orthanc/not-found when it is gone, orthanc/*
   */
  open(
    instanceId: string,
    others: readonly string[],
    signal: AbortSignal,
    wholeUpToBytes?: number,
  ): Promise<StoredFile>;
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
  /** Where memory for what is sent at once comes from; absent: each piece has its own. */
  readonly memory?: MemoryLender;
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
  memory: MemoryLender,
  signal: AbortSignal,
): AsyncGenerator<LentMemory, void, undefined> {
  for (let at = range.start; at < range.end; at += pieceBytes) {
    signal.throwIfAborted();
    const piece = memory.lend(Math.min(pieceBytes, range.end - at));
    await file.fill(piece.bytes, at);
    yield piece;
  }
}

const storedInFolder = (
  file: FolderFile,
  place: FilePlace,
  memory: MemoryLender,
  checkWhole: () => void,
): StoredFile => ({
  ...place,
  source: 'folder',
  readPrefix: (bytes) => file.read(0, Math.min(bytes, place.sizeBytes)),
  readAll: async () => {
    checkWhole();
    return await file.read(0, place.sizeBytes);
  },
  stream: (range, signal) => readPieces(file, within(range, place.sizeBytes), memory, signal),
  close: () => file.close(),
});

/** Opened when something is first read of it: who only needs its name, and that it is there, need not wait for more. */
const openedLate = (place: FilePlace, open: () => Promise<StoredFile>): StoredFile => {
  let opening: Promise<StoredFile> | undefined;
  const file = (): Promise<StoredFile> => (opening ??= open());
  return {
    ...place,
    source: 'folder',
    readPrefix: async (bytes) => (await file()).readPrefix(bytes),
    readAll: async () => (await file()).readAll(),
    stream: async function* (range, signal) {
      yield* (await file()).stream(range, signal);
    },
    close: async () => {
      const opened = await opening?.catch(() => undefined);
      await opened?.close();
    },
  };
};

/** In memory: what is read of it are copies, which outlive it. */
const storedInMemory = (lent: LentMemory, place: FilePlace, source: StoredFile['source']): StoredFile => {
  let isOurs = true;
  const copy = (start: number, end: number): Buffer => Buffer.from(lent.bytes.subarray(start, end));
  return {
    ...place,
    source,
    whole: {
      bytes: lent.bytes,
      keep: () => {
        isOurs = false;
        return lent;
      },
    },
    readPrefix: (bytes) => Promise.resolve(copy(0, bytes)),
    readAll: () => Promise.resolve(copy(0, place.sizeBytes)),
    stream: async function* (range) {
      const { start, end } = within(range, place.sizeBytes);
      if (start < end) yield ownedMemory(copy(start, end));
    },
    close: () => {
      if (isOurs) lent.giveBack();
      isOurs = false;
      return Promise.resolve();
    },
  };
};

// By Orthanc -------------------------------------------------------------------------------------------------------

async function* owned(pieces: AsyncIterable<Buffer>): AsyncGenerator<LentMemory, void, undefined> {
  for await (const piece of pieces) yield ownedMemory(piece);
}

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
    stream: (range, signal) => owned(parts(within(range, sizeBytes), signal)),
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
  const { folder, clock, maxWholeBytes = defaultMaxWholeBytes, memory = createMemoryLender(0) } = options;
  const places = createFilePlaces(options.index ?? createRestFileIndex(client), clock);

  const checkWhole =
    ({ sizeBytes }: FilePlace) =>
    (): void => {
      if (sizeBytes <= maxWholeBytes) return;
      throw new DrimboxError('orthanc/file-too-large', { detail: `a stored file of ${sizeBytes} bytes` });
    };

  const byOrthanc = (instanceId: string, place: FilePlace, signal: AbortSignal): StoredFile => {
    const forget = (): void => places.forget(instanceId);
    return storedInOrthanc(client, instanceId, place, { checkWhole: checkWhole(place), forget }, signal);
  };

  const tryFolder = async (
    instanceId: string,
    place: FilePlace,
    signal: AbortSignal,
    wholeUpToBytes: number,
  ): Promise<StoredFile | 'missing' | 'unusable'> => {
    if (folder === undefined) return 'unusable';
    if (place.sizeBytes <= wholeUpToBytes) {
      const read = await readInFolder(folder, place, memory);
      if (read.kind === 'read') return storedInMemory(read.whole, place, 'folder');
      return read.kind === 'missing' ? 'missing' : 'unusable';
    }
    const looked = await lookInFolder(folder, place);
    if (looked.kind !== 'there') return looked.kind === 'missing' ? 'missing' : 'unusable';
    return openedLate(place, async () => {
      const opened = await openInFolder(folder, place);
      // Deleted since, or not readable: Orthanc knows.
      return opened.kind === 'open'
        ? storedInFolder(opened.file, place, memory, checkWhole(place))
        : byOrthanc(instanceId, place, signal);
    });
  };

  return {
    open: async (instanceId, others, signal, wholeUpToBytes = 0) => {
      signal.throwIfAborted();
      let place = await orAborted(places.locate(instanceId, others), signal);
      let found = await tryFolder(instanceId, place, signal, wholeUpToBytes);
      const withinMs = found === 'missing' ? missingFreshMs : unseenFreshMs;
      if (typeof found === 'string' && !places.isFresh(instanceId, place, withinMs)) {
        place = await orAborted(places.locateAnew(instanceId, others, withinMs), signal);
        found = await tryFolder(instanceId, place, signal, wholeUpToBytes);
      }
      return typeof found === 'string' ? byOrthanc(instanceId, place, signal) : found;
    },
  };
};
