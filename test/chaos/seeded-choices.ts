/** Everything that is random in a crash test. Each actor has a stream of its own, so that none disturbs another. */

export interface Choices {
  /** A number in [least, most). */
  readonly between: (least: number, most: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <Item>(items: readonly Item[]) => Item;
}

/** mulberry32: 32 bits of state, good enough to choose moments. */
const createGenerator = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const hashOf = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
};

/** Another seed at each run unless told. */
export const chooseSeed = (): number => {
  const told = Number(process.env['DRIMBOX_TEST_SEED']);
  return Number.isSafeInteger(told) && told > 0 ? told : Math.trunc(Math.random() * 2 ** 31) + 1;
};

/** The stream of one actor of a test. */
export const createChoices = (seed: number, actor: string): Choices => {
  const next = createGenerator(seed ^ hashOf(actor));
  return {
    between: (least, most) => least + next() * (most - least),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.trunc(next() * items.length)] as (typeof items)[number],
  };
};
