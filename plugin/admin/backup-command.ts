/** `drimbox backup`: `backup verify` and `restore` use no store that is open, and are in the command line itself. */
import { isAbsolute } from 'node:path';
import { saveBackup } from '../archive/index.ts';
import { checkOptions, subjectsOf, usage } from './command-words.ts';
import type { StoreCommand } from './store-command.ts';

/** `backup OUT`: writes the archive to a new file and reads it back. */
export const backupCommand: StoreCommand = async ({ store, clock, software = '' }, words, report, signal) => {
  checkOptions(words, []);
  const [path, ...others] = subjectsOf(words, 1);
  if (path === undefined || others.length > 0) throw usage('backup OUT');
  // The sidecar has another folder to start from than the person who typed it.
  if (!isAbsolute(path)) throw usage('the path must be absolute');
  return { file: path, ...(await saveBackup({ store, clock, software, report, signal }, path)) };
};
