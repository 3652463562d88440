/**
 * Writes a ZIP file as a stream: each file leaves at once, and only its line of the central directory is remembered (about a
 * hundred bytes). Sizes and checksums stand before the content, so every reader can read it; ZIP64 where 2^16 files or 2^32
 * bytes are not enough.
 */
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import { DrimboxError } from '../errors.ts';
import { buildCentralHeader, buildEnd, buildLocalHeader } from '../zip-records.ts';

const deflate = promisify(deflateRaw);

/** Up to this, pieces are written as one. */
const smallBytes = 64 * 1024;
/** Not in the 32 bits of a file's own length. */
const tooLargeBytes = 0xffffffff;

/** Collects many small pieces in few large ones. */
class PieceList {
  readonly #full: Buffer[] = [];
  #open = Buffer.alloc(0);
  #filled = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    if (this.#filled + piece.length > this.#open.length) {
      this.#full.push(this.#open.subarray(0, this.#filled));
      this.#open = Buffer.alloc(Math.max(256 * 1024, piece.length));
      this.#filled = 0;
    }
    piece.copy(this.#open, this.#filled);
    this.#filled += piece.length;
    this.#length += piece.length;
  }

  pieces(): readonly Buffer[] {
    return [...this.#full, this.#open.subarray(0, this.#filled)];
  }
}

/** Takes bytes; resolves when it may be given more. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

export interface ZipFileContent {
  /** Relative, with `/`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isDeflated: boolean;
  readonly modifiedAtUtcMs: number;
}

export class ZipWriter {
  readonly #write: WriteBytes;
  readonly #directory = new PieceList();
  #position: number;
  #count = 0;

  /** @param start  bytes already written before the archive */
  constructor(write: WriteBytes, start = 0) {
    this.#write = write;
    this.#position = start;
  }

  /** Bytes written so far, those before the archive included. */
  get bytes(): number {
    return this.#position;
  }

  get files(): number {
    return this.#count;
  }

  async #put(...pieces: readonly Uint8Array[]): Promise<void> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    for (const piece of length <= smallBytes ? [Buffer.concat(pieces)] : pieces) {
      await this.#write(piece);
      this.#position += piece.length;
    }
  }

  /** Adds one file of less than 4 GiB. */
  async add({ name, bytes, isDeflated, modifiedAtUtcMs }: ZipFileContent): Promise<void> {
    if (bytes.length >= tooLargeBytes) throw new DrimboxError('archive/xdm-too-large', { detail: 'a file of 4 GiB' });
    const standing = isDeflated ? await deflate(bytes) : bytes;
    const offset = this.#position;
    const room = { name, maxBytes: standing.length, slackBytes: 0 };
    const deflated = isDeflated ? { deflatedBytes: standing.length } : {};
    const content = { name, bytes: bytes.length, crc32: crc32(bytes), ...deflated };
    await this.#put(buildLocalHeader(room, content, modifiedAtUtcMs), standing);
    this.#directory.add(buildCentralHeader(room, offset, content, modifiedAtUtcMs));
    this.#count += 1;
  }

  /** Writes the central directory and the end; nothing may be added after. */
  async finish(): Promise<void> {
    const start = this.#position;
    await this.#put(...this.#directory.pieces());
    await this.#put(buildEnd({ start, bytes: this.#directory.length, entries: this.#count }));
  }
}
