import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Below what Linux gives to outgoing connections (32768 and above): nobody's connection takes the port meanwhile. */
const firstPort = 12_000;
const lastPort = 32_000;
const attempts = 200;

/**
 * A file for each port that a test process has found, with its pid: a server that a test stops and starts again finds its port
 * as it left it, whatever other tests start meanwhile.
 */
export const reservations = join(tmpdir(), `drimbox-test-ports-${userInfo().uid}`);
const own = new Set<string>();

/** Whether the process that wrote it lives; one that is just writing its pid does. */
const isHeld = (file: string): boolean => {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

const release = (file: string): void => {
  own.delete(file);
  rmSync(file, { force: true });
};

const write = (file: string): boolean => {
  try {
    mkdirSync(reservations, { recursive: true });
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** @returns its file; `undefined`: another process has it */
export const reservePort = (port: number): string | undefined => {
  const file = join(reservations, String(port));
  if (!write(file)) {
    if (isHeld(file)) return undefined;
    rmSync(file, { force: true });
    if (!write(file)) return undefined;
  }
  if (own.size === 0) process.once('exit', () => own.forEach(release));
  own.add(file);
  return file;
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  const listening = new Promise<boolean>((resolve) => {
    server.once('listening', () => resolve(true));
    server.once('error', () => resolve(false));
  });
  server.listen(port, '127.0.0.1');
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
};

/** A TCP port of 127.0.0.1 that is free, and that no other test is given while this process lives. */
export const findFreePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(firstPort, lastPort);
    const file = reservePort(port);
    if (file === undefined) continue;
    if (await isFree(port)) return port;
    release(file);
  }
  throw new Error('no free port found');
};
