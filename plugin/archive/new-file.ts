/**
 * A file that is there whole or not at all: written beside its place, forced to the disk, checked, then linked to its name.
 * A file of that name is never replaced, and nobody but its owner may read it.
 */
import { type FileHandle, link, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DrimboxError } from '../errors.ts';

const unwritable = (path: string, cause: unknown): DrimboxError =>
  new DrimboxError('archive/file-unwritable', { cause, detail: path });

const errorCodeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errorCodeOf(cause) !== 'ESRCH';
  }
};

/** What a process that was killed left of the same file. */
const removeLeftovers = async (path: string): Promise<void> => {
  const folder = dirname(path);
  const prefix = `${basename(path)}.part-`;
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(folder, name), { force: true });
  }
};

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

const exists = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** @throws archive/file-exists */
const putInPlace = async (temporary: string, path: string): Promise<void> => {
  try {
    await link(temporary, path);
    await unlink(temporary);
  } catch (cause) {
    if (errorCodeOf(cause) === 'EEXIST') throw new DrimboxError('archive/file-exists', { cause, detail: path });
    // A file system without links: the moment between the two is the best it can do.
    if (await exists(path)) throw new DrimboxError('archive/file-exists', { detail: path });
    await rename(temporary, path);
  }
};

/**
 * @param path   absolute
 * @param write  fills the file; whatever it throws leaves no file
 * @param check  reads it back from its temporary name
 * @throws archive/file-exists, archive/file-unwritable, and what `write` and `check` throw
 */
export const writeNewFile = async <Result>(
  path: string,
  write: (file: FileHandle) => Promise<Result>,
  check: (temporary: string) => Promise<void> = () => Promise.resolve(),
): Promise<Result> => {
  if (await exists(path)) throw new DrimboxError('archive/file-exists', { detail: path });
  await removeLeftovers(path);
  const temporary = `${path}.part-${process.pid}`;
  const file = await open(temporary, 'wx', 0o600).catch((cause: unknown) => {
    throw unwritable(path, cause);
  });
  try {
    let result: Result;
    try {
      result = await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await check(temporary);
    await putInPlace(temporary, path);
    await syncFolder(path);
    return result;
  } catch (cause) {
    await rm(temporary, { force: true });
    throw ['ENOSPC', 'EIO', 'EDQUOT', 'EFBIG', 'EROFS'].includes(errorCodeOf(cause)) ? unwritable(path, cause) : cause;
  }
};
