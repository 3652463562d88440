import { parseSeparators, type Separators, usualSeparators } from './separators.ts';

/**
 * MSH as far as it can be read, for the acknowledgment: even a message we refuse, cannot decode or hold only the
 * beginning of gets one that names it.
 */
export interface HeaderGuess {
  readonly separators: Separators;
  /** `fields[n]` is MSH-n as received, one character per byte whatever the charset; empty when it could not be read. */
  readonly fields: readonly string[];
}

const maxHeaderBytes = 4096;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/** Where the message begins: after an UTF-8 byte order mark and blanks. */
export const messageStart = (frame: Uint8Array): { readonly offset: number; readonly hasByteOrderMark: boolean } => {
  const hasByteOrderMark = byteOrderMark.every((byte, index) => frame[index] === byte);
  let offset = hasByteOrderMark ? byteOrderMark.length : 0;
  while (offset < frame.length && (frame[offset] as number) <= 0x20) offset += 1;
  return { offset, hasByteOrderMark };
};

const readSeparators = (line: string): Separators | undefined => {
  try {
    return parseSeparators(line);
  } catch {
    return undefined;
  }
};

/** Never throws. Reads at most the first 4,096 bytes. */
export const guessHeader = (frame: Uint8Array): HeaderGuess => {
  const { offset } = messageStart(frame);
  const head = Buffer.from(frame.subarray(offset, offset + maxHeaderBytes)).toString('latin1');
  const line = head.split(/[\r\n]/, 1)[0] ?? '';
  const separators = line.startsWith('MSH') ? readSeparators(line) : undefined;
  if (separators === undefined) return { separators: usualSeparators, fields: [] };
  const [, encodingCharacters = '', ...others] = line.split(separators.field);
  return { separators, fields: ['MSH', separators.field, encodingCharacters, ...others] };
};
