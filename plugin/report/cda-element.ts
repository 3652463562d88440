/**
 * Walking through a CDA document: elements of one namespace, by name, each knowing the XPath that leads to it, so that
 * a fault can be located without quoting the document.
 */
import type { Element, Node } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';

export const cdaNamespace = 'urn:hl7-org:v3';
/** DICOM PS3.20: accessionNumber. */
export const imagingNamespace = 'urn:dicom-org:ps3-20';

export interface CdaElement {
  readonly element: Element;
  readonly path: string;
}

const isElement = (node: Node): node is Element => node.nodeType === 1;

/** Children of that name in document order; the path is numbered when there are several. */
export const children = (parent: CdaElement, name: string, namespace = cdaNamespace): readonly CdaElement[] => {
  const found: Element[] = [];
  for (let node = parent.element.firstChild; node !== null; node = node.nextSibling) {
    if (isElement(node) && node.localName === name && node.namespaceURI === namespace) found.push(node);
  }
  const path = `${parent.path}/${name}`;
  return found.map((element, i) => ({ element, path: found.length === 1 ? path : `${path}[${i + 1}]` }));
};

/** All elements at the end of the path, in document order. */
export const descend = (from: CdaElement, ...names: readonly string[]): readonly CdaElement[] =>
  names.reduce<readonly CdaElement[]>((found, name) => found.flatMap((parent) => children(parent, name)), [from]);

/** The first element at the end of the path: for what does not decide who the patient is or who signs. */
export const first = (from: CdaElement, ...names: readonly string[]): CdaElement | undefined =>
  descend(from, ...names)[0];

/**
 * The element at the end of the path where a second one would make the report ambiguous.
 *
 * @throws report/field-invalid — several
 */
export const only = (from: CdaElement, ...names: readonly string[]): CdaElement | undefined => {
  const found = descend(from, ...names);
  if (found.length > 1) throw fieldInvalid(`${from.path}/${names.join('/')}`, 'more than one');
  return found[0];
};

/** @throws report/field-missing, report/field-invalid */
export const required = (from: CdaElement, ...names: readonly string[]): CdaElement => {
  const found = only(from, ...names);
  if (found === undefined) throw fieldMissing(`${from.path}/${names.join('/')}`);
  return found;
};

/** Value of an attribute, without spaces around it; undefined when absent or empty. */
export const attribute = (at: CdaElement, name: string): string | undefined => {
  const value = at.element.getAttribute(name)?.trim();
  return value === undefined || value === '' ? undefined : value;
};

/** @throws report/field-missing */
export const requiredAttribute = (at: CdaElement, name: string): string => {
  const value = attribute(at, name);
  if (value === undefined) throw fieldMissing(`${at.path}/@${name}`);
  return value;
};

/** Text of the element, comments and instructions left out, white space collapsed; undefined when there is none. */
export const textOf = (at: CdaElement | undefined): string | undefined => {
  const text = at?.element.textContent?.replaceAll(/[ \t\r\n]+/g, ' ').trim();
  return text === undefined || text === '' ? undefined : text;
};

export const isNull = (at: CdaElement): boolean => at.element.getAttribute('nullFlavor') !== null;

export const fieldMissing = (location: string): DrimboxError =>
  new DrimboxError('report/field-missing', { context: { location }, detail: location });

export const fieldInvalid = (location: string, what: string): DrimboxError =>
  new DrimboxError('report/field-invalid', { context: { location }, detail: `${location}: ${what}` });
