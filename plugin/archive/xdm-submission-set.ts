/**
 * One submission set of an XDM archive, read and checked: what its files say must agree with each other before anything of it
 * is believed.
 *
 * @see facts/spec.md b.4, b.15 · decisions A1, A2, A7
 */
import { createHash } from 'node:crypto';
import {
  normalizeSubmission,
  type ParsedDocument,
  parseSubmission,
  type ParsedSubmission,
  verifySignatureIntegrity,
} from '../dmp/index.ts';
import { DrimboxError } from '../errors.ts';
import { type Manifest, parseManifest } from '../kos/index.ts';
import { insOids, type InsIdentifier, isInsOid, isSameIns } from '../standards/index.ts';
import { fileOfUri, isKosName, isSignatureName, xdmFileNames } from './xdm-layout.ts';
import { parseReportReference, type ReportReference } from './xdm-report-reference.ts';
import type { ZipEntry } from './xdm-zip-reader.ts';

/** Largest files that are read. A manifest of 100,000 instances has 30 MB. */
const maxBytes = {
  metadata: 4 * 1024 * 1024,
  kos: 64 * 1024 * 1024,
  signature: 1024 * 1024,
  reportReference: 4096,
} as const;

/** Files of one set as the directory of the archive lists them. */
export interface XdmSet {
  /** Path in the archive. */
  readonly path: string;
  /** Its last folder. */
  readonly folder: string;
  /** Name in capitals → entry; a name that stands twice has two. */
  readonly files: readonly { readonly file: string; readonly entry: ZipEntry }[];
}

export type ReadEntry = (entry: ZipEntry, maxBytes: number) => Promise<Buffer>;

/** A set whose files agree. */
export interface CheckedSet {
  readonly submission: ParsedSubmission;
  readonly manifest: Manifest;
  readonly reference: ReportReference;
  /** SubmitObjectsRequest in our own form, without places in the archive. */
  readonly metadata: string;
  readonly kos: Uint8Array;
  /** Empty when the set has none. */
  readonly signature: Uint8Array;
  /** Short codes, without identity. */
  readonly remarks: readonly string[];
}

const missing = (what: string): DrimboxError => new DrimboxError('archive/xdm-file-missing', { detail: what });
const inconsistent = (detail: string): DrimboxError => new DrimboxError('archive/xdm-inconsistent', { detail });

/** A name that stands twice could be read as either. */
const fileNamed = (set: XdmSet, file: string): ZipEntry | undefined => {
  const found = set.files.filter((one) => one.file === file);
  if (found.length > 1) throw inconsistent(`two files ${file}`);
  return found[0]?.entry;
};

/** By the URI of the entry, else the only file of such a name: its hash says whether it is the right one. */
const documentFile = (
  set: XdmSet,
  document: ParsedDocument,
  isName: (file: string) => boolean,
): ZipEntry | undefined => {
  const byUri = document.uri === undefined ? undefined : fileOfUri(document.uri, set.folder);
  if (document.uri !== undefined && byUri === undefined) throw inconsistent('a URI that leads out of the set');
  const found = byUri === undefined ? undefined : fileNamed(set, byUri);
  const [only, ...others] = set.files.filter(({ file }) => isName(file));
  return found ?? (others.length === 0 ? only?.entry : undefined);
};

/** METADATA.XML of a set. */
export interface SetMetadata {
  readonly source: Uint8Array;
  readonly submission: ParsedSubmission;
}

/** @throws archive/xdm-*, dmp/metadata-invalid */
export const readMetadata = async (set: XdmSet, read: ReadEntry): Promise<SetMetadata> => {
  const entry = fileNamed(set, xdmFileNames.metadata);
  if (entry === undefined) throw missing(xdmFileNames.metadata);
  const source = await read(entry, maxBytes.metadata);
  return { source, submission: parseSubmission(source) };
};

const isDescribed = (bytes: Uint8Array, document: ParsedDocument): boolean =>
  bytes.length === document.size && createHash('sha1').update(bytes).digest('hex') === document.hash;

const readKos = async (set: XdmSet, document: ParsedDocument, read: ReadEntry): Promise<Buffer> => {
  const entry = documentFile(set, document, isKosName);
  if (entry === undefined) throw missing(xdmFileNames.kos);
  const kos = await read(entry, maxBytes.kos);
  if (!isDescribed(kos, document)) throw new DrimboxError('archive/xdm-hash-mismatch', { detail: 'the manifest' });
  return kos;
};

/** The proof of concept hashes the signature with a line end that it does not write. */
const lineEnd = Buffer.from('\n');

const readSignature = async (set: XdmSet, submission: ParsedSubmission, read: ReadEntry): Promise<Buffer> => {
  const { signature: document } = submission;
  const named = set.files.filter(({ file }) => isSignatureName(file));
  if (document === undefined) {
    if (named.length > 0) throw inconsistent('a signature that the metadata do not describe');
    return Buffer.alloc(0);
  }
  const entry = documentFile(set, document, isSignatureName);
  if (entry === undefined) throw missing(xdmFileNames.signature);
  const signature = await read(entry, maxBytes.signature);
  if (isDescribed(signature, document) || isDescribed(Buffer.concat([signature, lineEnd]), document)) return signature;
  throw new DrimboxError('dmp/signature-invalid', { detail: 'the signature is not the one the metadata describe' });
};

const checkSignature = (signature: Uint8Array, submission: ParsedSubmission, kos: Uint8Array): void => {
  if (signature.length === 0) return;
  const verified = verifySignatureIntegrity(signature, new Map([[submission.documentUniqueId, kos]]));
  if (!verified.submissionSets.includes(submission.submissionSetUniqueId)) {
    throw new DrimboxError('dmp/signature-invalid', { detail: 'the signature is about another submission set' });
  }
};

/** Every INS that the manifest names, in its patient and in the other identifiers. */
const insOfManifest = ({ patient }: Manifest): readonly InsIdentifier[] =>
  [patient, ...patient.otherIds].flatMap(({ id, issuerOid }) =>
    isInsOid(issuerOid) ? [{ value: id, oid: issuerOid }] : [],
  );

/** One patient everywhere, of this environment (decisions A1, A2). */
const checkPatient = (
  submission: ParsedSubmission,
  manifest: Manifest,
  reference: ReportReference,
  environment: 'test' | 'production',
): void => {
  const { ins, ipp } = submission.patient;
  const mismatch = (detail: string): DrimboxError => new DrimboxError('archive/xdm-patient-mismatch', { detail });
  const named = insOfManifest(manifest);
  if (named.length === 0) throw mismatch('the manifest names no INS');
  if (!named.every((one) => isSameIns(one, ins))) throw mismatch('the INS of the manifest is not that of the metadata');
  if (!isSameIns(reference.ins, ins)) throw mismatch('the INS of CR.TXT is not that of the metadata');
  const isSameIssuer = ipp !== undefined && reference.ipp !== undefined && ipp.issuerOid === reference.ipp.issuerOid;
  if (isSameIssuer && ipp.value !== reference.ipp?.value)
    throw mismatch('the IPP of CR.TXT is not that of the metadata');
  if (insOids[ins.oid].environment !== environment) {
    throw new DrimboxError('archive/environment-mismatch', {
      detail: `INS of the ${insOids[ins.oid].environment} environment in a DRIMbox of ${environment}`,
    });
  }
};

const checkIdentifiers = (submission: ParsedSubmission, manifest: Manifest): void => {
  if (manifest.sopInstanceUid !== submission.documentUniqueId)
    throw inconsistent('the manifest has another identifier');
  const studies = [manifest.studyInstanceUid, ...manifest.series.map((series) => series.studyInstanceUid)];
  if (studies.some((uid) => uid !== submission.studyInstanceUid))
    throw inconsistent('the manifest is of another study');
};

const differs = (a: string | undefined, b: string): boolean => a !== undefined && a !== '' && b !== '' && a !== b;

const remarksOf = (submission: ParsedSubmission, manifest: Manifest, signature: Uint8Array): readonly string[] => {
  const { birthDate, sex } = submission.patient;
  const { accessionNumber } = submission.order;
  const requested = manifest.requests.map((request) => request.accessionNumber).filter((number) => number !== '');
  return [
    ...(signature.length === 0 ? ['signature-absent'] : []),
    ...(differs(birthDate, manifest.patient.birthDate) ? ['birth-date-differs'] : []),
    ...(differs(sex, manifest.patient.sex) ? ['sex-differs'] : []),
    ...(accessionNumber !== undefined && requested.length > 0 && !requested.includes(accessionNumber.value)
      ? ['accession-number-differs']
      : []),
  ];
};

/**
 * Reads the rest of a set and checks that its files are whole and agree.
 *
 * @param metadata  of the same set
 * @throws archive/xdm-file-missing, archive/xdm-too-large, archive/xdm-zip-invalid, archive/xdm-hash-mismatch,
 *   archive/xdm-inconsistent, archive/xdm-patient-mismatch, archive/xdm-report-invalid, archive/environment-mismatch,
 *   dmp/metadata-invalid, dmp/signature-invalid, kos/unreadable
 */
export const readSet = async (
  set: XdmSet,
  { source, submission }: SetMetadata,
  read: ReadEntry,
  environment: 'test' | 'production',
): Promise<CheckedSet> => {
  const referenceEntry = fileNamed(set, xdmFileNames.reportReference);
  if (referenceEntry === undefined) throw missing(xdmFileNames.reportReference);
  const kos = await readKos(set, submission.kos, read);
  const signature = await readSignature(set, submission, read);
  const reference = parseReportReference(await read(referenceEntry, maxBytes.reportReference));
  const manifest = parseManifest(kos);
  checkIdentifiers(submission, manifest);
  checkPatient(submission, manifest, reference, environment);
  checkSignature(signature, submission, kos);
  const kept = [submission.kos, ...(submission.signature === undefined ? [] : [submission.signature])];
  return {
    submission,
    manifest,
    reference,
    metadata: normalizeSubmission(source, new Map(kept.map(({ uniqueId }) => [uniqueId, {}]))),
    kos,
    signature,
    remarks: remarksOf(submission, manifest, signature),
  };
};
