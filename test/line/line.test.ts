/** The line of the benchmark must not lie: every byte in order, no faster and no sooner than it says. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Line, startLine } from '../peers/line/index.ts';

const bytes = Buffer.from(Uint8Array.from({ length: 600_000 }, (_, at) => (at * 31) ^ (at >> 8)));
const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

interface Taken {
  readonly content: Buffer;
  readonly firstMs: number;
  readonly lastMs: number;
}

const take = async (port: number): Promise<Taken> => {
  const startedAt = performance.now();
  const socket = connect(port, '127.0.0.1');
  socket.write('give');
  const chunks: Buffer[] = [];
  let firstMs = Number.NaN;
  socket.on('data', (chunk: Buffer) => {
    if (chunks.length === 0) firstMs = performance.now() - startedAt;
    chunks.push(chunk);
  });
  await once(socket, 'end');
  socket.end();
  return { content: Buffer.concat(chunks), firstMs, lastMs: performance.now() - startedAt };
};

describe('the line between a browser and a server', () => {
  let server: Server;
  let line: Line;
  const start = async (shape?: { megabitsPerSecond: number; roundTripMs: number }): Promise<void> => {
    server = createServer((socket) => void socket.once('data', () => socket.end(bytes)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    line = await startLine({ targetPort: port, ...(shape === undefined ? {} : { shape }) });
  };
  afterEach(async () => {
    await line.stop();
    server.close();
  });

  it.each([undefined, { megabitsPerSecond: 40, roundTripMs: 40 }])(
    'every byte arrives, in its order, on several connections at once (%j)',
    async (shape) => {
      await start(shape);
      const taken = await Promise.all([take(line.port), take(line.port), take(line.port)]);
      for (const { content } of taken) expect(digest(content)).toBe(digest(bytes));
      expect(await line.meter()).toEqual({ down: 3 * bytes.length, up: 3 * 4 });
    },
  );

  it('is no faster than it says, and its connections share it', async () => {
    await start({ megabitsPerSecond: 40, roundTripMs: 40 });
    const taken = await Promise.all([take(line.port), take(line.port)]);
    // Two round trips: to connect, and to ask. 40 Mb/s are 5,000 bytes a millisecond.
    for (const { firstMs } of taken) expect(firstMs).toBeGreaterThanOrEqual(78);
    expect(Math.max(...taken.map(({ lastMs }) => lastMs))).toBeGreaterThanOrEqual((2 * bytes.length) / 5_000);
  });

  it('takes another shape for the connections that follow', async () => {
    await start({ megabitsPerSecond: 40, roundTripMs: 8_000 });
    await line.reshape(undefined);
    const { content, lastMs } = await take(line.port);
    expect(digest(content)).toBe(digest(bytes));
    expect(lastMs).toBeLessThan(8_000);
    expect((await line.meter()).down).toBe(bytes.length);
  });
});
