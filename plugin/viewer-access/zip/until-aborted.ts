/** Leaves what does not listen to an abort signal itself: a disk or a peer that hangs must not hold a download. */

/** @param discard  gets what comes too late */
export const untilAborted = <T>(
  promise: Promise<T>,
  signal: AbortSignal,
  discard: (value: T) => void = () => undefined,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(signal.reason as Error);
      promise.then(discard, () => undefined);
    };
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });

/** The same pieces, until the signal is aborted: then it throws its reason, whatever the source does. */
export async function* piecesUntilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal);
      isOver = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not waited for: one that hangs ends never.
    if (!isOver) iterator.return?.().catch(() => undefined);
  }
}
