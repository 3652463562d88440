import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isOid,
  parseInsIdentifier,
  parseOid,
  parseSeriesInstanceUid,
  parseSopClassUid,
  parseSopInstanceUid,
  parseStudyInstanceUid,
  structIdNat,
} from '../../plugin/standards/index.ts';

const refusal = (parse: () => unknown): string => {
  try {
    parse();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
};

describe('identifiers', () => {
  const uidParsers = { parseStudyInstanceUid, parseSeriesInstanceUid, parseSopInstanceUid, parseSopClassUid };

  test.each(Object.entries(uidParsers))('%s takes a UID of 64 characters and refuses 65 (PS3.5 §9.1)', (_, parse) => {
    const longest = `1.2.${'3'.repeat(60)}`;
    expect(parse(longest)).toBe(longest);
    expect(refusal(() => parse(`${longest}4`))).toBe('standards/uid-invalid');
  });

  test.each(['', '1', '1.', '.1', '1..2', '1.02', '3.1', '1.2 ', '1.2.a', '1.2.-3'])('refuses the UID %j', (text) => {
    expect(refusal(() => parseStudyInstanceUid(text))).toBe('standards/uid-invalid');
  });

  test('keeps arcs above 32 and 64 bits to the digit', () => {
    const big = '1.2.250.1.925.994044785528.340282366920938463463374607431768211455';
    expect(parseOid(big)).toBe(big);
  });

  test.each(['', 'x', '1.2.', 'D52DE737-001D-4031-B571-0A0ED7C42300'])('refuses the OID %j', (text) => {
    expect(refusal(() => parseOid(text))).toBe('standards/oid-invalid');
  });

  test('reads 15 characters as an INS, Corsica included, under one of the four arcs only', () => {
    expect(parseInsIdentifier('279035121518989', '1.2.250.1.213.1.4.10')).toEqual({
      value: '279035121518989',
      oid: '1.2.250.1.213.1.4.10',
    });
    expect(parseInsIdentifier('279032A21518989', '1.2.250.1.213.1.4.8').value).toBe('279032A21518989');
    for (const [value, oid] of [
      ['27903512151898', '1.2.250.1.213.1.4.10'],
      ['2790351215189890', '1.2.250.1.213.1.4.10'],
      ['27903512151898X', '1.2.250.1.213.1.4.10'],
      ['279035121518989', '1.2.250.1.213.1.4.12'],
    ] as const) {
      expect(refusal(() => parseInsIdentifier(value, oid))).toBe('standards/ins-invalid');
    }
  });

  test('never throws anything but its own, and what it takes comes back unchanged', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.nat()).map((arcs) => arcs.join('.')),
        ),
        (text) => {
          const outcome = refusal(() => parseStudyInstanceUid(text));
          expect(['accepted', 'standards/uid-invalid']).toContain(outcome);
          if (outcome === 'accepted') expect(isOid(text)).toBe(true);
        },
      ),
    );
  });

  test('gives a bare FINESS its prefix and leaves every other form alone (facts/cisis.md 2.4)', () => {
    expect(structIdNat('750803447')).toBe('1750803447');
    expect(structIdNat('2A0000001')).toBe('12A0000001');
    expect(structIdNat('1750803447')).toBe('1750803447');
    expect(structIdNat('339172288100052')).toBe('339172288100052');
  });
});
