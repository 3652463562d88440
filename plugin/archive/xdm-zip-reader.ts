/**
 * Reads a ZIP file that came from outside, by random access: the directory once, then one file at a time. Never the whole file
 * in memory, never a file written to disk under a name of the archive.
 *
 * @see PKWARE APPNOTE 6.3.10 · OWASP "Zip Slip" · D. Fifield, "A better zip bomb" (2019)
 */
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { DrimboxError } from '../errors.ts';

/** Far beyond any archive of a site; keep a hostile one from taking long. */
const limits = {
  files: 4_000_000,
  /** All files together, as the directory declares them, against the size of the archive. Metadata deflate to a fifth. */
  inflation: 200,
  nameLength: 512,
} as const;

/** Where one file stands in the archive: all that is remembered of it. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly packedBytes: number;
  readonly offset: number;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
}

export interface ZipReader {
  /** Files of the archive, in the order of its directory. Once only. @throws archive/xdm-* */
  entries(): AsyncGenerator<ZipEntry, void, void>;
  /**
   * @throws archive/xdm-too-large — more than `maxBytes`, declared or inflated; archive/xdm-zip-invalid — damaged or encrypted
   */
  read(entry: ZipEntry, maxBytes: number): Promise<Buffer>;
  close(): void;
}

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('archive/xdm-zip-invalid', { detail, ...(cause === undefined ? {} : { cause }) });
const tooLarge = (detail: string): DrimboxError => new DrimboxError('archive/xdm-too-large', { detail });

const safeName = (entry: yauzl.Entry): string => {
  const raw = entry.fileName as unknown as Buffer;
  const name = yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, false);
  const problem = name.length > limits.nameLength ? 'too long' : yauzl.validateFileName(name);
  // The name itself is not told: whoever made it chose it.
  if (problem !== null || name.includes('\u0000')) {
    throw new DrimboxError('archive/xdm-name-unsafe', { detail: `of file ${entry.relativeOffsetOfLocalHeader}` });
  }
  return name;
};

async function* listEntries(zip: yauzl.ZipFile): AsyncGenerator<ZipEntry, void, void> {
  if (zip.entryCount > limits.files) throw tooLarge(`${zip.entryCount} files`);
  let total = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const name = safeName(entry);
      total += entry.uncompressedSize;
      if (total > zip.fileSize * limits.inflation) throw tooLarge('the files inflate beyond any archive of manifests');
      yield {
        name,
        bytes: entry.uncompressedSize,
        packedBytes: entry.compressedSize,
        offset: entry.relativeOffsetOfLocalHeader,
        method: entry.compressionMethod,
        flags: entry.generalPurposeBitFlag,
        crc: entry.crc32,
      };
    }
  } catch (cause) {
    throw cause instanceof DrimboxError ? cause : invalid('its directory is damaged', cause);
  }
}

const readEntry = async (zip: yauzl.ZipFile, entry: ZipEntry, maxBytes: number): Promise<Buffer> => {
  if (entry.bytes > maxBytes) throw tooLarge(`a file of ${entry.bytes} bytes, ${maxBytes} are allowed`);
  const opened = Object.assign(new yauzl.Entry(), {
    compressedSize: entry.packedBytes,
    uncompressedSize: entry.bytes,
    relativeOffsetOfLocalHeader: entry.offset,
    compressionMethod: entry.method,
    generalPurposeBitFlag: entry.flags,
  });
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    const stream = await zip.openReadStreamPromise(opened);
    for await (const piece of stream as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > maxBytes || length > entry.bytes) throw tooLarge('a file inflates to more than it declares');
      pieces.push(piece);
    }
  } catch (cause) {
    if (cause instanceof DrimboxError) throw cause;
    const isTooLong = cause instanceof Error && /too many bytes/.test(cause.message);
    throw isTooLong ? tooLarge('a file inflates to more than it declares') : invalid('a file is damaged', cause);
  }
  const bytes = Buffer.concat(pieces, length);
  if (length !== entry.bytes || crc32(bytes) !== entry.crc) throw invalid('a file is not what its checksum says');
  return bytes;
};

/** @throws cli/file-unreadable; archive/xdm-zip-invalid — no ZIP, cut, in several parts */
export const openZip = async (path: string): Promise<ZipReader> => {
  let zip: yauzl.ZipFile;
  try {
    zip = await yauzl.openPromise(path, { autoClose: false, decodeStrings: false });
  } catch (cause) {
    const isFile = typeof cause === 'object' && cause !== null && 'syscall' in cause;
    throw isFile
      ? new DrimboxError('cli/file-unreadable', { detail: path, cause })
      : invalid('no end of a ZIP archive: another format, or cut', cause);
  }
  // Errors come with what was asked; a listener keeps a late one from ending the process.
  zip.on('error', () => undefined);
  return {
    entries: () => listEntries(zip),
    read: (entry, maxBytes) => readEntry(zip, entry, maxBytes),
    close: () => zip.close(),
  };
};
