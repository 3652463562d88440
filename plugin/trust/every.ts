/** What is looked at again and again. */

/** Calls `work` every `intervalMs`; gives what calls it off. */
export type Every = (intervalMs: number, work: () => void) => () => void;

/** A timer that keeps no process alive. */
export const everyTimer: Every = (intervalMs, work) => {
  const timer = setInterval(work, intervalMs).unref();
  return () => clearInterval(timer);
};
