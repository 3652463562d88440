import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lateCheckDelaysMs, publicationOptions, retryDelayMs, sweepDelayMs } from '../../plugin/publication/index.ts';

const defaults = publicationOptions.parse({});
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('delay before the next attempt', () => {
  test('doubles from 5 s at each failure, up to 30 min', () => {
    const delays = [1, 2, 3, 4, 5, 9, 10].map((failures) => retryDelayMs(defaults, failures) / 1000);
    expect(delays).toEqual([5, 10, 20, 40, 80, 1280, 1800]);
  });

  test('never shrinks, never passes the longest delay, is never zero (an outage of weeks included)', () => {
    fc.assert(
      fc.property(
        fc.record({
          retryFirstDelaySeconds: fc.integer({ min: 1, max: 3600 }),
          retryMaxDelayMinutes: fc.integer({ min: 1, max: 1440 }),
        }),
        fc.integer({ min: 0, max: 100_000 }),
        (options, failures) => {
          const delay = retryDelayMs(options, failures);
          expect(delay).toBeGreaterThan(0);
          expect(delay).toBeLessThanOrEqual(options.retryMaxDelayMinutes * minute);
          expect(retryDelayMs(options, failures + 1)).toBeGreaterThanOrEqual(delay);
        },
      ),
    );
  });
});

describe('delay before a study that waits is looked at without any hint', () => {
  test.each([
    ['at first', 0, 10 * minute],
    ['after an hour', hour, 10 * minute],
    ['after five hours', 5 * hour, 30 * minute],
    ['after three days', 3 * day, 7.2 * hour],
    ['after a year', 365 * day, day],
  ])('%s', (_title, waited, delay) => {
    expect(sweepDelayMs(defaults, waited)).toBe(delay);
  });
});

test('a given-up order is asked for a minute, ten minutes, an hour and a day later', () => {
  expect(lateCheckDelaysMs).toEqual([minute, 10 * minute, hour, day]);
});
