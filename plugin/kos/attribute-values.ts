/**
 * Makes any text fit the value representation it is written in.
 *
 * Two kinds, treated unlike:
 * - what **identifies** (INS, accession and order numbers, UIDs, OIDs) is written exactly or refused, never cut;
 * - what **describes** (labels of the PACS, names of structures) is cleaned and cut: a long label never stops a
 *   publication.
 *
 * Cleaned means: NFC, control characters become a space, a backslash (it separates values) a slash, no outer spaces.
 *
 * @see PS3.5 §6.2 and table 6.2-1: lengths count characters, not bytes (dciodvfy of 2022 counts bytes of UTF-8)
 */
import { DrimboxError } from '../errors.ts';

/** What DICOM forbids in a value: C0 and C1 control characters. */
const controlCharacters = /\p{Cc}/gu;
const hasControlOrBackslash = /[\p{Cc}\\]/u;

const refused = (keyword: string, reason: string): DrimboxError =>
  new DrimboxError('kos/value-invalid', { detail: `${keyword} ${reason}`, context: { attribute: keyword } });

/** Unicode characters, a surrogate pair being one. */
export const characterCount = (text: string): number => Array.from(text).length;

/** The first `maxCharacters` characters, surrogate pairs kept whole. */
export const cutText = (text: string, maxCharacters: number): string =>
  characterCount(text) <= maxCharacters ? text : Array.from(text).slice(0, maxCharacters).join('').trimEnd();

export const cleanText = (text: string): string =>
  text.toWellFormed().normalize('NFC').replace(controlCharacters, ' ').replaceAll('\\', '/').trim();

/** A label: LO of 64 characters, SH of 16. */
export const descriptiveText = (text: string, maxCharacters: number): string => cutText(cleanText(text), maxCharacters);

/**
 * An identifier, exactly as given but for outer spaces, which DICOM does not keep.
 *
 * @throws kos/value-invalid — too long, or with a control character, a backslash or half a character
 */
export const identifierText = (text: string, maxCharacters: number, keyword: string): string => {
  const identifier = text.trim();
  if (characterCount(identifier) > maxCharacters) throw refused(keyword, `is longer than ${maxCharacters} characters`);
  if (hasControlOrBackslash.test(identifier)) throw refused(keyword, 'has a control character or a backslash');
  if (!identifier.isWellFormed()) throw refused(keyword, 'has half a character');
  return identifier;
};

const digitsAndDots = /^[0-9]+(?:\.[0-9]+)*$/;

/**
 * A UID as the PACS holds it: an arc with a leading zero, which the standard forbids and old modalities write, is
 * kept, because the manifest must name the object that exists.
 *
 * @throws kos/value-invalid
 */
export const uidText = (text: string, keyword: string): string => {
  if (text.length > 64 || !digitsAndDots.test(text)) throw refused(keyword, 'is not a UID of at most 64 characters');
  return text;
};

const delimitersOfNames = /[\^=\\]/g;

/** One component of a person name: delimiters become a space, runs of spaces one. */
export const nameComponent = (text: string): string =>
  cleanText(text.replace(delimitersOfNames, ' ')).replace(/ {2,}/g, ' ');

/** A person name of the PACS: three groups between `=`, each five components between `^` in 64 characters. */
export const storedPersonName = (text: string): string =>
  cleanText(text)
    .split('=')
    .slice(0, 3)
    .map((group) => cutText(group.split('^').slice(0, 5).join('^'), 64))
    .join('=');

/** The text when it is a date of the calendar as `YYYYMMDD`, else nothing. */
export const dateText = (text: string): string => {
  const [, year, month, day] = /^([0-9]{4})([0-9]{2})([0-9]{2})$/.exec(text.trim()) ?? [];
  if (year === undefined || year === '0000') return '';
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day) ? '' : `${year}${month}${day}`;
};

/** The text when it is a time as `HH[MM[SS[.F…]]]`, else nothing. */
export const timeText = (text: string): string => {
  const time = text.trim();
  return /^(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?$/.test(time) ? time : '';
};

/** The text when it is an integer of 32 bits, else nothing. */
export const integerText = (text: string): string => {
  const integer = text.trim();
  return /^[+-]?[0-9]{1,11}$/.test(integer) && Math.abs(Number(integer)) < 2 ** 31 ? integer : '';
};

/** A code string: capitals, digits, space, underscore; at most 16 characters. */
export const codeText = (text: string): string =>
  text
    .toUpperCase()
    .replace(/[^A-Z0-9_ ]/g, ' ')
    .trim()
    .slice(0, 16)
    .trimEnd();

/** @throws kos/value-invalid — not an absolute http(s) URL in printable ASCII */
export const urlBase = (text: string, keyword: string): string => {
  if (!/^https?:\/\/[!-[\]-~]+$/.test(text) || !URL.canParse(text)) throw refused(keyword, 'is not an http(s) URL');
  return text.replace(/\/+$/, '');
};
