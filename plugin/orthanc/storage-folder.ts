/**
 * Orthanc's storage folder: `xx/yy/uuid`, one file for each attachment.
 *
 * A name is drawn once (UUID) and its file is written once: a file of that name and size is the one that the index means,
 * wherever the folder is mounted from.
 *
 * @see Orthanc Book, "Storage area"; the same on 1.10.1 and 1.12.7
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { DrimboxError } from '../errors.ts';

/** A file as Orthanc's index names it. */
export interface NamedFile {
  readonly uuid: string;
  /** Before compression. */
  readonly sizeBytes: number;
}

export type OpenedFile =
  | { readonly kind: 'open'; readonly file: FolderFile }
  /** Another storage, another mount, or a file that was deleted meanwhile. */
  | { readonly kind: 'missing' }
  /** Compressed by Orthanc (StorageCompression), or cut. */
  | { readonly kind: 'not-as-stored' }
  | { readonly kind: 'unreadable'; readonly systemCode: string };

export interface FolderFile {
  /** @throws orthanc/answer-invalid: the disk fails, or the file became shorter */
  read(start: number, end: number): Promise<Buffer>;
  close(): Promise<void>;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text may stand in a path of the storage folder. */
export const isStorageUuid = (text: string): boolean => uuidForm.test(text);

const systemCodeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';

const readExactly = async (file: FileHandle, start: number, end: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafeSlow(end - start);
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await file
      .read(buffer, filled, buffer.length - filled, start + filled)
      .catch((cause: unknown) => {
        throw new DrimboxError('orthanc/answer-invalid', { cause, detail: `stored file: ${systemCodeOf(cause)}` });
      });
    if (bytesRead === 0) throw new DrimboxError('orthanc/answer-invalid', { detail: 'a stored file became shorter' });
    filled += bytesRead;
  }
  return buffer;
};

const headBytes = 10;

/**
 * A file that Orthanc compressed may by chance be as long as it was before. It begins with its former size and then the
 * mark of zlib; a DICOM file does not.
 */
const isCompressed = async (file: FileHandle, sizeBytes: number): Promise<boolean> => {
  if (sizeBytes < headBytes) return false;
  const head = await readExactly(file, 0, headBytes);
  return head.readBigUInt64LE(0) === BigInt(sizeBytes) && head.readUInt16BE(8) % 31 === 0 && (head[8] ?? 0) % 16 === 8;
};

const look = async (file: FileHandle, { sizeBytes }: NamedFile): Promise<OpenedFile> => {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size !== sizeBytes || (await isCompressed(file, sizeBytes))) {
    return { kind: 'not-as-stored' };
  }
  let isOpen = true;
  return {
    kind: 'open',
    file: {
      read: (start, end) => readExactly(file, start, end),
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        await file.close();
      },
    },
  };
};

/** Never outside the folder, never through a link, never for writing. A file that is open stays so when it is deleted. */
export const openInFolder = async (folder: string, named: NamedFile): Promise<OpenedFile> => {
  const { uuid } = named;
  if (!isStorageUuid(uuid)) return { kind: 'missing' };
  const path = join(folder, uuid.slice(0, 2), uuid.slice(2, 4), uuid);
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const systemCode = systemCodeOf(error);
    return systemCode === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', systemCode };
  }
  const opened = await look(file, named).catch(
    (error: unknown): OpenedFile => ({ kind: 'unreadable', systemCode: systemCodeOf(error) }),
  );
  if (opened.kind !== 'open') await file.close();
  return opened;
};
