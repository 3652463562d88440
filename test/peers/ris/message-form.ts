/** How a message is written: charset, line ends, base64. */
export interface MessageForm {
  /** MSH-18 as written; `''` leaves it out. */
  readonly charset?: string;
  /** How the bytes really are; by default as MSH-18 says, UTF-8 when it is left out. */
  readonly encoding?: 'utf-8' | 'iso-8859-15' | 'iso-8859-1';
  readonly byteOrderMark?: boolean;
  /** `\r` unless told. */
  readonly lineEnd?: '\r' | '\n' | '\r\n';
  /** Instead of a line end after the last segment. */
  readonly tail?: string;
}

export interface Base64Form {
  /** false: the `=` at the end are left out. */
  readonly padding?: boolean;
  /** A line break after so many characters. */
  readonly wrapAt?: number;
  readonly wrapWith?: string;
  /** Written after it, as the `DQo` seen in a sample. */
  readonly junk?: string;
}

export const encodeDocument = (cda: Uint8Array, form: Base64Form): string => {
  const whole = Buffer.from(cda).toString('base64');
  const kept = form.padding === false ? whole.replace(/=+$/, '') : whole;
  const junked = kept + (form.junk ?? '');
  if (form.wrapAt === undefined) return junked;
  const lines = junked.match(new RegExp(`.{1,${form.wrapAt}}`, 'g')) ?? [];
  return lines.join(form.wrapWith ?? '\r\n');
};

/** The letters where ISO 8859-15 differs from 8859-1. */
const latin9: Record<string, number> = { '€': 0xa4, Š: 0xa6, š: 0xa8, Ž: 0xb4, ž: 0xb8, Œ: 0xbc, œ: 0xbd, Ÿ: 0xbe };

const encodingOf = (form: MessageForm): 'utf-8' | 'iso-8859-15' | 'iso-8859-1' => {
  if (form.encoding !== undefined) return form.encoding;
  if (form.charset === '8859/15') return 'iso-8859-15';
  return form.charset === '8859/1' ? 'iso-8859-1' : 'utf-8';
};

const encodeText = (text: string, form: MessageForm): Buffer => {
  const encoding = encodingOf(form);
  if (encoding === 'utf-8') return Buffer.from(text, 'utf8');
  const byteOf = (letter: string): number =>
    (encoding === 'iso-8859-15' ? latin9[letter] : undefined) ?? letter.charCodeAt(0);
  return Buffer.from(Array.from(text, byteOf));
};

export const encodeMessage = (segments: readonly string[], form: MessageForm): Uint8Array => {
  const lineEnd = form.lineEnd ?? '\r';
  const text = segments.join(lineEnd) + (form.tail ?? lineEnd);
  const mark = form.byteOrderMark === true ? Buffer.of(0xef, 0xbb, 0xbf) : Buffer.alloc(0);
  return new Uint8Array(Buffer.concat([mark, encodeText(text, form)]));
};
