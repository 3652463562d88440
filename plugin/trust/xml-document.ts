/**
 * Reads XML that came from outside: UTF-8, no document type, no entity, no processing instruction, limited depth.
 *
 * @see OWASP XML External Entity Prevention
 */
import { type Document, DOMParser, type Element, type Node } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';

const maxDepth = 50;
/** Of `<` and of `=`: about 12,000 domains. A document of nothing but tags takes five hundred times its size in memory. */
const maxMarks = 200_000;
/** Characters from `<` to `>`: comparing attributes with each other grows with the square of their number. */
const oversizedTag = /<[^>]{8192}/;

const decodeXml = (bytes: Uint8Array): string => {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^[^<]*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1] ?? 'utf-8';
  if (!/^(utf-8|us-ascii)$/i.test(declared)) throw new Error('unsupported encoding');
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
};

const countOf = (text: string, mark: string): number => {
  let count = 0;
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) count += 1;
  return count;
};

/** Before parsing: what would take all the memory or time there is. */
const checkMarks = (text: string): void => {
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Error('document type declaration');
  if (countOf(text, '<') > maxMarks || countOf(text, '=') > maxMarks) throw new Error(`more than ${maxMarks} tags`);
  if (oversizedTag.test(text)) throw new Error('a tag that does not end');
};

const childNodes = (node: Node): Node[] => {
  const found: Node[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
};

const checkNodes = (document: Document): void => {
  let level: Node[] = [document];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw new Error(`more than ${maxDepth} levels`);
    const next: Node[] = [];
    for (const node of level) {
      for (const child of childNodes(node)) {
        if (child.nodeType === child.PROCESSING_INSTRUCTION_NODE && child.nodeName !== 'xml') {
          throw new Error('processing instruction');
        }
        next.push(child);
      }
    }
    level = next;
  }
};

/**
 * @returns the root element
 * @throws trust/whitelist-malformed — not well-formed, another encoding, a document type, too deep
 */
export const parseXml = (source: Uint8Array | string): Element => {
  try {
    const text = typeof source === 'string' ? source : decodeXml(source);
    checkMarks(text);
    const parser = new DOMParser({
      onError: (level: string) => {
        throw new Error(`XML ${level}`);
      },
    });
    const document = parser.parseFromString(text.replace(/^\uFEFF?\s*/, ''), 'text/xml');
    checkNodes(document);
    if (document.documentElement === null) throw new Error('no root element');
    return document.documentElement;
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-malformed', { detail: 'not an acceptable XML document', cause });
  }
};

export const childElements = (parent: Element): Element[] =>
  childNodes(parent).filter((node): node is Element => node.nodeType === node.ELEMENT_NODE);

export const isElement = (node: Element, namespace: string, localName: string): boolean =>
  node.namespaceURI === namespace && node.localName === localName;

export const childrenNamed = (parent: Element, namespace: string, localName: string): Element[] =>
  childElements(parent).filter((child) => isElement(child, namespace, localName));

/** The element and everything under it, in document order. */
export const allElements = (root: Element): Element[] => {
  const found: Element[] = [];
  const waiting: Element[] = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    found.push(node);
    for (const child of childElements(node).toReversed()) waiting.push(child);
  }
  return found;
};

export const textOf = (node: Element | undefined): string => (node?.textContent ?? '').trim();
