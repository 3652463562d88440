/**
 * Writes XML as text: deterministic, attributes in the order given, no white space of its own.
 *
 * @see XML 1.0 (fifth edition) §2.2 (allowed characters), §3.3.3 (attribute values) · Canonical XML 1.0 §2.3
 */
import { DrimboxError } from '../errors.ts';

/** An attribute that is `undefined` is left out. */
export type XmlAttributes = Readonly<Record<string, string | undefined>>;

/** Characters XML 1.0 cannot carry, even escaped: controls, lone surrogates, U+FFFE and U+FFFF. */
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

const checkCharacters = (value: string): void => {
  if (forbidden.test(value) || !value.isWellFormed()) {
    throw new DrimboxError('dmp/value-invalid', {
      detail: `a text of ${value.length} characters cannot be put in XML`,
    });
  }
};

const textEscapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const attributeEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

/** @throws dmp/value-invalid — a character XML cannot carry */
export const xmlText = (value: string): string => {
  checkCharacters(value);
  return value.replace(/[&<>\r]/g, (character) => textEscapes[character] ?? character);
};

const xmlAttribute = (value: string): string => {
  checkCharacters(value);
  return value.replace(/[&<"\t\n\r]/g, (character) => attributeEscapes[character] ?? character);
};

/**
 * One element. Children are XML already (made by `element` or `xmlText`).
 *
 * @throws dmp/value-invalid
 */
export const element = (name: string, attributes: XmlAttributes = {}, ...children: readonly string[]): string => {
  const written = Object.entries(attributes)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([key, value]) => ` ${key}="${xmlAttribute(value)}"`)
    .join('');
  const content = children.join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
};

/** An element that holds one text. @throws dmp/value-invalid */
export const textElement = (name: string, value: string, attributes: XmlAttributes = {}): string =>
  element(name, attributes, xmlText(value));
