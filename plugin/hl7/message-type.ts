import { refusal } from './refusal.ts';
import type { Hl7Message } from './hl7-message.ts';

/** What a message is for us: a report to publish, or word that a study changed in the PACS. */
export const MessageKind = { report: 'report', studyChange: 'study-change' } as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

/** One supported message type. */
interface MessageType {
  readonly kind: MessageKind;
  readonly events: readonly string[];
  readonly versions: readonly string[];
  /** MSH-21 must name the profile of CDA transmission. */
  readonly needsProfile: boolean;
}

/**
 * MSH-9.1 → what we take. ORU is 2.5 and MDM 2.6 in the profile. 2.5.1 is accepted for ORU, and 2.5 for OMI, because the
 * two releases differ in none of the segments we read. Everything else is refused: the profile wants error 203.
 *
 * @see IG "Transmission de document(s) CDA en HL7v2" evenements-declenchants, profils-messages · facts/cisis.md 1.2, 1.8
 */
const messageTypes: Readonly<Record<string, MessageType>> = {
  ORU: { kind: MessageKind.report, events: ['R01'], versions: ['2.5', '2.5.1'], needsProfile: true },
  MDM: { kind: MessageKind.report, events: ['T02', 'T10', 'T04'], versions: ['2.6'], needsProfile: true },
  OMI: { kind: MessageKind.studyChange, events: ['O23'], versions: ['2.5.1', '2.5'], needsProfile: false },
};

/** MSH-21 `2.1^CISIS_CDA_HL7_V2`: any 2.x; version 1 had no ORC and other codes. */
const profileName = 'CISIS_CDA_HL7_V2';
const profileVersion = /^2(\.[0-9]+)*$/;

const processingIds: readonly string[] = ['P', 'T', 'D'];

const findMessageType = (message: Hl7Message): MessageType => {
  if (message.type === '') throw refusal('hl7/field-missing', 'MSH^1^9', 'MSH-9 is empty');
  const found = Object.hasOwn(messageTypes, message.type) ? messageTypes[message.type] : undefined;
  if (found === undefined) throw refusal('hl7/message-type-unsupported', 'MSH^1^9', 'MSH-9.1 is not ORU, MDM or OMI');
  return found;
};

const checkRequired = (message: Hl7Message, fields: readonly number[]): void => {
  for (const field of fields) {
    const isEmpty = message.first('MSH')?.value(field) === '';
    if (isEmpty) throw refusal('hl7/field-missing', `MSH^1^${field}`, `MSH-${field} is empty`);
  }
};

const checkProfile = (message: Hl7Message): void => {
  const profiles = message.first('MSH')?.repetitions(21) ?? [];
  const isOurs = profiles.some((profile) => profile.value(2) === profileName && profileVersion.test(profile.value(1)));
  if (!isOurs) throw refusal('hl7/profile-unsupported', 'MSH^1^21', `MSH-21 does not name 2.x^${profileName}`);
};

/**
 * Says which way a message goes.
 *
 * @throws hl7/field-missing, hl7/message-type-unsupported, hl7/event-unsupported
 */
export const parseMessageKind = (message: Hl7Message): MessageKind => {
  const type = findMessageType(message);
  if (!type.events.includes(message.event)) {
    throw refusal('hl7/event-unsupported', 'MSH^1^9', `MSH-9.2 is not an event of ${message.type} we take`);
  }
  return type.kind;
};

/**
 * Checks MSH in this order: type, event, version, control id, processing id, sender, profile. MSH-7 is not checked
 * (official samples hold a placeholder there), nor MSH-9.3, MSH-17.
 *
 * @throws hl7/field-missing, hl7/message-type-unsupported, hl7/event-unsupported, hl7/version-unsupported,
 *         hl7/value-unknown, hl7/profile-unsupported
 * @see facts/cisis.md 1.3, 1.6
 */
export const checkHeader = (message: Hl7Message): void => {
  parseMessageKind(message);
  const type = findMessageType(message);
  checkRequired(message, [12]);
  if (!type.versions.includes(message.version)) {
    throw refusal('hl7/version-unsupported', 'MSH^1^12', `MSH-12 is none of ${type.versions.join(', ')}`);
  }
  checkRequired(message, [10, 11, 3, 4]);
  if (!processingIds.includes(message.processingId)) {
    throw refusal('hl7/value-unknown', 'MSH^1^11', 'MSH-11 is not P, T or D');
  }
  if (type.needsProfile) checkProfile(message);
};
