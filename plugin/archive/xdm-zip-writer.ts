/**
 * Writes a ZIP file as a stream: each file leaves at once, and only its line of the central directory is remembered (about a
 * hundred bytes). Sizes and checksums stand before the content, so every reader can read it; ZIP64 where 2^16 files or 2^32
 * bytes are not enough.
 *
 * @see PKWARE APPNOTE 6.3.10, 4.3.7 (local header), 4.3.12 (central directory), 4.3.14–4.3.16 (ends), 4.5.3 (ZIP64)
 */
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import { DrimboxError } from '../errors.ts';

const deflate = promisify(deflateRaw);

const signatures = {
  localHeader: 0x04034b50,
  centralHeader: 0x02014b50,
  zip64End: 0x06064b50,
  zip64Locator: 0x07064b50,
  end: 0x06054b50,
} as const;
const methods = { store: 0, deflate: 8 } as const;
/** 2.0: deflate; 4.5: ZIP64. */
const versions = { deflate: 20, zip64: 45 } as const;
/** Made on Unix; a file that only its owner may read and write. */
const madeBy = (3 << 8) | versions.zip64;
const fileAttributes = 0o100600 * 0x10000;
/** Names are UTF-8. */
const utf8Flag = 0x0800;
/** Up to this, pieces are written as one. */
const smallBytes = 64 * 1024;
const all16 = 0xffff;
const all32 = 0xffffffff;
const zip64ExtraId = 0x0001;

/** MS-DOS date and time, in UTC; the format begins in 1980. */
const dosTime = (atUtcMs: number): { readonly date: number; readonly time: number } => {
  const at = new Date(Math.max(atUtcMs, Date.UTC(1980, 0, 1)));
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
};

/** Little-endian fields of 2, 4 or 8 bytes, one after the other. */
const fields = (...values: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Buffer => {
  const buffer = Buffer.alloc(values.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of values) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return buffer;
};

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
    if (bytes.length >= all32) throw new DrimboxError('archive/xdm-too-large', { detail: 'a file of 4 GiB' });
    const content = isDeflated ? await deflate(bytes) : bytes;
    const nameBytes = Buffer.from(name, 'utf8');
    const { date, time } = dosTime(modifiedAtUtcMs);
    const offset = this.#position;
    const isFar = offset >= all32;
    const described = (version: number, extraLength: number): Buffer =>
      fields(
        [2, version],
        [2, utf8Flag],
        [2, isDeflated ? methods.deflate : methods.store],
        [2, time],
        [2, date],
        [4, crc32(bytes)],
        [4, content.length],
        [4, bytes.length],
        [2, nameBytes.length],
        [2, extraLength],
      );
    await this.#put(
      Buffer.concat([fields([4, signatures.localHeader]), described(versions.deflate, 0), nameBytes]),
      content,
    );
    const extra = isFar ? fields([2, zip64ExtraId], [2, 8], [8, offset]) : Buffer.alloc(0);
    this.#directory.add(
      Buffer.concat([
        fields([4, signatures.centralHeader], [2, madeBy]),
        described(isFar ? versions.zip64 : versions.deflate, extra.length),
        // Comment, disk, internal attributes: none.
        fields([2, 0], [2, 0], [2, 0], [4, fileAttributes], [4, isFar ? all32 : offset]),
        nameBytes,
        extra,
      ]),
    );
    this.#count += 1;
  }

  /** Writes the central directory and the end; nothing may be added after. */
  async finish(): Promise<void> {
    const start = this.#position;
    await this.#put(...this.#directory.pieces());
    const { length } = this.#directory;
    const count = this.#count;
    if (count >= all16 || start >= all32 || length >= all32) {
      const zip64End = this.#position;
      await this.#put(
        fields([4, signatures.zip64End], [8, 44], [2, madeBy], [2, versions.zip64], [4, 0], [4, 0]),
        fields([8, count], [8, count], [8, length], [8, start]),
        fields([4, signatures.zip64Locator], [4, 0], [8, zip64End], [4, 1]),
      );
    }
    const short = Math.min(count, all16);
    await this.#put(
      fields([4, signatures.end], [2, 0], [2, 0], [2, short], [2, short]),
      fields([4, Math.min(length, all32)], [4, Math.min(start, all32)], [2, 0]),
    );
  }
}
