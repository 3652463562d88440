export {
  type ComparisonPace,
  comparisonPace,
  type ComparisonPorts,
  stepRun,
} from './archive-comparison.ts';
export { judgeStudy, needsManifest, totalOf, type Verdict } from './archive-comparison-verdict.ts';
export { type ArchiveComparison, startArchiveComparison } from './archive-comparison-worker.ts';
export { nextSweepAt, requestNightlySweep, requestSweep } from './sweep.ts';
export { checkAdmission, type AdmissionRules } from './admission.ts';
export { decide, type Decision, type Past, type Published, type Wanted } from './comparison.ts';
export { contentFingerprint, objectsOf } from './content-fingerprint.ts';
export {
  acceptDatabase,
  checkDatabase,
  compareDatabases,
  databaseDoubtMarker,
  databaseMarker,
  watchDatabase,
  type DatabaseDoubt,
} from './pacs-database.ts';
export { dailyDeletionLimit, proveVanished, type Proof } from './vanished-images.ts';
export { takeHints } from './hints.ts';
export { matchImages, type ImagesMatch, type SeriesIdentity } from './images-match.ts';
export { createIntake } from './intake.ts';
export { startLooks, type Looks } from './looks.ts';
export { publicationOptions, type PublicationOptions } from './options.ts';
export { resolvePerson, type ResolvedPerson } from './person.ts';
export type { Log, PublicationPorts, SiteDescription } from './ports.ts';
export type { LookResult } from './conclusions.ts';
export { lateCheckDelaysMs, retryDelayMs, sweepDelayMs } from './delays.ts';
export { reconcile } from './reconcile.ts';
export { describeStudy } from './study-description.ts';
export { buildFromReport, readReportFile } from './report-file.ts';
