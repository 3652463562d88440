import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseHl7Timestamp, toUtcDtm } from '../../plugin/standards/index.ts';

describe('HL7 timestamps', () => {
  test.each([
    ['2026', { year: 2026 }],
    ['202603', { year: 2026, month: 3 }],
    ['20240229', { year: 2024, month: 2, day: 29 }],
    ['2026031209', { year: 2026, month: 3, day: 12, hour: 9 }],
    ['202603120915', { year: 2026, month: 3, day: 12, hour: 9, minute: 15 }],
    ['20260312091530', { year: 2026, month: 3, day: 12, hour: 9, minute: 15, second: 30 }],
    [
      '20210409094914.827+0100',
      { year: 2021, month: 4, day: 9, hour: 9, minute: 49, second: 14, millisecond: 827, offsetMinutes: 60 },
    ],
    [
      '20260312091530.1234-0330',
      { year: 2026, month: 3, day: 12, hour: 9, minute: 15, second: 30, millisecond: 123, offsetMinutes: -210 },
    ],
    ['20260312+0000', { year: 2026, month: 3, day: 12, offsetMinutes: 0 }],
  ])('reads %s with its precision', (text, expected) => {
    expect(parseHl7Timestamp(text)).toEqual(expected);
  });

  test.each([
    '',
    '26',
    '20261',
    '2026033',
    '20260230',
    '20261301',
    '20260000',
    '2026031224',
    '202603120960',
    '20260312091560',
    '20260312091530.',
    '20260312 0915',
    '2026-03-12',
    '20260312T091500',
    '20260312+1',
    '20260312+1500',
    '20260312+0160',
    '0000',
    '20260312091500Z',
    '２０２６',
  ])('refuses %j', (text) => {
    expect(() => parseHl7Timestamp(text)).toThrow('standards/date-invalid');
    expect(() => toUtcDtm(text, 'Europe/Paris')).toThrow('standards/date-invalid');
  });
});

describe('XDS times are UTC (decision C4)', () => {
  test.each([
    ['an offset decides, not the zone', '20210108111700+0100', 'America/Cayenne', '20210108101700'],
    ['an offset may change the day', '20260101003000+0100', 'Europe/Paris', '20251231233000'],
    ['winter in Paris', '20260112091500', 'Europe/Paris', '20260112081500'],
    ['summer in Paris', '20260712091500', 'Europe/Paris', '20260712071500'],
    ['no summer time in Réunion', '20260712091500', 'Indian/Reunion', '20260712051500'],
    ['the day before, from Cayenne', '20260712220000', 'America/Cayenne', '20260713010000'],
    ['the hour that comes twice is the first of both', '20261025023000', 'Europe/Paris', '20261025003000'],
    ['one second before that hour', '20261025015959', 'Europe/Paris', '20261024235959'],
    ['one second after that hour', '20261025030000', 'Europe/Paris', '20261025020000'],
    ['the hour that does not exist keeps the winter offset', '20260329023000', 'Europe/Paris', '20260329013000'],
    ['the last second of winter', '20260329015959', 'Europe/Paris', '20260329005959'],
    ['the first second of summer', '20260329030000', 'Europe/Paris', '20260329010000'],
    ['fractions are dropped', '20210409094914.827+0100', 'Europe/Paris', '20210409084914'],
    ['hours and minutes are completed', '2026071209', 'Europe/Paris', '20260712070000'],
    ['minutes are completed', '202607120915', 'Europe/Paris', '20260712071500'],
    ['midnight', '20260712000000', 'Europe/Paris', '20260711220000'],
    ['a date has no UTC form', '20260712', 'Europe/Paris', '20260712'],
    ['nor has a date with an offset', '20260712+0200', 'Europe/Paris', '20260712'],
    ['nor a month', '202607', 'Europe/Paris', '202607'],
    ['nor a year', '2026', 'Europe/Paris', '2026'],
  ])('%s', (_, text, timeZone, expected) => {
    expect(toUtcDtm(text, timeZone)).toBe(expected);
  });

  test('an unknown zone is refused', () => {
    expect(() => toUtcDtm('20260712091500', 'Europe/Nowhere')).toThrow('standards/date-invalid');
  });

  test('a year of five digits is refused', () => {
    expect(() => toUtcDtm('99991231235959-1400', 'Europe/Paris')).toThrow('standards/date-invalid');
  });

  test('the same moment, written with the offset or in the zone, is the same', () => {
    const minutes = fc.integer({ min: Date.UTC(1980, 0) / 60_000, max: Date.UTC(2060, 0) / 60_000 });
    fc.assert(
      fc.property(minutes, (minute) => {
        const utc = new Date(minute * 60_000).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '');
        expect(toUtcDtm(`${utc}+0000`, 'Europe/Paris')).toBe(utc);
        expect(toUtcDtm(utc, 'UTC')).toBe(utc);
        const local = new Date((minute - 180) * 60_000).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '');
        expect(toUtcDtm(local, 'America/Cayenne')).toBe(utc);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test('any text is read or refused with our error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{4,14}([+-][0-9]{4})?$/)), (text) => {
        try {
          expect(toUtcDtm(text, 'Europe/Paris')).toMatch(/^[0-9]{4}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{6})?)?)?$/);
        } catch (error) {
          if (!(error instanceof DrimboxError) || error.code !== 'standards/date-invalid') throw error;
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});
