/**
 * Keeps the session alive while a person works, and notices its end: OHIF asks the server for nothing once the images are
 * here, and a page that nobody touches must not live for ever.
 */

export interface SessionWatch {
  readonly endsAtUtcMs: number;
  /** Answers whether the session lives; `undefined` when nobody answered. */
  readonly ask: () => Promise<boolean | undefined>;
  readonly onEnd: () => void;
}

const checkEveryMs = 60_000;
/** Asked at most this often, only when the page was used since. */
const askEveryMs = 240_000;

/** @returns stops watching */
export const watchSession = ({ endsAtUtcMs, ask, onEnd }: SessionWatch): (() => void) => {
  let isUsed = false;
  let askedAtMs = Date.now();
  const use = (): void => {
    isUsed = true;
  };
  const look = async (): Promise<void> => {
    const now = Date.now();
    const isDue = now >= endsAtUtcMs || (isUsed && now - askedAtMs >= askEveryMs);
    if (!isDue) return;
    isUsed = false;
    askedAtMs = now;
    if ((await ask()) === false) onEnd();
  };
  const activities = ['pointerdown', 'keydown', 'wheel', 'touchstart', 'drimbox-activity'];
  for (const name of activities) window.addEventListener(name, use, { passive: true });
  // A page that was asleep looks at once.
  const wake = (): void => {
    if (document.visibilityState !== 'visible') return;
    use();
    void look();
  };
  document.addEventListener('visibilitychange', wake);
  const timer = setInterval(() => void look(), checkEveryMs);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', wake);
    for (const name of activities) window.removeEventListener(name, use);
  };
};
