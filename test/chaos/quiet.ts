/** Waits until nothing is left to do, and says how long that took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../plugin/store/index.ts';
import { type Site, waitFor } from '../peers/site/index.ts';

interface Figures {
  readonly studiesByState: Readonly<Record<string, number>>;
  readonly queue: { readonly waiting: number };
}

const isQuiet = ({ studiesByState, queue }: Figures, count: number): boolean =>
  queue.waiting === 0 && studiesByState['published'] === count && Object.keys(studiesByState).length === 1;

/** How long nothing may change before it is believed: longer than a hint of Orthanc's hook may still be under way. */
const settledMs = 3000;

/** Each question is a `drimbox` process of its own. */
const pauseMs = 400;

/** @returns milliseconds until all were published */
export const waitUntilQuiet = async (
  site: Site,
  count: number,
  isComplete: () => Promise<boolean>,
  timeoutMs: number,
): Promise<number> => {
  const from = performance.now();
  let quietSince: number | undefined;
  let last = '';
  try {
    return await waitFor(
      'the archive',
      async () => {
        await sleep(pauseMs);
        const { stdout, stderr } = await site.drimbox('archive', 'status');
        last = stdout + stderr;
        const quiet = isQuiet(JSON.parse(stdout) as Figures, count) && (await isComplete());
        if (!quiet) {
          quietSince = undefined;
          return undefined;
        }
        quietSince ??= performance.now();
        return performance.now() - quietSince >= settledMs ? quietSince - from : undefined;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`not all is published: ${last}`, { cause: error });
  }
};

/**
 * A killed sidecar holds the studies that it was looking at for as long as their leases last, published or not: whoever lives looks
 * at them again. The embedded store has nobody else, who frees them when it starts.
 */
export const waitUntilFree = async (store: string, timeoutMs: number): Promise<void> => {
  if (store === 'embedded') return;
  const opened = await openStore({ url: store, folder: '' });
  try {
    await waitFor(
      'the leases of killed sidecars',
      async () => {
        const { rows }: { rows: unknown[] } = await opened.knex.raw(
          `SELECT study_uid FROM study WHERE lease_until_utc_ms IS NOT NULL OR look_due_at_utc_ms <= ?`,
          [Date.now()],
        );
        return rows.length === 0 ? true : undefined;
      },
      timeoutMs,
    );
  } finally {
    await opened.close();
  }
};
