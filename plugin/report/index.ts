export { type ImagingReport, parseImagingReport, reportOptions } from './imaging-report.ts';
export { type OrderPairing, pairOrder } from './orders.ts';
export type { Participant } from './participants.ts';
export type { ReportedStudy } from './studies.ts';
export { type ReportWarning, reportWarnings } from './warnings.ts';
