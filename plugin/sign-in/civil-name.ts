/**
 * Civil names in one normal form, so that two spellings of one name are equal and two names never are.
 *
 * Letters lose accents and ligatures and become capitals; apostrophes, hyphens (single, double) and runs of spaces become one
 * space. A name with anything else (digit, bracket, comma, letter that French civil status does not have, invisible character,
 * U+FFFD) has no normal form: dropping what is not understood would make different names equal.
 *
 * @see facts/identity.md 3.4 (1) · INSi: A–Z, space, apostrophe, hyphen, double hyphen
 */

/** Longer than any civil name; what is longer is not read. */
const maxCharacters = 512;

/** Letters that Unicode does not take apart. */
const ligatures: Readonly<Record<string, string>> = { Œ: 'OE', œ: 'OE', Æ: 'AE', æ: 'AE', ß: 'SS', ẞ: 'SS' };

/**
 * What the decomposition leaves of apostrophes as keyboards, word processors and old conversions write them (of ´ it makes a
 * space): ' ` ‘ ’ ‛ ′ ʹ ʻ ʼ ʽ ʾ ʿ ˈ ꞌ ՚ — and all dashes, the minus sign,
 * the hyphen bullet.
 */
const separators = /['`‘’‛′ʹʻʼʽʾʿˈꞌ՚\u2043\u2212\p{Pd}\p{Zs}\t\r\n]+/gu;

const normalForm = /^[A-Z]+(?: [A-Z]+)*$/;

/**
 * @param text  a family name, one given name or a list of given names
 * @returns     words of A–Z with one space between; undefined when the text is empty or has no normal form
 */
export const normalizeCivilName = (text: unknown): string | undefined => {
  if (typeof text !== 'string' || text.length > maxCharacters) return undefined;
  const words = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ŒœÆæßẞ]/gu, (letter) => ligatures[letter] ?? '')
    .toUpperCase()
    .replace(separators, ' ')
    .trim();
  return normalForm.test(words) ? words : undefined;
};

/** True for one given name for sure: a text without space is one name, hyphens being part of it. */
export const isOneGivenName = (text: string): boolean => !/[\p{Zs}\t\r\n]/u.test(text.trim());
