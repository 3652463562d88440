import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { type Accept, parseAccept } from '../../plugin/wado/index.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/wado/${name}`, import.meta.url), 'utf8').trimEnd();

interface Golden {
  readonly why: string;
  readonly fields: readonly string[];
  readonly ranges: readonly (readonly [string, string | null, string | null, number])[];
}
const golden = JSON.parse(fixture('accept-headers.json')) as readonly Golden[];
const invalid = JSON.parse(fixture('accept-headers-invalid.json')) as readonly (readonly [string, string])[];

const rows = (accept: Accept) =>
  accept.map(({ mediaType, partType, transferSyntax, weight }) => [
    mediaType,
    partType ?? null,
    transferSyntax ?? null,
    weight,
  ]);

describe('Accept', () => {
  test.each(golden)('is read: $why', ({ fields, ranges }) => {
    expect(rows(parseAccept(fields))).toEqual(ranges);
  });

  test.each(invalid)('is refused with 400, so that nobody is served what he did not ask for: %s', (_, field) => {
    expect(() => parseAccept([field])).toThrow(expect.objectContaining({ code: 'wado/accept-invalid' }));
    expect(new DrimboxError('wado/accept-invalid').httpStatus).toBe(400);
  });

  test('of the national requests gives the weights of their table, lossless and lossy', () => {
    const weights = (name: string) =>
      parseAccept([fixture(name)]).map(({ transferSyntax, weight }) => [
        transferSyntax?.replace('1.2.840.10008.1.2', ''),
        weight,
      ]);
    const rest = ['.4.100', '.4.101', '.4.102', '.4.103'].map((uid) => [uid, 500]);
    expect(weights('accept-national-lossless.txt')).toEqual([
      ...[
        ['.4.70', 900],
        ['.4.80', 800],
        ['.4.91', 600],
        ['.4.50', 500],
        ['.4.51', 500],
      ],
      ...rest,
      ['.1', 400],
    ]);
    expect(weights('accept-national-lossy.txt')).toEqual([
      ...[
        ['.4.70', 600],
        ['.4.80', 500],
        ['.4.91', 500],
        ['.4.50', 900],
        ['.4.51', 900],
      ],
      ...rest,
      ['.1', 400],
    ]);
  });

  test('absent or empty accepts nothing: PS3.18 8.7.5 and 8.7.7 want 406', () => {
    expect(parseAccept(undefined)).toEqual([]);
    expect(parseAccept([])).toEqual([]);
    expect(parseAccept([''])).toEqual([]);
  });

  test('keeps each of the thousand weights exact', () => {
    for (let weight = 0; weight <= 1000; weight += 1) {
      const text = weight === 1000 ? '1.000' : `0.${String(weight).padStart(3, '0')}`;
      expect(parseAccept([`*/*;q=${text}`])[0]?.weight).toBe(weight);
    }
  });

  test('reads one field, several fields and a comma list alike', () => {
    const ranges = fixture('accept-national-lossless.txt')
      .split(', multipart')
      .map((text, place) => (place === 0 ? text : `multipart${text}`));
    expect(ranges).toHaveLength(10);
    expect(parseAccept(ranges)).toEqual(parseAccept([fixture('accept-national-lossless.txt')]));
  });

  test('says nothing of the content in its error: it may hold what is not ours to log', () => {
    try {
      parseAccept(['application/dicom;q=SECRET']);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify([error, (error as DrimboxError).message])).not.toContain('SECRET');
    }
  });
});

describe('Accept of a hostile sender', () => {
  test('is refused beyond 16,384 characters in all fields together, and beyond 200 ranges', () => {
    const longest = `*/*;a="${'x'.repeat(16_384 - 8)}"`;
    expect(longest).toHaveLength(16_384);
    expect(parseAccept([longest])).toHaveLength(1);
    expect(() => parseAccept([longest, '*'])).toThrow('more than 16384 characters');
    expect(parseAccept(['*/*,'.repeat(200)])).toHaveLength(200);
    expect(() => parseAccept(['*/*,'.repeat(201)])).toThrow('more than 200 ranges');
  });

  test.each([
    ['quotes', '"'],
    ['escaped quotes', '\\"'],
    ['open strings', '*/*;a="\\'],
    ['commas', ','],
    ['semicolons', ';'],
    ['equals signs', '='],
    ['blanks', ' '],
    ['blanks between words', 'a '],
    ['types', '*/*,'],
    ['parameters', '*/*;a=b;'],
    ['slashes', '/'],
    ['letters', 'a'],
  ])('costs no more than its length: 100,000 characters of %s, and as many as are allowed', (_, piece) => {
    const started = performance.now();
    for (const length of [16_384, 100_000]) {
      const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
      for (const field of [text, `*/*;a="${text.slice(8)}`, `*/*;${text.slice(4)}`]) {
        try {
          parseAccept([field]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'wado/accept-invalid' });
        }
      }
    }
    // Quadratic time would be tens of seconds; linear is some milliseconds.
    expect(performance.now() - started).toBeLessThan(2000);
  });

  const characters = fc.string({
    unit: fc.constantFrom(
      ...['"', '\\', ',', ';', '=', '/', '*', ' ', '\t', 'q', 'Q', '0', '1', '.', '-', '_', 'a', 'Z'],
      ...['\u0000', '\r', '\n', '\u00e9', '\u20ac', 'q=', 'type=', 'transfer-syntax=', '*/*'],
    ),
    maxLength: 60,
  });

  test('never makes it throw but ours, and what is read is a list of ranges', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(characters, fc.string()), { maxLength: 3 }), (fields) => {
        try {
          for (const { mediaType, weight } of parseAccept(fields)) {
            expect(mediaType).toMatch(/^[^/\s",;=]+\/[^/\s",;=]+$/);
            expect(Number.isInteger(weight) && weight >= 0 && weight <= 1000).toBe(true);
          }
        } catch (error) {
          expect(error).toMatchObject({ name: 'DrimboxError', code: 'wado/accept-invalid' });
        }
      }),
      { numRuns: 3000 },
    );
  });
});
