/**
 * The `drimbox` command. JSON on standard output, one line of error with its code on standard error, exit status:
 * 0 done · 1 refused or failed · 2 wrong command.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { asDrimboxError, DrimboxError, failureFields } from './errors.ts';

const help = `drimbox — Native DRIMbox for Orthanc

  drimbox serve                          run the sidecar
  drimbox doctor                         check everything and say what to do
  drimbox config check                   read the configuration, list every fault
  drimbox report read FILE               an HL7 message or a CDA report: what it says, or why it is refused
  drimbox kos read FILE                  a manifest (KOS)
  drimbox kos build FILE --out KOS.dcm   the manifest of the examination that a report names, from the PACS; nothing is sent
          [--study UID]                  which one, when the report names several
  drimbox archive list [--state STATE] [--limit N]
  drimbox archive show UID               reports, orders, answers and journal of one study
  drimbox archive kos UID --out KOS.dcm  its latest manifest
  drimbox archive release                look again at the studies that are held or failed
  drimbox archive status                 figures
  drimbox alerts [--all] [--seen N]

  --config PATH    Orthanc's configuration, file or folder [DRIMBOX_CONFIG, else /etc/orthanc]
`;

interface CommandLine {
  readonly words: readonly string[];
  readonly configPath: string;
}

const usage = (detail: string): DrimboxError => new DrimboxError('cli/usage', { detail });

const parseCommandLine = (args: readonly string[]): CommandLine => {
  const words = [...args];
  const at = words.indexOf('--config');
  const fromEnvironment = process.env['DRIMBOX_CONFIG'] ?? '/etc/orthanc';
  if (at === -1) return { words, configPath: fromEnvironment };
  const [, path] = words.splice(at, 2);
  if (path === undefined) throw usage('--config needs a path');
  return { words, configPath: path };
};

const optionOf = (words: readonly string[], name: string): string | undefined => {
  const at = words.indexOf(name);
  if (at === -1) return undefined;
  const value = words[at + 1];
  if (value === undefined) throw usage(`${name} needs a value`);
  return value;
};

const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
};

/** A report that would be refused is an answer and a failure. */
const printReport = (read: object): void => {
  print(read);
  if ('kind' in read && read.kind === 'refused') process.exitCode = 1;
};

const readInput = async (path: string | undefined, what: string): Promise<Uint8Array> => {
  if (path === undefined || path.startsWith('--')) throw usage(what);
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DrimboxError('cli/file-unreadable', { cause, detail: path });
  }
};

const writeOutput = async (path: string | undefined, bytes: Uint8Array): Promise<void> => {
  if (path === undefined) throw usage('--out FILE is needed: a manifest is not text');
  try {
    await writeFile(path, bytes, { mode: 0o600 });
  } catch (cause) {
    throw new DrimboxError('cli/file-unreadable', { cause, detail: path });
  }
};

const loadConfigured = async (line: CommandLine) => {
  const { loadConfiguration } = await import('./config/index.ts');
  return loadConfiguration({ path: line.configPath, env: process.env });
};

const storeCommand = async (line: CommandLine): Promise<unknown> => {
  const { askSidecar, runStoreCommand } = await import('./admin/index.ts');
  const { openConfiguredStore } = await import('./main.ts');
  const configuration = await loadConfigured(line);
  try {
    const store = await openConfiguredStore(configuration, { asIs: true });
    try {
      return await runStoreCommand({ store, clock: Date.now }, line.words);
    } finally {
      await store.close();
    }
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.code === 'store/locked') return askSidecar(configuration.store.folder, line.words);
    throw cause;
  }
};

const reportRead = async (line: CommandLine): Promise<object> => {
  const { readReportFile } = await import('./publication/index.ts');
  return readReportFile(await readInput(line.words[2], 'report read FILE'));
};

const kosRead = async (line: CommandLine): Promise<unknown> => {
  const { parseManifest } = await import('./kos/index.ts');
  return parseManifest(await readInput(line.words[2], 'kos read FILE'));
};

const kosBuild = async (line: CommandLine): Promise<unknown> => {
  const { createLog, openForBuilding } = await import('./main.ts');
  const { buildFromReport } = await import('./publication/index.ts');
  const file = await readInput(line.words[2], 'kos build FILE --out KOS.dcm');
  const configuration = await loadConfigured(line);
  const open = openForBuilding(configuration, createLog({ log: { level: 'silent' } }));
  try {
    const studyInstanceUid = optionOf(line.words, '--study');
    const built = await buildFromReport(open.ports, file, studyInstanceUid);
    await writeOutput(optionOf(line.words, '--out'), built.kos);
    return { studyInstanceUid: built.studyInstanceUid, instances: built.instances, bytes: built.kos.length };
  } finally {
    await open.close();
  }
};

const archiveKos = async (line: CommandLine): Promise<unknown> => {
  const out = optionOf(line.words, '--out');
  if (out === undefined) return storeCommand(line);
  const answer = await storeCommand(line);
  if (typeof answer !== 'object' || answer === null || !('kosBase64' in answer))
    throw new DrimboxError('general/internal');
  const bytes = Buffer.from(String(answer.kosBase64), 'base64');
  await writeOutput(out, bytes);
  return { bytes: bytes.length };
};

const configCheck = async (line: CommandLine): Promise<unknown> => {
  const configuration = await loadConfigured(line);
  return { ok: true, files: configuration.files, warnings: configuration.warnings };
};

/** Prints its own report; the exit status says whether something failed. */
const doctor = async (line: CommandLine): Promise<void> => {
  const { examine } = await import('./examination.ts');
  const { openConfiguredStore } = await import('./main.ts');
  const { text, isHealthy } = await examine(
    {
      clock: Date.now,
      newUuid: randomUUID,
      openStore: (configuration) => openConfiguredStore(configuration, { asIs: true }),
    },
    {
      configPath: line.configPath,
      env: process.env,
      asJson: line.words.includes('--json'),
    },
  );
  process.stdout.write(text);
  process.exitCode = isHealthy ? 0 : 1;
};

const serve = async (line: CommandLine): Promise<void> => {
  const { serve: serveUntilStopped } = await import('./main.ts');
  await serveUntilStopped(await loadConfigured(line));
};

const run = async (line: CommandLine): Promise<void> => {
  const [first = '', second = ''] = line.words;
  switch (`${first} ${second}`.trim()) {
    case 'serve':
      return serve(line);
    case 'config check':
      return print(await configCheck(line));
    case 'report read':
      return printReport(await reportRead(line));
    case 'kos read':
      return print(await kosRead(line));
    case 'kos build':
      return print(await kosBuild(line));
    case 'archive kos':
      return print(await archiveKos(line));
    case '':
    case 'help':
    case '--help':
      process.stdout.write(help);
      return;
    default:
      if (first === 'doctor') return doctor(line);
      if (first === 'archive' || first === 'alerts') return print(await storeCommand(line));
      throw usage(`unknown command "${first} ${second}"; see drimbox help`);
  }
};

const complain = async (cause: unknown): Promise<void> => {
  const error = asDrimboxError(cause);
  if (error.code === 'config/invalid') {
    const { formatFaults } = await import('./config/index.ts');
    process.stderr.write(`${error.code}: ${error.publicText}\n${formatFaults(error)}\n`);
  } else {
    // Never the message of a foreign error: a database driver writes the values of the row into it.
    const why = error.code === 'general/internal' ? JSON.stringify(failureFields(cause)) : error.detail;
    process.stderr.write(`${error.code}: ${error.publicText}${why === '' ? '' : ` (${why})`}\n`);
  }
  process.exitCode = error.code === 'cli/usage' ? 2 : 1;
};

await Promise.resolve()
  .then(() => run(parseCommandLine(process.argv.slice(2))))
  .catch(complain);
