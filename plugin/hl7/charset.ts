import { isAscii, isUtf8 } from 'node:buffer';
import { refusal } from './refusal.ts';

/** How the bytes of a message were read. */
export const CharacterEncoding = {
  utf8: 'utf-8',
  latin9: 'iso-8859-15',
  latin1: 'iso-8859-1',
  ascii: 'us-ascii',
} as const;
export type CharacterEncoding = (typeof CharacterEncoding)[keyof typeof CharacterEncoding];

/**
 * MSH-18 → encoding. The profile allows `UNICODE UTF-8` and `8859/15`; the others are seen in samples or are spellings
 * of these two.
 *
 * @see HL7 table 0211 · facts/cisis.md 1.1
 */
const encodings: Readonly<Record<string, CharacterEncoding>> = {
  'UNICODE UTF-8': CharacterEncoding.utf8,
  'UTF-8': CharacterEncoding.utf8,
  UTF8: CharacterEncoding.utf8,
  '8859/15': CharacterEncoding.latin9,
  '8859/1': CharacterEncoding.latin1,
  ASCII: CharacterEncoding.ascii,
};

/** @returns undefined for a value that is not in the table */
export const encodingOf = (charset: string): CharacterEncoding | undefined => encodings[charset.trim().toUpperCase()];

const readLatin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Each gives undefined rather than guess. */
const decoders: Readonly<Record<CharacterEncoding, (bytes: Uint8Array) => string | undefined>> = {
  'utf-8': (bytes) => (isUtf8(bytes) ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : undefined),
  'iso-8859-15': (bytes) => new TextDecoder('iso-8859-15').decode(bytes),
  'iso-8859-1': readLatin1,
  'us-ascii': (bytes) => (isAscii(bytes) ? readLatin1(bytes) : undefined),
};

const decodesAs = (bytes: Uint8Array, encoding: CharacterEncoding): string | undefined => decoders[encoding](bytes);

/** Text as MSH-18 says; when MSH-18 is empty, UTF-8 if the bytes are, else 8859/15. */
export interface DecodedText {
  readonly text: string;
  readonly encoding: CharacterEncoding;
}

/**
 * @param bytes             without byte order mark
 * @param charset           MSH-18, first repetition; may be empty
 * @param hasByteOrderMark  an UTF-8 mark stood before: any other declaration contradicts it
 * @throws hl7/charset-invalid — unknown, or the bytes are not what is declared: a wrong name is worse than a refusal
 */
export const decodeText = (bytes: Uint8Array, charset: string, hasByteOrderMark: boolean): DecodedText => {
  const declared = charset.trim() === '' ? undefined : encodingOf(charset);
  if (declared === undefined && charset.trim() !== '') {
    throw refusal('hl7/charset-invalid', 'MSH^1^18', 'charset not in the table');
  }
  if (hasByteOrderMark && (declared ?? CharacterEncoding.utf8) !== CharacterEncoding.utf8) {
    throw refusal('hl7/charset-invalid', 'MSH^1^18', 'UTF-8 byte order mark before a message declared otherwise');
  }
  const encoding = declared ?? CharacterEncoding.utf8;
  const text = decodesAs(bytes, encoding);
  if (text !== undefined) return { text, encoding };
  if (declared !== undefined || hasByteOrderMark) {
    throw refusal('hl7/charset-invalid', 'MSH^1^18', `bytes are not ${encoding}`);
  }
  return { text: decodesAs(bytes, CharacterEncoding.latin9) ?? '', encoding: CharacterEncoding.latin9 };
};

/** Decodes the few bytes of an `\X..\` escape. @returns undefined when they are not text in that encoding */
export const decodeEscapedBytes = decodesAs;
