/** How often one may knock; addresses of the documentation ranges, an invented link. */
import { describe, expect, test } from 'vitest';
import { createLinkThrottle } from '../../plugin/viewer-access/link-throttle.ts';
import { waitUniformly } from '../../plugin/viewer-access/uniform-time.ts';

const link = { studyInstanceUid: '1.2.3', accessionNumber: 'A', reportId: { root: '1.2.4' } };
const make = (limits: { requestsPerMinute?: number; refusalsPerHour?: number; remembered?: number } = {}) => {
  const clock = { ms: 0 };
  const all = { requestsPerMinute: 3, refusalsPerHour: 2, remembered: 100, ...limits };
  return { clock, throttle: createLinkThrottle(all, () => clock.ms) };
};
const admitted = (throttle: ReturnType<typeof make>['throttle'], ...addresses: string[]) =>
  addresses.map((address) => throttle.admit(address));

describe('addresses', () => {
  test('are counted each for itself, and come again with time', () => {
    const { clock, throttle } = make();
    expect(admitted(throttle, '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2')).toEqual([
      ...[true, true, true, false],
      true,
    ]);
    clock.ms += 20_000;
    expect(admitted(throttle, '192.0.2.1', '192.0.2.1')).toEqual([true, false]);
    clock.ms += 3_600_000;
    expect(admitted(throttle, '192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.1').filter(Boolean)).toHaveLength(3);
  });

  test('that knock on are not let in sooner: a refused request costs nothing more', () => {
    const { clock, throttle } = make({ requestsPerMinute: 60 });
    for (let at = 0; at < 1_000; at += 1) throttle.admit('192.0.2.1');
    clock.ms += 1_000;
    expect(throttle.admit('192.0.2.1')).toBe(true);
  });

  test('that knock on all the while are still let in as often as others', () => {
    const { clock, throttle } = make({ requestsPerMinute: 60 });
    for (let at = 0; at < 100; at += 1) throttle.admit('192.0.2.1');
    let admittedCount = 0;
    for (let at = 0; at < 400; at += 1) {
      clock.ms += 250;
      if (throttle.admit('192.0.2.1')) admittedCount += 1;
    }
    expect(admittedCount).toBe(100);
  });

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:0db8:0001:0002:0:0:0:1', '2001:DB8:1:2::2', true],
    ['2001:db8::1', '2001:db8:0:0:5::', true],
    ['fe80::1%eth0', 'fe80::2', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['192.0.2.1', '192.0.2.2', false],
  ])('%s and %s are one subscriber: %s', (one, other, isSame) => {
    const { throttle } = make({ requestsPerMinute: 1 });
    expect(admitted(throttle, one, other)).toEqual([true, !isSame]);
  });

  test('are forgotten, the one longest away first, so that memory is bounded', () => {
    const { throttle } = make({ requestsPerMinute: 1, remembered: 2 });
    expect(admitted(throttle, 'a', 'b', 'c', 'b', 'c', 'a')).toEqual([true, true, true, false, false, true]);
  });

  test('a clock that stands still lets nobody in twice', () => {
    const { clock, throttle } = make({ requestsPerMinute: 1 });
    expect(throttle.admit('a')).toBe(true);
    clock.ms -= 100_000;
    expect(throttle.admit('a')).toBe(false);
  });
});

describe('links', () => {
  test('are left alone after some refusals, whatever their spelling, and open again with time', () => {
    const { clock, throttle } = make();
    throttle.countRefusal(link);
    expect(throttle.isOpen(link)).toBe(true);
    throttle.countRefusal({ ...link });
    expect(throttle.isOpen(link)).toBe(false);
    expect(throttle.isOpen({ ...link, accessionNumber: 'B' })).toBe(true);
    clock.ms += 1_800_001;
    expect(throttle.isOpen(link)).toBe(true);
  });

  test('that are counted on while they are shut open again all the same', () => {
    const { clock, throttle } = make();
    for (let at = 0; at < 2; at += 1) throttle.countRefusal(link);
    for (let minute = 0; minute < 30; minute += 1) {
      clock.ms += 60_000;
      if (!throttle.isOpen(link)) throttle.countRefusal(link);
    }
    clock.ms += 1;
    expect(throttle.isOpen(link)).toBe(true);
  });
});

describe('the time of a refusal', () => {
  test.each([
    [0, 500],
    [1, 499],
    [499.5, 0.5],
    [500, 0],
    [501, 499],
    [-20, 500],
  ])('that took %d ms waits %d ms more', async (takenMs, waitedMs) => {
    const waits: number[] = [];
    const wait = (ms: number): Promise<void> => (waits.push(ms), Promise.resolve());
    await waitUniformly({ monotonic: () => 1_000 + takenMs, wait, stepMs: 500 }, 1_000);
    expect(waits).toEqual([waitedMs]);
  });
});
