/** Prepares what comes next while the present one is taken: as many at a time as allowed, in order. */

type Settled<T> = { readonly kind: 'ready'; readonly value: T } | { readonly kind: 'failed'; readonly error: unknown };

/**
 * @param prepare  called at most once for each item; its signal is aborted when the taker stops early
 * @param options.ahead  under way beside the one that is taken; at least 1
 * @param options.discard  called with what was prepared and is not taken
 * @throws what `prepare` throws, at the turn of that item
 */
export async function* prepareAhead<Item, T>(
  items: readonly Item[],
  prepare: (item: Item, signal: AbortSignal) => Promise<T>,
  options: { readonly ahead: number; readonly discard: (value: T) => void; readonly signal: AbortSignal },
): AsyncGenerator<T, void, undefined> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([options.signal, stopped.signal]);
  const under: Promise<Settled<T>>[] = [];
  let next = 0;
  const startMore = (): void => {
    for (; next < items.length && under.length < options.ahead; next += 1) {
      under.push(
        prepare(items[next] as Item, signal).then(
          (value): Settled<T> => ({ kind: 'ready', value }),
          (error: unknown): Settled<T> => ({ kind: 'failed', error }),
        ),
      );
    }
  };
  try {
    startMore();
    for (let turn = under.shift(); turn !== undefined; turn = under.shift()) {
      const settled = await turn;
      if (settled.kind === 'failed') throw settled.error;
      startMore();
      yield settled.value;
    }
  } finally {
    stopped.abort();
    for (const one of under) void one.then((settled) => settled.kind === 'ready' && options.discard(settled.value));
  }
}
