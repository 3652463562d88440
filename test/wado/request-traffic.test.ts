/** Whether somebody is being answered. */
import { describe, expect, it } from 'vitest';
import { createRequestTraffic } from '../../plugin/wado/request-traffic.ts';

const open = () => {
  const time = { nowMs: 0 };
  return { time, traffic: createRequestTraffic({ monotonic: () => time.nowMs, quietMs: 100 }) };
};
const request = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { answering: () => promise, resolve, reject };
};

describe('the traffic of requests', () => {
  it('is quiet before the first one', () => {
    const { traffic } = open();
    expect(traffic.isQuiet()).toBe(true);
    expect(traffic.untilNext().aborted).toBe(false);
  });

  it('is not quiet while one is answered, nor for a moment afterwards', async () => {
    const { time, traffic } = open();
    const one = request();
    const answered = traffic.during(one.answering);
    expect(traffic.isQuiet()).toBe(false);
    time.nowMs = 1_000;
    expect(traffic.isQuiet()).toBe(false);
    one.resolve('answer');
    expect(await answered).toBe('answer');
    time.nowMs = 1_099;
    expect(traffic.isQuiet()).toBe(false);
    time.nowMs = 1_100;
    expect(traffic.isQuiet()).toBe(true);
  });

  it('tells at once when one arrives, and stays told until the last one is answered', async () => {
    const { traffic } = open();
    const before = traffic.untilNext();
    const [first, second] = [request(), request()];
    const firstAnswered = traffic.during(first.answering);
    expect(before.aborted).toBe(true);
    const secondAnswered = traffic.during(second.answering);
    first.resolve('');
    await firstAnswered;
    expect(traffic.untilNext().aborted).toBe(true);
    second.resolve('');
    await secondAnswered;
    expect(traffic.untilNext().aborted).toBe(false);
  });

  it('a request that fails is over, too', async () => {
    const { time, traffic } = open();
    const one = request();
    const answered = traffic.during(one.answering);
    one.reject(new Error('broken'));
    await expect(answered).rejects.toThrow('broken');
    time.nowMs = 100;
    expect(traffic.isQuiet()).toBe(true);
  });
});
