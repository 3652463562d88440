/**
 * Reads a TypeScript file as text: what is code, what is a string, what is a comment. No grammar beyond that.
 * (TypeScript 7 has no classic compiler API.)
 */

export interface StringToken {
  /** Offset of the opening quote in the text. */
  readonly at: number;
  readonly value: string;
}

export interface SourceText {
  /** Same length and same lines as the text; comments, strings and regular expressions are blanked, quotes kept. */
  readonly code: string;
  readonly strings: readonly StringToken[];
}

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** A `/` begins a regular expression after these; after a value it divides. */
const beginsRegExp = (codeBefore: string): boolean => {
  const before = codeBefore.trimEnd();
  if (before === '' || /[([{,;:=!&|?+\-*%~^<>]$/.test(before)) return true;
  return /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield)$/.test(before);
};

const regExpEnd = (text: string, start: number): number | undefined => {
  let inClass = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '\n') return undefined;
    if (sign === '\\') at += 1;
    else if (sign === '[') inClass = true;
    else if (sign === ']') inClass = false;
    else if (sign === '/' && !inClass) return at + 1;
  }
  return undefined;
};

/** The offset after the closing quote, or undefined for an apostrophe in JSX text. */
const stringEnd = (text: string, start: number): number | undefined => {
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === text[start]) return at + 1;
  }
  return undefined;
};

const commentEnd = (text: string, start: number): number => {
  const isLine = text[start + 1] === '/';
  const end = text.indexOf(isLine ? '\n' : '*/', start + 2);
  if (end === -1) return text.length;
  return isLine ? end : end + 2;
};

/** Walks one file once; `templates` holds, for each open template literal, the depth of braces in its `${`. */
export const readSourceText = (text: string): SourceText => {
  let code = '';
  const strings: StringToken[] = [];
  const templates: number[] = [];
  let at = 0;

  const takeTemplateText = (start: number): void => {
    let end = start;
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1;
    strings.push({ at: start - 1, value: text.slice(start, end) });
    code += blank(text.slice(start, end));
    if (text[end] === '`') {
      code += '`';
      at = end + 1;
    } else {
      code += '  ';
      at = end + 2;
      if (end < text.length) templates.push(0);
    }
  };

  const take = (end: number, asCode: string): void => {
    code += asCode;
    at = end;
  };

  const takeQuoted = (): void => {
    const end = stringEnd(text, at);
    if (end === undefined) return take(at + 1, ' ');
    strings.push({ at, value: text.slice(at + 1, end - 1) });
    const quote = text[at] ?? '';
    take(end, quote + blank(text.slice(at + 1, end - 1)) + quote);
  };

  const takeBrace = (sign: string): void => {
    const depth = templates.at(-1);
    if (sign === '}' && depth === 0) {
      templates.pop();
      code += ' ';
      takeTemplateText(at + 1);
      return;
    }
    if (depth !== undefined) templates[templates.length - 1] = depth + (sign === '{' ? 1 : -1);
    take(at + 1, sign);
  };

  const takeSlash = (): void => {
    const next = text[at + 1];
    const end =
      next === '/' || next === '*' ? commentEnd(text, at) : beginsRegExp(code) ? regExpEnd(text, at) : undefined;
    if (end === undefined) take(at + 1, '/');
    else take(end, blank(text.slice(at, end)));
  };

  while (at < text.length) {
    const sign = text[at] ?? '';
    if (sign === '/') takeSlash();
    else if (sign === "'" || sign === '"') takeQuoted();
    else if (sign === '{' || sign === '}') takeBrace(sign);
    else if (sign === '`') {
      code += '`';
      takeTemplateText(at + 1);
    } else take(at + 1, sign);
  }
  return { code, strings };
};

export const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;
