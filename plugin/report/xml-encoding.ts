/**
 * Bytes of an XML document → text, by byte order mark, else by XML declaration, else UTF-8.
 *
 * @see XML 1.0 (5th edition) 4.3.3 and appendix F
 */
import { isUtf8 } from 'node:buffer';
import { DrimboxError } from '../errors.ts';
import type { ReportWarning } from './warnings.ts';

/** Charsets a RIS may declare → label of the decoder. ISO-8859-1 is read as its superset windows-1252. */
const decoderOfCharset: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  'windows-1252': 'windows-1252',
  'iso-8859-15': 'iso-8859-15',
};

/** Long enough for any declaration; a longer one is not recognised and the document is read as UTF-8. */
const declarationBytes = 512;
const declarationPattern = /^<\?xml[ \t\r\n][^>]*?[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*(["'])(?<charset>[^"']*)\1/;

interface XmlText {
  readonly text: string;
  readonly remarks: readonly ReportWarning[];
}

const startsWith = (bytes: Uint8Array, ...start: number[]): boolean => start.every((byte, i) => bytes[i] === byte);

const decodeAs = (bytes: Uint8Array, label: string): string => {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DrimboxError('report/xml-invalid', { cause: error, detail: `not valid ${label}` });
  }
};

/** UTF-16 is told by its mark or by the zero byte beside the first `<`; UTF-32 and EBCDIC fall through and fail. */
const multibyteLabel = (bytes: Uint8Array): string | undefined => {
  if (startsWith(bytes, 0xff, 0xfe) || startsWith(bytes, 0x3c, 0x00)) return 'utf-16le';
  if (startsWith(bytes, 0xfe, 0xff) || startsWith(bytes, 0x00, 0x3c)) return 'utf-16be';
  return startsWith(bytes, 0xef, 0xbb, 0xbf) ? 'utf-8' : undefined;
};

/** Text in a one-byte charset with accents is practically never valid UTF-8 by chance. */
const isUtf8WithAccents = (bytes: Uint8Array): boolean => bytes.some((byte) => byte > 0x7f) && isUtf8(bytes);

/** @throws report/xml-invalid */
const declaredLabel = (bytes: Uint8Array): string => {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, declarationBytes));
  const charset = (declarationPattern.exec(start)?.groups?.['charset'] ?? 'utf-8').toLowerCase();
  const label = Object.hasOwn(decoderOfCharset, charset) ? decoderOfCharset[charset] : undefined;
  if (label === undefined) throw new DrimboxError('report/xml-invalid', { detail: 'unsupported charset' });
  return label;
};

/**
 * Decodes the document; the byte order mark is not part of the text. A mark wins over the declaration; so do bytes
 * with accents that are valid UTF-8 where a one-byte charset is declared, for names would come out wrong.
 *
 * @throws report/xml-invalid — unknown charset, or bytes that are not valid in it
 */
export const decodeXml = (bytes: Uint8Array): XmlText => {
  const label = multibyteLabel(bytes) ?? declaredLabel(bytes);
  const isMisdeclared = !label.startsWith('utf-') && isUtf8WithAccents(bytes);
  const text = decodeAs(bytes, isMisdeclared ? 'utf-8' : label);
  return {
    text,
    remarks: [
      ...(isMisdeclared ? (['charset-misdeclared'] as const) : []),
      ...(text.includes('\ufffd') ? (['characters-lost'] as const) : []),
    ],
  };
};
