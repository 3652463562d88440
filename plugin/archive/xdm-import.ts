/**
 * Takes over an archive that another DRIMbox, or this one, exported: one submission set at a time, each whole or not at all.
 * What is damaged or contradicts itself is refused and told; the rest goes on. Imported again, it finds everything there.
 *
 * @see facts/spec.md b.15 · decisions A1, A2, A7, E9
 */
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { Store } from '../store/index.ts';
import { importedReport } from './imported-report.ts';
import { checkImportable, saveImportedSet } from './imported-study.ts';
import { parseXdmPath } from './xdm-layout.ts';
import { readMetadata, readSet, type ReadEntry, type XdmSet } from './xdm-submission-set.ts';
import { openZip, type ZipReader } from './xdm-zip-reader.ts';

export interface XdmImportOptions {
  /** Absolute. */
  readonly path: string;
  readonly environment: 'test' | 'production';
  /** Everything is read and checked, nothing is kept. */
  readonly isDryRun: boolean;
  readonly clock: () => number;
  /** Told every `progressEvery` sets [100]. */
  readonly report?: (progress: XdmImportProgress) => void;
  readonly progressEvery?: number;
  /** Ends the import between two sets. */
  readonly signal?: AbortSignal;
}

export interface XdmImportProgress {
  readonly sets: number;
  readonly done: number;
  readonly refused: number;
}

export const XdmOutcome = {
  imported: 'imported',
  /** Would be imported: nothing was kept. */
  importable: 'importable',
  /** The same manifest is archived already. */
  alreadyThere: 'already-there',
  refused: 'refused',
} as const;
export type XdmOutcome = (typeof XdmOutcome)[keyof typeof XdmOutcome];

export interface XdmItemOutcome {
  /** Path of the submission set in the archive. */
  readonly set: string;
  readonly outcome: XdmOutcome;
  readonly studyInstanceUid?: string;
  /** Why it was refused. */
  readonly code?: ErrorCode;
  readonly detail?: string;
  /** Short codes: `signature-absent`, `birth-date-differs`… */
  readonly remarks?: readonly string[];
}

export interface XdmImportResult {
  readonly path: string;
  readonly sets: number;
  readonly counts: Readonly<Record<XdmOutcome, number>>;
  /** code → how many sets */
  readonly refusals: Readonly<Record<string, number>>;
  /** What the signatures say, and what they do not. */
  readonly signatures: string;
  readonly items: readonly XdmItemOutcome[];
}

const signaturesSentence =
  'each signature that is there was verified against its manifest; whom the certificates belong to was not judged';

const listSets = async (zip: ZipReader): Promise<readonly XdmSet[]> => {
  const sets = new Map<string, { path: string; folder: string; files: XdmSet['files'][number][] }>();
  for await (const entry of zip.entries()) {
    const path = parseXdmPath(entry.name);
    if (path === undefined) continue;
    const set = sets.get(path.set) ?? { path: path.set, folder: path.folder, files: [] };
    set.files.push({ file: path.file, entry });
    sets.set(path.set, set);
  }
  return [...sets.values()].toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
};

const checkWanted = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted !== true) return;
  throw new DrimboxError('archive/interrupted', { detail: 'nobody waits for the import: what was imported is kept' });
};

/** The newest manifest of a study that an archive has: the proof of concept hands over older ones too. */
interface Newest {
  readonly documentUid: string;
  readonly createdAtUtcMs: number;
  /** Two of the same time: nobody can say which the DMP holds. */
  readonly isUndecided: boolean;
}

const newestOf = (known: Newest | undefined, documentUid: string, createdAtUtcMs: number): Newest => {
  if (known === undefined || createdAtUtcMs > known.createdAtUtcMs) {
    return { documentUid, createdAtUtcMs, isUndecided: false };
  }
  const isTwin = createdAtUtcMs === known.createdAtUtcMs && documentUid !== known.documentUid;
  return isTwin ? { ...known, isUndecided: true } : known;
};

/** Reads all metadata before anything is kept. */
const findNewest = async (
  sets: readonly XdmSet[],
  read: ReadEntry,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Newest>> => {
  const newest = new Map<string, Newest>();
  if (sets.length < 2) return newest;
  for (const set of sets) {
    checkWanted(signal);
    try {
      const { submission } = await readMetadata(set, read);
      const { studyInstanceUid, documentUniqueId, documentCreatedAtUtcMs } = submission;
      newest.set(studyInstanceUid, newestOf(newest.get(studyInstanceUid), documentUniqueId, documentCreatedAtUtcMs));
    } catch {
      // Told when its turn comes.
    }
  }
  return newest;
};

const superseded = (detail: string): DrimboxError => new DrimboxError('archive/xdm-superseded', { detail });

const checkNewest = (newest: Newest | undefined, documentUid: string): void => {
  if (newest === undefined) return;
  if (newest.isUndecided) throw superseded('two manifests of one study and one time: nobody can say which is current');
  if (newest.documentUid !== documentUid) throw superseded('the archive has a newer manifest of this study');
};

/** Ends the import: the rest would fail alike. Anything else is about one set. */
const isFatal = ({ code }: DrimboxError): boolean => code.startsWith('store/');

const importSet = async (
  store: Store,
  set: XdmSet,
  given: { readonly read: ReadEntry; readonly newest: ReadonlyMap<string, Newest>; readonly options: XdmImportOptions },
): Promise<XdmItemOutcome> => {
  const { options, read } = given;
  const found: { studyInstanceUid?: string } = {};
  try {
    const metadata = await readMetadata(set, read);
    const { studyInstanceUid, documentUniqueId } = metadata.submission;
    found.studyInstanceUid = studyInstanceUid;
    checkNewest(given.newest.get(studyInstanceUid), documentUniqueId);
    const checked = await readSet(set, metadata, read, options.environment);
    const remarks = checked.remarks.length === 0 ? {} : { remarks: checked.remarks };
    if (options.isDryRun) {
      const decision = await checkImportable(store.knex, checked, importedReport(checked));
      return { set: set.path, outcome: decision.kind, ...found, ...remarks };
    }
    const outcome = await store.transaction((trx) =>
      saveImportedSet(trx, checked, { environment: options.environment, atUtcMs: options.clock() }),
    );
    return { set: set.path, outcome, ...found, ...remarks };
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (isFatal(error)) throw error;
    return { set: set.path, outcome: XdmOutcome.refused, ...found, code: error.code, detail: error.detail };
  }
};

const summarize = (path: string, items: readonly XdmItemOutcome[]): XdmImportResult => {
  const counts: Record<XdmOutcome, number> = { imported: 0, importable: 0, 'already-there': 0, refused: 0 };
  const refusals: Record<string, number> = {};
  for (const { outcome, code } of items) {
    counts[outcome] += 1;
    if (code !== undefined) refusals[code] = (refusals[code] ?? 0) + 1;
  }
  return { path, sets: items.length, counts, refusals, signatures: signaturesSentence, items };
};

const importSets = async (store: Store, zip: ZipReader, options: XdmImportOptions): Promise<XdmImportResult> => {
  const sets = await listSets(zip);
  if (sets.length === 0)
    throw new DrimboxError('archive/xdm-file-missing', { detail: 'no submission set under IHE_XDM' });
  const read: ReadEntry = (entry, maxBytes) => zip.read(entry, maxBytes);
  const newest = await findNewest(sets, read, options.signal);
  const items: XdmItemOutcome[] = [];
  let refused = 0;
  for (const set of sets) {
    checkWanted(options.signal);
    const outcome = await importSet(store, set, { read, newest, options });
    items.push(outcome);
    if (outcome.outcome === XdmOutcome.refused) refused += 1;
    if (items.length % (options.progressEvery ?? 100) === 0) {
      options.report?.({ sets: sets.length, done: items.length, refused });
    }
  }
  return summarize(options.path, items);
};

/**
 * @returns what became of each submission set
 * @throws cli/file-unreadable; archive/xdm-zip-invalid, archive/xdm-name-unsafe, archive/xdm-too-large — the archive as a
 *   whole, before anything is kept; archive/xdm-file-missing — no submission set; store/unavailable — sets so far are kept
 */
export const importXdm = async (store: Store, options: XdmImportOptions): Promise<XdmImportResult> => {
  const zip = await openZip(options.path);
  try {
    return await importSets(store, zip, options);
  } finally {
    zip.close();
  }
};
