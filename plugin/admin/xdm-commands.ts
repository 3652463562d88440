/**
 * Handing the archive over and taking one over: `drimbox xdm export OUT.zip`, `drimbox xdm import IN.zip`, and manifests from
 * single files: `drimbox kos load FILE…` (DB.SO.29, DB.SO.31).
 */
import { readFile, stat } from 'node:fs/promises';
import {
  exportXdm,
  importXdm,
  type LoadedManifestOutcome,
  loadManifestFiles,
  type ManifestFile,
  type XdmExportResult,
  type XdmImportResult,
} from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import { checkOptions, subjectsOf, usage } from './command-words.ts';
import type { StoreCommand, StoreCommandPorts } from './store-command.ts';
import type { ArchiveSite } from './xdm-site.ts';

const siteOf = ({ archiveSite }: StoreCommandPorts): ArchiveSite => {
  if (archiveSite === undefined) throw new DrimboxError('general/internal', { detail: 'no site was given' });
  return archiveSite;
};

/** The one subject of a command. */
const onlySubject = (words: readonly string[], form: string): string => {
  const [subject, ...others] = subjectsOf(words, 2);
  if (subject === undefined || others.length > 0) throw usage(form);
  return subject;
};

/** Values of an option that may stand several times. */
const valuesOf = (words: readonly string[], name: string): readonly string[] =>
  words.flatMap((word, at) => {
    if (word !== name) return [];
    const value = words[at + 1];
    if (value === undefined || value.startsWith('--')) throw usage(`${name} needs a value`);
    return [value];
  });

/** `xdm export OUT.zip [--study UID]…` */
export const xdmExportCommand: StoreCommand = async (ports, words, report, signal): Promise<XdmExportResult> => {
  checkOptions(words, ['--study']);
  const path = onlySubject(words, 'xdm export OUT.zip [--study UID]…');
  const { structures, software } = siteOf(ports);
  const studies = valuesOf(words, '--study');
  return exportXdm(ports.store.knex, {
    path,
    sender: { structures, software },
    ...(studies.length === 0 ? {} : { studies }),
    clock: ports.clock,
    report,
    signal,
  });
};

/** `xdm import IN.zip [--dry-run]` */
export const xdmImportCommand: StoreCommand = async (ports, words, report, signal): Promise<XdmImportResult> => {
  checkOptions(words, ['--dry-run']);
  const path = onlySubject(words, 'xdm import IN.zip [--dry-run]');
  const result = await importXdm(ports.store, {
    path,
    environment: siteOf(ports).environment,
    isDryRun: words.includes('--dry-run'),
    clock: ports.clock,
    report,
    signal,
  });
  if (result.counts.imported > 0) ports.wake?.();
  return result;
};

/** No manifest is larger: 100,000 instances have 30 MB. */
const maxManifestBytes = 64 * 1024 * 1024;

const manifestFile = (path: string): ManifestFile => ({
  name: path,
  read: async () => {
    try {
      if ((await stat(path)).size <= maxManifestBytes) return await readFile(path);
    } catch (cause) {
      throw new DrimboxError('cli/file-unreadable', { detail: path, cause });
    }
    throw new DrimboxError('kos/unreadable', { detail: `more than ${maxManifestBytes} bytes` });
  },
});

interface LoadedFiles {
  readonly counts: Readonly<Record<LoadedManifestOutcome['outcome'], number>>;
  readonly files: readonly LoadedManifestOutcome[];
}

/** `kos load FILE…` */
export const kosLoadCommand: StoreCommand = async (ports, words): Promise<LoadedFiles> => {
  checkOptions(words, []);
  const paths = subjectsOf(words, 2);
  if (paths.length === 0) throw usage('kos load FILE…');
  const { environment } = siteOf(ports);
  const files = await loadManifestFiles(ports.store, paths.map(manifestFile), { environment, clock: ports.clock });
  const counts = { loaded: 0, 'already-there': 0, refused: 0 };
  for (const { outcome } of files) counts[outcome] += 1;
  return { counts, files };
};
