/** When the page of an examination asks whether its session lives: in a stand-in of a browser's window, under a clock of ours. */
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

interface Watch {
  readonly endsAtUtcMs: number;
  readonly idleMs?: number;
  readonly ask: () => Promise<boolean | undefined>;
  readonly onEnd: () => void;
}

// Its types are those of a browser, which tests do not have.
const file = resolve(import.meta.dirname, '../../viewer/src/session-watch.ts');
const { watchSession } = (await import(file)) as { watchSession: (watch: Watch) => () => void };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const start = Date.parse('2026-03-12T08:00:00Z');

/** Pages of one browser hear each other, never themselves. */
const channels = new Set<StandInChannel>();
class StandInChannel extends EventTarget {
  constructor() {
    super();
    channels.add(this);
  }
  postMessage(): void {
    for (const other of channels) if (other !== this) other.dispatchEvent(new Event('message'));
  }
  close(): void {
    channels.delete(this);
  }
}

describe('watch over a session', () => {
  let stops: (() => void)[] = [];
  const [windowOfPage, documentOfPage] = [new EventTarget(), new EventTarget()];
  beforeEach(() => {
    vi.useFakeTimers({ now: start });
    vi.stubGlobal('window', windowOfPage);
    vi.stubGlobal('document', Object.assign(documentOfPage, { visibilityState: 'visible' }));
    vi.stubGlobal('BroadcastChannel', StandInChannel);
  });
  afterEach(() => {
    for (const stop of stops) stop();
    stops = [];
    channels.clear();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  /** @param answer  what the server says each time */
  const watch = (options: Partial<Watch> = {}, answer: () => boolean | undefined = () => true) => {
    const seen = { askedAfterMs: [] as number[], ended: 0 };
    const ask = (): Promise<boolean | undefined> => {
      seen.askedAfterMs.push(Date.now() - start);
      return Promise.resolve(answer());
    };
    const onEnd = (): void => {
      seen.ended += 1;
    };
    stops.push(watchSession({ endsAtUtcMs: start + 4 * hourMs, ask, onEnd, ...options }));
    return seen;
  };
  const use = (): boolean => windowOfPage.dispatchEvent(new Event('pointerdown'));

  it('asks while the page is used, often enough that a person who works is never signed out', async () => {
    const seen = watch();
    for (let at = 0; at < 60; at += 1) {
      use();
      await vi.advanceTimersByTimeAsync(minuteMs);
    }
    const pauses = seen.askedAfterMs.map((at, index) => at - (seen.askedAfterMs[index - 1] ?? 0));
    expect(seen.askedAfterMs.length).toBeGreaterThan(10);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5 * minuteMs);
  });

  it('follows a site that allows less: three times within the time without use', async () => {
    const seen = watch({ idleMs: minuteMs });
    for (let at = 0; at < 30; at += 1) {
      use();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    const pauses = seen.askedAfterMs.map((at, index) => at - (seen.askedAfterMs[index - 1] ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(minuteMs / 2);
  });

  it('asks for nothing while nobody touches the page, until its session must have ended: then it closes', async () => {
    const seen = watch({}, () => false);
    await vi.advanceTimersByTimeAsync(30 * minuteMs);
    expect(seen.askedAfterMs).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * minuteMs);
    expect([seen.askedAfterMs.length, seen.ended]).toEqual([1, 1]);
    expect(seen.askedAfterMs[0]).toBeGreaterThan(30 * minuteMs);
  });

  it('closes at the end of the session to the second, used or not', async () => {
    const seen = watch({ endsAtUtcMs: start + 7.5 * minuteMs }, () => Date.now() < start + 7.5 * minuteMs);
    for (let at = 0; at < 44; at += 1) {
      use();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(seen.ended).toBe(0);
    await vi.advanceTimersByTimeAsync(13_000);
    expect(seen.ended).toBe(1);
  });

  it('asks again at the end when nobody answered', async () => {
    let answers = 0;
    const seen = watch({ endsAtUtcMs: start + minuteMs }, () => ((answers += 1) < 3 ? undefined : false));
    await vi.advanceTimersByTimeAsync(5 * minuteMs);
    expect(seen.ended).toBeGreaterThan(0);
  });

  it('does not keep a session alive by asking for ever when the clock of the browser is ahead', async () => {
    const seen = watch({ endsAtUtcMs: start - hourMs });
    await vi.advanceTimersByTimeAsync(29 * minuteMs);
    expect(seen.askedAfterMs).toHaveLength(1);
  });

  it('asks at once when the page comes back in sight, and when another page of the browser comes or goes', async () => {
    const seen = watch();
    documentOfPage.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.askedAfterMs).toHaveLength(1);
    const other = watch();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([seen.askedAfterMs.length, other.askedAfterMs.length]).toEqual([2, 0]);
    // Three that go at once are one reason.
    for (let page = 0; page < 3; page += 1) new StandInChannel().postMessage();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([seen.askedAfterMs.length, other.askedAfterMs.length]).toEqual([3, 1]);
  });

  it('stops when told so', async () => {
    const seen = watch({ endsAtUtcMs: start + minuteMs });
    for (const stop of stops) stop();
    use();
    documentOfPage.dispatchEvent(new Event('visibilitychange'));
    await vi.advanceTimersByTimeAsync(5 * hourMs);
    expect(seen.askedAfterMs).toEqual([]);
  });
});
