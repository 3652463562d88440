/**
 * Keeps the session alive while a person works, and notices its end: OHIF asks the server for nothing once the images are
 * here, and a page that nobody touches must not live for ever. Pages of one browser tell each other when one comes or goes: a
 * person who signs out in one tab, or another person who signs in, takes the images away in all.
 */

export interface SessionWatch {
  /** By the clock of this browser. */
  readonly endsAtUtcMs: number;
  /** After so long without use the session has ended; what is not said is the most that a site may configure. */
  readonly idleMs?: number;
  /** Answers whether the session lives; `undefined` when nobody answered. */
  readonly ask: () => Promise<boolean | undefined>;
  readonly onEnd: () => void;
}

/** RIE v2: at most 30 minutes. */
const mostIdleMs = 1_800_000;
/** Asking is use. Later than the server's own end, so that a page nobody touches never keeps a session alive. */
const afterEndMs = 2_000;
/** Several pages of a browser that close at once are one reason to ask. */
const burstMs = 500;

/** How often is looked, and asked where the page was used since. */
const pacesOf = (idleMs: number) => ({
  checkEveryMs: Math.min(60_000, idleMs / 6),
  askEveryMs: Math.min(240_000, idleMs / 3),
});

/** @returns stops watching */
export const watchSession = ({ endsAtUtcMs, idleMs = mostIdleMs, ask, onEnd }: SessionWatch): (() => void) => {
  const { checkEveryMs, askEveryMs } = pacesOf(idleMs);
  let isUsed = false;
  let askedAtMs = Date.now();
  let burst: ReturnType<typeof setTimeout> | undefined;
  /** The server said so, after the end by our clock: that clock is wrong, and asking for ever would keep the session alive. */
  let livesLonger = false;
  const askNow = async (): Promise<void> => {
    isUsed = false;
    askedAtMs = Date.now();
    const lives = await ask();
    if (lives === true && askedAtMs >= endsAtUtcMs) livesLonger = true;
    if (lives === false) onEnd();
  };
  const look = (): void => {
    const now = Date.now();
    const isOver = now >= endsAtUtcMs && !livesLonger;
    const waitMs = isUsed ? askEveryMs : idleMs + afterEndMs;
    if (isOver || now - askedAtMs >= waitMs) void askNow();
  };
  const use = (): void => {
    isUsed = true;
  };
  const askSoon = (): void => {
    clearTimeout(burst);
    burst = setTimeout(() => void askNow(), burstMs);
  };
  // A page that was out of sight looks at once.
  const wake = (): void => {
    if (document.visibilityState === 'visible') askSoon();
  };
  const others = new BroadcastChannel('drimbox-session');
  others.addEventListener('message', askSoon);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  const tell = (word: 'came' | 'left'): void => others.postMessage(word);
  // Leaves when the answer of the server is there: a session that was ended by this page has ended.
  const leave = (): void => tell('left');
  const activities = ['pointerdown', 'keydown', 'wheel', 'touchstart', 'drimbox-activity'];
  for (const name of activities) window.addEventListener(name, use, { passive: true });
  window.addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', wake);
  const timer = setInterval(look, checkEveryMs);
  const end = setTimeout(look, Math.max(0, endsAtUtcMs - Date.now()) + afterEndMs);
  tell('came');
  return () => {
    for (const one of [timer, end, burst]) clearTimeout(one);
    others.close();
    window.removeEventListener('pagehide', leave);
    document.removeEventListener('visibilitychange', wake);
    for (const name of activities) window.removeEventListener(name, use);
  };
};
