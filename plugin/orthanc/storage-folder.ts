/**
 * Orthanc's storage folder: `xx/yy/uuid`, one file for each attachment.
 *
 * A name is drawn once (UUID) and its file is written once: a file of that name and size is the one that the index means,
 * wherever the folder is mounted from.
 *
 * @see Orthanc Book, "Storage area"; the same on 1.10.1 and 1.12.7
 */
import { close, constants, open as openDescriptor, read as readDescriptor } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DrimboxError } from '../errors.ts';
import type { LentMemory, MemoryLender } from '../lent-memory.ts';

/** A file as Orthanc's index names it. */
export interface NamedFile {
  readonly uuid: string;
  /** Before compression. */
  readonly sizeBytes: number;
}

export type OpenedFile = { readonly kind: 'open'; readonly file: FolderFile } | UnusableFile;

export type ReadFile = { readonly kind: 'read'; readonly whole: LentMemory } | UnusableFile;

type UnusableFile =
  /** Another storage, another mount, or a file that was deleted meanwhile. */
  | { readonly kind: 'missing' }
  /** Compressed by Orthanc (StorageCompression), or cut. */
  | { readonly kind: 'not-as-stored' }
  | { readonly kind: 'unreadable'; readonly systemCode: string };

export interface FolderFile {
  /** Into memory of its own. @throws orthanc/answer-invalid: the disk fails, or the file became shorter */
  read(start: number, end: number): Promise<Buffer>;
  /** Fills the memory, from there on. @throws orthanc/answer-invalid */
  fill(memory: Buffer, start: number): Promise<void>;
  close(): Promise<void>;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text may stand in a path of the storage folder. */
export const isStorageUuid = (text: string): boolean => uuidForm.test(text);

const systemCodeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

const diskFailed = (cause: unknown): DrimboxError =>
  new DrimboxError('orthanc/answer-invalid', { cause, detail: `stored file: ${systemCodeOf(cause)}` });

const fill = async (file: FileHandle, memory: Buffer, start: number): Promise<void> => {
  for (let filled = 0; filled < memory.length; ) {
    const { bytesRead } = await file
      .read(memory, filled, memory.length - filled, start + filled)
      .catch((cause: unknown) => Promise.reject(diskFailed(cause)));
    if (bytesRead === 0) throw new DrimboxError('orthanc/answer-invalid', { detail: 'a stored file became shorter' });
    filled += bytesRead;
  }
};

const readExactly = async (file: FileHandle, start: number, end: number): Promise<Buffer> => {
  const memory = Buffer.allocUnsafeSlow(end - start);
  await fill(file, memory, start);
  return memory;
};

const headBytes = 10;

/**
 * A file that Orthanc compressed may by chance be as long as it was before. It begins with its former size and then the
 * mark of zlib; a DICOM file does not.
 */
const isCompressed = (head: Buffer, sizeBytes: number): boolean =>
  head.length >= headBytes &&
  head.readBigUInt64LE(0) === BigInt(sizeBytes) &&
  head.readUInt16BE(8) % 31 === 0 &&
  (head[8] ?? 0) % 16 === 8;

const look = async (file: FileHandle, { sizeBytes }: NamedFile): Promise<OpenedFile> => {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size !== sizeBytes) return { kind: 'not-as-stored' };
  if (isCompressed(await readExactly(file, 0, Math.min(headBytes, sizeBytes)), sizeBytes)) {
    return { kind: 'not-as-stored' };
  }
  let isOpen = true;
  return {
    kind: 'open',
    file: {
      read: (start, end) => readExactly(file, start, end),
      fill: (memory, start) => fill(file, memory, start),
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        await file.close();
      },
    },
  };
};

/** Never outside the folder, never through a link, never for writing. */
const pathIn = (folder: string, uuid: string): string => join(folder, uuid.slice(0, 2), uuid.slice(2, 4), uuid);

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const unusable = (error: unknown): UnusableFile => {
  const systemCode = systemCodeOf(error);
  return systemCode === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', systemCode };
};

/** Whether a file of that name and size is there: without opening it. */
export const lookInFolder = async (
  folder: string,
  { uuid, sizeBytes }: NamedFile,
): Promise<{ readonly kind: 'there' } | UnusableFile> => {
  if (!isStorageUuid(uuid)) return { kind: 'missing' };
  try {
    const stats = await lstat(pathIn(folder, uuid));
    return stats.isFile() && stats.size === sizeBytes ? { kind: 'there' } : { kind: 'not-as-stored' };
  } catch (error) {
    return unusable(error);
  }
};

/** A file that is open stays so when it is deleted. */
export const openInFolder = async (folder: string, named: NamedFile): Promise<OpenedFile> => {
  if (!isStorageUuid(named.uuid)) return { kind: 'missing' };
  let file: FileHandle;
  try {
    file = await open(pathIn(folder, named.uuid), openFlags);
  } catch (error) {
    return unusable(error);
  }
  const opened = await look(file, named).catch(
    (error: unknown): OpenedFile => ({ kind: 'unreadable', systemCode: systemCodeOf(error) }),
  );
  if (opened.kind !== 'open') await file.close();
  return opened;
};

const openAsync = promisify(openDescriptor);

/** Bytes there are, at most as many as the memory takes. */
const readUpTo = (descriptor: number, memory: Buffer): Promise<number> =>
  new Promise((resolve, reject) => {
    const next = (filled: number): void =>
      readDescriptor(descriptor, memory, filled, memory.length - filled, filled, (error, bytesRead) => {
        if (error !== null) reject(error);
        else if (bytesRead === 0 || filled + bytesRead === memory.length) resolve(filled + bytesRead);
        else next(filled + bytesRead);
      });
    next(0);
  });

/**
 * A file whole, in lent memory: in as few system calls as it takes, for each is a journey to another thread. One byte more
 * than it should have is asked for, so that a longer file shows.
 */
export const readInFolder = async (folder: string, named: NamedFile, memory: MemoryLender): Promise<ReadFile> => {
  const { uuid, sizeBytes } = named;
  if (!isStorageUuid(uuid)) return { kind: 'missing' };
  let descriptor: number;
  try {
    descriptor = await openAsync(pathIn(folder, uuid), openFlags);
  } catch (error) {
    return unusable(error);
  }
  const lent = memory.lend(sizeBytes + 1);
  try {
    const bytes = lent.bytes.subarray(0, sizeBytes);
    if ((await readUpTo(descriptor, lent.bytes)) === sizeBytes && !isCompressed(bytes, sizeBytes)) {
      return { kind: 'read', whole: { bytes, giveBack: lent.giveBack } };
    }
    lent.giveBack();
    return { kind: 'not-as-stored' };
  } catch (error) {
    lent.giveBack();
    return { kind: 'unreadable', systemCode: systemCodeOf(error) };
  } finally {
    // Nothing was written: its closing says nothing that anybody waits for.
    close(descriptor, () => undefined);
  }
};
