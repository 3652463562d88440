export { type Acknowledgment, type AcknowledgmentError, readAcknowledgment } from './acknowledgment.ts';
export type { Base64Form, MessageForm } from './message-form.ts';
export { connectRis, frame, type RisConnection, type RisOptions } from './mllp-client.ts';
export {
  buildMdm,
  buildOru,
  type FlagCode,
  type MessagePatient,
  type MessageSender,
  reportCode,
  type ReportMessageOptions,
} from './report-messages.ts';
export { buildOmi, type StudyChangeOptions } from './study-change-message.ts';
