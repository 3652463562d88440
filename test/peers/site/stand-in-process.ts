/** The DMP stand-in as a process of its own, driven through its loopback control port. */
import { join, resolve } from 'node:path';
import type { Fault, FaultOrder } from '../dmp/fault-orders.ts';
import type { LogLine } from '../dmp/request-log.ts';
import type { RegistryEntry } from '../dmp/registry.ts';
import { startTethered } from '../postgres/index.ts';
import { waitFor } from './wait-for.ts';

const main = resolve(import.meta.dirname, '../dmp/main.ts');

export interface StandInProcess {
  readonly baseUrl: string;
  readonly pid: number;
  entries(): Promise<readonly RegistryEntry[]>;
  log(): Promise<readonly LogLine[]>;
  documentOf(entryUuid: string): Promise<Uint8Array>;
  order(fault: Fault, limits?: Omit<FaultOrder, 'fault'>): Promise<void>;
  clear(): Promise<void>;
  /** Takes a document out as somebody else would. */
  vanish(entryUuid: string): Promise<void>;
  stop(): Promise<void>;
}

interface Announcement {
  readonly baseUrl: string;
  readonly controlUrl: string;
}

/** @param options.folder where the registry is kept; @param options.caFolder folder of the test authority */
export const startStandIn = async (options: {
  readonly folder: string;
  readonly caFolder: string;
  readonly port?: number;
}): Promise<StandInProcess> => {
  const logFile = join(options.folder, '..', 'dmp.log');
  const tethered = await startTethered({
    command: [
      process.execPath,
      main,
      ...['--folder', options.folder, '--ca', options.caFolder, '--port', String(options.port ?? 0)],
    ],
    logFile,
    stopSignal: 'TERM',
  });
  const { baseUrl, controlUrl } = await waitFor('the DMP stand-in', () => {
    const line = tethered
      .log()
      .split('\n')
      .find((text) => text.startsWith('{"baseUrl"'));
    if (line !== undefined) return JSON.parse(line) as Announcement;
    if (tethered.hasEnded()) throw new Error(tethered.log());
    return undefined;
  });
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const answer = await fetch(`${controlUrl}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`stand-in: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  return {
    baseUrl,
    pid: tethered.pid,
    entries: async () => (await (await call('GET', '/entries')).json()) as RegistryEntry[],
    log: async () => (await (await call('GET', '/log')).json()) as LogLine[],
    documentOf: async (entryUuid) => new Uint8Array(await (await call('GET', `/documents/${entryUuid}`)).arrayBuffer()),
    order: async (fault, limits = {}) => {
      await call('POST', '/faults', { fault, ...limits });
    },
    clear: async () => {
      await call('DELETE', '/faults');
    },
    vanish: async (entryUuid) => {
      await call('DELETE', `/documents/${entryUuid}`);
    },
    stop: async () => {
      await tethered.stop(5_000);
    },
  };
};
