/**
 * Hands the archive over in the national XDM layout: for each study the manifest that the DMP holds, its metadata, its
 * signature and the report it accompanies. Any number of studies, one at a time.
 *
 * @see IHE ITI TF-2 3.32 · facts/spec.md b.15 · facts/poc.md 7.2 (what the proof of concept wrote wrongly)
 */
import type { FileHandle } from 'node:fs/promises';
import type { Knex } from 'knex';
import { type DocumentPlace, normalizeSubmission } from '../dmp/index.ts';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import { parseManifest } from '../kos/index.ts';
import { saveEvents } from './journal.ts';
import { writeNewFile } from './new-file.ts';
import {
  documentUri,
  indexFileName,
  monthFolder,
  readmeFileName,
  setFolder,
  setPath,
  xdmFileNames,
} from './xdm-layout.ts';
import {
  type LeftOutReason,
  listStudyUids,
  loadPublishedManifest,
  type PublishedManifest,
} from './xdm-published-studies.ts';
import { buildIndex, buildReadme, type XdmSender } from './xdm-readme.ts';
import { buildReportReference } from './xdm-report-reference.ts';
import { openZip } from './xdm-zip-reader.ts';
import { ZipWriter } from './xdm-zip-writer.ts';

export interface XdmExportOptions {
  /** Of the new file, absolute. */
  readonly path: string;
  readonly sender: XdmSender;
  /** StudyInstanceUIDs; absent: every study of the archive. */
  readonly studies?: readonly string[];
  readonly clock: () => number;
  /** Told every `progressEvery` studies [100]. */
  readonly report?: (progress: XdmExportProgress) => void;
  readonly progressEvery?: number;
  /** Ends the export; nothing is left of it. */
  readonly signal?: AbortSignal;
}

export interface XdmExportProgress {
  readonly exported: number;
  readonly leftOut: number;
}

export interface XdmExportResult {
  readonly path: string;
  readonly bytes: number;
  /** Studies in the archive. */
  readonly exported: number;
  /** Of these, those with an order on its way to the DMP: what is exported may be replaced soon. */
  readonly changing: number;
  /** reason → how many studies; a state, `unknown`, `secret-connection` or the code of an error */
  readonly leftOut: Readonly<Record<string, number>>;
  /** The first thousand studies that were left out. */
  readonly leftOutStudies: readonly { readonly studyInstanceUid: string; readonly reason: LeftOutReason | ErrorCode }[];
}

const maxListed = 1_000;
const defaultProgressEvery = 100;

const writeWhole = async (file: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
};

/** The files of one submission set. */
const filesOf = (manifest: PublishedManifest, set: string): readonly (readonly [name: string, bytes: Uint8Array])[] => {
  const hasSignature = manifest.signature.length > 0;
  const kosPlace = {
    uri: documentUri(set, xdmFileNames.kos),
    ...(manifest.entryUuid === undefined ? {} : { entryUuid: manifest.entryUuid }),
  };
  const places = new Map<string, DocumentPlace>([[manifest.documentUid, kosPlace]]);
  if (hasSignature) places.set(manifest.signatureUid, { uri: documentUri(set, xdmFileNames.signature) });
  const { documentId, patient } = manifest.report;
  const reference = buildReportReference({
    documentId,
    ins: patient.ins,
    ...(patient.ipp === undefined ? {} : { ipp: patient.ipp }),
  });
  const metadata = `<?xml version="1.0" encoding="UTF-8"?>\n${normalizeSubmission(manifest.metadata, places)}`;
  return [
    [xdmFileNames.metadata, Buffer.from(metadata, 'utf8')],
    [xdmFileNames.kos, manifest.kos],
    ...(hasSignature ? ([[xdmFileNames.signature, manifest.signature]] as const) : []),
    [xdmFileNames.reportReference, Buffer.from(reference, 'utf8')],
  ];
};

/** Month of the manifest: ContentDate, which equals InstanceCreationDate in ours. @throws kos/unreadable */
const monthOf = (kos: Uint8Array): string => {
  const { contentDate } = parseManifest(kos);
  if (/^[0-9]{8}$/.test(contentDate)) return contentDate.slice(0, 6);
  throw new DrimboxError('kos/unreadable', { detail: 'a manifest without date' });
};

/** Puts sets in the archive, each month's numbered from 1. */
class XdmWriter {
  readonly #zip: ZipWriter;
  readonly #sender: XdmSender;
  readonly #atUtcMs: number;
  readonly #setsOfMonth = new Map<string, number>();

  constructor(zip: ZipWriter, sender: XdmSender, atUtcMs: number) {
    this.#zip = zip;
    this.#sender = sender;
    this.#atUtcMs = atUtcMs;
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const isDeflated = !name.endsWith('.DCM');
    await this.#zip.add({ name, bytes, isDeflated, modifiedAtUtcMs: this.#atUtcMs });
  }

  /** @throws kos/unreadable, dmp/metadata-invalid, archive/xdm-report-invalid: nothing of the study was written then */
  async add(manifest: PublishedManifest): Promise<void> {
    const month = monthOf(manifest.kos);
    const number = (this.#setsOfMonth.get(month) ?? 0) + 1;
    const set = setFolder(number);
    const files = filesOf(manifest, set);
    if (number === 1) {
      await this.#put(`${monthFolder(month)}/${indexFileName}`, Buffer.from(buildIndex(this.#sender), 'utf8'));
      await this.#put(`${monthFolder(month)}/${readmeFileName}`, Buffer.from(buildReadme(this.#sender), 'utf8'));
    }
    this.#setsOfMonth.set(month, number);
    for (const [file, bytes] of files) await this.#put(setPath(month, set, file), bytes);
  }
}

/** Codes that are about one study: it is left out and told. Anything else ends the export. */
const isOfStudy = (code: ErrorCode): boolean =>
  code.startsWith('kos/') || code.startsWith('dmp/') || code.startsWith('archive/xdm-');

/** What was exported and what was not. */
class Tally {
  exported = 0;
  changing = 0;
  leftOutCount = 0;
  readonly leftOut: Record<string, number> = {};
  readonly leftOutStudies: { studyInstanceUid: string; reason: LeftOutReason | ErrorCode }[] = [];

  leave(studyInstanceUid: string, reason: LeftOutReason | ErrorCode): void {
    this.leftOutCount += 1;
    this.leftOut[reason] = (this.leftOut[reason] ?? 0) + 1;
    if (this.leftOutStudies.length < maxListed) this.leftOutStudies.push({ studyInstanceUid, reason });
  }

  keep(manifest: PublishedManifest): void {
    this.exported += 1;
    if (manifest.isChanging) this.changing += 1;
  }
}

const exportStudy = async (knex: Knex, archive: XdmWriter, uid: string, tally: Tally): Promise<void> => {
  const found = await loadPublishedManifest(knex, uid);
  if (found.kind === 'left-out') {
    tally.leave(uid, found.reason);
    return;
  }
  try {
    await archive.add(found);
    tally.keep(found);
  } catch (cause) {
    const { code } = asDrimboxError(cause);
    if (!isOfStudy(code)) throw cause;
    tally.leave(uid, code);
  }
};

const checkWanted = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted === true)
    throw new DrimboxError('archive/interrupted', { detail: 'nobody waits for the export' });
};

const exportStudies = async (knex: Knex, archive: XdmWriter, options: XdmExportOptions): Promise<Tally> => {
  const tally = new Tally();
  const every = options.progressEvery ?? defaultProgressEvery;
  let done = 0;
  for await (const uid of listStudyUids(knex, options.studies)) {
    checkWanted(options.signal);
    await exportStudy(knex, archive, uid, tally);
    done += 1;
    if (done % every === 0) options.report?.({ exported: tally.exported, leftOut: tally.leftOutCount });
  }
  return tally;
};

/** As many files as were written: the directory is whole. */
const checkArchive = async (path: string, files: number): Promise<void> => {
  const zip = await openZip(path);
  try {
    let found = 0;
    for await (const _ of zip.entries()) found += 1;
    if (found !== files) throw new DrimboxError('archive/xdm-zip-invalid', { detail: 'not what was written' });
  } finally {
    zip.close();
  }
};

/**
 * @throws archive/file-exists, archive/file-unwritable, archive/interrupted, store/unavailable: no file is left then
 */
export const exportXdm = async (knex: Knex, options: XdmExportOptions): Promise<XdmExportResult> => {
  const written = { bytes: 0, files: 0 };
  const tally = await writeNewFile(
    options.path,
    async (file) => {
      const zip = new ZipWriter((piece) => writeWhole(file, piece));
      const archive = new XdmWriter(zip, options.sender, options.clock());
      const exported = await exportStudies(knex, archive, options);
      await zip.finish();
      Object.assign(written, { bytes: zip.bytes, files: zip.files });
      return exported;
    },
    (temporary) => checkArchive(temporary, written.files),
  );
  const { exported, changing, leftOut, leftOutStudies } = tally;
  const event: DrimboxEvent = { name: 'archive/exported', detail: { studies: exported, leftOut: tally.leftOutCount } };
  await saveEvents(knex, options.clock(), [event]);
  return { path: options.path, bytes: written.bytes, exported, changing, leftOut, leftOutStudies };
};
