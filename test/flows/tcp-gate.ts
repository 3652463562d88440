/** A gate on the way to a server: open, shut (connections refused and cut), or frozen (nothing comes through any more). */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpGate {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #isFrozen = false;
  /** Bytes of the server that still pass. */
  #leftBytes = Number.POSITIVE_INFINITY;

  constructor(targetPort: number) {
    this.#target = targetPort;
  }

  get port(): number {
    return this.#port;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#isFrozen) socket.pause();
  }

  #join(from: Socket): void {
    const to = connect(this.#target, '127.0.0.1');
    to.on('data', ({ length }: Buffer) => {
      this.#leftBytes -= length;
      if (this.#leftBytes < 0) void this.shut();
    });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#keep(one);
      one.on('data', (chunk: Buffer) => other.write(chunk));
      one.once('close', () => other.destroy());
      if (this.#isFrozen) one.pause();
    }
  }

  async open(): Promise<void> {
    this.#isFrozen = false;
    this.#leftBytes = Number.POSITIVE_INFINITY;
    for (const socket of this.#sockets) socket.resume();
    if (this.#server !== undefined) return;
    this.#server = createServer((socket) => this.#join(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody comes through, and nobody is let in. */
  get isShut(): boolean {
    return this.#server === undefined;
  }

  /** As a server that is down. */
  async shut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  /** As a line that breaks: that much of the server's answers comes through, then nothing until it is opened again. */
  shutAfter(bytes: number): void {
    this.#leftBytes = bytes;
  }

  /** As a server that hangs, or a network that lost the way: connections stand and say nothing. */
  freeze(): void {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.pause();
  }
}
