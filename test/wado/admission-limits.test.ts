/** Limits per peer and in total (DB.SO.121): never exceeded, fair, and nothing is left behind. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Admission, type Admittance, createAdmission } from '../../plugin/wado/admission-limits.ts';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const create = (options: Partial<Parameters<typeof createAdmission>[0]> = {}): Admission =>
  createAdmission({ total: 2, perPeer: 2, maxQueued: 4, queueTimeoutMs: 1_000, ...options }, () => now);

const never = new AbortController().signal;

/** What an `enter` came to, once it did. */
interface Watched {
  state: Admittance | undefined;
}

const enter = (admission: Admission, peer: string, signal: AbortSignal = never): Watched => {
  const watched: Watched = { state: undefined };
  void admission.enter(peer, signal).then((admittance) => {
    watched.state = admittance;
  });
  return watched;
};

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

const leave = async ({ state }: Watched): Promise<void> => {
  if (state?.kind !== 'entered') throw new Error(`not in: ${state?.kind}`);
  state.leave();
  await settle();
};

const kinds = (...all: readonly Watched[]): readonly (string | undefined)[] => all.map(({ state }) => state?.kind);

describe('places', () => {
  test('are given up to the total, then in turn as they are given back', async () => {
    const admission = create();
    const [a, b, c, d] = ['p', 'q', 'p', 'q'].map((peer) => enter(admission, peer)) as [
      Watched,
      Watched,
      Watched,
      Watched,
    ];
    await settle();
    expect(kinds(a, b, c, d)).toEqual(['entered', 'entered', undefined, undefined]);
    expect(admission.gauges()).toMatchObject({ active: 2, queued: 2, peers: 2, enteredTotal: 2 });
    await leave(a);
    expect(kinds(c, d)).toEqual(['entered', undefined]);
    await leave(b);
    expect(kinds(d)).toEqual(['entered']);
  });

  test('of one peer end at its own limit while others still get in', async () => {
    const admission = create({ total: 3, perPeer: 1 });
    const [a, b, c] = ['p', 'p', 'q'].map((peer) => enter(admission, peer)) as [Watched, Watched, Watched];
    await settle();
    expect(kinds(a, b, c)).toEqual(['entered', undefined, 'entered']);
    await leave(a);
    expect(kinds(b)).toEqual(['entered']);
  });

  test('are given back once, however often it is said', async () => {
    const admission = create({ total: 1, perPeer: 1 });
    const [a, b, c] = ['p', 'p', 'p'].map((peer) => enter(admission, peer)) as [Watched, Watched, Watched];
    await settle();
    await leave(a);
    await leave(a);
    expect(kinds(b, c)).toEqual(['entered', undefined]);
    expect(admission.gauges().active).toBe(1);
  });

  test('go to each peer in its turn, not to the longest line', async () => {
    const admission = create({ total: 1, perPeer: 1, maxQueued: 10 });
    const order: string[] = [];
    const come = (peer: string): Promise<void> =>
      admission.enter(peer, never).then((admittance) => {
        order.push(peer);
        // Holds its place until the others had time to come.
        if (admittance.kind === 'entered') setTimeout(admittance.leave, 10);
      });
    const all = ['greedy', 'greedy', 'greedy', 'greedy', 'greedy', 'modest', 'modest', 'shy'].map(come);
    await vi.advanceTimersByTimeAsync(200);
    await Promise.all(all);
    // Peers come after those that were there when they came, and from then on in turn.
    expect(order).toEqual(['greedy', 'greedy', 'modest', 'shy', 'greedy', 'modest', 'greedy', 'greedy']);
  });
});

describe('who waits', () => {
  test('is told when to come back once the time is over, and is out of the line', async () => {
    const admission = create({ total: 1, perPeer: 1 });
    const a = enter(admission, 'p');
    const b = enter(admission, 'q');
    await vi.advanceTimersByTimeAsync(999);
    expect(kinds(b)).toEqual([undefined]);
    await vi.advanceTimersByTimeAsync(1);
    expect(b.state).toMatchObject({ kind: 'busy' });
    expect(admission.gauges()).toMatchObject({ active: 1, queued: 0, peers: 1, busyTotal: 1 });
    await leave(a);
    expect(admission.gauges()).toMatchObject({ active: 0, queued: 0, peers: 0 });
  });

  test('and goes away leaves the line at once, and takes no place afterwards', async () => {
    const admission = create({ total: 1, perPeer: 1 });
    const gone = new AbortController();
    const a = enter(admission, 'p');
    const b = enter(admission, 'q', gone.signal);
    const c = enter(admission, 'r');
    await settle();
    gone.abort();
    await settle();
    expect(kinds(b)).toEqual(['cancelled']);
    await leave(a);
    expect(kinds(c)).toEqual(['entered']);
    expect(admission.gauges()).toMatchObject({ active: 1, queued: 0, cancelledTotal: 1 });
  });

  test('had gone before asking: nothing happens', async () => {
    const admission = create();
    const b = enter(admission, 'q', AbortSignal.abort());
    await settle();
    expect(kinds(b)).toEqual(['cancelled']);
    expect(admission.gauges()).toMatchObject({ active: 0, queued: 0, peers: 0 });
  });

  test('is busy at once when no queue is wanted', async () => {
    const admission = create({ total: 1, perPeer: 1, maxQueued: 0 });
    const a = enter(admission, 'p');
    const b = enter(admission, 'q');
    await settle();
    expect(kinds(a, b)).toEqual(['entered', 'busy']);
  });
});

describe('a full queue', () => {
  test('gives a place of the longest line to a peer that has a shorter one: one peer cannot shut the others out', async () => {
    const admission = create({ total: 1, perPeer: 1, maxQueued: 3 });
    enter(admission, 'greedy');
    await settle();
    const greedy = Array.from({ length: 4 }, () => enter(admission, 'greedy'));
    const modest = enter(admission, 'modest');
    await settle();
    expect(kinds(...greedy)).toEqual([undefined, undefined, 'busy', 'busy']);
    expect(kinds(modest)).toEqual([undefined]);
    const another = enter(admission, 'modest');
    await settle();
    // Two and one: a second one would only turn it round.
    expect(kinds(another)).toEqual(['busy']);
  });

  test.each([
    [100, 1],
    [60_000, 60],
  ])('tells when to come back by how long places are held: %i ms', async (stayMs, seconds) => {
    const admission = create({ total: 1, perPeer: 1, maxQueued: 0 });
    for (let at = 0; at < 80; at += 1) {
      const one = enter(admission, 'p');
      await settle();
      now += stayMs;
      await leave(one);
    }
    enter(admission, 'p');
    const refused = enter(admission, 'p');
    await settle();
    expect(refused.state).toEqual({ kind: 'busy', retryAfterSeconds: seconds });
  });
});

describe('whatever is asked, left and abandoned in whatever order', () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('enter' as const), peer: fc.constantFrom('a', 'b', 'c', 'd') }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 1_500 }) }) },
  );
  const limits = fc.record({
    total: fc.integer({ min: 1, max: 4 }),
    perPeer: fc.integer({ min: 1, max: 4 }),
    maxQueued: fc.integer({ min: 0, max: 5 }),
  });

  test('limits hold at every moment, no free place is withheld, nobody starves, nothing leaks', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async (given, steps) => {
        const admission = create(given);
        const all: { peer: string; gone: AbortController; watched: Watched; hasLeft: boolean }[] = [];
        const inside = () => all.filter(({ watched, hasLeft }) => watched.state?.kind === 'entered' && !hasLeft);
        const check = (): void => {
          const gauges = admission.gauges();
          expect(gauges.active).toBe(inside().length);
          expect(gauges.active).toBeLessThanOrEqual(given.total);
          expect(gauges.queued).toBeLessThanOrEqual(given.maxQueued);
          const waiting = all.filter(({ watched }) => watched.state === undefined);
          expect(gauges.queued).toBe(waiting.length);
          for (const peer of ['a', 'b', 'c', 'd']) {
            const own = inside().filter((one) => one.peer === peer).length;
            expect(own).toBeLessThanOrEqual(given.perPeer);
            const isWithheld = gauges.active < given.total && own < given.perPeer;
            if (isWithheld) expect(waiting.filter((one) => one.peer === peer)).toEqual([]);
          }
        };
        for (const one of steps) {
          if (one.kind === 'enter') {
            const gone = new AbortController();
            all.push({ peer: one.peer, gone, watched: enter(admission, one.peer, gone.signal), hasLeft: false });
          } else if (one.kind === 'leave') {
            const leaving = inside()[one.which % Math.max(inside().length, 1)];
            if (leaving?.watched.state?.kind === 'entered') {
              leaving.hasLeft = true;
              leaving.watched.state.leave();
            }
          } else if (one.kind === 'abort') all[one.which % Math.max(all.length, 1)]?.gone.abort();
          else await vi.advanceTimersByTimeAsync(one.ms);
          await settle();
          check();
        }
        // Everybody leaves as soon as they are in: whoever still waits gets in, without any time-out.
        while (inside().length > 0) {
          for (const one of inside()) {
            one.hasLeft = true;
            if (one.watched.state?.kind === 'entered') one.watched.state.leave();
          }
          await settle();
        }
        expect(all.filter(({ watched }) => watched.state === undefined)).toEqual([]);
        expect(admission.gauges()).toMatchObject({ active: 0, queued: 0, peers: 0 });
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
