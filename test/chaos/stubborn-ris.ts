/**
 * A RIS that takes no ACK, a broken connection and AR for "not acknowledged" and sends the same message (same MSH-10) again
 * until it gets AA. AE ends the test: these messages are good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRis, type RisConnection } from '../peers/ris/index.ts';
import type { Case } from './case-load.ts';
import type { Choices } from './seeded-choices.ts';

export interface RisRecord {
  /** Control ids in the order of their first AA. */
  readonly acknowledged: readonly string[];
  /** Attempts without ACK: broken connection, refused connection, time-out. */
  readonly broken: number;
  /** Attempts answered AR. */
  readonly askedToRetry: number;
  /** Messages sent again after AA, as a RIS does that lost the answer; each was acknowledged again. */
  readonly repeated: number;
}

export interface RisOptions {
  /** Each attempt goes to one of them. */
  readonly ports: readonly number[];
  readonly connections: number;
  /** Pause of a connection between two messages, at most, in milliseconds. */
  readonly maxPauseMs: number;
  readonly choices: Choices;
}

class Sender {
  readonly #options: RisOptions;
  #connection: RisConnection | undefined;
  broken = 0;
  askedToRetry = 0;

  constructor(options: RisOptions) {
    this.#options = options;
  }

  async #attempt(message: Uint8Array): Promise<string> {
    try {
      this.#connection ??= await connectRis({
        port: this.#options.choices.pick(this.#options.ports),
        timeoutMs: 15_000,
      });
      const { code, text } = await this.#connection.send(message);
      if (code === 'AE') throw new Error(`a good message was refused: ${text}`);
      return code;
    } catch (error) {
      this.#connection?.cut();
      this.#connection = undefined;
      if (error instanceof Error && error.message.startsWith('a good message')) throw error;
      return 'none';
    }
  }

  async send(message: Uint8Array): Promise<void> {
    for (;;) {
      const code = await this.#attempt(message);
      if (code === 'AA') return;
      if (code === 'AR') this.askedToRetry += 1;
      else this.broken += 1;
      await sleep(this.#options.choices.between(100, 500));
    }
  }

  /** A RIS also drops a connection between two messages. */
  maybeReconnect(): void {
    if (!this.#options.choices.chance(0.1)) return;
    this.#connection?.cut();
    this.#connection = undefined;
  }

  close(): void {
    this.#connection?.cut();
  }
}

/** Sends every report until it is acknowledged. @throws Error when one is refused with AE */
export const sendReports = async (cases: readonly Case[], options: RisOptions): Promise<RisRecord> => {
  const waiting = [...cases];
  const acknowledged: string[] = [];
  let repeated = 0;
  const senders = Array.from({ length: options.connections }, () => new Sender(options));
  const work = async (sender: Sender): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { message, controlId } = next.examination;
      await sender.send(message);
      acknowledged.push(controlId);
      if (options.choices.chance(0.05)) {
        await sender.send(message);
        repeated += 1;
      }
      sender.maybeReconnect();
      await sleep(options.choices.between(0, options.maxPauseMs));
    }
    sender.close();
  };
  await Promise.all(senders.map(work));
  const total = (count: (sender: Sender) => number): number => senders.reduce((sum, sender) => sum + count(sender), 0);
  return {
    acknowledged,
    broken: total((sender) => sender.broken),
    askedToRetry: total((sender) => sender.askedToRetry),
    repeated,
  };
};
