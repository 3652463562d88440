import type { Socket } from 'node:net';
import { asDrimboxError, type DrimboxError, failureFields } from '../errors.ts';
import { buildAcknowledgment } from './acknowledgment.ts';
import { guessHeader } from './message-header.ts';
import { createMllpDecoder, type MllpEvent } from './mllp-decoder.ts';
import { encodeMllp } from './mllp-frame.ts';

/** Where a message came from. */
export interface MessageOrigin {
  /** IP address of the peer; IPv4 written as IPv4. */
  readonly address: string;
  /** Port of the listener that took it. */
  readonly listener: number;
}

/** What this room asks of the log; pino fits. Nothing of a message's content is ever given to it. */
export interface MllpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a listener needs from the outside. */
export interface MllpPorts {
  /** Keeps and judges one message; gives the acknowledgment, without MLLP. What it throws is acknowledged as refused. */
  receive(frame: Uint8Array, from: MessageOrigin): Promise<Uint8Array>;
  /** UTC, milliseconds. */
  readonly clock: () => number;
  /** MSH-10 of the acknowledgments the listener itself builds; at most 20 characters. */
  readonly newControlId: () => string;
  readonly log: MllpLog;
}

/** How long a peer that was answered and told to go may still send, so that the answer is not lost with a reset. */
const lingerMs = 2000;

/** One connection being served. */
export interface MllpConnection {
  /** Settles when the socket is closed and no message is in hand; never rejects. */
  readonly done: Promise<void>;
  /** Lets the message in hand be acknowledged, then closes; messages behind it stay unacknowledged. */
  finish(): void;
  destroy(): void;
}

export interface MllpConnectionOptions {
  readonly maxFrameBytes: number;
  readonly idleTimeoutMs: number;
}

/**
 * Serves one peer: reads no further than the message in hand, so a slow archive slows the sender (TCP back-pressure),
 * and answers in the order of the messages.
 */
export const serveMllpConnection = (
  socket: Socket,
  options: MllpConnectionOptions,
  from: MessageOrigin,
  ports: MllpPorts,
): MllpConnection => {
  const decoder = createMllpDecoder(options);
  let isBusy = false;
  let isFinishing = false;

  const write = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (failure) => (failure ? reject(failure) : resolve()));
    });

  const refuse = (head: Uint8Array, error: DrimboxError): Uint8Array => {
    const stamp = { controlId: ports.newControlId(), atUtcMs: ports.clock() };
    return buildAcknowledgment(guessHeader(head), { kind: 'refused', error }, stamp);
  };

  const receive = async (frame: Uint8Array): Promise<Uint8Array> => {
    try {
      return await ports.receive(frame, from);
    } catch (thrown) {
      const error = asDrimboxError(thrown);
      ports.log.error({ ...from, code: error.code, ...failureFields(error) }, 'a message could not be taken');
      return refuse(frame, error);
    }
  };

  /** @returns whether the connection goes on */
  const answer = async (event: MllpEvent): Promise<boolean> => {
    if (isFinishing) return false;
    isBusy = true;
    try {
      if (event.kind === 'fault') {
        const { code, detail } = event.error;
        ports.log.warn({ ...from, code, detail }, 'the peer does not speak MLLP as agreed');
        await write(encodeMllp(refuse(event.head, event.error)));
        return false;
      }
      socket.setTimeout(0);
      const acknowledgment = await receive(event.frame);
      socket.setTimeout(options.idleTimeoutMs);
      await write(encodeMllp(acknowledgment));
      return !isFinishing;
    } finally {
      isBusy = false;
    }
  };

  /** @returns whether the peer ended the connection itself */
  const readUntilEnd = async (): Promise<boolean> => {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      for (const event of decoder.push(chunk)) {
        if (!(await answer(event))) return false;
      }
    }
    return true;
  };

  /** Says goodbye and throws away what still comes, for a short while. */
  const linger = (): void => {
    socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };

  const report = (): void => {
    const [cut, ignored, restarted] = [decoder.pendingBytes(), decoder.ignoredBytes(), decoder.restartedFrames()];
    if (cut > 0) ports.log.warn({ ...from, bytes: cut }, 'the connection ended inside a message');
    if (restarted > 0) ports.log.warn({ ...from, restarted }, 'messages were begun again inside a frame');
    if (ignored > 0) ports.log.info({ ...from, bytes: ignored }, 'blank bytes between messages were ignored');
  };

  const serve = async (): Promise<void> => {
    try {
      if (await readUntilEnd()) socket.end();
      else linger();
    } catch (failure) {
      const reason = failure instanceof Error ? ((failure as NodeJS.ErrnoException).code ?? failure.name) : 'unknown';
      if (!isFinishing) ports.log.info({ ...from, reason }, 'the connection was lost');
      socket.destroy();
    }
    report();
  };

  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  socket.setTimeout(options.idleTimeoutMs, () => {
    ports.log.info({ ...from }, 'an idle connection is closed');
    socket.destroy();
  });
  const served = serve();

  return {
    done: Promise.all([served, closed]).then(() => undefined),
    finish() {
      isFinishing = true;
      if (!isBusy) socket.destroySoon();
    },
    destroy: () => socket.destroy(),
  };
};
