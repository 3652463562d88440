/**
 * Writes one DICOM file in Explicit VR Little Endian into one growing buffer.
 *
 * Sequences and items have explicit lengths, patched in once their content is known. A value is padded to an even
 * length with NUL (UI, OB) or a space. The writer checks no value: that is `attribute-values.ts`.
 *
 * ```
 * 128 × 00 │ DICM │ group 0002, its length first │ data set
 * short VR   tag(4) VR(2) length(2) value        CS DA IS LO LT PN SH TM UI UL
 * long VR    tag(4) VR(2) 00 00 length(4) value  OB SQ UR UT
 * item       FE FF 00 E0  length(4) elements
 * ```
 * @see PS3.5 §7.1.2, §7.5 · PS3.10 §7.1
 */
import type { DataElement, ValueRepresentation } from './data-elements.ts';

/** ISO 8859-1 and UTF-8, as (0008,0005) names them. */
export const CharacterSet = { latin1: 'ISO_IR 100', utf8: 'ISO_IR 192' } as const;
export type CharacterSet = (typeof CharacterSet)[keyof typeof CharacterSet];

export interface DatasetWriter {
  /** Writes one element; `text` may hold several values joined by a backslash. */
  value(element: DataElement, text: string): void;
  /** Writes one element of type OB or UL. */
  binary(element: DataElement, bytes: Uint8Array): void;
  /** Writes a sequence; `writeItems` calls `item` for each of its items, or does nothing. */
  sequence(element: DataElement, writeItems?: () => void): void;
  item(writeElements: () => void): void;
  /** How many bytes stand so far: the offset of the next one. */
  position(): number;
  /** Replaces four bytes written before by an unsigned number. */
  patchUint32(offset: number, value: number): void;
  /** False once a text had a character that the character set lacks: the bytes are then worthless. */
  isFaithful(): boolean;
  /** A copy of what was written. */
  bytes(): Uint8Array;
}

const itemTag = 0xfffee000;
const longVrs: ReadonlySet<ValueRepresentation> = new Set(['OB', 'SQ', 'UR', 'UT']);
/** The VRs that (0008,0005) affects: the others hold ASCII. */
const textVrs: ReadonlySet<ValueRepresentation> = new Set(['LO', 'LT', 'PN', 'SH', 'UT']);
const beyondLatin1 = /[\u{100}-\u{10ffff}]/u;

/** @param startBytes what the file begins with, before its first element */
export const createDatasetWriter = (characterSet: CharacterSet, startBytes: Uint8Array): DatasetWriter => {
  let buffer = Buffer.allocUnsafe(64 * 1024);
  let end = 0;
  let faithful = true;

  const reserve = (byteCount: number): void => {
    if (end + byteCount <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, end + byteCount));
    buffer.copy(larger, 0, 0, end);
    buffer = larger;
  };
  const writeTag = (tag: number): void => {
    buffer.writeUInt16LE(tag >>> 16, end);
    buffer.writeUInt16LE(tag & 0xffff, end + 2);
    end += 4;
  };
  /** Writes tag, VR and room for the length; gives the number of bytes of that room's value: 2 or 4. */
  const writeHeader = ({ tag, vr }: DataElement): 2 | 4 => {
    writeTag(tag);
    end += buffer.write(vr, end, 'latin1');
    if (!longVrs.has(vr)) {
      end += 2;
      return 2;
    }
    buffer.writeUInt16LE(0, end);
    end += 6;
    return 4;
  };
  const closeValue = (start: number, lengthBytes: 2 | 4, padding: number): void => {
    if ((end - start) % 2 === 1) buffer[end++] = padding;
    if (lengthBytes === 4) buffer.writeUInt32LE(end - start, start - 4);
    else buffer.writeUInt16LE(end - start, start - 2);
  };
  const nested = (writeContent: (() => void) | undefined): void => {
    const start = end;
    writeContent?.();
    buffer.writeUInt32LE(end - start, start - 4);
  };

  reserve(startBytes.length);
  buffer.set(startBytes);
  end = startBytes.length;

  return {
    value(element, text) {
      reserve(13 + 3 * text.length);
      const lengthBytes = writeHeader(element);
      const start = end;
      if (textVrs.has(element.vr) && characterSet === CharacterSet.utf8) end += buffer.write(text, end, 'utf8');
      else {
        if (textVrs.has(element.vr) && beyondLatin1.test(text)) faithful = false;
        end += buffer.write(text, end, 'latin1');
      }
      closeValue(start, lengthBytes, element.vr === 'UI' ? 0x00 : 0x20);
    },
    binary(element, bytes) {
      reserve(13 + bytes.length);
      const lengthBytes = writeHeader(element);
      const start = end;
      buffer.set(bytes, end);
      end += bytes.length;
      closeValue(start, lengthBytes, 0x00);
    },
    sequence(element, writeItems) {
      reserve(12);
      writeHeader(element);
      nested(writeItems);
    },
    item(writeElements) {
      reserve(8);
      writeTag(itemTag);
      end += 4;
      nested(writeElements);
    },
    position: () => end,
    patchUint32: (offset, value) => void buffer.writeUInt32LE(value, offset),
    isFaithful: () => faithful,
    bytes: () => new Uint8Array(buffer.subarray(0, end)),
  };
};
