/**
 * Keeps the session alive while a person works, and no longer: each minute the server is asked, and told whether the page was
 * used since. Without an answer nothing is shown past the end that was told last. Pages of one browser tell each other when one
 * comes or goes: a person who signs out in one tab, or another person who signs in, takes the images away in all.
 */

export interface SessionWatch {
  /** When the session ends if nothing more is done, by the clock of this browser, as told last. */
  readonly endsAtMs: number;
  /** After so long without use a session ends. */
  readonly idleMs: number;
  /** @returns when it ends now; `over`; undefined when nobody could tell */
  readonly ask: (isUsed: boolean) => Promise<number | 'over' | undefined>;
  /** Whether the page must show nothing until the server has answered. */
  readonly cover: (isCovered: boolean) => void;
}

export interface RunningWatch {
  /** Something was refused, or may have changed. */
  askSoon(): void;
  stop(): void;
}

/** Several reasons at once are one. */
const burstMs = 500;
/** Later than the server's own end. */
const afterEndMs = 1_000;

const activities = ['pointerdown', 'keydown', 'wheel', 'touchstart', 'drimbox-activity'];

/** Nothing more is asked once it is over. */
export const watchSession = ({ idleMs, ask, cover, ...told }: SessionWatch): RunningWatch => {
  const everyMs = Math.min(60_000, idleMs / 6);
  let { endsAtMs } = told;
  let isUsed = false;
  let isStopped = false;
  let isAsking = false;
  let mustAskAgain = false;
  let end: ReturnType<typeof setTimeout> | undefined;
  let burst: ReturnType<typeof setTimeout> | undefined;

  const coverPastEnd = (): void => {
    if (Date.now() >= endsAtMs) cover(true);
  };
  const prolong = (toMs: number): void => {
    // The server says that it lives: whatever the clock here says, it does until the next question.
    endsAtMs = toMs > Date.now() ? toMs : Date.now() + everyMs;
    clearTimeout(end);
    end = setTimeout(look, endsAtMs - Date.now() + afterEndMs);
    cover(false);
  };
  const askOnce = async (): Promise<void> => {
    const wasUsed = isUsed;
    isUsed = false;
    const answer = await ask(wasUsed);
    if (isStopped) return;
    if (answer === 'over') return stop();
    if (answer !== undefined) return prolong(answer);
    isUsed ||= wasUsed;
    return coverPastEnd();
  };
  const askNow = async (): Promise<void> => {
    if (isAsking) {
      mustAskAgain = true;
      return;
    }
    isAsking = true;
    do {
      mustAskAgain = false;
      await askOnce();
    } while (mustAskAgain && !isStopped);
    isAsking = false;
  };
  function look(): void {
    coverPastEnd();
    void askNow();
  }
  const askSoon = (): void => {
    clearTimeout(burst);
    burst = setTimeout(() => void askNow(), burstMs);
  };
  const use = (): void => {
    isUsed = true;
  };
  // A page that was out of sight, or a computer that slept, looks at once.
  const wake = (): void => {
    if (document.visibilityState !== 'visible') return;
    coverPastEnd();
    askSoon();
  };
  const others = new BroadcastChannel('drimbox-session');
  others.addEventListener('message', askSoon);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  const tell = (word: 'came' | 'left'): void => others.postMessage(word);
  // Leaves when the answer of the server is there: a session that was ended by this page has ended.
  const leave = (): void => tell('left');
  for (const name of activities) window.addEventListener(name, use, { passive: true });
  window.addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', wake);
  const timer = setInterval(look, everyMs);
  end = setTimeout(look, Math.max(0, endsAtMs - Date.now()) + afterEndMs);
  tell('came');
  function stop(): void {
    isStopped = true;
    clearInterval(timer);
    clearTimeout(end);
    clearTimeout(burst);
    others.close();
    window.removeEventListener('pagehide', leave);
    document.removeEventListener('visibilitychange', wake);
    for (const name of activities) window.removeEventListener(name, use);
  }
  return { askSoon, stop };
};
