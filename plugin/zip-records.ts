/**
 * The records of a ZIP file, as bytes: entries are stored, or deflated beforehand.
 *
 * Sizes and CRC-32 stand before the content (no data descriptors): every reader can read the file, also one that reads it as
 * it comes. What an entry does not use of its room is an extra field made for that, Microsoft's growth hint.
 *
 * @see PKWARE APPNOTE 6.3.10, 4.3.7 (local header), 4.3.12 (central directory), 4.3.14–4.3.16 (ends), 4.5.3 (ZIP64),
 *      4.6.10 (growth hint) · ISO/IEC 21320-1, which PS3.3 P.1.2.1 names for DICOM files
 */

const signatures = {
  localHeader: 0x04034b50,
  centralHeader: 0x02014b50,
  zip64End: 0x06064b50,
  zip64Locator: 0x07064b50,
  end: 0x06054b50,
} as const;
/** 2.0: folders and deflate; 4.5: ZIP64. */
const versions = { folders: 20, zip64: 45 } as const;
/** Made on Unix: files that only their owner may read and write. */
const madeBy = (3 << 8) | versions.zip64;
const fileAttributes = 0o100600 * 0x10000;
/** And MS-DOS's mark of a folder. */
const folderAttributes = 0o40700 * 0x10000 + 0x10;
const utf8Flag = 0x0800;
const methods = { store: 0, deflate: 8 } as const;
const max16 = 0xffff;
const max32 = 0xffffffff;
const zip64ExtraId = 0x0001;
const growthHintId = 0xa220;
const growthHintSignature = 0xa028;
const growthHintFrame = 8;
/** An extra field says its length in 16 bits; the ZIP64 field may stand beside it. */
export const maxSlackBytes = 0xff00;

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

/** MS-DOS date and time, in UTC; the format begins in 1980. */
const dosTime = (atUtcMs: number): { readonly date: number; readonly time: number } => {
  const at = new Date(Math.max(atUtcMs, Date.UTC(1980, 0, 1)));
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
};

/** What is known of an entry before its content. */
export interface EntryRoom {
  /** Relative, with `/`; a folder ends in one. UTF-8. */
  readonly name: string;
  /** The content is not longer. */
  readonly maxBytes: number;
  /** How much shorter it may be: at most `maxSlackBytes`. 0: it is exactly that long. */
  readonly slackBytes: number;
}

/** What stands in the room at last. */
export interface EntryContent {
  /** As long as that of the room. */
  readonly name: string;
  readonly bytes: number;
  /** Of what was not compressed yet. */
  readonly crc32: number;
  /** What stands there is deflated, and so long; absent: it is stored. */
  readonly deflatedBytes?: number;
}

const standingBytes = ({ bytes, deflatedBytes }: EntryContent): number => deflatedBytes ?? bytes;

const isLarge = ({ maxBytes }: EntryRoom): boolean => maxBytes >= max32;
const localHeaderBytes = 30;
const largeExtraBytes = 20;

/** Bytes from the local header to the end of the content, whatever the content. */
export const roomBytes = (room: EntryRoom): number =>
  localHeaderBytes +
  Buffer.byteLength(room.name) +
  (isLarge(room) ? largeExtraBytes : 0) +
  (room.slackBytes === 0 ? 0 : growthHintFrame) +
  room.maxBytes;

/** @param areLarge  the sizes stand in the ZIP64 field */
const described = (
  version: number,
  content: EntryContent,
  areLarge: boolean,
  atUtcMs: number,
  extra: number,
): Buffer => {
  const { date, time } = dosTime(atUtcMs);
  return fields(
    [2, version],
    [2, utf8Flag],
    [2, content.deflatedBytes === undefined ? methods.store : methods.deflate],
    [2, time],
    [2, date],
    [4, content.crc32],
    [4, areLarge ? max32 : standingBytes(content)],
    [4, areLarge ? max32 : content.bytes],
    [2, Buffer.byteLength(content.name)],
    [2, extra],
  );
};

const buildGrowthHint = (room: EntryRoom, unusedBytes: number): Buffer => {
  if (unusedBytes < 0 || unusedBytes > room.slackBytes) throw new RangeError('content does not fit its room');
  if (room.slackBytes === 0) return Buffer.alloc(0);
  const head = fields([2, growthHintId], [2, 4 + unusedBytes], [2, growthHintSignature], [2, unusedBytes]);
  return Buffer.concat([head, Buffer.alloc(unusedBytes)]);
};

/** Local header of an entry: together with the content it fills the room. @throws RangeError when it cannot */
export const buildLocalHeader = (room: EntryRoom, content: EntryContent, modifiedAtUtcMs: number): Buffer => {
  const large = isLarge(room)
    ? fields([2, zip64ExtraId], [2, 16], [8, content.bytes], [8, standingBytes(content)])
    : Buffer.alloc(0);
  const extra = Buffer.concat([large, buildGrowthHint(room, room.maxBytes - standingBytes(content))]);
  const version = isLarge(room) ? versions.zip64 : versions.folders;
  return Buffer.concat([
    fields([4, signatures.localHeader]),
    described(version, content, isLarge(room), modifiedAtUtcMs, extra.length),
    Buffer.from(content.name),
    extra,
  ]);
};

const centralHeaderBytes = 46;

const centralExtraFields = (room: EntryRoom, offset: number): number =>
  (isLarge(room) ? 16 : 0) + (offset >= max32 ? 8 : 0);

/** Bytes of its line in the central directory. */
export const centralBytes = (room: EntryRoom, offset: number): number => {
  const extra = centralExtraFields(room, offset);
  return centralHeaderBytes + Buffer.byteLength(room.name) + (extra === 0 ? 0 : 4 + extra);
};

/** @param offset  of the local header */
export const buildCentralHeader = (
  room: EntryRoom,
  offset: number,
  content: EntryContent,
  modifiedAtUtcMs: number,
): Buffer => {
  const extraFields = centralExtraFields(room, offset);
  const sizes = isLarge(room) ? fields([8, content.bytes], [8, standingBytes(content)]) : Buffer.alloc(0);
  const place = offset >= max32 ? fields([8, offset]) : Buffer.alloc(0);
  const extra =
    extraFields === 0 ? Buffer.alloc(0) : Buffer.concat([fields([2, zip64ExtraId], [2, extraFields]), sizes, place]);
  const version = extraFields > 0 ? versions.zip64 : versions.folders;
  const attributes = content.name.endsWith('/') ? folderAttributes : fileAttributes;
  return Buffer.concat([
    fields([4, signatures.centralHeader], [2, madeBy]),
    described(version, content, isLarge(room), modifiedAtUtcMs, extra.length),
    // Comment, disk, internal attributes: none.
    fields([2, 0], [2, 0], [2, 0], [4, attributes], [4, Math.min(offset, max32)]),
    Buffer.from(content.name),
    extra,
  ]);
};

/** Where the central directory stands. */
export interface CentralPlace {
  readonly start: number;
  readonly bytes: number;
  readonly entries: number;
}

/** What follows the central directory. */
export const buildEnd = ({ start, bytes, entries }: CentralPlace): Buffer => {
  const isZip64 = entries >= max16 || start >= max32 || bytes >= max32;
  const short = Math.min(entries, max16);
  return Buffer.concat([
    isZip64
      ? fields(
          [4, signatures.zip64End],
          [8, 44],
          [2, madeBy],
          [2, versions.zip64],
          [4, 0],
          [4, 0],
          [8, entries],
          [8, entries],
          [8, bytes],
          [8, start],
          [4, signatures.zip64Locator],
          [4, 0],
          [8, start + bytes],
          [4, 1],
        )
      : Buffer.alloc(0),
    fields([4, signatures.end], [2, 0], [2, 0], [2, short], [2, short]),
    fields([4, Math.min(bytes, max32)], [4, Math.min(start, max32)], [2, 0]),
  ]);
};
