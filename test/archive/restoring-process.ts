/** A restoration in a process of its own, which is killed as a power cut would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const moduleOf = (room: string): string =>
  JSON.stringify(pathToFileURL(resolve(import.meta.dirname, `../../plugin/${room}/index.ts`)).href);

const program = `
import { restoreBackup } from ${moduleOf('archive')};
import { openStore } from ${moduleOf('store')};
const [url, folder, path] = process.argv.slice(1);
const store = await openStore({ url, folder, asIs: true, create: true });
const report = (progress) => progress.step === 'load' && console.log(progress.rows);
await restoreBackup({ store, clock: Date.now, report, signal: new AbortController().signal }, path);
console.log('restored');
`;

/**
 * Starts a restoration and kills it once some rows are loaded.
 *
 * @returns how many rows it had loaded
 * @throws Error — it was faster than the kill
 */
export const killWhileLoading = async (url: string, folder: string, path: string): Promise<number> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, url, folder, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'restored') throw new Error('restored before it was killed');
    if (Number(line) < 20) continue;
    child.kill('SIGKILL');
    await ended;
    return Number(line);
  }
  throw new Error('it ended by itself');
};
