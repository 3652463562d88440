export type { ChangeBatch, ChangeHint, ChangeKind, ResourceLevel } from './change-hint.ts';
export type { OrthancClient, OrthancSystem, OrthancStatistics, DatabaseIdentity, ControlStudy } from './client.ts';
export { createOrthancClient } from './client.ts';
export { createHookRouter, type HookRouterPorts, type RelayedAnswer, type RelayedRequest } from './hook-router.ts';
export type { KeyObject } from './key-object.ts';
export type { ObjectIdentity } from './object-identity.ts';
export * from './options.ts';
export * from './orthanc-id.ts';
export { type IndexRole, openIndexRole } from './index-role.ts';
export { createRestStudyIndex } from './rest-study-index.ts';
export { createSqlStudyIndex, type SqlStudyIndexOptions, type SqlStudyIndexPorts } from './sql-study-index.ts';
export type {
  InstanceContent,
  SeriesContent,
  StudyContent,
  StudyIndex,
  StudyLookup,
  StudyLookupOfMany,
} from './study-content.ts';
export { loadSecret } from './secret-file.ts';
export { createStoredFiles, type StoredFile, type StoredFiles, type StoredFilesOptions } from './stored-files.ts';
export { lookUpStoredStudy, type StoredSeries, type StoredStudy } from './stored-study.ts';
export type { Download, WantedBytes } from './downloads.ts';
export { measurePacsSpeed, type PacsSpeed, type PacsSpeedPorts } from './pacs-speed.ts';
export { describeStorage, probeStorage, type RestReason, type StorageProbe } from './storage-probe.ts';
export { createRestFileIndex, type FileIndex, type FilePlace } from './file-index.ts';
export { createFileIndexWithFallback, createSqlFileIndex, type FallbackPorts } from './sql-file-index.ts';
