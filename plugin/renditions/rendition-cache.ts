/**
 * Made files (images in another transfer syntax than the stored one), kept on the disk for the next who asks: bounded, grouped
 * by study, dropped at once when a study changes or is withdrawn (decision E5).
 *
 * A file is found only under the identity of the stored file it was made from and the version of what made it: one that was
 * made from an older image can never be served. INS is not in it: that is added when it leaves.
 *
 * @see decisions E1, E5 · design §5
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { DrimboxError } from '../errors.ts';
import type { SopInstanceUid, StudyInstanceUid } from '../standards/index.ts';
import { type CachedFile, fileBytesOf, type FileSeal, openCachedFile, writeCachedFile } from './cached-file.ts';
import { type CacheFolder, errnoOf, nameOf, openCacheFolder } from './cache-folder.ts';
import { createShelf } from './cache-shelf.ts';

export type { CachedFile } from './cached-file.ts';

/** What a made file is. */
export interface RenditionKey {
  readonly studyInstanceUid: StudyInstanceUid;
  readonly sopInstanceUid: SopInstanceUid;
  /** Of the stored file it is made from: changes whenever that one does (attachment and its digest). */
  readonly content: string;
  readonly transferSyntax: string;
}

export interface RenditionCacheOptions {
  readonly folder: string;
  readonly maxBytes: number;
  /** Left free on the disk. */
  readonly minFreeBytes: number;
  /** With a key drawn now: a stolen disk tells nothing, and nothing outlives the process. */
  readonly isEncrypted: boolean;
  /** Versions of what makes the files. */
  readonly software: string;
}

export interface RenditionCachePorts {
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly randomBytes: (count: number) => Buffer;
  readonly log: { warn(fields: object, message: string): void };
}

/** What became of a file that was put: `kept`; `full`: no room; `dropped`: its study was, meanwhile; `failed`: the disk. */
export type PutOutcome = { readonly kind: 'kept' | 'full' | 'dropped' | 'failed' };

export interface RenditionCacheStats {
  readonly studies: number;
  readonly files: number;
  /** On the disk, what is being written included. */
  readonly bytes: number;
  readonly hitsTotal: number;
  readonly missesTotal: number;
  readonly evictedStudiesTotal: number;
  readonly damagedTotal: number;
}

export interface RenditionCache {
  /** The file, to be closed by whoever asked; undefined when there is none. */
  get(key: RenditionKey): Promise<CachedFile | undefined>;
  has(key: RenditionKey): boolean;
  /** To be taken before the stored file is read; `put` refuses what was begun before its study was dropped. */
  ticket(): number;
  /** That files of this study take on the disk. */
  studyBytes(studyInstanceUid: StudyInstanceUid): number;
  /**
   * Never fails: a file that is not kept is made again. `bytes` must not change meanwhile.
   *
   * @param usedBeforeUtcMs  other studies that were used since are not taken away for this one [all may be]
   */
  put(key: RenditionKey, bytes: Uint8Array, ticket: number, usedBeforeUtcMs?: number): Promise<PutOutcome>;
  /** Found no more from this call on, even by a file that is being made; resolves when it is out of its place on the disk. */
  dropStudy(studyInstanceUid: StudyInstanceUid): Promise<void>;
  /** Drops every other study. @returns how many */
  keepOnly(studies: Iterable<StudyInstanceUid>): Promise<number>;
  stats(): RenditionCacheStats;
  close(): Promise<void>;
}

const touchEveryMs = 60_000;
/** Dropped studies that are remembered one by one, for files that are being made. */
const maxRememberedDrops = 10_000;

const studyNameOf = (studyInstanceUid: string): string => nameOf('study', studyInstanceUid);

const fileNameOf = (key: RenditionKey): string => nameOf('file', key.sopInstanceUid, key.content, key.transferSyntax);

/** Drops, in their order: a ticket is valid for a study that was not dropped since it was taken. */
const createDrops = () => {
  let count = 0;
  let forgottenUpTo = 0;
  const at = new Map<string, number>();
  return {
    ticket: () => count,
    isValid: (study: string, ticket: number): boolean => ticket >= forgottenUpTo && ticket >= (at.get(study) ?? 0),
    add: (study: string): void => {
      count += 1;
      if (at.size >= maxRememberedDrops) {
        at.clear();
        forgottenUpTo = count;
      }
      at.set(study, count);
    },
  };
};

const isDamage = (cause: unknown): boolean =>
  cause instanceof DrimboxError && cause.code === 'renditions/cache-damaged';

/** One after the other. */
const createTurns = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

/**
 * Opens the cache of that folder; a folder that is not empty and not ours is refused.
 *
 * @throws renditions/cache-locked, renditions/cache-folder-foreign, renditions/cache-unwritable
 */
export const openRenditionCache = async (
  options: RenditionCacheOptions,
  ports: RenditionCachePorts,
): Promise<RenditionCache> => {
  const folder = await openCacheFolder(options.folder, options.software, options.isEncrypted);
  try {
    return await fillCache(folder, options, ports);
  } catch (cause) {
    await folder.release();
    throw cause;
  }
};

const fillCache = async (
  folder: CacheFolder,
  options: RenditionCacheOptions,
  { clock, randomBytes, log }: RenditionCachePorts,
): Promise<RenditionCache> => {
  const secret = options.isEncrypted ? randomBytes(32) : undefined;
  const shelf = createShelf();
  const drops = createDrops();
  const inTurn = createTurns();
  const removing = new Set<Promise<void>>();
  const totals = { hits: 0, misses: 0, evicted: 0, damaged: 0 };
  let reservedBytes = 0;
  let nonce = 0n;
  let isFailing = false;

  for (const study of await folder.scan()) {
    for (const [file, size] of study.files) shelf.add(study.name, file, size, study.usedAtUtcMs);
  }

  const sealOf = (study: string, file: string): FileSeal => ({
    keyDigest: createHash('sha256').update(`${options.software}\n${study}\n${file}`).digest(),
    ...(secret === undefined ? {} : { secret }),
  });

  /** Told once, until it works again. */
  const tell = (cause: unknown): void => {
    if (!isFailing) log.warn({ code: 'renditions/cache-unwritable', errno: errnoOf(cause) }, 'rendition not kept');
    isFailing = true;
  };

  const removeStudy = async (name: string): Promise<void> => {
    const { rest } = await folder.removeStudy(name);
    const done = rest.catch(tell).finally(() => removing.delete(done));
    removing.add(done);
  };

  const discard = (study: string, file: string): Promise<void> => {
    shelf.removeFile(study, file);
    totals.damaged += 1;
    return folder.removeFile(study, file).catch(tell);
  };

  /** None or less: there is room. */
  const lackedBytes = async (): Promise<number> => {
    const beyondBytes = shelf.figures().bytes + reservedBytes - options.maxBytes;
    if (beyondBytes > 0) return beyondBytes;
    if (removing.size > 0) await Promise.all(removing);
    return options.minFreeBytes + reservedBytes - (await folder.freeBytes());
  };

  /**
   * Takes away studies that were not used for longest, but this one and those used since, until there is room; false when
   * there is none, and then none is taken away for nothing.
   */
  const makeRoom = async (except: string, usedBeforeUtcMs: number): Promise<boolean> => {
    for (let lacked = await lackedBytes(); lacked > 0; lacked = await lackedBytes()) {
      const oldest = shelf.oldest({ except, usedBeforeUtcMs, wantedBytes: lacked });
      if (oldest === undefined) return false;
      shelf.remove(oldest);
      totals.evicted += 1;
      await removeStudy(oldest);
    }
    return true;
  };

  /** Gives the written file its place, unless its study was dropped meanwhile. */
  const place = (temporary: string, study: string, file: string, size: number, ticket: number): Promise<PutOutcome> =>
    inTurn(async () => {
      if (!drops.isValid(study, ticket)) return { kind: 'dropped' };
      await folder.put(temporary, study, file);
      if (drops.isValid(study, ticket)) {
        shelf.add(study, file, size, clock());
        return { kind: 'kept' };
      }
      // Its study is removed in the next turn, with this file.
      return { kind: 'dropped' };
    });

  const write = async (
    study: string,
    file: string,
    bytes: Buffer,
    { ticket, usedBeforeUtcMs }: { readonly ticket: number; readonly usedBeforeUtcMs: number },
  ): Promise<PutOutcome> => {
    const seal = sealOf(study, file);
    const size = fileBytesOf(bytes.length, seal);
    if (size > options.maxBytes) return { kind: 'full' };
    const temporary = folder.newTemporary();
    reservedBytes += size;
    try {
      if (!(await inTurn(() => makeRoom(study, usedBeforeUtcMs)))) return { kind: 'full' };
      nonce += 1n;
      await writeCachedFile(temporary, bytes, seal, nonce);
      const outcome = await place(temporary, study, file, size, ticket);
      isFailing = false;
      return outcome;
    } finally {
      reservedBytes -= size;
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  };

  /** One that turns out to be damaged while it is read is not found again. */
  const watched = (opened: CachedFile, study: string, file: string): CachedFile => {
    const watch = async (cause: unknown): Promise<never> => {
      if (isDamage(cause)) await discard(study, file);
      throw cause;
    };
    return {
      ...opened,
      readPrefix: (bytes) => opened.readPrefix(bytes).catch(watch),
      readAll: () => opened.readAll().catch(watch),
      stream: (range, signal) => {
        const stream = opened.stream(range, signal);
        stream.once('error', (cause) => {
          watch(cause).catch(() => undefined);
        });
        return stream;
      },
    };
  };

  const find = async (study: string, file: string): Promise<CachedFile | undefined> => {
    const bytes = shelf.studies.get(study)?.files.get(file);
    if (bytes === undefined) return undefined;
    try {
      const opened = await openCachedFile(folder.pathOf(study, file), sealOf(study, file), bytes);
      // Dropped while it was opened: not found.
      if (shelf.studies.get(study)?.files.has(file) === true) return watched(opened, study, file);
      await opened.close();
    } catch (cause) {
      // Too many open files says nothing of this one.
      if (isDamage(cause) || errnoOf(cause) === 'ENOENT') await discard(study, file);
      else tell(cause);
    }
    return undefined;
  };

  const use = (name: string): void => {
    const study = shelf.studies.get(name);
    if (study === undefined) return;
    shelf.use(name, study);
    const atUtcMs = clock();
    if (atUtcMs - study.touchedAtUtcMs < touchEveryMs) return;
    study.touchedAtUtcMs = atUtcMs;
    folder.touch(name, atUtcMs).catch(() => undefined);
  };

  const drop = (name: string): Promise<void> => {
    shelf.remove(name);
    drops.add(name);
    return inTurn(() => removeStudy(name));
  };

  return {
    get: async (key) => {
      const study = studyNameOf(key.studyInstanceUid);
      const found = await find(study, fileNameOf(key));
      if (found === undefined) totals.misses += 1;
      else {
        totals.hits += 1;
        use(study);
      }
      return found;
    },
    has: (key) => shelf.studies.get(studyNameOf(key.studyInstanceUid))?.files.has(fileNameOf(key)) === true,
    ticket: drops.ticket,
    studyBytes: (studyInstanceUid) => shelf.studies.get(studyNameOf(studyInstanceUid))?.bytes ?? 0,
    put: async (key, bytes, ticket, usedBeforeUtcMs = Number.POSITIVE_INFINITY) => {
      const study = studyNameOf(key.studyInstanceUid);
      if (!drops.isValid(study, ticket)) return { kind: 'dropped' };
      const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      return write(study, fileNameOf(key), content, { ticket, usedBeforeUtcMs }).catch((cause: unknown): PutOutcome => {
        tell(cause);
        return { kind: 'failed' };
      });
    },
    dropStudy: (studyInstanceUid) => drop(studyNameOf(studyInstanceUid)),
    keepOnly: async (kept) => {
      const names = new Set([...kept].map(studyNameOf));
      const others = [...shelf.studies.keys()].filter((name) => !names.has(name));
      await Promise.all(others.map(drop));
      return others.length;
    },
    stats: () => {
      const { studies, files, bytes } = shelf.figures();
      return {
        studies,
        files,
        bytes: bytes + reservedBytes,
        hitsTotal: totals.hits,
        missesTotal: totals.misses,
        evictedStudiesTotal: totals.evicted,
        damagedTotal: totals.damaged,
      };
    },
    close: async () => {
      await inTurn(() => Promise.resolve());
      await Promise.all(removing);
      await folder.release();
    },
  };
};
