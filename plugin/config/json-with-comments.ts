/**
 * Reads the JSON of Orthanc's configuration files: what JsonCpp takes, and no value more.
 *
 * Beyond RFC 8259, as Orthanc does: `//` and block comments, a trailing comma, a byte order mark, raw control characters in
 * strings, numbers written `007`, `+7` or `1.`, the last of two equal keys wins (it is noted), and whatever stands after the
 * closing brace is not read (it is noted). Refused, as Orthanc does: single quotes, `#`, `NaN`, bare keys, unknown escapes.
 * One difference: comments may stand anywhere between two tokens, also where JsonCpp 1.9.5 refuses them.
 *
 * @see JsonCpp 1.9.5 `CharReaderBuilder` defaults, tried against Orthanc 1.10.1
 */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

export interface ParsedJson {
  readonly kind: 'parsed';
  readonly value: JsonValue;
  /** Keys given twice in one object, as paths (`Dmp.BaseUrl`). */
  readonly duplicateKeys: readonly string[];
  /** Line where text follows the closing brace; Orthanc does not read it. */
  readonly trailingTextLine?: number;
}

/** Never holds the text itself: a configuration may hold secrets. */
export interface JsonSyntaxFault {
  readonly kind: 'fault';
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

const maxDepth = 500;
const numberPattern = /[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?/y;
const afterNumberPattern = /[-+.0-9A-Za-z_]/;
const wordPattern = /[A-Za-z]+/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '/': '/',
  '\\': '\\',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class SyntaxFault extends Error {
  readonly at: number;
  constructor(at: number, problem: string) {
    super(problem);
    this.at = at;
  }
}

class JsonReader {
  readonly text: string;
  readonly duplicateKeys: string[] = [];
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Moves over white space and comments. */
  skip(): void {
    for (;;) {
      const char = this.text[this.position];
      if (char === ' ' || char === '\t' || char === '\n' || char === '\r') this.position += 1;
      else if (char === '/') this.skipComment();
      else return;
    }
  }

  private skipComment(): void {
    const start = this.position;
    const opening = this.text.slice(start, start + 2);
    if (opening === '//') {
      const length = this.text.slice(start).search(/[\r\n]/);
      this.position = length === -1 ? this.text.length : start + length;
    } else if (opening === '/*') {
      const end = this.text.indexOf('*/', start + 2);
      if (end === -1) throw new SyntaxFault(start, 'a comment /* is never closed');
      this.position = end + 2;
    } else throw new SyntaxFault(start, 'a single slash is neither a value nor a comment');
  }

  value(path: string, depth: number): JsonValue {
    if (depth > maxDepth) throw new SyntaxFault(this.position, `nested more than ${maxDepth} levels deep`);
    this.skip();
    const char = this.text[this.position];
    if (char === '{') return this.object(path, depth);
    if (char === '[') return this.array(path, depth);
    if (char === '"') return this.string();
    if (char !== undefined && /[-+0-9]/.test(char)) return this.number();
    return this.word();
  }

  private object(path: string, depth: number): JsonObject {
    const result: JsonObject = Object.create(null) as JsonObject;
    this.position += 1;
    this.skip();
    while (this.text[this.position] !== '}') {
      if (this.text[this.position] !== '"')
        throw new SyntaxFault(this.position, 'expected a key between double quotes');
      const key = this.string();
      const keyPath = path === '' ? key : `${path}.${key}`;
      this.skip();
      if (this.text[this.position] !== ':') throw new SyntaxFault(this.position, 'expected a colon after the key');
      this.position += 1;
      if (key in result) this.duplicateKeys.push(keyPath);
      result[key] = this.value(keyPath, depth + 1);
      this.separator('}');
    }
    this.position += 1;
    return result;
  }

  private array(path: string, depth: number): JsonValue[] {
    const result: JsonValue[] = [];
    this.position += 1;
    this.skip();
    while (this.text[this.position] !== ']') {
      result.push(this.value(`${path}[${result.length}]`, depth + 1));
      this.separator(']');
    }
    this.position += 1;
    return result;
  }

  /** A comma, or nothing before the closing bracket. */
  private separator(closing: string): void {
    this.skip();
    const char = this.text[this.position];
    if (char === closing) return;
    if (char !== ',') throw new SyntaxFault(this.position, `expected a comma or ${closing}`);
    this.position += 1;
    this.skip();
  }

  private string(): string {
    const start = this.position;
    let result = '';
    this.position += 1;
    for (;;) {
      const char = this.text[this.position];
      if (char === undefined) throw new SyntaxFault(start, 'a string is never closed');
      this.position += 1;
      if (char === '"') return result;
      result += char === '\\' ? this.escape() : char;
    }
  }

  private escape(): string {
    const at = this.position - 1;
    const letter = this.text[this.position] ?? '';
    this.position += 1;
    if (letter === 'u') return this.unicodeEscape(at);
    const char = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
    if (char === undefined) throw new SyntaxFault(at, 'unknown escape in a string (write \\\\ for a backslash)');
    return char;
  }

  private unicodeEscape(at: number): string {
    const unit = this.hexUnit(at);
    const isFirstOfPair = unit >= 0xd800 && unit <= 0xdbff;
    if (!isFirstOfPair) return String.fromCharCode(unit);
    const isFollowed = this.text.startsWith('\\u', this.position);
    this.position += 2;
    const second = isFollowed ? this.hexUnit(at) : 0;
    if (second < 0xdc00 || second > 0xdfff) throw new SyntaxFault(at, 'half of a \\u surrogate pair');
    return String.fromCharCode(unit, second);
  }

  private hexUnit(at: number): number {
    const hex = this.text.slice(this.position, this.position + 4);
    if (!/^[0-9A-Fa-f]{4}$/.test(hex)) throw new SyntaxFault(at, '\\u needs four hexadecimal digits');
    this.position += 4;
    return Number.parseInt(hex, 16);
  }

  private number(): number {
    numberPattern.lastIndex = this.position;
    const match = numberPattern.exec(this.text)?.[0];
    const next = this.text[this.position + (match?.length ?? 0)] ?? '';
    if (match === undefined || afterNumberPattern.test(next)) throw new SyntaxFault(this.position, 'not a number');
    const number = Number(match);
    if (!Number.isFinite(number)) throw new SyntaxFault(this.position, 'the number is too large');
    this.position += match.length;
    return number;
  }

  private word(): JsonValue {
    wordPattern.lastIndex = this.position;
    const word = wordPattern.exec(this.text)?.[0];
    const words: Readonly<Record<string, JsonValue>> = { true: true, false: false, null: null };
    if (word === undefined || !Object.hasOwn(words, word)) {
      throw new SyntaxFault(
        this.position,
        'expected a value: text between double quotes, a number, true, false, [ or {',
      );
    }
    this.position += word.length;
    return words[word] ?? null;
  }
}

const faultAt = (text: string, at: number, problem: string): JsonSyntaxFault => {
  const lines = text.slice(0, at).split(/\r\n|\r|\n/);
  return { kind: 'fault', line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, problem };
};

/** Line where text other than comments follows the root value, or undefined. */
const findTrailingText = (reader: JsonReader): number | undefined => {
  try {
    reader.skip();
  } catch {
    // An odd comment after the closing brace: not read by Orthanc either.
  }
  if (reader.position >= reader.text.length) return undefined;
  return faultAt(reader.text, reader.position, '').line;
};

/** Parses one configuration file; gives the place of the first syntax fault instead of throwing. */
export const parseJsonWithComments = (source: string): ParsedJson | JsonSyntaxFault => {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  const reader = new JsonReader(text);
  try {
    const value = reader.value('', 0);
    const line = findTrailingText(reader);
    const { duplicateKeys } = reader;
    return { kind: 'parsed', value, duplicateKeys, ...(line === undefined ? {} : { trailingTextLine: line }) };
  } catch (error) {
    if (error instanceof SyntaxFault) return faultAt(text, error.at, error.message);
    throw error;
  }
};
