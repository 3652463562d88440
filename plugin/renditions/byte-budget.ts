/** Bytes that may be in memory at once; who asks for more waits in line. */

export interface ByteBudget {
  /**
   * Waits for its turn. What is larger than the whole budget goes alone.
   *
   * @returns gives the bytes back, once, however often it is called; undefined when `signal` aborts first
   */
  readonly acquire: (bytes: number, signal?: AbortSignal) => Promise<(() => void) | undefined>;
  readonly heldBytes: () => number;
  readonly waiting: () => number;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

export const createByteBudget = (maxBytes: number): ByteBudget => {
  const line: Waiter[] = [];
  let held = 0;

  const hasRoom = (bytes: number): boolean => held === 0 || held + bytes <= maxBytes;
  const serveLine = (): void => {
    for (let first = line[0]; first !== undefined && hasRoom(first.bytes); first = line[0]) {
      line.shift();
      first.admit();
    }
  };
  const take = (bytes: number): (() => void) => {
    held += bytes;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      held -= bytes;
      serveLine();
    };
  };

  return {
    acquire: (bytes, signal) => {
      if (signal?.aborted === true) return Promise.resolve(undefined);
      if (line.length === 0 && hasRoom(bytes)) return Promise.resolve(take(bytes));
      return new Promise((resolve) => {
        const leave = (): void => {
          line.splice(line.indexOf(waiter), 1);
          resolve(undefined);
          serveLine();
        };
        const admit = (): void => {
          signal?.removeEventListener('abort', leave);
          resolve(take(bytes));
        };
        const waiter = { bytes, admit };
        line.push(waiter);
        signal?.addEventListener('abort', leave, { once: true });
      });
    },
    heldBytes: () => held,
    waiting: () => line.length,
  };
};
