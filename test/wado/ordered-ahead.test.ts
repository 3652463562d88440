import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prepareInOrder } from '../../plugin/wado/ordered-ahead.ts';

const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Takes so many turns of the event loop to prepare. */
interface Item {
  readonly id: number;
  readonly turns: number;
}

const items = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 });

describe('items prepared ahead', () => {
  test('come in order, each once, with no more under way than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 5 }), async (drawn, ahead) => {
        const list: Item[] = drawn.map((turns, id) => ({ id, turns }));
        const given: number[] = [];
        const open = new Set<Item>();
        let worst = 0;
        const prepare = async (item: Item, place: number): Promise<number> => {
          expect(list[place]).toBe(item);
          open.add(item);
          worst = Math.max(worst, open.size);
          for (let count = 0; count < item.turns; count += 1) await turn();
          return item.id;
        };
        const options = { ahead, discard: () => undefined, signal: never };
        for await (const { item, prepared } of prepareInOrder(list, prepare, options)) {
          expect(prepared).toBe(item.id);
          given.push(prepared);
          open.delete(item);
          await turn();
        }
        expect(given).toEqual(list.map(({ id }) => id));
        // The one that is consumed, and those ahead of it.
        expect(worst).toBeLessThanOrEqual(ahead + 1);
      }),
      { numRuns: 100 },
    );
  });

  test('a failure comes at its turn, after what was before it; what came after it is discarded', async () => {
    const given: number[] = [];
    const discarded: number[] = [];
    const prepare = async (id: number): Promise<number> => {
      await turn();
      if (id === 2) throw new Error('broken');
      return id;
    };
    const run = async (): Promise<void> => {
      const options = { ahead: 5, signal: never };
      const discard = (id: number): void => void discarded.push(id);
      for await (const { prepared } of prepareInOrder([0, 1, 2, 3, 4], prepare, { ...options, discard }))
        given.push(prepared);
    };
    await expect(run()).rejects.toThrow('broken');
    await turn();
    expect(given).toEqual([0, 1]);
    expect(discarded).toEqual([3, 4]);
  });

  test('a consumer that stops ends what is under way, and what was prepared is discarded', async () => {
    const aborted: number[] = [];
    const discarded: number[] = [];
    const prepare = async (id: number, _: number, signal: AbortSignal): Promise<number> => {
      signal.addEventListener('abort', () => aborted.push(id));
      await turn();
      return id;
    };
    const options = { ahead: 3, signal: never };
    const discard = (id: number): void => void discarded.push(id);
    for await (const { prepared } of prepareInOrder([0, 1, 2, 3, 4, 5], prepare, { ...options, discard })) {
      if (prepared === 1) break;
    }
    await turn();
    await turn();
    expect(discarded).toEqual([2, 3, 4]);
    expect(aborted).toContain(2);
  });
});
