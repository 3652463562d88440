/** Memory that is used again: never by two at once. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryLender, type LentMemory, ownedMemory } from '../plugin/lent-memory.ts';

const mebibyte = 1024 * 1024;

it('what is given back is lent again, to one at a time', () => {
  const lender = createMemoryLender(8 * mebibyte);
  const first = lender.lend(500_000);
  const second = lender.lend(500_000);
  expect(second.bytes.buffer).not.toBe(first.bytes.buffer);
  first.giveBack();
  const third = lender.lend(400_000);
  expect(third.bytes.buffer).toBe(first.bytes.buffer);
  expect(third.bytes).toHaveLength(400_000);
});

it('giving back twice lends it once: two images must never share memory', () => {
  const lender = createMemoryLender(8 * mebibyte);
  const one = lender.lend(500_000);
  one.giveBack();
  one.giveBack();
  expect(lender.lend(500_000).bytes.buffer).not.toBe(lender.lend(500_000).bytes.buffer);
});

it('a second giving back does not take it from who has it by then', () => {
  const lender = createMemoryLender(8 * mebibyte);
  const one = lender.lend(500_000);
  one.giveBack();
  const other = lender.lend(500_000);
  one.giveBack();
  expect(lender.lend(500_000).bytes.buffer).not.toBe(other.bytes.buffer);
});

it('keeps no more than it may; the rest is left to the garbage collector', () => {
  const lender = createMemoryLender(mebibyte);
  const lent = [1, 2, 3].map(() => lender.lend(mebibyte));
  for (const one of lent) one.giveBack();
  const again = [1, 2, 3].map(() => lender.lend(mebibyte));
  expect(again.filter(({ bytes }) => lent.some((one) => one.bytes.buffer === bytes.buffer))).toHaveLength(1);
});

it('an empty one, and one that is too large to be kept, are memory like any other', () => {
  const lender = createMemoryLender(64 * mebibyte);
  expect(lender.lend(0).bytes).toHaveLength(0);
  const large = lender.lend(5 * mebibyte);
  large.giveBack();
  expect(lender.lend(5 * mebibyte).bytes.buffer).not.toBe(large.bytes.buffer);
  expect(ownedMemory(Buffer.from('x')).bytes.toString()).toBe('x');
});

it('whatever is lent and given back, in any order: no two loans share memory, each is as long as asked', () => {
  const step = fc.record({
    size: fc.integer({ min: 0, max: 5 * mebibyte }),
    givesBack: fc.array(fc.nat(20), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 8 * mebibyte }), (steps, maxKept) => {
      const lender = createMemoryLender(maxKept);
      const out: LentMemory[] = [];
      for (const { size, givesBack } of steps) {
        const lent = lender.lend(size);
        expect(lent.bytes).toHaveLength(size);
        expect(out.every(({ bytes }) => bytes.buffer !== lent.bytes.buffer)).toBe(true);
        out.push(lent);
        for (const at of givesBack) for (const one of out.splice(at, 1)) one.giveBack();
      }
    }),
    { seed: 5, numRuns: 100 },
  );
});
