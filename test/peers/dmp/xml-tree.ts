/**
 * An XML document twice: as libxml2 holds it (canonical form, schema) and as plain objects on which the rules are written.
 * Refused before parsing: DOCTYPE, hence entities; anything but UTF-8.
 */
import { ParseOption, XmlCData, XmlDocument, XmlElement as LibraryElement, XmlText } from 'libxml2-wasm';

export interface XmlNode {
  readonly namespace: string;
  readonly name: string;
  /** `name` or `{namespace}name` → value. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlNode[];
  /** Character content of the element itself, not of its children. */
  readonly text: string;
  readonly source: LibraryElement;
}

export interface ParsedXml {
  readonly root: XmlNode;
  readonly document: XmlDocument;
  /** To be called once; `source` nodes die with it. */
  readonly dispose: () => void;
}

export class XmlInvalid extends Error {
  override readonly name = 'XmlInvalid';
}

const readElement = (source: LibraryElement): XmlNode => {
  const attributes = new Map<string, string>();
  for (const attribute of source.attrs) {
    const namespace = attribute.namespaceUri;
    attributes.set(namespace === '' ? attribute.name : `{${namespace}}${attribute.name}`, attribute.value);
  }
  const children: XmlNode[] = [];
  let text = '';
  for (let child = source.firstChild; child !== null; child = child.next) {
    if (child instanceof LibraryElement) children.push(readElement(child));
    else if (child instanceof XmlText || child instanceof XmlCData) text += child.content;
  }
  return { namespace: source.namespaceUri, name: source.name, attributes, children, text, source };
};

/** @throws XmlInvalid */
export const parseXml = (bytes: Uint8Array): ParsedXml => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new XmlInvalid('not UTF-8', { cause });
  }
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new XmlInvalid('DOCTYPE is forbidden');
  if (/^<\?xml[^>]*encoding=["'](?!utf-8["'])/i.test(text)) throw new XmlInvalid('encoding declared other than UTF-8');
  let document: XmlDocument;
  try {
    document = XmlDocument.fromString(text, {
      option:
        ParseOption.XML_PARSE_NONET |
        ParseOption.XML_PARSE_NO_XXE |
        ParseOption.XML_PARSE_HUGE |
        ParseOption.XML_PARSE_NOERROR,
    });
  } catch (cause) {
    throw new XmlInvalid('not well-formed', { cause });
  }
  return { root: readElement(document.root), document, dispose: () => document.dispose() };
};

export const isNamed = (node: XmlNode, namespace: string, name: string): boolean =>
  node.namespace === namespace && node.name === name;

export const childrenNamed = (node: XmlNode, namespace: string, name: string): XmlNode[] =>
  node.children.filter((child) => isNamed(child, namespace, name));

/** The only child of that name; undefined when there is none or more than one. */
export const onlyChild = (node: XmlNode | undefined, namespace: string, name: string): XmlNode | undefined => {
  const found = node === undefined ? [] : childrenNamed(node, namespace, name);
  return found.length === 1 ? found[0] : undefined;
};

export const descendants = (node: XmlNode): XmlNode[] => [node, ...node.children.flatMap(descendants)];

export const descendantsNamed = (node: XmlNode, namespace: string, name: string): XmlNode[] =>
  descendants(node).filter((each) => isNamed(each, namespace, name));

export const attributeOf = (node: XmlNode | undefined, name: string): string => node?.attributes.get(name) ?? '';

/** Every identifier attribute of the kinds signatures refer to: a second element of the same identifier is an attack. */
export const elementsIdentified = (root: XmlNode, id: string): XmlNode[] =>
  descendants(root).filter((node) => ['ID', 'Id', 'id'].some((name) => node.attributes.get(name) === id));

export const namespaces = {
  soap: 'http://www.w3.org/2003/05/soap-envelope',
  addressing: 'http://www.w3.org/2005/08/addressing',
  security: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd',
  saml: 'urn:oasis:names:tc:SAML:2.0:assertion',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
  hl7: 'urn:hl7-org:v3',
  schemaInstance: 'http://www.w3.org/2001/XMLSchema-instance',
  rim: 'urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0',
  rs: 'urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0',
  lcm: 'urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0',
  query: 'urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0',
  xdsB: 'urn:ihe:iti:xds-b:2007',
  xop: 'http://www.w3.org/2004/08/xop/include',
} as const;
