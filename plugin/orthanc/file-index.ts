/**
 * Names of stored files, by the instances they belong to: by REST, or in Orthanc's PostgreSQL tables. Two readers, same answers.
 */
import type { OrthancClient } from './client.ts';
import { isStorageUuid, type NamedFile } from './storage-folder.ts';

export interface FilePlace extends NamedFile {
  /** As the index has it; absent when it does not say. */
  readonly transferSyntaxUid?: string;
}

export interface FileIndex {
  /**
   * @param ids  of instances, a few hundred
   * @returns    one entry for each that Orthanc has; `without-file`: it names no file that can be one
   * @throws orthanc/unreachable, orthanc/timeout, orthanc/refused, orthanc/answer-invalid, orthanc/index-unsupported
   */
  listFiles(ids: readonly string[]): Promise<ReadonlyMap<string, FilePlace | 'without-file'>>;
}

/** What an index says of one file; a name that Orthanc cannot have given reaches no path. */
export const buildFilePlace = (
  uuid: string | undefined,
  sizeBytes: number | undefined,
  transferSyntaxUid: string | undefined,
): FilePlace | 'without-file' => {
  if (uuid === undefined || sizeBytes === undefined) return 'without-file';
  if (!isStorageUuid(uuid) || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return 'without-file';
  return { uuid, sizeBytes, ...(transferSyntaxUid === undefined ? {} : { transferSyntaxUid }) };
};

export const createRestFileIndex = (client: Pick<OrthancClient, 'listInstances'>): FileIndex => ({
  listFiles: async (ids) =>
    new Map(
      (await client.listInstances(ids)).map(({ ID, FileUuid, FileSize, Metadata }) => [
        ID,
        buildFilePlace(FileUuid, FileSize, Metadata.TransferSyntax),
      ]),
    ),
});
