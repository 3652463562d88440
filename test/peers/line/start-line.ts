/** The line between a browser and a server, in a thread of its own. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LineShape } from './line-shape.ts';
import type { LineOrder } from './line-thread.ts';

export interface LineMeter {
  /** Bytes from the server to the browser. */
  readonly down: number;
  readonly up: number;
}

export interface Line {
  readonly port: number;
  /** Since the line stands. */
  meter(): Promise<LineMeter>;
  /** For connections made from now on; `undefined`: as fast as this machine can. */
  reshape(shape: LineShape | undefined): Promise<void>;
  stop(): Promise<void>;
}

/** @param order.port  to listen on; 0 or absent: any free one */
export const startLine = async (order: Omit<LineOrder, 'port'> & { readonly port?: number }): Promise<Line> => {
  const worker = new Worker(new URL('./line-thread.ts', import.meta.url), { workerData: { port: 0, ...order } });
  const ask = async <Answer>(message?: object): Promise<Answer> => {
    const answered = once(worker, 'message');
    if (message !== undefined) worker.postMessage(message, []);
    const [answer] = (await answered) as [Answer];
    return answer;
  };
  const { port } = await ask<{ port: number }>();
  return {
    port,
    meter: () => ask<LineMeter>({ kind: 'meter' }),
    reshape: async (shape) => {
      await ask({ kind: 'shape', ...(shape === undefined ? {} : { shape }) });
    },
    stop: async () => {
      await worker.terminate();
    },
  };
};
