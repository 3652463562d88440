/**
 * Reads XML that came from outside: no document type, no entity, limited size and depth, one encoding at a time.
 *
 * @see OWASP XML External Entity Prevention · XML 1.0 appendix F (encodings)
 */
import { type Document, DOMParser, type Element } from '@xmldom/xmldom';
import { DrimboxError, type ErrorCode } from '../errors.ts';

const maxDepth = 100;
const decodings: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  'us-ascii': 'utf-8',
  'iso-8859-1': 'windows-1252',
  'iso-8859-15': 'iso-8859-15',
  'windows-1252': 'windows-1252',
};

/** The encoding of the XML declaration, else that of the transport, else UTF-8. Official samples come in both. */
const decodeXml = (bytes: Uint8Array, charset: string | undefined): string => {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^(?:\u00EF\u00BB\u00BF)?\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(start)?.[1];
  const label = decodings[(declared ?? charset ?? 'utf-8').toLowerCase()];
  if (label === undefined) throw new Error('unsupported encoding');
  return new TextDecoder(label, { fatal: true }).decode(bytes);
};

const checkDepth = (root: Element): void => {
  let level: Element[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) throw new Error(`more than ${maxDepth} levels`);
    level = level.flatMap(childElements);
  }
};

export interface XmlLimits {
  readonly maxBytes: number;
  /** Charset told by the transport, used when the document declares none. */
  readonly charset?: string;
}

/**
 * @param source  bytes, or text already decoded
 * @param code    the code to throw: whose XML this is
 * @throws `code` — too large, not well-formed, a document type, too deep
 */
export const parseXml = (source: Uint8Array | string, code: ErrorCode, limits: XmlLimits): Document => {
  try {
    if (source.length > limits.maxBytes) throw new Error(`more than ${limits.maxBytes} bytes`);
    const text = typeof source === 'string' ? source : decodeXml(source, limits.charset);
    if (/<!DOCTYPE/i.test(text)) throw new Error('document type declaration');
    const parser = new DOMParser({
      onError: (level: string) => {
        throw new Error(`XML ${level}`);
      },
    });
    const document = parser.parseFromString(text.replace(/^\uFEFF?\s*/, ''), 'text/xml');
    if (document.documentElement === null) throw new Error('no root element');
    checkDepth(document.documentElement);
    return document;
  } catch (cause) {
    // The parser's own message may quote the document, so it stays in `cause` and out of `detail`.
    throw new DrimboxError(code, { detail: 'not an acceptable XML document', cause });
  }
};

/** @throws `code` — the document has no root */
export const rootElement = (document: Document, code: ErrorCode): Element => {
  if (document.documentElement === null) throw new DrimboxError(code, { detail: 'no root element' });
  return document.documentElement;
};

export const childElements = (parent: Element): Element[] => {
  const found: Element[] = [];
  for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === node.ELEMENT_NODE) found.push(node as Element);
  }
  return found;
};

export const isElement = (node: Element, namespace: string, localName: string): boolean =>
  node.namespaceURI === namespace && node.localName === localName;

export const childrenNamed = (parent: Element, namespace: string, localName: string): Element[] =>
  childElements(parent).filter((child) => isElement(child, namespace, localName));

export const childNamed = (parent: Element, namespace: string, localName: string): Element | undefined =>
  childrenNamed(parent, namespace, localName)[0];

/** The element and everything under it, in document order. */
export const allElements = (root: Element): Element[] => [root, ...childElements(root).flatMap(allElements)];

export const textOf = (node: Element | undefined): string => (node?.textContent ?? '').trim();
