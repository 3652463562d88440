/**
 * What the clocks of a site showed: its offset from UTC at a date, in summer, in winter and overseas.
 *
 * @see PS3.3 C.12.1.1.8 (TimezoneOffsetFromUTC, `&ZZXX`) · decision C4
 */
import { DrimboxError } from '../errors.ts';
import { dateText, timeText } from './attribute-values.ts';

const minuteMs = 60_000;

/** Minutes east of UTC of a zone at an instant. */
const offsetMinutesAt = (zone: Intl.DateTimeFormat, atUtcMs: number): number => {
  const name = zone.formatToParts(atUtcMs).find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign, hours, minutes] = /^GMT([+-])([0-9]{2}):([0-9]{2})/.exec(name) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

const openZone = (timeZone: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch (cause) {
    throw new DrimboxError('kos/value-invalid', { cause, detail: 'the time zone of the site is unknown' });
  }
};

/** Milliseconds of the date and time read as if they were UTC; noon when there is no time; nothing without a date. */
const localMs = (dicomDate: string, dicomTime: string): number | undefined => {
  const date = dateText(dicomDate);
  if (date === '') return undefined;
  const time = (timeText(dicomTime) || '12').slice(0, 6).padEnd(6, '0');
  const days = Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6, 8)));
  const seconds = Number(time.slice(0, 2)) * 3600 + Number(time.slice(2, 4)) * 60 + Number(time.slice(4, 6));
  return days + seconds * 1000;
};

/**
 * @param timeZone       IANA name: `Europe/Paris`, `Indian/Reunion`
 * @param dicomDate      `YYYYMMDD`, local; missing or invalid: the offset at `fallbackUtcMs`
 * @param dicomTime      `HH[MM[SS…]]`, local; missing or invalid: noon
 * @param fallbackUtcMs  milliseconds since 1970, UTC
 * @returns `+0100`. In the hour that autumn repeats: that of summer; in the one that spring skips: that of winter.
 * @throws kos/value-invalid — no such zone
 */
export const timeZoneOffset = (
  timeZone: string,
  dicomDate: string,
  dicomTime: string,
  fallbackUtcMs: number,
): string => {
  const zone = openZone(timeZone);
  const local = localMs(dicomDate, dicomTime);
  let minutes: number;
  if (local === undefined) minutes = offsetMinutesAt(zone, fallbackUtcMs);
  else {
    // A day earlier the clocks showed the offset from before a change; it holds if it explains the local time.
    const before = offsetMinutesAt(zone, local - 24 * 60 * minuteMs);
    minutes = offsetMinutesAt(zone, local - before * minuteMs);
    if (minutes !== before && offsetMinutesAt(zone, local - minutes * minuteMs) !== minutes) minutes = before;
  }
  const absolute = Math.abs(minutes);
  const digits = `${Math.trunc(absolute / 60)}`.padStart(2, '0') + `${absolute % 60}`.padStart(2, '0');
  return (minutes < 0 ? '-' : '+') + digits;
};

/** An instant as the clocks at that offset show it. */
export const localDateTime = (atUtcMs: number, offset: string): { readonly date: string; readonly time: string } => {
  const minutes = (offset.startsWith('-') ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3, 5)));
  const digits = new Date(atUtcMs + minutes * minuteMs).toISOString().replace(/[^0-9]/g, '');
  return { date: digits.slice(0, 8), time: digits.slice(8, 14) };
};
