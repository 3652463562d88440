/** Sends messages on some connections, each waiting for its acknowledgment, and times every one. */
import type { Site } from '../../test/peers/site/index.ts';
import { percentile } from './figures.ts';

export interface LoadResult {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly perSecond: number;
  /** Of each message, in the order in which they were given: when its AA came, milliseconds since 1970. */
  readonly acknowledgedAtUtcMs: readonly number[];
}

/** @throws Error when a message is not accepted */
export const sendLoad = async (
  site: Site,
  messages: readonly Uint8Array[],
  connections: number,
): Promise<LoadResult> => {
  const latencies: number[] = [];
  const acknowledgedAtUtcMs: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    const ris = await site.connectRis(60_000);
    for (let at = next++; at < messages.length; at = next++) {
      const from = performance.now();
      const { code, text } = await ris.send(messages[at] as Uint8Array);
      latencies.push(performance.now() - from);
      acknowledgedAtUtcMs[at] = Date.now();
      if (code !== 'AA') throw new Error(`not accepted: ${text}`);
    }
    await ris.close();
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: connections }, work));
  return {
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    perSecond: (messages.length * 1000) / (performance.now() - from),
    acknowledgedAtUtcMs,
  };
};
