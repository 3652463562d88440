/** When a study is looked at again. Pure. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Delay before the next attempt: doubled at each failure, up to the longest one. */
export const retryDelayMs = (
  options: { readonly retryFirstDelaySeconds: number; readonly retryMaxDelayMinutes: number },
  failures: number,
): number =>
  Math.ceil(
    Math.min(
      options.retryMaxDelayMinutes * minuteMs,
      options.retryFirstDelaySeconds * 1000 * 2 ** Math.min(Math.max(failures, 1) - 1, 20),
    ),
  );

/**
 * Delay before a study that waits for images, or for somebody, is looked at without any hint: the longer it has waited, the
 * longer it can wait; at most a day.
 *
 * @param waitedMs  since its first report
 */
export const sweepDelayMs = (options: { readonly sweepMinutes: number }, waitedMs: number): number =>
  Math.ceil(Math.min(dayMs, Math.max(options.sweepMinutes * minuteMs, waitedMs / 10)));

/** How long after its first attempt the DMP is asked for a given-up order: it may arrive late. */
export const lateCheckDelaysMs: readonly number[] = [minuteMs, 10 * minuteMs, hourMs, dayMs];
