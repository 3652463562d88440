/**
 * Writes the body of an answer no faster than it is taken: memory holds what is under way, whatever the line.
 */
import type { ServerResponse } from 'node:http';
import { AnswerClosedError, cutAnswer, followDeparture } from './departure.ts';

export interface AnswerWriter {
  /** Aborted when the peer goes away before the end. */
  readonly signal: AbortSignal;
  /** Bytes handed to the connection so far, heads of parts included. */
  readonly bytes: () => number;
  /** When the first byte of the body was handed over; absent before. */
  readonly firstByteAtMs: () => number | undefined;
  /**
   * Small pieces in a row leave as one. Resolves when more may be written.
   *
   * @param onLeft  called when the operating system has them all, and nobody reads their memory any more; never called
   *   when the connection breaks before
   * @throws AnswerClosedError
   */
  write(pieces: readonly Uint8Array[], onLeft?: () => void): Promise<void>;
  /** Resolves when everything was handed to the operating system. @throws AnswerClosedError */
  end(): Promise<void>;
}

/** Below this, copying costs less than another piece. */
const smallBytes = 32 * 1024;

const joinSmall = (pieces: readonly Uint8Array[]): readonly Uint8Array[] => {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const close = (): void => {
    const [first, ...others] = small;
    if (first !== undefined) joined.push(others.length === 0 ? first : Buffer.concat(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length < smallBytes) small.push(piece);
    else {
      close();
      joined.push(piece);
    }
  }
  close();
  return joined;
};

export interface AnswerWriterOptions {
  /** Monotonic, milliseconds. */
  readonly clock: () => number;
  /** A peer that takes nothing for so long is left; absent: the connection tells. */
  readonly idleMs?: number;
}

export const createAnswerWriter = (response: ServerResponse, { clock, idleMs }: AnswerWriterOptions): AnswerWriter => {
  const gone = followDeparture(response);
  let bytes = 0;
  let firstByteAtMs: number | undefined;

  const giveUp = (): void => {
    gone.abort(new AnswerClosedError('the peer takes nothing'));
    cutAnswer(response);
  };

  /** Waits for the peer, but not for ever. */
  const settle = (start: (done: () => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const { signal } = gone;
      if (signal.aborted) return reject(signal.reason as Error);
      const idle = idleMs === undefined ? undefined : setTimeout(giveUp, idleMs);
      const refuse = (): void => {
        clearTimeout(idle);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', refuse, { once: true });
      start(() => {
        clearTimeout(idle);
        signal.removeEventListener('abort', refuse);
        resolve();
      });
    });

  return {
    signal: gone.signal,
    bytes: () => bytes,
    firstByteAtMs: () => firstByteAtMs,
    write: async (pieces, onLeft) => {
      if (gone.signal.aborted) throw gone.signal.reason;
      firstByteAtMs ??= clock();
      let isFull = false;
      // One system call for all of them. Of the connection: a corked response may wait for a drain that never comes.
      const { socket } = response;
      socket?.cork();
      const whenLeft = (error: unknown): void => {
        if (error === undefined || error === null) onLeft?.();
      };
      const joined = joinSmall(pieces);
      for (const [at, piece] of joined.entries()) {
        bytes += piece.length;
        isFull = !response.write(piece, at === joined.length - 1 ? whenLeft : undefined);
      }
      socket?.uncork();
      if (isFull) await settle((done) => response.once('drain', done));
    },
    end: () => settle((done) => response.end(done)),
  };
};
