/** The lines of a backup on their way to a file and back: gzip, digest, bounded memory. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { DrimboxError } from '../errors.ts';
import {
  type BackupHeader,
  type BackupLine,
  type BackupTrailer,
  decodeHeader,
  decodeLine,
  unreadable,
} from './backup-format.ts';

export interface BackupSink {
  write(text: string): Promise<void>;
  /** Digest of everything written so far, hexadecimal. */
  digest(): string;
  readonly bytes: () => number;
  end(): Promise<void>;
  destroy(): void;
}

export const openSink = (file: FileHandle): BackupSink => {
  const hash = createHash('sha256');
  // What is in it is base64 for the most part: a quarter is won quickly, more is not to be had.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 });
  const done = pipeline(gzip, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) await file.writeFile(chunk);
  });
  // Told by `write` or `end`; until then nobody waits for it.
  done.catch(() => undefined);
  let bytes = 0;
  return {
    write: async (text) => {
      const chunk = Buffer.from(text);
      hash.update(chunk);
      bytes += chunk.length;
      if (gzip.destroyed) await done;
      if (!gzip.write(chunk)) await Promise.race([once(gzip, 'drain'), done]);
    },
    digest: () => hash.copy().digest('hex'),
    bytes: () => bytes,
    end: async () => {
      gzip.end();
      await done;
    },
    destroy: () => gzip.destroy(),
  };
};

/** Longest line: a message of the largest size that can be configured, as base64, beside other values. */
const maxLineBytes = 480 * 1024 * 1024;

/** Lines of text without their end. @throws archive/backup-unreadable — a line without end, or too long */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      parts.push(chunk.subarray(from, at));
      yield parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      parts = [];
      length = 0;
      from = at + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxLineBytes) throw unreadable('a line is too long');
  }
  if (length > 0) throw unreadable('cut in a line');
}

export interface BackupReading {
  readonly header: BackupHeader;
  /** Ends with the trailer, which fits what came before. */
  readonly lines: AsyncGenerator<BackupLine>;
  /** Of the compressed file, how many bytes were read so far. */
  readonly position: () => number;
}

const checkEnd = (trailer: BackupTrailer, lines: number, sha256: string): void => {
  if (trailer.sha256 !== sha256) throw unreadable('the digest does not fit');
  if (trailer.lines !== lines) throw unreadable('lines are missing');
};

/**
 * Reads a backup from its first to its last byte.
 *
 * @throws archive/backup-unreadable — no backup, cut, damaged, or something follows it; archive/backup-newer;
 *   cli/file-unreadable. Damage is found when its place is reached: nothing may be believed before the end.
 */
export const readBackup = async (path: string): Promise<BackupReading> => {
  const source = createReadStream(path);
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  source.on('error', (cause) => gunzip.destroy(cause));
  source.pipe(gunzip);
  const hash = createHash('sha256');
  const raw = splitLines(gunzip)[Symbol.asyncIterator]();
  const take = async (): Promise<Buffer | undefined> => {
    try {
      const { value, done } = await raw.next();
      return done === true ? undefined : value;
    } catch (cause) {
      if (cause instanceof DrimboxError) throw cause;
      const isOfFile = cause instanceof Error && 'syscall' in cause;
      if (isOfFile) throw new DrimboxError('cli/file-unreadable', { cause, detail: path });
      throw unreadable('not gzip, cut or damaged', cause);
    }
  };
  const close = (): void => {
    source.destroy();
    gunzip.destroy();
  };
  const digest = (line: Buffer): void => {
    hash.update(line);
    hash.update('\n');
  };
  async function* lines(): AsyncGenerator<BackupLine> {
    try {
      // The header was the first line.
      for (let count = 1; ; count += 1) {
        const line = await take();
        if (line === undefined) throw unreadable('the end is missing');
        const decoded = decodeLine(line.toString('utf8'));
        if (decoded.kind === 'trailer') {
          checkEnd(decoded.trailer, count, hash.digest('hex'));
          if ((await take()) !== undefined) throw unreadable('something follows the end');
          yield decoded;
          return;
        }
        digest(line);
        yield decoded;
      }
    } finally {
      close();
    }
  }
  try {
    const first = await take();
    if (first === undefined) throw unreadable('empty');
    digest(first);
    return { header: decodeHeader(first.toString('utf8')), lines: lines(), position: () => source.bytesRead };
  } catch (cause) {
    close();
    throw cause;
  }
};
