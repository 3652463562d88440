/**
 * Where the files of instances are, as Orthanc's index says: asked for many at once, ahead of need, and remembered.
 */
import { DrimboxError } from '../errors.ts';
import type { FileIndex, FilePlace } from './file-index.ts';

export interface FilePlaces {
  /**
   * @param others  asked about together
   * @throws orthanc/not-found: no such instance; orthanc/answer-invalid: it has no file; orthanc/*
   */
  locate(instanceId: string, others: readonly string[]): Promise<FilePlace>;
  /** Whether Orthanc named this place less than so long ago. */
  isFresh(instanceId: string, place: FilePlace, withinMs: number): boolean;
  /** Asks again, also about those of the others that were asked as long ago. @throws as `locate` */
  locateAnew(instanceId: string, others: readonly string[], withinMs: number): Promise<FilePlace>;
  forget(instanceId: string): void;
}

interface Remembered {
  readonly place: FilePlace | 'without-file';
  readonly askedAtMs: number;
}

/** About 30 MB (300 bytes each, measured). */
const maxRemembered = 100_000;
/**
 * A file may outlive its instance for a while (Orthanc's delayed-deletion plugin) or for ever (killed before it was removed):
 * that it is there does not say that it is still the one.
 */
const believedMs = 300_000;
/** Few, so that the first need not wait for all: Orthanc takes about one millisecond for each on PostgreSQL. */
const askedFirst = 16;
const askedAhead = 250;
/** What comes within so many is asked for now. */
const lookedAhead = 64;

/** @param clock  UTC, milliseconds */
export const createFilePlaces = (index: FileIndex, clock: () => number): FilePlaces => {
  const remembered = new Map<string, Remembered>();
  const asking = new Map<string, Promise<ReadonlyMap<string, Remembered>>>();

  const remember = (instanceId: string, one: Remembered): void => {
    remembered.delete(instanceId);
    remembered.set(instanceId, one);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= maxRemembered) return;
      remembered.delete(oldest);
    }
  };

  const ask = (ids: readonly string[]): Promise<ReadonlyMap<string, Remembered>> => {
    const askedAtMs = clock();
    const asked = index
      .listFiles(ids)
      .then((places) => {
        const answers = new Map<string, Remembered>();
        for (const id of ids) {
          const place = places.get(id);
          if (place === undefined) continue;
          const one = { place, askedAtMs };
          answers.set(id, one);
          // Asked for again next time.
          if (place !== 'without-file') remember(id, one);
        }
        return answers;
      })
      .finally(() => {
        for (const id of ids) asking.delete(id);
      });
    for (const id of ids) asking.set(id, asked);
    return asked;
  };

  const recall = (id: string): Remembered | undefined => {
    const one = remembered.get(id);
    if (one === undefined || Math.abs(clock() - one.askedAtMs) < believedMs) return one;
    remembered.delete(id);
    return undefined;
  };

  const isKnown = (id: string): boolean => recall(id) !== undefined || asking.has(id);

  /** Its failure is told to whoever needs the answer. */
  const askAhead = (others: readonly string[]): void => {
    if (asking.size >= askedAhead || others.slice(0, lookedAhead).every(isKnown)) return;
    const unknown = others.filter((id) => !isKnown(id)).slice(0, askedAhead);
    if (unknown.length > 0) ask(unknown).catch(() => undefined);
  };

  const locate = async (instanceId: string, others: readonly string[]): Promise<FilePlace> => {
    let one = recall(instanceId);
    if (one === undefined) {
      const together = others.slice(0, askedFirst - 1).filter((id) => id !== instanceId && !isKnown(id));
      one = (await (asking.get(instanceId) ?? ask([instanceId, ...together]))).get(instanceId);
    }
    askAhead(others);
    if (one === undefined) throw new DrimboxError('orthanc/not-found', { detail: `instance ${instanceId}` });
    if (one.place !== 'without-file') return one.place;
    throw new DrimboxError('orthanc/answer-invalid', { detail: `instance ${instanceId} has no file` });
  };

  return {
    locate,
    isFresh: (instanceId, place, withinMs) => {
      const one = remembered.get(instanceId);
      // Another opener may have asked again meanwhile: its answer says nothing for this place.
      return one?.place === place && Math.abs(clock() - one.askedAtMs) < withinMs;
    },
    locateAnew: (instanceId, others, withinMs) => {
      const now = clock();
      // The others are as old: together again, or a study kept in memory would be asked for one instance after the other.
      for (const id of others) {
        if (Math.abs(now - (remembered.get(id)?.askedAtMs ?? now)) >= withinMs) remembered.delete(id);
      }
      remembered.delete(instanceId);
      return locate(instanceId, others);
    },
    forget: (instanceId) => void remembered.delete(instanceId),
  };
};
