/** One direction of a line: pieces of all connections in turn, no faster than the line is, each late by the way it goes. */
import type { Socket } from 'node:net';

export interface LineShape {
  readonly megabitsPerSecond: number;
  /** There and back. */
  readonly roundTripMs: number;
}

/** What a connection may have waiting before its sender is told to wait: about what a router keeps of one. */
const maxWaitingBytes = 64 * 1024;
const pieceBytes = 8 * 1024;

interface Flow {
  readonly from: Socket;
  readonly to: Socket;
  readonly waiting: Buffer[];
  waitingBytes: number;
  isEnding: boolean;
}

/** Timers of several lengths do not keep their order: one timer, for the first of the line. */
class Arrivals {
  readonly #due: { readonly atMs: number; readonly arrive: () => void }[] = [];
  #isSet = false;

  /** @param atMs  never before that of the last one */
  add(atMs: number, arrive: () => void): void {
    this.#due.push({ atMs, arrive });
    this.#set();
  }

  #set(): void {
    const [first] = this.#due;
    if (this.#isSet || first === undefined) return;
    this.#isSet = true;
    setTimeout(
      () => {
        this.#isSet = false;
        const now = performance.now();
        while ((this.#due[0]?.atMs ?? Number.POSITIVE_INFINITY) <= now) this.#due.shift()?.arrive();
        this.#set();
      },
      Math.max(1, first.atMs - performance.now()),
    );
  }
}

export class Direction {
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  readonly #flows: Flow[] = [];
  readonly #arrivals = new Arrivals();
  /** When the last piece has left. */
  #freeAtMs = 0;
  #isDue = false;
  bytes = 0;

  constructor({ megabitsPerSecond, roundTripMs }: LineShape) {
    this.#bytesPerMs = (megabitsPerSecond * 1e6) / 8 / 1000;
    this.#delayMs = roundTripMs / 2;
  }

  /** @param heldMs  nothing of it leaves before: a connection that is being made */
  join(from: Socket, to: Socket, heldMs = 0): void {
    const flow: Flow = { from, to, waiting: [], waitingBytes: 0, isEnding: false };
    const take = (): void => {
      from.on('data', (chunk: Buffer) => this.#take(flow, chunk));
      from.on('end', () => {
        flow.isEnding = true;
        this.#enter(flow);
      });
    };
    if (heldMs > 0) setTimeout(take, heldMs);
    else take();
  }

  #take(flow: Flow, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += pieceBytes) flow.waiting.push(chunk.subarray(at, at + pieceBytes));
    flow.waitingBytes += chunk.length;
    if (flow.waitingBytes > maxWaitingBytes) flow.from.pause();
    this.#enter(flow);
  }

  #enter(flow: Flow): void {
    if (!this.#flows.includes(flow)) this.#flows.push(flow);
    this.#send();
  }

  /** Everything that leaves within this millisecond; the rest when its time has come. */
  #send(): void {
    while (!this.#isDue) {
      const now = performance.now();
      if (this.#freeAtMs > now + 1) {
        this.#isDue = true;
        setTimeout(() => {
          this.#isDue = false;
          this.#send();
        }, this.#freeAtMs - now);
        return;
      }
      const flow = this.#flows.shift();
      if (flow === undefined) return;
      this.#sendOne(flow, now);
    }
  }

  #sendOne(flow: Flow, now: number): void {
    const piece = flow.waiting.shift();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (piece?.length ?? 0) / this.#bytesPerMs;
    const atMs = this.#freeAtMs + this.#delayMs;
    if (piece === undefined) {
      if (flow.isEnding) this.#arrivals.add(atMs, () => flow.to.end());
      return;
    }
    flow.waitingBytes -= piece.length;
    if (flow.waitingBytes <= maxWaitingBytes && flow.from.isPaused()) flow.from.resume();
    this.bytes += piece.length;
    this.#arrivals.add(atMs, () => !flow.to.destroyed && flow.to.write(piece));
    this.#flows.push(flow);
  }
}
