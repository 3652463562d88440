export {
  type ArchivedExamination,
  type ArchivedSeries,
  createLoadArchivedExamination,
  type LoadArchivedExamination,
} from './archived-examination.ts';
export * from './alert-channels.ts';
export * from './alert-notices.ts';
export * from './alerts.ts';
export {
  lastBackupMarker,
  saveBackup,
  verifyBackup,
  type BackupPorts,
  type BackupProgress,
  type BackupSummary,
  type VerifiedBackup,
} from './backup.ts';
export { restoreBackup, type RestorePorts, type RestoreSummary } from './backup-restore.ts';
export { archiveTables, passingTables } from './backup-tables.ts';
export * from './comparison-findings.ts';
export * from './comparison-looks.ts';
export {
  comparedOf,
  type ComparisonPurpose,
  type ComparisonRun,
  Finding,
  type ManifestFigures,
  type RunFigures,
  RunPhase,
} from './comparison-run.ts';
export * from './comparison-runs.ts';
export { createEventKeeper, type EventKeeper, type EventKeeperPorts } from './event-keeper.ts';
export * from './held-deletions.ts';
export { type LoadedManifestOutcome, loadManifestFiles, type ManifestFile } from './imported-manifest-files.ts';
export * from './journal.ts';
export * from './journal-line.ts';
export * from './markers.ts';
export * from './messages.ts';
export { writeNewFile } from './new-file.ts';
export * from './pacs-speeds.ts';
export * from './queue.ts';
export * from './report-links.ts';
export * from './reports.ts';
export * from './served-manifests.ts';
export { endRestoreDoubt, isUnsureAfterRestore, restoredMarker, unsureAfterRestore } from './restored-studies.ts';
export * from './studies.ts';
export * from './study-objects.ts';
export * from './submissions.ts';
export * from './views.ts';
export { exportXdm, type XdmExportOptions, type XdmExportProgress, type XdmExportResult } from './xdm-export.ts';
export {
  importXdm,
  type XdmImportOptions,
  type XdmImportProgress,
  type XdmImportResult,
  type XdmItemOutcome,
  XdmOutcome,
} from './xdm-import.ts';
export type { XdmSender } from './xdm-readme.ts';
