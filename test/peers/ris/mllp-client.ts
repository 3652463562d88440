/** An MLLP sender over a real socket. Framing and parsing are written apart from the plugin's on purpose. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { type Acknowledgment, readAcknowledgment } from './acknowledgment.ts';

export interface RisOptions {
  readonly host?: string;
  readonly port: number;
  /** TLS, with `ca`, `cert`, `key`, … as node:tls takes them. */
  readonly tls?: ConnectionOptions;
  /** How long to wait for an acknowledgment. */
  readonly timeoutMs?: number;
}

/** One connection of the RIS. */
export interface RisConnection {
  /** Sends one message in its frame and waits for its acknowledgment. */
  send(message: Uint8Array): Promise<Acknowledgment>;
  /** Sends bytes as they are: half a frame, several frames, anything. */
  write(bytes: Uint8Array): Promise<void>;
  /** The next acknowledgment; rejects after the time-out or when the connection closes first. */
  nextAcknowledgment(): Promise<Acknowledgment>;
  /** Ends our side (FIN); the other may still answer. */
  endSending(): void;
  /** Cuts the connection (RST). */
  cut(): void;
  close(): Promise<void>;
  /** Settles when the connection is closed by whomever. */
  readonly closed: Promise<void>;
}

/** `0x0B message 0x1C 0x0D` */
export const frame = (message: Uint8Array): Buffer => Buffer.concat([Buffer.of(0x0b), message, Buffer.of(0x1c, 0x0d)]);

const openSocket = (options: RisOptions): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const target = { host: options.host ?? '127.0.0.1', port: options.port };
    const socket =
      options.tls === undefined
        ? connectTcp({ ...target, allowHalfOpen: true }, () => resolve(socket))
        : connectTls({ ...target, ...options.tls }, () => resolve(socket));
    socket.once('error', reject);
  });

interface Waiter {
  resolve(acknowledgment: Acknowledgment): void;
  reject(failure: Error): void;
}

/** Cuts the answers out of what comes in and hands them to who waits, in order. */
const collectAnswers = (socket: Socket, timeoutMs: number): (() => Promise<Acknowledgment>) => {
  const answers: Acknowledgment[] = [];
  const waiters: Waiter[] = [];
  let received = Buffer.alloc(0);
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let end = received.indexOf('\x1c\r'); end >= 0; end = received.indexOf('\x1c\r')) {
      const answer = readAcknowledgment(received.subarray(received.indexOf(0x0b) + 1, end));
      received = received.subarray(end + 2);
      const waiter = waiters.shift();
      if (waiter === undefined) answers.push(answer);
      else waiter.resolve(answer);
    }
  });
  socket.on('close', () => {
    isClosed = true;
    for (const waiter of waiters.splice(0)) waiter.reject(new Error('connection closed before the acknowledgment'));
  });
  return () =>
    new Promise((resolve, reject) => {
      const ready = answers.shift();
      if (ready !== undefined) return resolve(ready);
      if (isClosed) return reject(new Error('connection closed before the acknowledgment'));
      const timer = setTimeout(() => reject(new Error(`no acknowledgment within ${timeoutMs} ms`)), timeoutMs);
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        finish();
      };
      waiters.push({
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (failure) => settle(() => reject(failure)),
      });
    });
};

/** Opens a connection; rejects when it is refused. */
export const connectRis = async (options: RisOptions): Promise<RisConnection> => {
  const socket = await openSocket(options);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.setNoDelay(true);
  const nextAcknowledgment = collectAnswers(socket, options.timeoutMs ?? 10_000);
  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (failure) => (failure ? reject(failure) : resolve()));
    });
  return {
    async send(message) {
      await write(frame(message));
      return nextAcknowledgment();
    },
    write,
    nextAcknowledgment,
    endSending: () => socket.end(),
    cut: () => socket.resetAndDestroy(),
    close() {
      socket.destroy();
      return closed;
    },
    closed,
  };
};
