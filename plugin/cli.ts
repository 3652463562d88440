/**
 * The `drimbox` command. JSON on standard output, progress and one line of error with its code on standard error, exit
 * status: 0 done · 1 refused or failed · 2 wrong command.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  archiveSiteOf,
  askSidecar,
  helpText,
  isStoreCommand,
  keepPacsSpeed,
  journalFormatOf,
  type MeasuredPacsSpeed,
  optionOf,
  progressPrinter,
  type Report,
  runStoreCommand,
  subjectsOf,
  usage,
  pacsSpeed,
  whitelistVerify,
  withAbsolutePaths,
  writeAudit,
  writeJournal,
} from './admin/index.ts';
import { asDrimboxError, DrimboxError, failureFields } from './errors.ts';

interface CommandLine {
  readonly words: readonly string[];
  readonly configPath: string;
}

const parseCommandLine = (args: readonly string[]): CommandLine => {
  const words = [...args];
  const at = words.indexOf('--config');
  const fromEnvironment = process.env['DRIMBOX_CONFIG'] ?? '/etc/orthanc';
  if (at === -1) return { words, configPath: fromEnvironment };
  const [, path] = words.splice(at, 2);
  if (path === undefined) throw usage('--config needs a path');
  return { words, configPath: path };
};

const writeOut = (text: string): Promise<void> =>
  new Promise((taken, failed) => {
    process.stdout.write(text, (error) => (error === undefined || error === null ? taken() : failed(error)));
  });

const print = (value: unknown): Promise<void> => writeOut(`${JSON.stringify(value, null, 2)}\n`);

/** A report that would be refused is an answer and a failure. */
const printReport = async (read: object): Promise<void> => {
  await print(read);
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

/** Progress on standard error; the signal is aborted by the first Ctrl-C, so that a command may clean up. */
const attended = async <Result>(work: (report: Report, signal: AbortSignal) => Promise<Result>): Promise<Result> => {
  const printer = progressPrinter(process.stderr, Date.now);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await work(printer.report, interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    printer.end();
  }
};

type Ask = (words: readonly string[]) => Promise<unknown>;

/** The sidecar that holds the embedded database runs the command; it notices when this process ends. */
const askTheSidecar =
  (folder: string): Ask =>
  async (words) => {
    const printer = progressPrinter(process.stderr, Date.now);
    return askSidecar(folder, words, printer.report).finally(printer.end);
  };

/** Gives `work` what runs a command on the store: here, or in the sidecar that holds the embedded database. */
const withStore = async <Result>(line: CommandLine, work: (ask: Ask, timeZone: string) => Promise<Result>) => {
  const { openConfiguredStore, softwareVersion } = await import('./main.ts');
  const configuration = await loadConfigured(line);
  const store = await openConfiguredStore(configuration, { asIs: true }).catch((cause: unknown) => {
    if (asDrimboxError(cause).code === 'store/locked') return undefined;
    throw cause;
  });
  if (store === undefined) return work(askTheSidecar(configuration.store.folder), configuration.siteTimeZone);
  const archiveSite = archiveSiteOf(configuration, softwareVersion);
  const ports = { store, clock: Date.now, software: softwareVersion, archiveSite };
  try {
    return await work(
      (words) => attended((report, signal) => runStoreCommand(ports, words, report, signal)),
      configuration.siteTimeZone,
    );
  } finally {
    await store.close();
  }
};

const storeCommand = (line: CommandLine): Promise<unknown> =>
  withStore(line, (ask) => ask(withAbsolutePaths(line.words, process.cwd())));

/** Written as it comes, page by page. */
const paged = async (line: CommandLine, writeAll: typeof writeJournal): Promise<void> => {
  journalFormatOf(line.words);
  const out = optionOf(line.words, '--out');
  if (out === undefined) {
    await withStore(line, (ask, timeZone) => writeAll(line.words, timeZone, ask, writeOut));
    return;
  }
  const { writeNewFile } = await import('./archive/index.ts');
  const path = resolve(out);
  const lines = await withStore(line, (ask, timeZone) =>
    writeNewFile(path, (file) =>
      writeAll(line.words, timeZone, ask, async (text) => {
        await file.writeFile(text);
      }),
    ),
  );
  await print({ file: path, lines });
};

const backupVerify = async (line: CommandLine): Promise<unknown> => {
  const { verifyBackup } = await import('./archive/index.ts');
  const [path] = subjectsOf(line.words, 2);
  if (path === undefined) throw usage('backup verify FILE');
  const { header, rows } = await attended((report, signal) => verifyBackup(resolve(path), report, signal));
  return { file: resolve(path), createdAtUtc: header.createdAtUtc, software: header.software, rows };
};

/** Into a store that nobody uses and that holds no archive. */
const restore = async (line: CommandLine): Promise<unknown> => {
  const { restoreBackup } = await import('./archive/index.ts');
  const { openConfiguredStore } = await import('./main.ts');
  const [path] = subjectsOf(line.words, 1);
  if (path === undefined) throw usage('restore FILE');
  const store = await openConfiguredStore(await loadConfigured(line), { asIs: true, create: true });
  try {
    const restored = await attended((report, signal) =>
      restoreBackup({ store, clock: Date.now, report, signal }, resolve(path)),
    );
    return { ...restored, next: 'drimbox serve, then drimbox archive list --state held and drimbox alerts' };
  } finally {
    await store.close();
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

/** The running sidecar compares and applies, whatever the database: this process asks and watches. */
const resync = async (line: CommandLine): Promise<unknown> => {
  const out = optionOf(line.words, '--list');
  const { store } = await loadConfigured(line);
  const answer = await askTheSidecar(store.folder)(line.words).catch((cause: unknown) => {
    if (asDrimboxError(cause).code !== 'cli/sidecar-unreachable') throw cause;
    const detail = `the running service compares, and none answers in ${store.folder}; what was begun goes on when it serves`;
    throw new DrimboxError('cli/sidecar-unreachable', { cause, detail });
  });
  if (out === undefined || typeof answer !== 'object' || answer === null || !('list' in answer)) return answer;
  const { list, ...view } = answer;
  await writeOutput(out, Buffer.from(String(list)));
  return { ...view, list: resolve(out) };
};

const measurePacs = async (line: CommandLine): Promise<object> => {
  const { createOrthancClient, createStoredFiles } = await import('./orthanc/index.ts');
  const { orthanc } = await loadConfigured(line);
  const { storageFolder } = orthanc;
  const client = createOrthancClient(orthanc);
  const files = createStoredFiles(client, { folder: storageFolder, clock: Date.now });
  const ports = { client, files, storageFolder, monotonic: () => performance.now() };
  try {
    const keep = (measured: MeasuredPacsSpeed): Promise<object> =>
      keepPacsSpeed(measured, (words) => withStore(line, (ask) => ask(words)));
    return await attended((_, signal) => pacsSpeed(line.words, ports, signal, keep));
  } finally {
    await client.close();
  }
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
      randomBytes,
      openStore: (configuration) => openConfiguredStore(configuration, { asIs: true }),
    },
    {
      configPath: line.configPath,
      env: process.env,
      asJson: line.words.includes('--json'),
    },
  );
  await writeOut(text);
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
    case 'whitelist verify':
      return printReport(
        await whitelistVerify(line.words, { clock: Date.now, readFile: (path) => readInput(path, path) }),
      );
    case 'pacs speed':
      return print(await (line.words.includes('--history') ? storeCommand(line) : measurePacs(line)));
    case 'archive kos':
      return print(await archiveKos(line));
    case 'backup verify':
      return print(await backupVerify(line));
    case '':
    case 'help':
    case '--help':
      return writeOut(helpText);
    default:
      if (first === 'doctor') return doctor(line);
      if (first === 'journal') return paged(line, writeJournal);
      if (first === 'audit') return paged(line, writeAudit);
      if (first === 'resync') return print(await resync(line));
      if (first === 'restore') return print(await restore(line));
      if (isStoreCommand(line.words)) return print(await storeCommand(line));
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

// `drimbox journal | head`: whoever read has enough.
process.stdout.on('error', () => process.exit(0));

await Promise.resolve()
  .then(() => run(parseCommandLine(process.argv.slice(2))))
  .catch(complain);
