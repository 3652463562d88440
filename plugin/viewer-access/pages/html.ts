/**
 * HTML as a tagged template: every value is escaped, except what this template made itself.
 *
 * Values may stand in text and in quoted attributes, nowhere else: never in a script, a style, an unquoted attribute or the
 * name of anything. An address is checked by who puts it in (`https:` or a path of ours).
 *
 * @see OWASP Cross Site Scripting Prevention, HTML and attribute contexts
 */

/** HTML that the template made. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type HtmlValue = string | number | Html | false | undefined | readonly HtmlValue[];

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Control characters have no place in a page; halves of surrogate pairs none in UTF-8. */
const escapeText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, ' ')
    .replaceAll(/[&<>"'`]/g, (sign) => entities[sign] ?? '');

const render = (value: HtmlValue): string => {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  return Array.isArray(value) ? value.map(render).join('') : escapeText(String(value));
};

export const html = (parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html =>
  new Html(parts.map((part, at) => part + render(values[at])).join(''));
