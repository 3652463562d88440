/** Room for one frame that grows by doubling, so that a message in many small chunks costs linear time and memory. */
export interface FrameBuffer {
  /** @returns false, and keeps nothing more, when the limit would be passed */
  append(bytes: Uint8Array): boolean;
  length(): number;
  /** A copy of the first bytes. */
  head(maxBytes: number): Uint8Array;
  /** Hands over what is held and begins anew. */
  take(): Buffer;
}

const firstCapacity = 16 * 1024;

/** @param maxBytes  never holds more */
export const createFrameBuffer = (maxBytes: number): FrameBuffer => {
  let held: Buffer = Buffer.alloc(0);
  let length = 0;

  const grow = (needed: number): void => {
    const capacity = Math.min(maxBytes, Math.max(firstCapacity, held.length * 2, needed));
    const larger = Buffer.allocUnsafeSlow(capacity);
    held.copy(larger, 0, 0, length);
    held = larger;
  };

  return {
    append(bytes) {
      const needed = length + bytes.length;
      if (needed > maxBytes) return false;
      if (needed > held.length) grow(needed);
      held.set(bytes, length);
      length = needed;
      return true;
    },
    length: () => length,
    head: (max) => Uint8Array.prototype.slice.call(held, 0, Math.min(max, length)),
    take() {
      const taken = held.subarray(0, length);
      held = Buffer.alloc(0);
      length = 0;
      return taken;
    },
  };
};
