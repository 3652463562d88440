/**
 * One field value of `Accept` → its media ranges, nothing decided yet.
 *
 * @see RFC 9110 §5.6 (lists, tokens, quoted strings), §12.5.1 (Accept, weight)
 */
import { DrimboxError } from '../errors.ts';

export interface MediaRange {
  /** Lower case, `type/subtype`; either may be `*`. */
  readonly mediaType: string;
  /** Names in lower case, values unquoted, `q` left out. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The weight `q` in thousandths, 0–1000: no rounding, as RFC 9110 allows three decimals. */
  readonly weight: number;
}

type Token = string;

const invalid = (detail: string): DrimboxError => new DrimboxError('wado/accept-invalid', { detail });

/** quoted string · separator · white space · run of anything else · a lone quote, which is an error */
const tokenPattern = /"(?:[^"\\]|\\.)*"|[,;=]|[ \t]+|[^ \t",;=]+|"/g;
const printable = /^[\t\x20-\x7e\x80-\xff]*$/;
const mediaTypePattern = /^(?:\*\/\*|[!#$%&'+.^_`|~\w-]+\/(?:\*|[!#$%&'+.^_`|~\w-]+))$/;
const namePattern = /^[!#$%&'*+.^_`|~\w-]+$/;
const weightPattern = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

const isBlank = (token: Token): boolean => /^[ \t]+$/.test(token);

const readTokens = (text: string): Token[] => {
  if (!printable.test(text)) throw invalid('control character');
  const tokens: Token[] = [];
  for (const [token] of text.matchAll(tokenPattern)) {
    // Stops here: what follows a quote that never ends must not be looked at again and again.
    if (token === '"') throw invalid('quoted string without an end');
    tokens.push(token);
  }
  return tokens;
};

/** Separators inside quoted strings are inside their token: they do not split. */
const splitAt = (tokens: readonly Token[], separator: Token): Token[][] => {
  const pieces: Token[][] = [[]];
  for (const token of tokens) {
    if (token === separator) pieces.push([]);
    else pieces.at(-1)?.push(token);
  }
  return pieces.map(trim);
};

const trim = (tokens: readonly Token[]): Token[] => {
  const inner = tokens.findIndex((token) => !isBlank(token));
  return inner === -1 ? [] : tokens.slice(inner, tokens.findLastIndex((token) => !isBlank(token)) + 1);
};

const unquote = (token: Token): string => (token.startsWith('"') ? token.slice(1, -1).replace(/\\(.)/g, '$1') : token);

/** `name`, `name=value` or `name="value"`; more lenient than a token: `type=application/dicom` is common. */
const readParameter = (tokens: readonly Token[]): readonly [name: string, value: string] => {
  const [name = ''] = tokens;
  if (!namePattern.test(name)) throw invalid('parameter without a name');
  const [sign, ...value] = trim(tokens.slice(1));
  if (sign !== undefined && sign !== '=') throw invalid('parameter without "="');
  const parts = trim(value);
  const isWhole = parts.length <= 1 || parts.every((part) => !isBlank(part) && !part.startsWith('"'));
  if (!isWhole) throw invalid('parameter with more than one value');
  return [name.toLowerCase(), parts.map(unquote).join('')];
};

/** Given twice they would have two meanings (RFC 6838 §4.3); any other is not ours to read. */
const uniqueParameters: ReadonlySet<string> = new Set(['q', 'type', 'transfer-syntax']);

const readParameters = (pieces: readonly Token[][]): Map<string, string> => {
  const parameters = new Map<string, string>();
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    const [name, value] = readParameter(piece);
    if (!parameters.has(name)) parameters.set(name, value);
    else if (uniqueParameters.has(name)) throw invalid(`parameter ${name} given twice`);
  }
  return parameters;
};

const readWeight = (text: string | undefined): number => {
  if (text === undefined) return 1000;
  if (!weightPattern.test(text)) throw invalid('weight (q) is not 0–1 with at most three decimals');
  // '0.85' → '0850': whole thousandths, without going through a binary fraction.
  const [whole = '0', decimals = ''] = text.split('.');
  return Number(`${whole}${decimals.padEnd(3, '0')}`);
};

const readRange = (tokens: readonly Token[]): MediaRange => {
  const [type = [], ...rest] = splitAt(tokens, ';');
  const [mediaType = ''] = type;
  if (type.length !== 1 || !mediaTypePattern.test(mediaType)) throw invalid('not a media range');
  const parameters = readParameters(rest);
  const weight = readWeight(parameters.get('q'));
  parameters.delete('q');
  return { mediaType: mediaType.toLowerCase(), parameters, weight };
};

/**
 * @param text  one field value; empty list elements are allowed (RFC 9110 §5.6.1.2)
 * @throws wado/accept-invalid
 */
export const parseMediaRanges = (text: string): MediaRange[] =>
  splitAt(readTokens(text), ',')
    .filter((tokens) => tokens.length > 0)
    .map(readRange);
