/**
 * Prepares items before their turn, and gives them in order: the first leaves while the next are read and transcoded, and
 * never more is held than allowed.
 */

type Settled<Prepared> =
  | { readonly kind: 'prepared'; readonly value: Prepared }
  | { readonly kind: 'failed'; readonly error: unknown };

interface Started<Item, Prepared> {
  readonly item: Item;
  readonly settled: Promise<Settled<Prepared>>;
}

/**
 * @param prepare  called at most once for each item, in order; its signal is aborted when the consumer stops early
 * @param options.ahead  items under way or waiting for their turn, the one that is being consumed not counted; at least 1
 * @param discard  called with what was prepared and will not be consumed: close what it holds open
 * @throws what `prepare` throws, at the turn of that item
 */
export async function* prepareInOrder<Item, Prepared>(
  items: readonly Item[],
  prepare: (item: Item, place: number, signal: AbortSignal) => Promise<Prepared>,
  options: {
    readonly ahead: number;
    readonly discard: (prepared: Prepared) => void;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<{ readonly item: Item; readonly prepared: Prepared }, void, undefined> {
  const { ahead, discard, signal } = options;
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const started: Started<Item, Prepared>[] = [];
  let next = 0;

  const startMore = (): void => {
    while (next < items.length && started.length < ahead) {
      const item = items[next] as Item;
      const settled = prepare(item, next, either).then(
        (value): Settled<Prepared> => ({ kind: 'prepared', value }),
        (error: unknown): Settled<Prepared> => ({ kind: 'failed', error }),
      );
      next += 1;
      started.push({ item, settled });
    }
  };

  try {
    startMore();
    for (let turn = started.shift(); turn !== undefined; turn = started.shift()) {
      const settled = await turn.settled;
      startMore();
      if (settled.kind === 'failed') throw settled.error;
      yield { item: turn.item, prepared: settled.value };
    }
  } finally {
    stopped.abort();
    for (const { settled } of started) {
      void settled.then((one) => one.kind === 'prepared' && discard(one.value));
    }
  }
}
