/** The thread of a line: two directions shared by all connections. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Direction, type LineShape } from './line-shape.ts';

export interface LineOrder {
  readonly port: number;
  readonly targetPort: number;
  readonly shape?: LineShape;
}

const { port, targetPort, shape: first } = workerData as LineOrder;
let shape = first;
let bytes = { down: 0, up: 0 };
let directions = shape && { down: new Direction(shape), up: new Direction(shape) };

/** As if there were no line between. */
const joinPlainly = (browser: Socket, server: Socket): void => {
  browser.on('data', (chunk: Buffer) => (bytes.up += chunk.length));
  server.on('data', (chunk: Buffer) => (bytes.down += chunk.length));
  browser.pipe(server);
  server.pipe(browser);
};

const server = createServer({ noDelay: true, allowHalfOpen: true }, (browser) => {
  const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  for (const [one, other] of [
    [browser, target],
    [target, browser],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroySoon());
  }
  if (directions === undefined || shape === undefined) return joinPlainly(browser, target);
  directions.up.join(browser, target, shape.roundTripMs);
  directions.down.join(target, browser);
  return undefined;
});

parentPort?.on(
  'message',
  (message: { readonly kind: 'meter' } | { readonly kind: 'shape'; readonly shape?: LineShape }) => {
    if (message.kind === 'meter') {
      const { down, up } = directions ?? { down: { bytes: 0 }, up: { bytes: 0 } };
      parentPort?.postMessage({ down: bytes.down + down.bytes, up: bytes.up + up.bytes }, []);
      return;
    }
    // Connections that stand keep the line they were made on; what it passed stays counted.
    bytes = { down: bytes.down + (directions?.down.bytes ?? 0), up: bytes.up + (directions?.up.bytes ?? 0) };
    shape = message.shape;
    directions = shape && { down: new Direction(shape), up: new Direction(shape) };
    parentPort?.postMessage({ shaped: true }, []);
  },
);
server.listen(port, '127.0.0.1', () => parentPort?.postMessage({ port: (server.address() as AddressInfo).port }, []));
