/**
 * The only door to the XML parser: hardened, no DTD, no entities, nothing resolved, every fault of form refused.
 *
 * The embedded PDF is left in place: xmldom takes 2 ms for an official report of 245 kB, so cutting the body out
 * beforehand would gain nothing and would let a malformed body pass.
 */
import { DOMParser, type Element } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';
import type { ReportWarning } from './warnings.ts';
import { decodeXml } from './xml-encoding.ts';
import { checkMarkup } from './xml-guard.ts';

interface XmlDocument {
  readonly root: Element;
  readonly remarks: readonly ReportWarning[];
}

/**
 * @param maxBytes of the encoded document
 * @throws report/too-large, report/xml-invalid, report/xml-forbidden
 */
export const parseXml = (document: Uint8Array, maxBytes: number): XmlDocument => {
  if (document.byteLength > maxBytes) {
    throw new DrimboxError('report/too-large', { context: { bytes: document.byteLength, maxBytes } });
  }
  const { text, remarks } = decodeXml(document);
  checkMarkup(text);
  return { root: parseRoot(text), remarks };
};

const parseRoot = (text: string): Element => {
  const dom = parseDom(text);
  if (dom.doctype !== null) throw new DrimboxError('report/xml-forbidden', { detail: 'a document type' });
  if (dom.documentElement === null) throw new DrimboxError('report/xml-invalid', { detail: 'no root element' });
  return dom.documentElement;
};

/** Every remark of the parser is a fault of form, but one: U+FFFD is a legal character, however it came there. */
const stopAtFault = (_level: string, message: string): void => {
  if (message.startsWith('Unicode replacement character')) return;
  throw new Error(message);
};

const parseDom = (text: string) => {
  try {
    return new DOMParser({ locator: false, onError: stopAtFault }).parseFromString(text, 'text/xml');
  } catch {
    // without cause: the parser's message quotes the document
    throw new DrimboxError('report/xml-invalid', { detail: 'not well-formed' });
  }
};
