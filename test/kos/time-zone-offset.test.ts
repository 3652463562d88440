import { describe, expect, test } from 'vitest';
import { localDateTime, timeZoneOffset } from '../../plugin/kos/time-zone-offset.ts';

const winter = Date.UTC(2024, 0, 15, 12);
const summer = Date.UTC(2024, 6, 15, 12);

describe('TimezoneOffsetFromUTC is the offset of the site at StudyDate (decision C4; the PoC wrote +0200 always)', () => {
  test.each([
    ['Europe/Paris', '20240115', '101530', '+0100', 'winter'],
    ['Europe/Paris', '20240715', '101530', '+0200', 'summer'],
    ['Europe/Paris', '20240331', '015959', '+0100', 'just before the change of March'],
    ['Europe/Paris', '20240331', '023000', '+0100', 'in the hour that March skips'],
    ['Europe/Paris', '20240331', '030000', '+0200', 'just after the change of March'],
    ['Europe/Paris', '20241027', '023000', '+0200', 'in the hour that October repeats'],
    ['Europe/Paris', '20241027', '030000', '+0100', 'just after the change of October'],
    ['Europe/Paris', '19700601', '120000', '+0100', 'France had no summer time in 1970'],
    ['America/Guadeloupe', '20240715', '101530', '-0400', 'no summer time'],
    ['America/Martinique', '20240115', '101530', '-0400', 'no summer time'],
    ['America/Cayenne', '20240715', '101530', '-0300', 'no summer time'],
    ['America/Miquelon', '20240115', '101530', '-0300', 'winter'],
    ['America/Miquelon', '20240715', '101530', '-0200', 'summer'],
    ['Indian/Reunion', '20240715', '101530', '+0400', 'no summer time'],
    ['Indian/Mayotte', '20240115', '101530', '+0300', 'no summer time'],
    ['Pacific/Noumea', '20240115', '101530', '+1100', 'no summer time'],
    ['Pacific/Marquesas', '20240115', '101530', '-0930', 'half hours'],
    ['UTC', '20240115', '101530', '+0000', 'never -0000, which DICOM forbids'],
  ])('%s %s %s → %s (%s)', (zone, date, time, offset) => {
    expect(timeZoneOffset(zone, date, time, 0)).toBe(offset);
  });

  test.each(['', '99', '2:30'])('without a valid time (%j), noon of the day decides', (time) => {
    expect(timeZoneOffset('Europe/Paris', '20240331', time, winter)).toBe('+0200');
  });

  test.each(['', '20240231', '2024'])('without a valid date (%j), the time of creation decides', (date) => {
    expect(timeZoneOffset('Europe/Paris', date, '101530', winter)).toBe('+0100');
    expect(timeZoneOffset('Europe/Paris', date, '101530', summer)).toBe('+0200');
  });

  test('refuses a zone that does not exist', () => {
    expect(() => timeZoneOffset('Europe/Lutetia', '20240115', '', 0)).toThrow('kos/value-invalid');
  });
});

test.each([
  ['+0200', '20240102', '003000'],
  ['-0400', '20240101', '183000'],
  ['-0930', '20240101', '130000'],
])('an instant is written as the clocks at %s show it', (offset, date, time) => {
  expect(localDateTime(Date.UTC(2024, 0, 1, 22, 30), offset)).toEqual({ date, time });
});
