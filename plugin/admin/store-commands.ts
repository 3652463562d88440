/**
 * Commands that read or mark the store. The command line runs them itself on PostgreSQL; when the running sidecar holds the
 * embedded database it asks it to (design §6).
 */
import { resolve } from 'node:path';
import { alertsCommand } from './alert-commands.ts';
import { figuresCommand, kosCommand, listCommand, releaseCommand, showCommand } from './archive-commands.ts';
import { auditCommand } from './audit-command.ts';
import { backupCommand } from './backup-command.ts';
import { type Report, usage } from './command-words.ts';
import { confirmDeletionsCommand, deletionsCommand } from './deletion-commands.ts';
import { journalCommand } from './journal-command.ts';
import { acceptPacsCommand, pacsCommand } from './pacs-commands.ts';
import { pacsSpeedsCommand } from './pacs-speeds-command.ts';
import { queueCommand } from './queue-command.ts';
import { resyncCommand } from './resync-command.ts';
import type { StoreCommand, StoreCommandPorts } from './store-command.ts';
import { kosLoadCommand, xdmExportCommand, xdmImportCommand } from './xdm-commands.ts';

interface CommandRow {
  readonly run: StoreCommand;
  /** From this word up to the first option, words are paths: made absolute where they were typed. That of --out is, always. */
  readonly pathsFrom?: number;
}

/** Two words, or one, → command. The longer name is tried first. */
const commands: Readonly<Record<string, CommandRow>> = {
  'archive list': { run: listCommand },
  'archive show': { run: showCommand },
  'archive kos': { run: kosCommand },
  'archive release': { run: releaseCommand },
  'archive status': { run: figuresCommand },
  alerts: { run: alertsCommand },
  queue: { run: queueCommand },
  deletions: { run: deletionsCommand },
  'deletions confirm': { run: confirmDeletionsCommand },
  pacs: { run: pacsCommand },
  'pacs accept': { run: acceptPacsCommand },
  'pacs speed': { run: pacsSpeedsCommand },
  journal: { run: journalCommand },
  audit: { run: auditCommand },
  resync: { run: (ports, words, report, signal) => resyncCommand({ ...ports, signal }, words, report) },
  backup: { run: backupCommand, pathsFrom: 1 },
  'xdm export': { run: xdmExportCommand, pathsFrom: 2 },
  'xdm import': { run: xdmImportCommand, pathsFrom: 2 },
  'kos load': { run: kosLoadCommand, pathsFrom: 2 },
};

const findCommand = (words: readonly string[]): CommandRow | undefined => {
  const [first = '', second = ''] = words;
  const names = [`${first} ${second}`, first];
  return names.flatMap((name) => (Object.hasOwn(commands, name) ? [commands[name]] : [])).at(0);
};

/** Names of the commands, as they are typed. */
export const storeCommandNames: readonly string[] = Object.keys(commands);

/** True for words that name one of these commands. */
export const isStoreCommand = (words: readonly string[]): boolean => findCommand(words) !== undefined;

/** The words with paths made absolute: the sidecar has another folder to start from. */
export const withAbsolutePaths = (words: readonly string[], folder: string): readonly string[] => {
  const from = findCommand(words)?.pathsFrom ?? words.length;
  const firstOption = words.findIndex((word) => word.startsWith('--'));
  const to = firstOption === -1 ? words.length : firstOption;
  return words.map((word, at) => {
    const isPath = (at >= from && at < to) || words[at - 1] === '--out';
    return isPath ? resolve(folder, word) : word;
  });
};

/**
 * @param words  the command line without options of the launcher: `['archive', 'list', '--state', 'held']`
 * @throws cli/usage, and what the command throws
 */
export const runStoreCommand = async (
  ports: StoreCommandPorts,
  words: readonly string[],
  report: Report = () => undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<unknown> => {
  const command = findCommand(words);
  if (command === undefined) throw usage(`unknown command: ${words.slice(0, 2).join(' ')}`);
  return command.run(ports, words, report, signal);
};
