/**
 * Memory for what is read and sent at once, used again and again: a new piece for each image keeps the garbage collector
 * busier than the images themselves (half of the processor's time, measured).
 *
 * What is given back is overwritten by the next image, perhaps of another patient: it is given back by whoever knows that
 * nobody reads it any more, and left to the garbage collector wherever that is not sure.
 */

export interface LentMemory {
  readonly bytes: Buffer;
  /** After the last use; further calls do nothing. */
  readonly giveBack: () => void;
}

export interface MemoryLender {
  /** Holds what it held before: nothing of it may be read before it is written. */
  lend(sizeBytes: number): LentMemory;
}

const smallestBytes = 64 * 1024;
const largestBytes = 4 * 1024 * 1024;

/** Sizes are powers of two: what is not written to takes no memory of the machine. */
const capacityFor = (sizeBytes: number): number => Math.max(smallestBytes, 2 ** Math.ceil(Math.log2(sizeBytes)));

/** Of its own: nobody else gets it. */
export const ownedMemory = (bytes: Buffer): LentMemory => ({ bytes, giveBack: () => undefined });

/**
 * @param maxKeptBytes  kept for the next who asks; what is under way is not counted
 */
export const createMemoryLender = (maxKeptBytes: number): MemoryLender => {
  const free = new Map<number, Buffer[]>();
  let keptBytes = 0;

  const take = (capacity: number): Buffer => {
    const kept = free.get(capacity)?.pop();
    if (kept === undefined) return Buffer.allocUnsafeSlow(capacity);
    keptBytes -= capacity;
    return kept;
  };

  const keep = (memory: Buffer): void => {
    if (keptBytes + memory.length > maxKeptBytes) return;
    const others = free.get(memory.length);
    if (others === undefined) free.set(memory.length, [memory]);
    else others.push(memory);
    keptBytes += memory.length;
  };

  return {
    lend: (sizeBytes) => {
      if (sizeBytes > largestBytes) return ownedMemory(Buffer.allocUnsafeSlow(sizeBytes));
      const memory = take(capacityFor(sizeBytes));
      let isLent = true;
      return {
        bytes: memory.subarray(0, sizeBytes),
        giveBack: () => {
          if (isLent) keep(memory);
          isLent = false;
        },
      };
    },
  };
};
