/**
 * Whether Orthanc's files can be read in the configured folder: looked at with some of its own files, at start and by `doctor`.
 */
import { DrimboxError } from '../errors.ts';
import type { OrthancClient } from './client.ts';
import { openInFolder, type OpenedFile } from './storage-folder.ts';

export type StorageProbe =
  | { readonly kind: 'folder'; readonly looked: number; readonly readable: number }
  /** Orthanc has no instance yet. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'rest'; readonly reason: RestReason };

export type RestReason =
  /** No StorageFolder in the configuration. */
  | 'not-configured'
  /** Orthanc keeps its files by a plugin (database, object store). */
  | 'storage-plugin'
  /** None of the files that were looked for is there. */
  | 'not-there'
  /** They are there, compressed by Orthanc (StorageCompression). */
  | 'compressed'
  /** This service may not read them. */
  | 'not-readable';

const looked = 8;

const reasonOf: Readonly<Record<Exclude<OpenedFile['kind'], 'open'>, RestReason>> = {
  missing: 'not-there',
  'not-as-stored': 'compressed',
  unreadable: 'not-readable',
};

/** A file that is there but cannot be used says more than one that is not there. */
const weight: readonly OpenedFile['kind'][] = ['unreadable', 'not-as-stored', 'missing'];

/** @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/answer-invalid */
export const probeStorage = async (
  client: Pick<OrthancClient, 'system' | 'listSomeInstanceIds' | 'listInstances'>,
  folder: string | undefined,
): Promise<StorageProbe> => {
  if (folder === undefined) return { kind: 'rest', reason: 'not-configured' };
  if ((await client.system()).storagePlugin !== undefined) return { kind: 'rest', reason: 'storage-plugin' };
  const instances = await client.listInstances(await client.listSomeInstanceIds(looked));
  if (instances.length === 0) return { kind: 'empty' };
  const kinds: OpenedFile['kind'][] = [];
  for (const { FileUuid: uuid, FileSize: sizeBytes } of instances) {
    if (uuid === undefined || sizeBytes === undefined) continue;
    const opened = await openInFolder(folder, { uuid, sizeBytes });
    if (opened.kind === 'open') await opened.file.close();
    kinds.push(opened.kind);
  }
  const readable = kinds.filter((kind) => kind === 'open').length;
  if (readable > 0) return { kind: 'folder', looked: kinds.length, readable };
  const worst = weight.find((kind) => kinds.includes(kind));
  if (worst === undefined || worst === 'open') {
    throw new DrimboxError('orthanc/answer-invalid', { detail: 'Orthanc names no file of its instances' });
  }
  return { kind: 'rest', reason: reasonOf[worst] };
};

const reasonTexts: Readonly<Record<RestReason, string>> = {
  'not-configured': 'StorageFolder is not set',
  'storage-plugin': 'Orthanc keeps its files by a storage plugin',
  'not-there': 'Orthanc’s files are not in StorageFolder',
  compressed: 'Orthanc compresses its files',
  'not-readable': 'the files in StorageFolder may not be read',
};

/** For the log; one that cannot be read directly is asked of Orthanc, file by file. */
export const describeStorage = (probe: StorageProbe): string => {
  switch (probe.kind) {
    case 'folder':
      return `files read in StorageFolder (${probe.readable} of ${probe.looked} looked at)`;
    case 'empty':
      return 'files read in StorageFolder when there are some: Orthanc is empty';
    case 'rest':
      return `files asked of Orthanc by REST: ${reasonTexts[probe.reason]}`;
  }
};
