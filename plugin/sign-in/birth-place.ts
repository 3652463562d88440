/**
 * Places of birth: one INSEE code says the commune of those born in France and the country of all others.
 *
 * Corsica was one department, 20, until 1976; its communes kept their three digits in 2A and 2B, and none is in both. So
 * `20004` and `2A004` are one place, `2A004` and `2B004` are not. Communes merged or renamed since are not brought together:
 * the INS and the RNIPP both keep the code of the day of birth.
 *
 * @see facts/identity.md 3.3, 3.4 (6) · INSEE, code officiel géographique (COG)
 */

const france = '99100';
const countryPattern = /^99[0-9]{3}$/;
const communePattern = /^(?:2[AB]|[0-9]{2})[0-9]{3}$/;
/** INSEE: unknown, or no commune at all: equal only by accident. */
const unknownPattern = /^(?:00...|99999|99000)$/;

const clean = (text: unknown): string => (typeof text === 'string' ? text.trim().toUpperCase() : '');

const isCommune = (code: string): boolean =>
  communePattern.test(code) && !countryPattern.test(code) && !unknownPattern.test(code);

/** France as a country says no place. */
const isForeignCountry = (code: string): boolean =>
  countryPattern.test(code) && code !== france && !unknownPattern.test(code);

const isCorsica1976 = (old: string, since: string): boolean =>
  old.startsWith('20') && /^2[AB]/.test(since) && old.slice(2) === since.slice(2);

const isSameCommune = (a: string, b: string): boolean => a === b || isCorsica1976(a, b) || isCorsica1976(b, a);

export type BirthPlaceComparison = 'equal' | 'different' | 'missing';

/**
 * @param claimed   of FranceConnect+: a commune in France (99100), or no commune and another country
 * @param archived  of the INS: a commune or a country (99…)
 * @returns `missing` when a side has no code, an unknown one or two that contradict one another
 */
export const compareBirthPlaces = (
  claimed: { readonly birthPlace: unknown; readonly birthCountry: unknown },
  archived: unknown,
): BirthPlaceComparison => {
  const place = clean(claimed.birthPlace);
  const country = clean(claimed.birthCountry);
  const known = clean(archived);
  if (!isCommune(known) && !isForeignCountry(known)) return 'missing';
  if (country === france && isCommune(place)) {
    return isCommune(known) && isSameCommune(place, known) ? 'equal' : 'different';
  }
  if (isForeignCountry(country) && place === '') return country === known ? 'equal' : 'different';
  return 'missing';
};
