import { type IssuedIdentifier, parseStudyInstanceUid, type StudyInstanceUid } from '../standards/index.ts';
import type { Hl7Message, Hl7Party } from './hl7-message.ts';
import { checkStructure } from './message-structure.ts';
import { checkHeader, MessageKind, parseMessageKind } from './message-type.ts';
import { refusal } from './refusal.ts';
import type { Segment } from './segment.ts';

/** Word that studies changed or went away in the PACS (OMI^O23). A hint: the PACS decides (decision D4). */
export interface StudyChange {
  readonly controlId: string;
  readonly sender: Hl7Party;
  /** At least one, each once, in the order of the message. */
  readonly studyInstanceUids: readonly StudyInstanceUid[];
  /** ORC-1 of the first order: `NW`, `CA`, `SR`, … as sent. */
  readonly orderControl: string;
  /** ORC-5 of the first order: `SC`, … as sent. */
  readonly orderStatus?: string;
  /** IPC-1 of the first study. */
  readonly accessionNumber?: IssuedIdentifier;
}

const parseStudyUid = (ipc: Segment): StudyInstanceUid => {
  const value = ipc.value(3);
  if (value === '') throw refusal('hl7/field-missing', ipc.location(3), 'IPC-3 is empty');
  try {
    return parseStudyInstanceUid(value);
  } catch (cause) {
    throw refusal('hl7/field-invalid', ipc.location(3), 'IPC-3 is not a StudyInstanceUID', cause);
  }
};

/** IPC-1 is an EI: .1 number, .3 OID of who gave it. */
const parseAccessionNumber = (ipc: Segment): IssuedIdentifier | undefined => {
  const [value, issuerOid] = [ipc.value(1, 1), ipc.value(1, 3)];
  if (value === '') return undefined;
  return { value, ...(issuerOid === '' ? {} : { issuerOid }) };
};

/**
 * Reads OMI^O23, from the imaging department (no MSH-21) or of the teleradiology profile (`CISIS_TLR_HL7_V2`).
 *
 * @throws hl7/message-type-unsupported, hl7/event-unsupported, hl7/version-unsupported, hl7/segment-missing,
 *         hl7/field-missing, hl7/field-invalid, hl7/value-unknown
 * @see facts/cisis.md 1.8
 */
export const parseStudyChange = (message: Hl7Message): StudyChange => {
  checkHeader(message);
  if (parseMessageKind(message) !== MessageKind.studyChange) {
    throw refusal('hl7/message-type-unsupported', 'MSH^1^9', 'not OMI');
  }
  checkStructure(message);
  const procedures = message.all('IPC');
  const studyInstanceUids = [...new Set(procedures.map(parseStudyUid))];
  const order = message.first('ORC');
  const orderStatus = order?.value(5) ?? '';
  const accessionNumber = procedures[0] === undefined ? undefined : parseAccessionNumber(procedures[0]);
  return {
    controlId: message.controlId,
    sender: message.sender,
    studyInstanceUids,
    orderControl: order?.value(1) ?? '',
    ...(orderStatus === '' ? {} : { orderStatus }),
    ...(accessionNumber === undefined ? {} : { accessionNumber }),
  };
};
