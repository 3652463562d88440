/** A file of ours that is replaced whole: whoever reads it finds the former one or the new one, also after a power cut. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whether a file could not be read because there is none. */
export const isAbsent = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';

const syncFolder = async (folder: string): Promise<void> => {
  await using handle = await open(folder, 'r');
  await handle.sync();
};

/** Only its owner may read it. @param path  its folder is made when absent */
export const replaceFile = async (path: string, ...parts: readonly (string | Uint8Array)[]): Promise<void> => {
  const folder = dirname(path);
  const temporary = `${path}.part`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(temporary, { force: true });
  {
    await using file = await open(temporary, 'wx', 0o600);
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  }
  await rename(temporary, path);
  await syncFolder(folder);
};
