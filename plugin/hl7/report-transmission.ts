import {
  documentIdKey,
  type HealthOrganization,
  type HealthProfessional,
  type Visibility,
} from '../standards/index.ts';
import { decodeDocument, findDocument } from './embedded-document.ts';
import type { Hl7Message, Hl7Party } from './hl7-message.ts';
import type { SenderPolicy } from './hl7-options.ts';
import { checkStructure } from './message-structure.ts';
import { checkHeader, MessageKind, parseMessageKind } from './message-type.ts';
import { parseMetadataFlags } from './metadata-flags.ts';
import { parseSendingParty } from './participation.ts';
import { type IdentifiedPatient, parsePatientIdentification } from './patient-identification.ts';
import { refusal } from './refusal.ts';
import { parseReportAction, type ReportAction } from './report-action.ts';
import type { Segment } from './segment.ts';

/** A validated report as the RIS transmits it, in ORU^R01 or MDM^T02, T10, T04. */
export interface ReportTransmission {
  readonly messageType: 'ORU' | 'MDM';
  readonly action: ReportAction;
  /** Production, training or debugging (MSH-11). */
  readonly processingId: 'P' | 'T' | 'D';
  readonly controlId: string;
  readonly sender: Hl7Party;
  /** MSH-7 as sent, when it is a time: `YYYYMMDD[HHMM[SS[.S…]]][±ZZZZ]`. */
  readonly sentAt?: string;
  readonly patient: IdentifiedPatient;
  /** PV1-2: `I`, `O`, `E`, `R`, `N`. */
  readonly patientClass?: string;
  /** TXA-12 as `documentIdKey` writes it: `root` or `root^extension`. */
  readonly documentId?: string;
  /** TXA-13, likewise. */
  readonly parentDocumentId?: string;
  /** The CDA, byte for byte. */
  readonly document: Uint8Array;
  readonly sendingPerson?: HealthProfessional;
  readonly sendingOrganization?: HealthOrganization & { readonly idType?: string };
  readonly visibility: Visibility;
  /** MODIF_CONF_CODE: the message changes who may see the report. */
  readonly changesConfidentiality: boolean;
  /** DESTDMP */
  readonly sentToDmp: boolean;
  /**
   * Stable short codes without identity: `flag-missing:<name>`, `flag-unknown:OBX^<n>`, `document-other`,
   * `patient-class-missing`, `parent-document-missing`, `completion-status-missing`, `prt-…`.
   */
  readonly warnings: readonly string[];
}

const timestamp = /^[0-9]{8}([0-9]{4}([0-9]{2}(\.[0-9]{1,4})?)?)?([+-][0-9]{4})?$/;

/**
 * TXA-12, TXA-13: `root`, or `extension^^root^ISO`. EI.2 is ignored: official samples fill it wrongly.
 *
 * @see IG profils-messages, TXA note 1 · facts/cisis.md 1.3
 */
const parseDocumentId = (txa: Segment, field: number): string | undefined => {
  const [first, root] = [txa.value(field, 1), txa.value(field, 3)];
  if (first === '' && root === '') return undefined;
  return root === '' ? documentIdKey({ root: first }) : documentIdKey({ root, extension: first });
};

/** TXA-17 `AU` (or `LA` in profile 2.0): a report that nobody signed yet is not for the DMP. */
const checkCompletion = (txa: Segment, warnings: string[]): void => {
  const status = txa.value(17);
  if (status === '') warnings.push('completion-status-missing');
  else if (status !== 'AU' && status !== 'LA') {
    throw refusal('hl7/value-unknown', txa.location(17), 'TXA-17 is neither AU nor LA');
  }
};

interface DocumentNumbers {
  readonly documentId?: string;
  readonly parentDocumentId?: string;
}

const parseDocumentNumbers = (message: Hl7Message, action: ReportAction, warnings: string[]): DocumentNumbers => {
  const txa = message.type === 'MDM' ? message.first('TXA') : undefined;
  if (txa === undefined) return {};
  checkCompletion(txa, warnings);
  const documentId = parseDocumentId(txa, 12);
  const parentDocumentId = parseDocumentId(txa, 13);
  if (documentId === undefined) throw refusal('hl7/field-missing', txa.location(12), 'TXA-12 is empty');
  // Not refused: the CDA names the parent too (decision B1).
  if (parentDocumentId === undefined && action === 'replace') warnings.push('parent-document-missing');
  return { documentId, ...(parentDocumentId === undefined ? {} : { parentDocumentId }) };
};

/** The first segment of a name `checkStructure` requires. */
const required = (message: Hl7Message, name: string): Segment => {
  const segment = message.first(name);
  if (segment === undefined) throw refusal('hl7/segment-missing', name, `no ${name} segment`);
  return segment;
};

/**
 * Checks and reads a report message in the order of the profile: MSH, structure, action, document, patient, flags,
 * sender. Neither the CDA inside nor the agreement of both is looked at here.
 *
 * @param policy  of the sender, see `findSender`
 * @throws hl7/message-type-unsupported, hl7/event-unsupported, hl7/version-unsupported, hl7/profile-unsupported,
 *         hl7/segment-missing, hl7/field-missing, hl7/field-invalid, hl7/value-unknown, hl7/action-incoherent,
 *         hl7/document-missing, hl7/document-invalid — each with `context.location` for ERR-2
 * @see IG "Transmission de document(s) CDA en HL7v2" profils-messages · facts/cisis.md 1.2–1.5 · decisions B1–B3
 */
export const parseReportTransmission = (message: Hl7Message, policy: SenderPolicy): ReportTransmission => {
  checkHeader(message);
  if (parseMessageKind(message) !== MessageKind.report) {
    throw refusal('hl7/message-type-unsupported', 'MSH^1^9', 'not a report message');
  }
  checkStructure(message);
  const { segment, hasOther } = findDocument(message);
  const action = parseReportAction(message, segment);
  const document = decodeDocument(segment);
  const patient = parsePatientIdentification(required(message, 'PID'));
  const flags = parseMetadataFlags(message, policy);
  const sending = parseSendingParty(message, segment);
  const patientClass = message.first('PV1')?.value(2) ?? '';
  const sentAt = required(message, 'MSH').value(7);
  const warnings: string[] = [...flags.warnings, ...sending.warnings];
  if (hasOther) warnings.push('document-other');
  if (patientClass === '') warnings.push('patient-class-missing');
  const numbers = parseDocumentNumbers(message, action, warnings);
  return {
    messageType: message.type as 'ORU' | 'MDM',
    action,
    processingId: message.processingId as 'P' | 'T' | 'D',
    controlId: message.controlId,
    sender: message.sender,
    ...(timestamp.test(sentAt) ? { sentAt } : {}),
    patient,
    ...(patientClass === '' ? {} : { patientClass }),
    ...numbers,
    document,
    ...(sending.person === undefined ? {} : { sendingPerson: sending.person }),
    ...(sending.organization === undefined ? {} : { sendingOrganization: sending.organization }),
    visibility: flags.visibility,
    changesConfidentiality: flags.changesConfidentiality,
    sentToDmp: flags.sentToDmp,
    warnings,
  };
};
