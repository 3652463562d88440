/**
 * What must not reach the XML parser: a document type, entities, markup that exhausts memory or stack, and the faults
 * of well-formedness that xmldom 0.9 lets pass (characters outside XML, bare `&`, `]]>` in text, `/` inside a tag).
 *
 * One pass over the text, without recursion. It follows the markup as XML 1.0 does (comments, CDATA sections,
 * processing instructions, tags with quoted values), so a `<!DOCTYPE` inside a comment is text. It is not a parser:
 * whatever it accepts is still checked by one.
 */
import { DrimboxError } from '../errors.ts';

/** No report comes near: a level 3 report is about 20 deep. */
const maxDepth = 200;
/** Tags, comments, sections, instructions and references together: about a second of the parser's time. */
const maxMarkup = 250_000;
const maxAttributes = 256;

const malformed = (detail: string): DrimboxError => new DrimboxError('report/xml-invalid', { detail });

// oxlint-disable-next-line no-control-regex -- these are the characters that XML 1.0 excludes
const outsideXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const isXmlCharacter = (codePoint: number): boolean =>
  codePoint <= 0x10ffff &&
  !(codePoint >= 0xd800 && codePoint <= 0xdfff) &&
  !outsideXml.test(String.fromCodePoint(codePoint));

/** The five predefined entities and character references: without a DTD there is nothing else. */
const referencePattern = /^&(?:amp|lt|gt|quot|apos|#(?<decimal>[0-9]{1,10})|#x(?<hexadecimal>[0-9a-fA-F]{1,8}));/;
const referenceLength = 16;

/** Position after the reference that starts at `at`. */
const skipReference = (text: string, at: number): number => {
  const found = referencePattern.exec(text.slice(at, at + referenceLength));
  if (found === null) throw malformed('a bare & or an unknown entity');
  const { decimal, hexadecimal } = found.groups ?? {};
  const codePoint = decimal === undefined ? Number.parseInt(hexadecimal ?? '20', 16) : Number(decimal);
  if (!isXmlCharacter(codePoint)) throw malformed('a reference to a character outside XML');
  return at + found[0].length;
};

/** Position after `end`, searched from `from`. */
const skipTo = (text: string, end: string, from: number, what: string): number => {
  const at = text.indexOf(end, from);
  if (at < 0) throw malformed(`unterminated ${what}`);
  return at + end.length;
};

/** Position after the comment, CDATA section or instruction at `at`; undefined when a tag starts there. */
const skipNonElement = (text: string, at: number): number | undefined => {
  if (text.startsWith('<!--', at)) return skipTo(text, '-->', at + 4, 'comment');
  if (text.startsWith('<![CDATA[', at)) return skipTo(text, ']]>', at + 9, 'CDATA section');
  if (text.startsWith('<?', at)) return skipTo(text, '?>', at + 2, 'processing instruction');
  if (!text.startsWith('<!', at)) return undefined;
  // DOCTYPE, or ENTITY, ELEMENT, ATTLIST, NOTATION that could only stand inside one
  throw new DrimboxError('report/xml-forbidden', { detail: 'a markup declaration' });
};

interface Tag {
  /** Position after its `>`. */
  readonly end: number;
  /** Attributes and the references in their values. */
  readonly markup: number;
}

/** Reads the tag that starts at `at`; a `>` inside a quoted value does not end it. */
const scanTag = (text: string, at: number): Tag => {
  const landmark = /["'<>/]/g;
  landmark.lastIndex = text[at + 1] === '/' ? at + 2 : at + 1;
  let attributes = 0;
  let references = 0;
  for (let mark = landmark.exec(text); mark !== null && mark[0] !== '<'; mark = landmark.exec(text)) {
    if (mark[0] === '>') return { end: mark.index + 1, markup: attributes + references };
    if (mark[0] === '/') {
      if (text[mark.index + 1] !== '>') throw malformed('a / inside a tag');
      continue;
    }
    attributes += 1;
    if (attributes > maxAttributes) throw malformed('too many attributes in one element');
    landmark.lastIndex = skipTo(text, mark[0], mark.index + 1, 'attribute value');
    const value = text.slice(mark.index + 1, landmark.lastIndex - 1);
    for (let from = value.indexOf('&'); from >= 0; from = value.indexOf('&', from)) {
      from = skipReference(value, from);
      references += 1;
    }
  }
  throw malformed('unterminated tag');
};

/** +1 for a start tag, -1 for an end tag, 0 for an empty element. */
const depthChange = (text: string, start: number, end: number): number => {
  if (text[start + 1] === '/') return -1;
  return text[end - 2] === '/' ? 0 : 1;
};

/**
 * Checks the text before it is given to the parser; takes linear time.
 *
 * @throws report/xml-forbidden — a DTD or an entity declaration
 * @throws report/xml-invalid — over 200 levels, over 500,000 pieces of markup, over 256 attributes in one element,
 *   or not well-formed in a way the parser would not notice
 */
export const checkMarkup = (text: string): void => {
  if (outsideXml.test(text)) throw malformed('a character outside XML');
  const landmark = /<|&|\]\]>/g;
  let depth = 0;
  let markup = 0;
  for (let mark = landmark.exec(text); mark !== null; mark = landmark.exec(text)) {
    markup += 1;
    if (mark[0] === '&') {
      landmark.lastIndex = skipReference(text, mark.index);
    } else if (mark[0] === '<') {
      const afterNonElement = skipNonElement(text, mark.index);
      const tag = afterNonElement === undefined ? scanTag(text, mark.index) : undefined;
      if (tag !== undefined) {
        depth += depthChange(text, mark.index, tag.end);
        markup += tag.markup;
      }
      landmark.lastIndex = afterNonElement ?? tag?.end ?? text.length;
    } else {
      throw malformed(']]> in text');
    }
    if (depth > maxDepth) throw malformed('nested too deep');
    if (markup > maxMarkup) throw malformed('too much markup');
  }
};
