/**
 * Where renditions come from and where they stay, put together: the threads that make them for who asks, the cache, what is
 * made ahead. No rules here but which event means what.
 *
 * @see decision E5
 */
import { join } from 'node:path';
import { asDrimboxError } from '../errors.ts';
import type { DrimboxEvent, EventName } from '../events.ts';
import {
  createTranscoder,
  openRenditionCache,
  type RenditionCache,
  renditionOptions,
  type Transcoder,
} from '../renditions/index.ts';
import { parseStudyInstanceUid, type StudyInstanceUid } from '../standards/index.ts';
import { rankAlone } from './ahead-choice.ts';
import type { Workshop } from './image-store.ts';
import type { WadoOptions } from './options.ts';
import { createRenditionsAhead, type RenditionsAhead } from './rendition-ahead.ts';
import { createStock } from './rendition-stock.ts';
import { createWorkshop } from './rendition-workshop.ts';
import { createRequestTraffic } from './request-traffic.ts';
import type { StudyAheadPorts } from './study-ahead.ts';

export interface RenditionServicePorts extends Pick<StudyAheadPorts, 'images' | 'loadServing' | 'monotonic'> {
  /** Studies that the DMP holds: of no other one anything is kept. */
  readonly listPublished: () => Promise<readonly StudyInstanceUid[]>;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Versions of what makes renditions. */
  readonly software: string;
}

export interface RenditionService {
  readonly workshop: Workshop;
  /** Around the answer to each request: nothing is made ahead meanwhile. */
  readonly during: <Result>(answering: () => Promise<Result>) => Promise<Result>;
  /** What happened to a study. */
  readonly heard: (event: DrimboxEvent) => void;
  close(): Promise<void>;
}

/** What happened to a study: is what is kept of it dropped, are its renditions made ahead, in this order. */
export const studyTurns: Readonly<Partial<Record<EventName, { readonly drops: boolean; readonly fills: boolean }>>> = {
  'dmp/published': { drops: false, fills: true },
  'dmp/replaced': { drops: true, fills: true },
  'dmp/deleted': { drops: true, fills: false },
  'dmp/withdrawn': { drops: true, fills: false },
  'study/held': { drops: true, fills: false },
};

const gigabyte = 1_000_000_000;
const megabyte = 1_000_000;
/** Without a request; who fetches a study asks for one series after the other. */
const quietMs = 2_000;
const figuresEveryMs = 3_600_000;

const openCache = async (
  { renditionCache: options }: WadoOptions,
  storeFolder: string,
  ports: RenditionServicePorts,
): Promise<RenditionCache | undefined> => {
  if (options.maxGigabytes === 0) return undefined;
  const cache = await openRenditionCache(
    {
      folder: options.folder ?? join(storeFolder, 'renditions'),
      maxBytes: options.maxGigabytes * gigabyte,
      minFreeBytes: options.minFreeGigabytes * gigabyte,
      isEncrypted: options.encrypted,
      software: ports.software,
    },
    ports,
  );
  try {
    await cache.keepOnly(await ports.listPublished());
    return cache;
  } catch (error) {
    await cache.close();
    throw error;
  }
};

const transcoderOf = ({ transcoding: { timeoutSeconds, queueMegabytes } }: WadoOptions, threads: number): Transcoder =>
  createTranscoder({
    ...renditionOptions.parse({ timeoutMs: timeoutSeconds * 1_000, maxQueuedBytes: queueMegabytes * megabyte }),
    threads,
  });

/** Every hour and at the end, where something changed. */
const startFigures = (cache: RenditionCache, log: RenditionServicePorts['log']): (() => void) => {
  let told = '';
  const tell = (): void => {
    const figures = cache.stats();
    const now = JSON.stringify(figures);
    if (now !== told) log.info(figures, 'rendition cache');
    told = now;
  };
  tell();
  const timer = setInterval(tell, figuresEveryMs).unref();
  return () => {
    clearInterval(timer);
    tell();
  };
};

/**
 * @param threads      for who asks; what is made ahead has one of its own
 * @param storeFolder  the cache is in it where it has no folder of its own
 * @throws renditions/cache-*, and what `listPublished` throws: what was opened is closed again
 */
export const openRenditions = async (
  options: WadoOptions,
  { threads, storeFolder }: { readonly threads: number; readonly storeFolder: string },
  ports: RenditionServicePorts,
): Promise<RenditionService> => {
  const { transferSyntaxes, maxStudyMegabytes } = options.renditionCache.fillAhead;
  const cache = await openCache(options, storeFolder, ports);
  const transcoder = transcoderOf(options, threads);
  const workshop = createWorkshop({ transcoder, ...(cache === undefined ? {} : { cache }) });
  const traffic = createRequestTraffic({ monotonic: ports.monotonic, quietMs });
  const stopFigures = cache === undefined ? undefined : startFigures(cache, ports.log);

  const openAhead = (kept: RenditionCache): RenditionsAhead =>
    createRenditionsAhead(
      { rankings: transferSyntaxes.map(rankAlone), maxStudyBytes: maxStudyMegabytes * megabyte },
      {
        ...ports,
        workshop,
        traffic,
        stock: createStock({ cache: kept, openTranscoder: () => transcoderOf(options, 1), clock: ports.clock }),
        isTranscoding: () => {
          const { running, waiting } = transcoder.counts();
          return running + waiting > 0;
        },
      },
    );
  const ahead = cache === undefined || transferSyntaxes.length === 0 ? undefined : openAhead(cache);

  const drop = (study: StudyInstanceUid): void => {
    ahead?.drop(study);
    cache?.dropStudy(study).catch((error: unknown) => {
      ports.log.warn({ code: asDrimboxError(error).code }, 'kept images of a study were not dropped');
    });
  };

  return {
    workshop,
    during: (answering) => traffic.during(answering),
    heard: ({ name, studyInstanceUid }) => {
      const turn = studyTurns[name];
      if (turn === undefined || studyInstanceUid === undefined) return;
      const study = parseStudyInstanceUid(studyInstanceUid);
      if (turn.drops) drop(study);
      if (turn.fills) ahead?.add(study);
    },
    close: async () => {
      await ahead?.close();
      stopFigures?.();
      await transcoder.close();
      await cache?.close();
    },
  };
};
