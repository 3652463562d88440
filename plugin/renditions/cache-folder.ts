/**
 * The folder of the cache on the disk: `<software>/<study>/<file>`, all of them digests that name nobody, and `tmp/`.
 *
 * Only a folder that is empty or bears our mark is used: whatever else lies in it is removed at the start.
 */
import { createHash } from 'node:crypto';
import {
  chmod,
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { DrimboxError } from '../errors.ts';
import { acquireFolderLock } from '../store/index.ts';

const mark = '.drimbox-renditions';
const digestForm = /^[0-9a-f]{40}$/;

/** Name on the disk. */
export const nameOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);

export const errnoOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

const unwritable = (cause: unknown): DrimboxError =>
  new DrimboxError('renditions/cache-unwritable', { cause, detail: `rendition cache: ${errnoOf(cause)}` });

/** A study found on the disk at the start. */
export interface FoundStudy {
  readonly name: string;
  readonly usedAtUtcMs: number;
  /** Name → bytes on the disk. */
  readonly files: ReadonlyMap<string, number>;
}

export interface CacheFolder {
  /** What is there, the least recently used study first; whatever is not ours is removed. */
  scan(): Promise<readonly FoundStudy[]>;
  pathOf(study: string, file: string): string;
  /** A path in `tmp/` that nothing has. */
  newTemporary(): string;
  /** Gives a written file its place. */
  put(temporary: string, study: string, file: string): Promise<void>;
  /** Takes a study away at once; resolves when nothing of it is found any longer, `rest` when its bytes are gone. */
  removeStudy(study: string): Promise<{ readonly rest: Promise<void> }>;
  removeFile(study: string, file: string): Promise<void>;
  /** Remembers when a study was used, for the next start. */
  touch(study: string, atUtcMs: number): Promise<void>;
  freeBytes(): Promise<number>;
  release(): Promise<void>;
}

/** @throws renditions/cache-folder-foreign, renditions/cache-unwritable */
const claim = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = await readdir(folder);
    if (names.length > 0 && !names.includes(mark)) {
      throw new DrimboxError('renditions/cache-folder-foreign', { detail: `${folder} holds something else` });
    }
    await chmod(folder, 0o700);
    await writeFile(join(folder, mark), '', { mode: 0o600 });
  } catch (cause) {
    throw cause instanceof DrimboxError ? cause : unwritable(cause);
  }
};

const lock = async (folder: string): Promise<{ release(): Promise<void> }> => {
  try {
    return await acquireFolderLock(folder);
  } catch (cause) {
    if (!(cause instanceof DrimboxError) || cause.code !== 'store/locked') throw unwritable(cause);
    throw new DrimboxError('renditions/cache-locked', { cause, detail: `another process uses ${folder}` });
  }
};

const emptied = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
};

const removeOthers = async (folder: string, kept: readonly string[]): Promise<void> => {
  for (const name of await readdir(folder)) {
    if (!kept.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
};

/** Stat calls under way at once. */
const scanWidth = 64;

const scanStudy = async (folder: string, name: string): Promise<FoundStudy> => {
  const files = new Map<string, number>();
  const entries = await readdir(join(folder, name), { withFileTypes: true });
  for (let at = 0; at < entries.length; at += scanWidth) {
    const some = entries.slice(at, at + scanWidth).map(async (entry): Promise<void> => {
      const path = join(folder, name, entry.name);
      if (entry.isFile() && digestForm.test(entry.name)) files.set(entry.name, (await stat(path)).size);
      else await rm(path, { recursive: true, force: true });
    });
    await Promise.all(some);
  }
  return { name, usedAtUtcMs: (await stat(join(folder, name))).mtimeMs, files };
};

const scanAll = async (folder: string): Promise<readonly FoundStudy[]> => {
  const found: FoundStudy[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && digestForm.test(entry.name)) found.push(await scanStudy(folder, entry.name));
    else await rm(join(folder, entry.name), { recursive: true, force: true });
  }
  return found.toSorted((a, b) => a.usedAtUtcMs - b.usedAtUtcMs);
};

const ignoreAbsent = (cause: unknown): void => {
  if (errnoOf(cause) !== 'ENOENT') throw cause;
};

/** That a name was moved away must outlast a power failure: what was withdrawn does not come back. */
const syncFolder = async (folder: string): Promise<void> => {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } finally {
    await handle?.close();
  }
};

/**
 * @param folder    made when absent
 * @param software  what made the files: those of another version are removed
 * @param isFresh   nothing of before can be read: all of it is removed
 * @throws renditions/cache-locked, renditions/cache-folder-foreign, renditions/cache-unwritable
 */
export const openCacheFolder = async (folder: string, software: string, isFresh: boolean): Promise<CacheFolder> => {
  await claim(folder);
  const held = await lock(folder);
  const current = nameOf('software', software);
  const studies = join(folder, current);
  const temporaries = join(folder, 'tmp');
  try {
    await removeOthers(folder, isFresh ? [mark] : [mark, current]);
    await emptied(temporaries);
    await mkdir(studies, { recursive: true, mode: 0o700 });
  } catch (cause) {
    await held.release();
    throw unwritable(cause);
  }
  let temporary = 0;
  const newTemporary = (): string => {
    temporary += 1;
    return join(temporaries, String(temporary));
  };
  return {
    scan: async () => {
      try {
        return await scanAll(studies);
      } catch (cause) {
        throw unwritable(cause);
      }
    },
    pathOf: (study, file) => join(studies, study, file),
    newTemporary,
    put: async (path, study, file) => {
      await mkdir(join(studies, study), { recursive: true, mode: 0o700 });
      await rename(path, join(studies, study, file));
    },
    removeStudy: async (study) => {
      const gone = newTemporary();
      await rename(join(studies, study), gone).catch(ignoreAbsent);
      await syncFolder(studies);
      return { rest: rm(gone, { recursive: true, force: true }) };
    },
    removeFile: (study, file) => rm(join(studies, study, file), { force: true }),
    touch: (study, atUtcMs) => utimes(join(studies, study), atUtcMs / 1_000, atUtcMs / 1_000).catch(ignoreAbsent),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    release: () => held.release(),
  };
};
