/**
 * Dates of birth of civil identities. An unknown month or day is `00` with the identity provider and in a provisional identity,
 * and `01` in the INS and the RNIPP: both are brought to `01` (decision E7).
 *
 * @see facts/identity.md 3.3 (formats), 3.4 (4)
 */

const dashed = /^(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})$/;
const compact = /^(?<year>[0-9]{4})(?<month>[0-9]{2})(?<day>[0-9]{2})$/;

const isCalendarDate = (year: number, month: number, day: number): boolean => {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
};

/** @returns `YYYYMMDD` without `00`; undefined for what is no date, or a day known in an unknown month */
const presumed = (parts: RegExpExecArray | null): string | undefined => {
  const { year = '', month = '', day = '' } = parts?.groups ?? {};
  if (Number(year) < 1000 || (month === '00' && day !== '00')) return undefined;
  const known = { month: month === '00' ? '01' : month, day: day === '00' ? '01' : day };
  return isCalendarDate(Number(year), Number(known.month), Number(known.day))
    ? `${year}${known.month}${known.day}`
    : undefined;
};

/** @param text  `YYYY-MM-DD` of FranceConnect+, month and day `00` when presumed */
export const normalizeClaimedBirthDate = (text: unknown): string | undefined =>
  typeof text === 'string' ? presumed(dashed.exec(text)) : undefined;

/** @param text  `YYYYMMDD` of the archive, month and day `00` when unknown */
export const normalizeArchivedBirthDate = (text: unknown): string | undefined =>
  typeof text === 'string' ? presumed(compact.exec(text)) : undefined;
