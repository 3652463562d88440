/** When the page of an examination asks whether its session lives: in a stand-in of a browser's window, under a clock of ours. */
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

interface Watch {
  readonly endsAtMs: number;
  readonly idleMs: number;
  readonly ask: (isUsed: boolean) => Promise<number | 'over' | undefined>;
  readonly cover: (isCovered: boolean) => void;
}

// Its types are those of a browser, which tests do not have.
const file = resolve(import.meta.dirname, '../../viewer/src/session-watch.ts');
const { watchSession } = (await import(file)) as { watchSession: (watch: Watch) => { askSoon(): void; stop(): void } };

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

/** The session of a server: it ends after so long without use, and at its end in any case. */
const createSession = ({ idleMs = 30 * minuteMs, lifetimeMs = 4 * hourMs } = {}) => {
  const session = { seenAt: Date.now(), endsAt: Date.now() + lifetimeMs };
  const endOf = (): number => Math.min(session.seenAt + idleMs, session.endsAt);
  return {
    idleMs,
    endOf,
    answer: (isUsed: boolean): number | 'over' => {
      if (Date.now() >= endOf()) return 'over';
      if (isUsed) session.seenAt = Date.now();
      return endOf();
    },
  };
};

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

  type Answer = (isUsed: boolean) => number | 'over' | undefined | Promise<number | 'over' | undefined>;
  const open = (session = createSession(), answer: Answer = session.answer) => {
    const seen = { asked: [] as { afterMs: number; isUsed: boolean }[], overAfterMs: NaN, isCovered: false };
    const ask = async (isUsed: boolean): Promise<number | 'over' | undefined> => {
      seen.asked.push({ afterMs: Date.now() - start, isUsed });
      const answered = await answer(isUsed);
      if (answered === 'over') seen.overAfterMs = Date.now() - start;
      return answered;
    };
    const cover = (isCovered: boolean): void => {
      seen.isCovered = isCovered;
    };
    const watch = watchSession({ endsAtMs: session.endOf(), idleMs: session.idleMs, ask, cover });
    stops.push(() => watch.stop());
    return { seen, watch };
  };
  const use = (): boolean => windowOfPage.dispatchEvent(new Event('pointerdown'));
  const comeBack = (): boolean => documentOfPage.dispatchEvent(new Event('visibilitychange'));

  it('a person who works is never signed out before the end, and then is at once', async () => {
    const { seen } = open();
    for (let at = 0; at < 4 * 60 - 1; at += 1) {
      use();
      await vi.advanceTimersByTimeAsync(minuteMs);
    }
    expect(seen.overAfterMs).toBeNaN();
    await vi.advanceTimersByTimeAsync(minuteMs + 2_000);
    expect(seen.overAfterMs).toBeGreaterThanOrEqual(4 * hourMs);
    expect(seen.overAfterMs).toBeLessThanOrEqual(4 * hourMs + 2_000);
  });

  it('a page that nobody touches says so, keeps nothing alive, and closes seconds after the end', async () => {
    const { seen } = open();
    await vi.advanceTimersByTimeAsync(31 * minuteMs);
    expect(seen.asked.length).toBeGreaterThan(25);
    expect(seen.asked.every(({ isUsed }) => !isUsed)).toBe(true);
    expect(seen.overAfterMs).toBeGreaterThanOrEqual(30 * minuteMs);
    expect(seen.overAfterMs).toBeLessThanOrEqual(30 * minuteMs + 2_000);
  });

  it('two pages of one session do not keep each other alive', async () => {
    const session = createSession();
    const first = open(session);
    await vi.advanceTimersByTimeAsync(10 * minuteMs);
    const second = open(session);
    use();
    await vi.advanceTimersByTimeAsync(42 * minuteMs);
    for (const { seen } of [first, second]) {
      expect(seen.overAfterMs).toBeGreaterThan(40 * minuteMs);
      expect(seen.overAfterMs).toBeLessThanOrEqual(41 * minuteMs + 2_000);
    }
  });

  it('follows a site that allows less', async () => {
    const { seen } = open(createSession({ idleMs: minuteMs }));
    for (let at = 0; at < 30; at += 1) {
      use();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(seen.overAfterMs).toBeNaN();
    await vi.advanceTimersByTimeAsync(minuteMs + 2_000);
    expect(seen.overAfterMs).not.toBeNaN();
  });

  it('hides the images past the end while nobody answers, and shows them when the server says that it lives', async () => {
    const session = createSession();
    let isThere = false;
    const { seen } = open(session, (isUsed) => (isThere ? session.answer(isUsed) : undefined));
    await vi.advanceTimersByTimeAsync(29 * minuteMs);
    expect(seen.isCovered).toBe(false);
    await vi.advanceTimersByTimeAsync(2 * minuteMs);
    expect(seen.isCovered).toBe(true);
    isThere = true;
    session.answer(true);
    await vi.advanceTimersByTimeAsync(minuteMs);
    expect([seen.overAfterMs, seen.isCovered]).toEqual([expect.any(Number), true]);
  });

  it('shows them again when another page had kept the session alive', async () => {
    const session = createSession();
    let isThere = false;
    const { seen } = open(session, (isUsed) => (isThere ? session.answer(isUsed) : undefined));
    await vi.advanceTimersByTimeAsync(20 * minuteMs);
    session.answer(true);
    await vi.advanceTimersByTimeAsync(11 * minuteMs);
    expect(seen.isCovered).toBe(true);
    isThere = true;
    await vi.advanceTimersByTimeAsync(minuteMs);
    expect([seen.overAfterMs, seen.isCovered]).toEqual([NaN, false]);
  });

  it('covers at once when it comes back in sight past the end, before anybody has answered', async () => {
    const { seen } = open(createSession(), () => new Promise(() => undefined));
    vi.setSystemTime(start + 5 * hourMs);
    expect(seen.isCovered).toBe(false);
    comeBack();
    expect(seen.isCovered).toBe(true);
  });

  it('believes the server where the clock of the browser is ahead, and does not ask without end', async () => {
    const { seen } = open(createSession(), () => start - hourMs);
    await vi.advanceTimersByTimeAsync(30 * minuteMs);
    expect(seen.isCovered).toBe(false);
    expect(seen.asked.length).toBeLessThanOrEqual(62);
  });

  it('a use that could not be told is told with the next question', async () => {
    let answers = 0;
    const session = createSession();
    const { seen } = open(session, (isUsed) => ((answers += 1) === 1 ? undefined : session.answer(isUsed)));
    use();
    await vi.advanceTimersByTimeAsync(3 * minuteMs);
    expect(seen.asked.slice(0, 3).map(({ isUsed }) => isUsed)).toEqual([true, true, false]);
  });

  it('asks at once when it comes back in sight, and when another page comes or goes; many reasons are one', async () => {
    const { seen, watch } = open();
    comeBack();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seen.asked).toHaveLength(1);
    const other = open();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([seen.asked.length, other.seen.asked.length]).toEqual([2, 0]);
    for (let page = 0; page < 3; page += 1) new StandInChannel().postMessage();
    for (let refusal = 0; refusal < 500; refusal += 1) watch.askSoon();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([seen.asked.length, other.seen.asked.length]).toEqual([3, 1]);
  });

  it('never asks two things at once', async () => {
    const answers: ((end: number) => void)[] = [];
    const { seen, watch } = open(createSession(), () => new Promise((resolveAnswer) => answers.push(resolveAnswer)));
    for (let at = 0; at < 5; at += 1) {
      watch.askSoon();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(seen.asked).toHaveLength(1);
    answers[0]?.(start + hourMs);
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.asked).toHaveLength(2);
  });

  it('stops when told so, and when it is over', async () => {
    const { seen, watch } = open();
    watch.stop();
    const over = open(createSession(), () => 'over');
    await vi.advanceTimersByTimeAsync(2 * minuteMs);
    for (const { asked } of [seen, over.seen]) {
      const before = asked.length;
      use();
      comeBack();
      new StandInChannel().postMessage();
      await vi.advanceTimersByTimeAsync(5 * hourMs);
      expect(asked).toHaveLength(before);
    }
    expect([seen.asked.length, over.seen.asked.length]).toEqual([0, 1]);
  });
});
