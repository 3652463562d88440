import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireFolderLock, openStore } from '../../plugin/store/index.ts';

const room = fileURLToPath(new URL('../../plugin/store/index.ts', import.meta.url));

/** Another process that takes the lock, says so and then does nothing. */
const startHolder = async (folder: string) => {
  const script =
    `import { acquireFolderLock } from ${JSON.stringify(room)};` +
    `await acquireFolderLock(${JSON.stringify(folder)}).then(() => console.log('held'), (error) => console.log(error.code));` +
    'setInterval(() => undefined, 1000);';
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    said: said.toString().trim(),
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};

describe('lock of the embedded database: two processes on one folder lose rows', () => {
  let parent: string;
  let folder: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'drimbox-lock-'));
    folder = join(parent, 'store');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  test('is held by one, and free again after its release', async () => {
    const lock = await acquireFolderLock(folder);
    await expect(acquireFolderLock(folder)).rejects.toMatchObject({ code: 'store/locked' });
    await lock.release();
    await (await acquireFolderLock(folder)).release();
  });

  test('makes the folder for its user alone', async () => {
    const lock = await acquireFolderLock(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await lock.release();
  });

  test('knows the folder by any of its names', async () => {
    const lock = await acquireFolderLock(folder);
    await symlink(folder, join(parent, 'alias'));
    await expect(acquireFolderLock(join(parent, 'alias'))).rejects.toMatchObject({ code: 'store/locked' });
    await expect(acquireFolderLock(`${folder}/../store/`)).rejects.toMatchObject({ code: 'store/locked' });
    await lock.release();
  });

  test('of another folder is another lock', async () => {
    const locks = await Promise.all([acquireFolderLock(folder), acquireFolderLock(join(parent, 'other'))]);
    for (const lock of locks) await lock.release();
  });

  test('keeps another process out, and is free the moment that process is killed', async () => {
    const holder = await startHolder(folder);
    expect(holder.said).toBe('held');
    await expect(openStore({ url: 'embedded', folder })).rejects.toMatchObject({
      code: 'store/locked',
      httpStatus: 409,
    });
    await holder.kill();
    const lock = await acquireFolderLock(folder);
    const second = await startHolder(folder);
    expect(second.said).toBe('store/locked');
    await second.kill();
    await lock.release();
  });
});
