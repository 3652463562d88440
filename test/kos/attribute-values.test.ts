import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as fit from '../../plugin/kos/attribute-values.ts';

const refused = expect.objectContaining({ code: 'kos/value-invalid' });
const thrownBy = (act: () => unknown): unknown => {
  try {
    return `accepted: ${String(act())}`;
  } catch (error) {
    return error;
  }
};

describe('what describes gives way', () => {
  test.each([
    ['plain', 'Scanner', 'Scanner'],
    ['a backslash separates values, so it becomes a slash', 'A\\B', 'A/B'],
    ['line ends and other control characters become spaces', 'A\r\nB\u0085C\u001b', 'A  B C'],
    ['a letter and its accent become one character, which ISO 8859-1 has', 'e\u0301', 'é'],
    ['half a character becomes a replacement character', 'A\ud800B', 'A\ufffdB'],
    ['outer spaces do not count in DICOM', '  A ', 'A'],
  ])('%s', (_, given, written) => {
    expect(fit.descriptiveText(given, 64)).toBe(written);
  });

  test('is cut by characters, not by bytes nor by halves of characters', () => {
    expect(fit.descriptiveText('é'.repeat(70), 64)).toBe('é'.repeat(64));
    expect(fit.descriptiveText('😀'.repeat(70), 64)).toBe('😀'.repeat(64));
  });

  test('never fails and never exceeds its limit, whatever the PACS holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 64 }), (text, limit) => {
        const written = fit.descriptiveText(text, limit);
        expect(fit.characterCount(written)).toBeLessThanOrEqual(limit);
        expect(written).not.toMatch(/[\p{Cc}\\]/u);
        expect(written.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('what identifies is exact or refused', () => {
  test.each(['ACN 1', 'é-1', '1'.repeat(16), ''])('keeps %j', (identifier) => {
    expect(fit.identifierText(identifier, 16, 'AccessionNumber')).toBe(identifier);
  });

  test.each(['1'.repeat(17), 'A\\B', 'A\nB', 'A\u0085B', 'A\ud800'])(
    'refuses %j rather than write another identifier',
    (identifier) => {
      expect(thrownBy(() => fit.identifierText(identifier, 16, 'AccessionNumber'))).toEqual(refused);
    },
  );

  test('says which attribute, never its value (decision A6)', () => {
    const error = thrownBy(() => fit.identifierText('SECRET-NUMBER-OF-A-PATIENT', 16, 'AccessionNumber')) as Error;
    expect(error.message).toBe('kos/value-invalid: AccessionNumber is longer than 16 characters');
  });

  test('keeps a UID with a leading zero: the object in the PACS is called so', () => {
    expect(fit.uidText('1.2.840.00113619', 'SOPInstanceUID')).toBe('1.2.840.00113619');
  });

  test.each(['', '1..2', '1.2.', '.1', '1.2a', ' 1.2', '1.2\0', `1.${'2'.repeat(63)}`])(
    'refuses %j as a UID',
    (uid) => {
      expect(thrownBy(() => fit.uidText(uid, 'SOPInstanceUID'))).toEqual(refused);
    },
  );

  test.each([
    'db.exemple.fr',
    'ftp://exemple.fr',
    'https://exemple.fr/a b',
    'https://exemple.fr/é',
    'https://ex\\a',
    '',
  ])('refuses %j as the base of URLs', (url) => {
    expect(thrownBy(() => fit.urlBase(url, 'RetrieveURL'))).toEqual(refused);
  });
});

describe('dates, times and numbers are valid or left empty, never invented', () => {
  test.each([
    ['20240229', '20240229'],
    [' 20240115 ', '20240115'],
    ['20230229', ''],
    ['19790000', ''],
    ['19790300', ''],
    ['2024.01.15', ''],
    ['00000000', ''],
    ['20240115-20240116', ''],
    ['', ''],
  ])('date %j → %j', (given, written) => {
    expect(fit.dateText(given)).toBe(written);
  });

  test.each([
    ['10', '10'],
    ['1015', '1015'],
    ['101530.123456', '101530.123456'],
    ['235960', '235960'],
    ['240000', ''],
    ['10:15:30', ''],
    ['101', ''],
    ['101530.1234567', ''],
  ])('time %j → %j', (given, written) => {
    expect(fit.timeText(given)).toBe(written);
  });

  test.each([
    ['12', '12'],
    [' -3 ', '-3'],
    ['2147483647', '2147483647'],
    ['2147483648', ''],
    ['1.5', ''],
    ['1\\2', ''],
    ['', ''],
  ])('integer %j → %j', (given, written) => {
    expect(fit.integerText(given)).toBe(written);
  });
});

describe('person names', () => {
  test('a name cannot break out of its component', () => {
    expect(fit.nameComponent(' D^UPO=NT\\X ')).toBe('D UPO NT X');
  });

  test('a name of the PACS keeps its components and its three writings, each within 64 characters', () => {
    expect(fit.storedPersonName('A^B^C^Dr=Ⅰ^Ⅱ')).toBe('A^B^C^Dr=Ⅰ^Ⅱ');
    expect(fit.storedPersonName('A^B^C^D^E^F^G')).toBe('A^B^C^D^E');
    expect(fit.storedPersonName(`${'A'.repeat(70)}=${'B'.repeat(70)}=C=D`)).toBe(
      `${'A'.repeat(64)}=${'B'.repeat(64)}=C`,
    );
  });
});

test('a code string holds capitals, digits, spaces and underscores only', () => {
  expect(fit.codeText('lung/é_2 ')).toBe('LUNG  _2');
  expect(fit.codeText('a'.repeat(20))).toBe('A'.repeat(16));
});
