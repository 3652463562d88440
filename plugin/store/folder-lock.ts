/**
 * One process at a time on a folder: PGlite itself takes no lock, and two processes on one folder lose committed rows.
 *
 * The lock is a Linux abstract socket named by the folder: the kernel frees it the moment its holder dies. It holds within
 * one network namespace: containers that share a volume but not the namespace are not covered.
 *
 * @see facts/toolchain.md §0 finding 3, §4
 */
import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { DrimboxError } from '../errors.ts';

export interface FolderLock {
  release(): Promise<void>;
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });

/**
 * @param folder made when absent
 * @throws store/locked
 */
export const acquireFolderLock = async (folder: string): Promise<FolderLock> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\0drimbox-${name}`);
  } catch (error) {
    throw new DrimboxError('store/locked', { cause: error, detail: 'another process holds the embedded database' });
  }
  server.unref();
  return {
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
};
