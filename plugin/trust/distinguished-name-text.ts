/**
 * A distinguished name written as text, with the laxities seen in national files: spaces around `=`, `,` and `+`, values
 * in quotes, types in any case.
 *
 * @see RFC 4514 §3 (grammar) · RFC 2253 §4 (quotes, spaces) · facts/spec.md b.9
 */
import { DrimboxError } from '../errors.ts';
import { attributeTypeOf } from '../standards/index.ts';
import { decodeUtf8 } from './attribute-value.ts';
import { decodeAttributeValue, type DistinguishedName, type NameAttribute } from './distinguished-name.ts';

const maxCharacters = 4096;
const maxAttributes = 64;

const invalid = (detail: string): DrimboxError => new DrimboxError('trust/dn-invalid', { detail });

/** `CN`, `2.5.4.3`, `OID.2.5.4.3`, then `=`. */
const typeForm = /\s*(?:oid\.)?([a-z][a-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*/iy;
const hexForm = /#((?:[0-9a-f]{2})+)\s*/iy;
/** One or several escaped bytes: `\C3\B4` is ô. */
const escapedBytes = /(?:\\[0-9a-f]{2})+/iy;
const escapedCharacter = /\\([\\",+<>;=# ])/y;
const plainCharacters = /[^\\",+<>;\u0000]+/y;
const quotedCharacters = /[^\\"\u0000]+/y;

interface Cursor {
  readonly text: string;
  at: number;
}

const take = (cursor: Cursor, form: RegExp): RegExpExecArray | undefined => {
  form.lastIndex = cursor.at;
  const match = form.exec(cursor.text) ?? undefined;
  if (match !== undefined) cursor.at = form.lastIndex;
  return match;
};

const takeEscape = (cursor: Cursor): string | undefined => {
  const bytes = take(cursor, escapedBytes);
  if (bytes !== undefined) return decodeUtf8(Buffer.from(bytes[0].replaceAll('\\', ''), 'hex'));
  return take(cursor, escapedCharacter)?.[1];
};

const readQuoted = (cursor: Cursor): string => {
  cursor.at += 1;
  let value = '';
  for (;;) {
    const part = take(cursor, quotedCharacters)?.[0] ?? takeEscape(cursor);
    if (part === undefined) break;
    value += part;
  }
  if (cursor.text[cursor.at] !== '"') throw invalid('quotes not closed');
  cursor.at += 1;
  take(cursor, /\s*/y);
  return value;
};

/** Up to the next separator; spaces at its end go, unless escaped. */
const readPlain = (cursor: Cursor): string => {
  let value = '';
  for (;;) {
    const plain = take(cursor, plainCharacters)?.[0];
    const part = plain ?? takeEscape(cursor);
    if (part === undefined) return value;
    const next = cursor.text[cursor.at];
    const isLast = next === undefined || next === ',' || next === '+';
    value += plain !== undefined && isLast ? part.trimEnd() : part;
  }
};

const readValue = (cursor: Cursor): Omit<NameAttribute, 'type'> => {
  if (cursor.text[cursor.at] === '"') return { value: readQuoted(cursor) };
  const hex = take(cursor, hexForm)?.[1];
  if (hex !== undefined) return decodeAttributeValue(Buffer.from(hex, 'hex'));
  return { value: readPlain(cursor) };
};

const readAttribute = (cursor: Cursor): NameAttribute => {
  const written = take(cursor, typeForm)?.[1];
  if (written === undefined) throw invalid('attribute without a type');
  const type = /^\d/.test(written) ? written : attributeTypeOf(written);
  if (type === undefined) throw invalid('unknown attribute type');
  return { type, ...readValue(cursor) };
};

/**
 * @param text  `CN=…,OU=…,O=…,ST=…,C=FR`, most specific part first, at most 4,096 characters
 * @throws trust/dn-invalid — empty, too long, an unknown type, a separator that is not escaped
 */
export const parseDistinguishedName = (text: string): DistinguishedName => {
  if (text.length > maxCharacters) throw invalid(`more than ${maxCharacters} characters`);
  const cursor: Cursor = { text, at: 0 };
  const name: NameAttribute[][] = [];
  let count = 0;
  for (let separator: string | undefined = ','; separator !== undefined; separator = text[cursor.at++]) {
    if (separator !== ',' && separator !== '+') throw invalid('a character that must be escaped');
    const attribute = readAttribute(cursor);
    count += 1;
    if (count > maxAttributes) throw invalid(`more than ${maxAttributes} attributes`);
    if (separator === ',') name.push([attribute]);
    else name.at(-1)?.push(attribute);
  }
  return name;
};
