/**
 * Fills the rendition cache ahead, one published study after the other, with what other DRIMboxes will probably ask for.
 *
 * Which studies wait is known in memory only: after a restart nothing is resumed. What is not there is made when it is asked
 * for, and an image that brings the process down must not do so again at every start.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorCode } from '../errors.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import {
  AheadEnd,
  type AheadResult,
  makeStudyAhead,
  type StudyAheadOptions,
  type StudyAheadPorts,
} from './study-ahead.ts';

export interface RenditionsAheadPorts extends StudyAheadPorts {
  readonly log: { info(fields: object, message: string): void };
}

export interface RenditionsAhead {
  /** This study is published: its renditions are made as soon as nobody is in the way. */
  add(studyInstanceUid: StudyInstanceUid): void;
  /** This study changes or is not served any more: what is under way for it ends at once. */
  drop(studyInstanceUid: StudyInstanceUid): void;
  /** Ends everything; nothing is under way any more when it resolves. */
  close(): Promise<void>;
}

/** Studies that wait; of more, those that wait for longest are forgotten. */
const maxWaiting = 10_000;
/** After the PACS or the database failed. */
const pauseMs = 60_000;

/** What fails as a whole fails for the next study, too. */
const isOutage = (code: ErrorCode | undefined): boolean =>
  code?.startsWith('orthanc/') === true || code?.startsWith('store/') === true;

export const createRenditionsAhead = (options: StudyAheadOptions, ports: RenditionsAheadPorts): RenditionsAhead => {
  const waiting = new Set<StudyInstanceUid>();
  const closing = new AbortController();
  let current: { readonly study: StudyInstanceUid; readonly stop: AbortController } | undefined;
  let isRunning = false;
  let run: Promise<void> = Promise.resolve();

  const make = async (study: StudyInstanceUid): Promise<AheadResult> => {
    const stop = new AbortController();
    current = { study, stop };
    const startedAtMs = ports.monotonic();
    const result = await makeStudyAhead(study, options, ports, AbortSignal.any([stop.signal, closing.signal]));
    current = undefined;
    const durationMs = Math.round(ports.monotonic() - startedAtMs);
    ports.log.info({ studyInstanceUid: study, ...result, durationMs }, 'renditions of a study made ahead');
    return result;
  };

  const takeNext = (): StudyInstanceUid | undefined => {
    const [next] = waiting;
    if (next !== undefined) waiting.delete(next);
    return next;
  };

  const makeWaiting = async (): Promise<void> => {
    for (let study = takeNext(); study !== undefined; study = takeNext()) {
      const { end, code } = await make(study);
      if (end === AheadEnd.failed && isOutage(code)) {
        await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      }
      if (waiting.size === 0) await ports.stock.rest();
    }
    isRunning = false;
  };

  return {
    add: (study) => {
      if (closing.signal.aborted) return;
      waiting.delete(study);
      waiting.add(study);
      if (waiting.size > maxWaiting) takeNext();
      if (isRunning) return;
      isRunning = true;
      run = makeWaiting();
    },
    drop: (study) => {
      waiting.delete(study);
      if (current?.study === study) current.stop.abort();
    },
    close: async () => {
      waiting.clear();
      closing.abort();
      await run;
    },
  };
};
