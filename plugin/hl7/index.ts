export {
  type AcknowledgmentOutcome,
  type AcknowledgmentStamp,
  buildAcknowledgment,
} from './acknowledgment.ts';
export { CharacterEncoding } from './charset.ts';
export { type Hl7Message, type Hl7Party, parseHl7Message } from './hl7-message.ts';
export {
  type Hl7Options,
  hl7Options,
  type MllpListenerOptions,
  mllpListenerOptions,
  type SenderOptions,
  type SenderPolicy,
  senderOptions,
} from './hl7-options.ts';
export { guessHeader, type HeaderGuess } from './message-header.ts';
export { MessageKind, parseMessageKind } from './message-type.ts';
export type { MessageOrigin, MllpLog, MllpPorts } from './mllp-connection.ts';
export { createMllpDecoder, type MllpDecoder, type MllpEvent } from './mllp-decoder.ts';
export { encodeMllp } from './mllp-frame.ts';
export { type MllpListener, startMllpListener } from './mllp-listener.ts';
export type { IdentifiedPatient } from './patient-identification.ts';
export { ReportAction } from './report-action.ts';
export { parseReportTransmission, type ReportTransmission } from './report-transmission.ts';
export type { Repetition, Segment } from './segment.ts';
export { findAgreement, findSender } from './senders.ts';
export { parseStudyChange, type StudyChange } from './study-change.ts';
