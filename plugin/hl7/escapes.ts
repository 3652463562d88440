import { type CharacterEncoding, decodeEscapedBytes } from './charset.ts';
import type { Separators } from './separators.ts';

const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** `58 0D 0A` of an escape to bytes; undefined when it is not an even number of hexadecimal digits. */
const parseHex = (digits: string): Uint8Array | undefined =>
  digits !== '' && digits.length % 2 === 0 && /^[0-9A-Fa-f]+$/.test(digits) ? Buffer.from(digits, 'hex') : undefined;

/** What one escape sequence stands for; undefined when it is not one we know, and so stays as it is. */
const meaning = (sequence: string, separators: Separators): string | undefined => {
  switch (sequence) {
    case 'F':
      return separators.field;
    case 'S':
      return separators.component;
    case 'T':
      return separators.subcomponent;
    case 'R':
      return separators.repetition;
    case 'E':
      return separators.escape;
    case '.br':
      return '\n';
    case 'H':
    case 'N':
      return '';
    default:
      return undefined;
  }
};

export type Unescape = (text: string) => string;

/**
 * Makes the reader of escape sequences of one message: `\F\ \S\ \T\ \R\ \E\ \.br\ \Xhh..\`; highlighting (`\H\ \N\`) is
 * dropped, anything else stays as it came. Neighbouring `\X..\` are read together: one letter may need two of them.
 *
 * @see HL7 v2.5 chapter 2, §2.7
 */
export const createUnescape = (separators: Separators, encoding: CharacterEncoding): Unescape => {
  const mark = quote(separators.escape);
  const hexRun = `(?:${mark}X[0-9A-Fa-f]+${mark})+`;
  const sequence = `${mark}(\\.br|[FSTREHN])${mark}`;
  // One pass, so that what an escape produced is never read as an escape again (`\E\F\E\` is the text `\F\`).
  const pattern = new RegExp(`${hexRun}|${sequence}`, 'g');

  const readHexRun = (run: string): string => {
    const sequences = run.split(separators.escape).filter((part) => part !== '');
    const bytes = sequences.map((part) => parseHex(part.slice(1)));
    if (bytes.some((some) => some === undefined)) return run;
    const text = decodeEscapedBytes(Buffer.concat(bytes as Uint8Array[]), encoding);
    return text === undefined || text.includes('\0') ? run : text;
  };

  return (text) =>
    text.includes(separators.escape)
      ? text.replace(pattern, (whole, found: string | undefined) =>
          found === undefined ? readHexRun(whole) : (meaning(found, separators) ?? whole),
        )
      : text;
};
