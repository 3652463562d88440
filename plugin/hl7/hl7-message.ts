import { Hl7Context, Hl7Message as TokenisedMessage } from '@medplum/core';
import { type CharacterEncoding, decodeText } from './charset.ts';
import { createUnescape } from './escapes.ts';
import { guessHeader, type HeaderGuess, messageStart } from './message-header.ts';
import { checkMessageLimits } from './message-limits.ts';
import { refusal } from './refusal.ts';
import { createSegment, type Segment } from './segment.ts';
import { splitSegments } from './segment-lines.ts';
import { parseSeparators, type Separators } from './separators.ts';

/** An application and the facility it belongs to (MSH-3/4 or MSH-5/6, first component). */
export interface Hl7Party {
  readonly application: string;
  readonly facility: string;
}

/** A message whose bytes could be read. Nothing says yet that it is one we want. */
export interface Hl7Message {
  /** MSH-10; empty when missing. */
  readonly controlId: string;
  /** MSH-9.1: `ORU`, `MDM`, `OMI` or anything. */
  readonly type: string;
  /** MSH-9.2: `R01`, `T02`, … */
  readonly event: string;
  /** MSH-12.1 */
  readonly version: string;
  /** MSH-11.1: `P`, `T` or `D` when it is right. */
  readonly processingId: string;
  readonly sender: Hl7Party;
  readonly receiver: Hl7Party;
  /** MSH-18, first repetition, as received; may be empty. */
  readonly charset: string;
  readonly characterEncoding: CharacterEncoding;
  /** MSH as received, for the acknowledgment. */
  readonly header: HeaderGuess;
  /** The whole message as received, without framing. */
  readonly raw: Uint8Array;
  readonly segments: readonly Segment[];
  first(name: string): Segment | undefined;
  all(name: string): readonly Segment[];
}

/** Blanks and NUL after the last segment are padding. */
const withoutPadding = (text: string): string => {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) <= 0x20) end -= 1;
  return text.slice(0, end);
};

/** NUL stands for no letter in any charset, and neither XML nor a database can hold it. */
const checkCharacters = (lines: readonly string[]): void => {
  const at = lines.findIndex((line) => line.includes('\0'));
  if (at === -1) return;
  const name = lines[at]?.slice(0, 3) ?? '';
  const sequence = lines.slice(0, at + 1).filter((line) => line.startsWith(name)).length;
  throw refusal('hl7/charset-invalid', `${name}^${sequence}`, 'a NUL character');
};

const tokenise = (text: string, separators: Separators): TokenisedMessage => {
  const { field, component, repetition, escape, subcomponent } = separators;
  const lines = splitSegments(withoutPadding(text), separators);
  checkCharacters(lines);
  checkMessageLimits(text, lines, separators);
  return new TokenisedMessage(lines, new Hl7Context('\r', field, component, repetition, escape, subcomponent));
};

const createSegments = (text: string, separators: Separators, encoding: CharacterEncoding): readonly Segment[] => {
  const reading = { separators, unescape: createUnescape(separators, encoding) };
  const counts = new Map<string, number>();
  return tokenise(text, separators).segments.map((tokens, position) => {
    const sequence = (counts.get(tokens.name) ?? 0) + 1;
    counts.set(tokens.name, sequence);
    return createSegment(tokens, { sequence, position }, reading);
  });
};

/** MSH-18.1, first repetition, before the charset is known: one character per byte. */
const readCharset = (header: HeaderGuess): string =>
  header.fields[18]?.split(header.separators.repetition)[0]?.split(header.separators.component)[0] ?? '';

const party = (header: Segment, applicationField: number): Hl7Party => ({
  application: header.value(applicationField),
  facility: header.value(applicationField + 1),
});

/**
 * Reads a message: charset, separators, segments. What the message says is checked by `parseReportTransmission` and
 * `parseStudyChange`.
 *
 * @param frame  one message as received, without the bytes of MLLP
 * @throws hl7/message-invalid, hl7/field-missing, hl7/field-invalid, hl7/charset-invalid, hl7/segment-missing
 * @see HL7 v2.5 chapter 2 · facts/cisis.md 1.1
 */
export const parseHl7Message = (frame: Uint8Array): Hl7Message => {
  const { offset, hasByteOrderMark } = messageStart(frame);
  const bytes = frame.subarray(offset);
  const begin = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  if (!begin.startsWith('MSH')) throw refusal('hl7/message-invalid', 'MSH', 'the first segment is not MSH');
  const separators = parseSeparators(begin);
  const header = guessHeader(frame);
  const charset = readCharset(header);
  const { text, encoding } = decodeText(bytes, charset, hasByteOrderMark);
  const segments = createSegments(text, separators, encoding);

  const byName = Map.groupBy(segments, (segment) => segment.name);
  const all = (name: string): readonly Segment[] => byName.get(name) ?? [];
  const [msh, secondMsh] = all('MSH');
  if (msh === undefined || msh.position !== 0) throw refusal('hl7/message-invalid', 'MSH', 'MSH has no fields');
  if (secondMsh !== undefined) throw refusal('hl7/segment-missing', 'MSH^2', 'two messages in one frame');

  return {
    controlId: msh.value(10),
    type: msh.value(9, 1),
    event: msh.value(9, 2),
    version: msh.value(12),
    processingId: msh.value(11),
    sender: party(msh, 3),
    receiver: party(msh, 5),
    charset,
    characterEncoding: encoding,
    header,
    raw: frame,
    segments,
    first: (name) => all(name)[0],
    all,
  };
};
