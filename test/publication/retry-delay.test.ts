import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publicationOptions, retryDelayMs } from '../../plugin/publication/index.ts';

const defaults = publicationOptions.parse({});

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
        fc.integer({ min: 1, max: 100_000 }),
        (options, failures) => {
          const delay = retryDelayMs(options, failures);
          expect(delay).toBeGreaterThan(0);
          expect(delay).toBeLessThanOrEqual(options.retryMaxDelayMinutes * 60_000);
          expect(retryDelayMs(options, failures + 1)).toBeGreaterThanOrEqual(delay);
        },
      ),
    );
  });
});
