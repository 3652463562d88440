/**
 * One made file on the disk of the cache, in a form in which a damaged one is never taken for a whole one: cut by a power
 * failure, half written, moved under another name, or with one bit turned.
 *
 * ```
 * header 80 bytes   magic · flags · length of the content · SHA-256 of the key · nonce · CRC-32 of all that
 * content           in chunks of 256 kB, encrypted with AES-256-GCM or as it is
 * seals             of each chunk: GCM tag (16 bytes), or CRC-32 (4 bytes)
 * ```
 * Nothing is forced to the disk: what a power failure leaves is recognised when it is read.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { DrimboxError } from '../errors.ts';

const magic = Buffer.from('DRBXREN1', 'latin1');
export const headerBytes = 80;
const sealedHeaderBytes = 64;
export const chunkBytes = 256 * 1024;
const tagBytes = 16;
const crcBytes = 4;
/** Written or read at a time: longer work would hold up everything else. */
const chunksPerTurn = 16;

/** What a file is sealed with. */
export interface FileSeal {
  /** SHA-256 of what the file is for. */
  readonly keyDigest: Buffer;
  /** AES-256; absent: not encrypted. */
  readonly secret?: Buffer;
}

const damaged = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('renditions/cache-damaged', { detail, ...(cause === undefined ? {} : { cause }) });

const sealBytesOf = (seal: FileSeal): number => (seal.secret === undefined ? crcBytes : tagBytes);

const chunkCountOf = (contentBytes: number): number => Math.ceil(contentBytes / chunkBytes);

export const fileBytesOf = (contentBytes: number, seal: FileSeal): number =>
  headerBytes + contentBytes + chunkCountOf(contentBytes) * sealBytesOf(seal);

const buildHeader = (contentBytes: number, seal: FileSeal, nonce: bigint): Buffer => {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header[8] = seal.secret === undefined ? 0 : 1;
  header.writeBigUInt64LE(BigInt(contentBytes), 16);
  seal.keyDigest.copy(header, 24);
  header.writeBigUInt64LE(nonce, 56);
  header.writeUInt32LE(crc32(header.subarray(0, sealedHeaderBytes)), sealedHeaderBytes);
  return header;
};

/** @returns the length of the content. @throws renditions/cache-damaged */
const checkHeader = (header: Buffer, fileBytes: number, seal: FileSeal): number => {
  if (header.length < headerBytes || !header.subarray(0, 8).equals(magic)) throw damaged('no header');
  if (header.readUInt32LE(sealedHeaderBytes) !== crc32(header.subarray(0, sealedHeaderBytes))) {
    throw damaged('header damaged');
  }
  if (!header.subarray(24, 56).equals(seal.keyDigest)) throw damaged('file of something else');
  if ((header[8] === 1) !== (seal.secret !== undefined)) throw damaged('encrypted otherwise');
  const contentBytes = Number(header.readBigUInt64LE(16));
  if (fileBytesOf(contentBytes, seal) !== fileBytes) throw damaged('cut');
  return contentBytes;
};

const nonceOf = (header: Buffer, index: number): Buffer => {
  const nonce = Buffer.alloc(12);
  header.copy(nonce, 0, 56, sealedHeaderBytes);
  nonce.writeUInt32LE(index, 8);
  return nonce;
};

/** The header is part of what each tag proves: length, key and all. */
const sealChunk = (chunk: Buffer, index: number, header: Buffer, secret: Buffer | undefined): [Buffer, Buffer] => {
  if (secret === undefined) {
    const crc = Buffer.alloc(crcBytes);
    crc.writeUInt32LE(crc32(chunk, index));
    return [chunk, crc];
  }
  const cipher = createCipheriv('aes-256-gcm', secret, nonceOf(header, index));
  cipher.setAAD(header.subarray(0, sealedHeaderBytes));
  const encrypted = cipher.update(chunk);
  cipher.final();
  return [encrypted, cipher.getAuthTag()];
};

/** @throws renditions/cache-damaged */
const openChunk = (stored: Buffer, mark: Buffer, index: number, header: Buffer, secret: Buffer | undefined): Buffer => {
  if (secret === undefined) {
    if (mark.readUInt32LE() !== crc32(stored, index)) throw damaged('content damaged');
    return stored;
  }
  const decipher = createDecipheriv('aes-256-gcm', secret, nonceOf(header, index));
  decipher.setAAD(header.subarray(0, sealedHeaderBytes)).setAuthTag(mark);
  const content = decipher.update(stored);
  try {
    decipher.final();
  } catch (cause) {
    throw damaged('content damaged', cause);
  }
  return content;
};

/**
 * Writes a new file, readable by its owner alone.
 *
 * @param nonce  never the same twice under one secret
 */
export const writeCachedFile = async (path: string, content: Buffer, seal: FileSeal, nonce: bigint): Promise<void> => {
  const file = await open(path, 'wx', 0o600);
  try {
    const header = buildHeader(content.length, seal, nonce);
    const marks: Buffer[] = [];
    let parts: Buffer[] = [header];
    for (let index = 0; index < chunkCountOf(content.length); index += 1) {
      const chunk = content.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      const [stored, mark] = sealChunk(chunk, index, header, seal.secret);
      parts.push(stored);
      marks.push(mark);
      if (parts.length < chunksPerTurn) continue;
      await writeAll(file, parts);
      parts = [];
    }
    await writeAll(file, [...parts, ...marks]);
  } finally {
    await file.close();
  }
};

const writeAll = async (file: FileHandle, parts: readonly Buffer[]): Promise<void> => {
  const wanted = parts.reduce((sum, part) => sum + part.length, 0);
  // As many at once as the system takes.
  const most = 512;
  let written = 0;
  for (let at = 0; at < parts.length; at += most) {
    written += (await file.writev(parts.slice(at, at + most))).bytesWritten;
  }
  if (written !== wanted) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
};

/** A made file, open. */
export interface CachedFile {
  readonly sizeBytes: number;
  /** The first bytes, or all when there are fewer. */
  readPrefix(bytes: number): Promise<Buffer>;
  /** All of it, proved whole before any of it is given. */
  readAll(): Promise<Buffer>;
  /** A part of it: `start` included, `end` not. Each chunk is proved before it is given. */
  stream(range?: { readonly start?: number; readonly end?: number }, signal?: AbortSignal): Readable;
  /** To be called once, whatever was read; again changes nothing. */
  close(): Promise<void>;
}

/** Read when it is opened; a file that fits needs no second reading. */
const firstReadBytes = 2 * 1024 * 1024;

/** From the beginning; fewer bytes when the file ends. */
const readBeginning = async (file: FileHandle, bytes: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, filled);
    filled += bytesRead;
    // Disks give what is there: fewer bytes than asked are the last ones.
    if (bytesRead === 0 || filled < bytes) break;
  }
  return buffer.subarray(0, filled);
};

const readExactly = async (file: FileHandle, at: number, bytes: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, at + filled);
    if (bytesRead === 0) throw damaged('cut while it was read');
    filled += bytesRead;
  }
  return buffer;
};

/**
 * @param expectedBytes  of the file: one that is longer or shorter is damaged
 * @throws renditions/cache-damaged — at once, or by what reads; ENOENT when there is none
 */
export const openCachedFile = async (path: string, seal: FileSeal, expectedBytes: number): Promise<CachedFile> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    // One byte more than there should be, so that a longer file shows.
    const wanted = Math.min(expectedBytes + 1, firstReadBytes);
    const first = await readBeginning(file, wanted);
    const size = first.length < wanted ? first.length : (await file.stat()).size;
    if (size !== expectedBytes) throw damaged('of another length');
    const contentBytes = checkHeader(first, size, seal);
    return cachedFileOf(file, first, contentBytes, seal);
  } catch (cause) {
    await file.close();
    throw cause;
  }
};

const cachedFileOf = (file: FileHandle, first: Buffer, contentBytes: number, seal: FileSeal): CachedFile => {
  const header = first.subarray(0, headerBytes);
  const sealBytes = sealBytesOf(seal);
  const readAt = async (at: number, bytes: number): Promise<Buffer> =>
    at + bytes <= first.length ? first.subarray(at, at + bytes) : readExactly(file, at, bytes);

  /** Chunks `from` to `to`, proved; in one piece. */
  const readChunks = async (from: number, to: number): Promise<Buffer> => {
    const start = from * chunkBytes;
    const bytes = Math.min(to * chunkBytes, contentBytes) - start;
    const stored = await readAt(headerBytes + start, bytes);
    const marks = await readAt(headerBytes + contentBytes + from * sealBytes, (to - from) * sealBytes);
    const opened: Buffer[] = [];
    for (let index = from; index < to; index += 1) {
      const chunk = stored.subarray((index - from) * chunkBytes, (index - from + 1) * chunkBytes);
      const mark = marks.subarray((index - from) * sealBytes, (index - from + 1) * sealBytes);
      opened.push(openChunk(chunk, mark, index, header, seal.secret));
    }
    if (seal.secret === undefined) return stored;
    return opened.length === 1 ? (opened[0] as Buffer) : Buffer.concat(opened, bytes);
  };

  async function* readRange(start: number, end: number, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const last = chunkCountOf(end);
    for (let from = Math.floor(start / chunkBytes); from < last; from += chunksPerTurn) {
      signal?.throwIfAborted();
      const chunks = await readChunks(from, Math.min(from + chunksPerTurn, last));
      const at = from * chunkBytes;
      yield chunks.subarray(Math.max(start - at, 0), Math.max(Math.min(end - at, chunks.length), 0));
    }
  }

  const readUpTo = async (bytes: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of readRange(0, Math.min(bytes, contentBytes))) parts.push(part);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };

  let closing: Promise<void> | undefined;
  return {
    sizeBytes: contentBytes,
    readPrefix: readUpTo,
    readAll: () => readUpTo(contentBytes),
    stream: ({ start = 0, end = contentBytes } = {}, signal) =>
      Readable.from(readRange(start, Math.min(end, contentBytes), signal), { objectMode: false }),
    close: () => {
      closing ??= file.close();
      return closing;
    },
  };
};
