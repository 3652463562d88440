/**
 * Points in time as HL7 writes them (`20210108111700+0100`), and their UTC form for XDS.
 *
 * @see HL7 v3 data type TS · HL7 v2 data type DTM · IHE ITI TF-3 4.2.3.1.7 (DTM is UTC)
 */
import { DrimboxError } from '../errors.ts';

/** The parts that were written; what was not written is absent, which is the precision. */
export interface Hl7Timestamp {
  readonly year: number;
  /** 1–12 */
  readonly month?: number;
  readonly day?: number;
  readonly hour?: number;
  readonly minute?: number;
  readonly second?: number;
  readonly millisecond?: number;
  /** East of Greenwich; absent when none was written: local time of the sender. */
  readonly offsetMinutes?: number;
}

const timestampPattern =
  /^(?<year>[1-9]\d{3})(?:(?<month>\d\d)(?:(?<day>\d\d)(?:(?<hour>\d\d)(?:(?<minute>\d\d)(?:(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?)?)?)?)?)?(?<offset>[+-]\d{4})?$/;

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('standards/date-invalid', cause === undefined ? { detail } : { detail, cause });

const parseOffset = (text: string): number => {
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3));
  if (minutes > 14 * 60 || Number(text.slice(3)) > 59) throw invalid('offset out of range');
  return text.startsWith('-') ? -minutes : minutes;
};

/**
 * Reads a timestamp of any precision, from the year to fractions of a second.
 *
 * @param text `YYYY[MM[DD[hh[mm[ss[.f…]]]]]][±hhmm]`, years 1000–9999, no spaces
 * @throws standards/date-invalid — also for a day that is not in the calendar
 */
export const parseHl7Timestamp = (text: string): Hl7Timestamp => {
  const groups = timestampPattern.exec(text)?.groups;
  if (groups?.['year'] === undefined) throw invalid(`not an HL7 timestamp (${text.length} characters)`);
  const { month, day, hour, minute, second, fraction, offset } = groups;
  const stamp: Hl7Timestamp = {
    year: Number(groups['year']),
    ...(month === undefined ? {} : { month: Number(month) }),
    ...(day === undefined ? {} : { day: Number(day) }),
    ...(hour === undefined ? {} : { hour: Number(hour) }),
    ...(minute === undefined ? {} : { minute: Number(minute) }),
    ...(second === undefined ? {} : { second: Number(second) }),
    ...(fraction === undefined ? {} : { millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')) }),
    ...(offset === undefined ? {} : { offsetMinutes: parseOffset(offset) }),
  };
  if (!isInCalendar(stamp)) throw invalid('a date or time out of range');
  return stamp;
};

/** Date.UTC carries over what is out of range: a real date and time comes back unchanged. */
const isInCalendar = (stamp: Hl7Timestamp): boolean => {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = stamp;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return (
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  );
};

/** How far the wall clocks of the zone are ahead of UTC at that moment, in milliseconds. */
const zoneOffsetMs = (formatter: Intl.DateTimeFormat, utcMs: number): number => {
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of formatter.formatToParts(utcMs)) part[type] = value;
  const wallClockMs = Date.UTC(
    Number(part.year),
    Number(part.month) - 1,
    Number(part.day),
    Number(part.hour),
    Number(part.minute),
    Number(part.second),
  );
  return wallClockMs - Math.floor(utcMs / 1000) * 1000;
};

const wallClockFormatter = (timeZone: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw invalid('unknown time zone', error);
  }
};

const dayMs = 86_400_000;
const endOfYear9999Ms = Date.UTC(10_000, 0, 1);

/**
 * A time that the zone's clocks show twice (autumn) is taken as the first of both; one that they skip (spring) is
 * read with the offset in force before the change.
 */
const wallClockToUtcMs = (wallClockMs: number, timeZone: string): number => {
  const formatter = wallClockFormatter(timeZone);
  const before = zoneOffsetMs(formatter, wallClockMs - dayMs);
  const after = zoneOffsetMs(formatter, wallClockMs + dayMs);
  const fitting = [before, after].filter((offset) => zoneOffsetMs(formatter, wallClockMs - offset) === offset);
  return wallClockMs - Math.max(...(fitting.length === 0 ? [before] : fitting));
};

/**
 * A point in time as XDS wants it: UTC, without offset.
 *
 * A year, a month or a date without time has no UTC form and keeps its precision and value; hours and minutes are
 * completed with zeros to 14 digits; fractions of a second are dropped.
 *
 * @param text     HL7 timestamp, with or without offset
 * @param timeZone IANA name of the sender's zone, for timestamps without offset: `Europe/Paris`
 * @returns        `YYYY`, `YYYYMM`, `YYYYMMDD` or `YYYYMMDDHHMMSS`
 * @throws standards/date-invalid — the timestamp or the zone
 * @see IHE ITI TF-3 4.2.3.1.7 · facts/cisis.md 3.2
 */
export const toUtcDtm = (text: string, timeZone: string): string => {
  const stamp = parseHl7Timestamp(text);
  const { year, month = 1, day = 1, hour, minute = 0, second = 0, offsetMinutes } = stamp;
  if (hour === undefined) return text.replace(/[+-].*$/, '');
  const wallClockMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const utcMs =
    offsetMinutes === undefined ? wallClockToUtcMs(wallClockMs, timeZone) : wallClockMs - offsetMinutes * 60_000;
  if (utcMs >= endOfYear9999Ms) throw invalid('a UTC year of five digits');
  return new Date(utcMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '');
};
