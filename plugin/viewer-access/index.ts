export { sendJson } from './answers.ts';
export {
  type AccessDecision,
  type AccessPorts,
  type AccessRefusal,
  type AccessRefused,
  type ArchivedIdentity,
  checkGrant,
  decideAccess,
  findHiding,
  type GrantCheck,
  type GrantedStudy,
  type CompareIdentity,
  type IdentityAnswer,
  type MatchIdentity,
  type OpenedStudy,
  type StudyPatient,
  type Viewer,
} from './access-decision.ts';
export { type ViewerImagesOptions, viewerImagesOptions } from './dicomweb/options.ts';
export { lineSpeedHints } from './dicomweb/line-speed.ts';
export {
  createViewerDicomWeb,
  type ImagesCall,
  type ImagesServed,
  type ViewerDicomWeb,
  type ViewerDicomWebPorts,
} from './dicomweb/router.ts';
export type { ViewedStudy } from './dicomweb/viewed-study.ts';
export * from './entry-ports.ts';
export { startViewerListener, type ViewerListener, type ViewerListenerPorts } from './listener.ts';
export { builtViewerFolder, type ViewerAccessOptions, viewerAccessOptions } from './options.ts';
export { registeredPaths } from './registered-paths.ts';
export { encodeReportLink, LinkFault, type ParsedLink, parseReportLink, type ReportLink } from './report-link.ts';
export {
  describeExamination,
  findFirstPreview,
  type DescribedStudy,
  type DescriptionFacts,
} from './examination-description.ts';
export {
  createZipAnswer,
  type DownloadEnd,
  DownloadOutcome,
  type ZipAnswer,
  type ZipAnswerPorts,
} from './zip-answer.ts';
export { createSeriesPreviews, type SeriesPreviews } from './preview.ts';
export {
  createExaminationZip,
  type ExaminationZip,
  type ExaminationZipPorts,
  type ZipProgress,
} from './zip/examination-zip.ts';
export { buildZipHead, chooseRange } from './zip/zip-range.ts';
export { createZipShelf, type ZipShelf } from './zip/zip-shelf.ts';
