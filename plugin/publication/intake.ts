/**
 * One HL7 message in, one acknowledgment out. AA leaves only after the message, its report and the looks it causes are
 * committed; refused messages are kept with their reason (decisions B1–B3).
 */
import {
  markReports,
  releaseOrdersOf,
  requestLook,
  requestLookForReport,
  saveAcceptedMessage,
  saveEvents,
  saveRefusedMessage,
  saveReport,
  studiesOfReports,
  upsertStudy,
  type ReceivedMessage,
} from '../archive/index.ts';
import { asDrimboxError, type DrimboxError, failureFields } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import {
  buildAcknowledgment,
  findSender,
  guessHeader,
  parseHl7Message,
  parseReportTransmission,
  parseStudyChange,
  type Hl7Message,
  type ReportTransmission,
} from '../hl7/index.ts';
import { parseImagingReport, type ImagingReport } from '../report/index.ts';
import { checkAdmission, checkControlId, checkProcessingId, checkStorable } from './admission.ts';
import { structIdNat } from '../standards/index.ts';
import { lineageOf } from './lineage.ts';
import { resolvePerson } from './person.ts';
import type { PublicationPorts } from './ports.ts';

type Intake = (frame: Uint8Array, from: { readonly address: string }) => Promise<Uint8Array>;

const receivedOf = (
  frame: Uint8Array,
  address: string,
  atUtcMs: number,
  message: Hl7Message | undefined,
): ReceivedMessage => ({
  receivedAtUtcMs: atUtcMs,
  peerAddress: address,
  senderApplication: message?.sender.application ?? '',
  senderFacility: message?.sender.facility ?? '',
  controlId: message?.controlId ?? '',
  messageType: message === undefined ? '' : `${message.type}^${message.event}`,
  raw: frame,
});

const acceptedEvents = (
  message: Hl7Message,
  report: ImagingReport,
  warnings: readonly string[],
  structureId: string | undefined,
): readonly DrimboxEvent[] => {
  const messageControlId = message.controlId;
  return [
    {
      name: 'hl7/message-accepted',
      messageControlId,
      detail: { type: `${message.type}^${message.event}` },
      statistic: StatisticNumber.reportReceived,
      ...(structureId === undefined ? {} : { structureId }),
    },
    ...report.studies.map(
      (study): DrimboxEvent => ({
        name: 'report/received',
        messageControlId,
        studyInstanceUid: study.studyInstanceUid,
      }),
    ),
    ...warnings.map(
      (warning): DrimboxEvent => ({
        name: 'report/warning',
        messageControlId,
        detail: { warning },
        ...(report.studies[0] === undefined ? {} : { studyInstanceUid: report.studies[0].studyInstanceUid }),
      }),
    ),
  ];
};

const duplicateEvent = (message: Hl7Message): DrimboxEvent => ({
  name: 'hl7/message-duplicate',
  messageControlId: message.controlId,
});

/** The transaction of an accepted report. @returns the events, or `duplicate` */
const commitReport = (
  ports: PublicationPorts,
  received: ReceivedMessage,
  message: Hl7Message,
  transmission: ReportTransmission,
  report: ImagingReport,
  warnings: readonly string[],
): Promise<readonly DrimboxEvent[] | 'duplicate'> => {
  const { document, ...header } = transmission;
  const atUtcMs = received.receivedAtUtcMs;
  const imagesDeadlineAtUtcMs = atUtcMs + ports.options.imagesDeadlineHours * 3_600_000;
  const person = resolvePerson(report, header, findSender(ports.senders, message).personSource);
  const structureId = person.kind === 'resolved' ? structIdNat(person.organization.id) : undefined;
  return ports.store.transaction(async (trx) => {
    const saved = await saveAcceptedMessage(trx, received);
    if (saved.kind === 'duplicate') {
      await saveEvents(trx, atUtcMs, [duplicateEvent(message)]);
      return 'duplicate';
    }
    // Messages about the same patient are taken one after the other: lineage reads what the other one wrote.
    await trx.raw('SELECT pg_advisory_xact_lock(hashtext(?))', [report.patient.ins.value]);
    const lineage = await lineageOf(trx, report, header);
    await saveReport(trx, {
      messageId: saved.id,
      receivedAtUtcMs: atUtcMs,
      report,
      transmission: header,
      cda: document,
      state: lineage.state,
    });
    await markReports(trx, lineage.replaces, 'replaced');
    await markReports(trx, lineage.deletes, 'deleted');
    // In one order everywhere: two messages about the same studies wait for one another instead of blocking each other.
    const named = new Set<string>(report.studies.map((study) => study.studyInstanceUid));
    const former = await studiesOfReports(trx, [...lineage.replaces, ...lineage.deletes]);
    const touched = [...new Set([...named, ...former])].toSorted();
    for (const studyInstanceUid of touched) {
      if (named.has(studyInstanceUid)) await upsertStudy(trx, { studyInstanceUid, atUtcMs, imagesDeadlineAtUtcMs });
      else await requestLookForReport(trx, studyInstanceUid, atUtcMs);
    }
    await releaseOrdersOf(trx, touched);
    const events = acceptedEvents(message, report, [...warnings, ...lineage.warnings], structureId);
    await saveEvents(trx, atUtcMs, events);
    return events;
  });
};

const takeReport = async (ports: PublicationPorts, received: ReceivedMessage, message: Hl7Message) => {
  const sender = findSender(ports.senders, message);
  const transmission = parseReportTransmission(message, sender);
  const report = parseImagingReport(transmission.document);
  checkStorable(transmission, report);
  const warnings = checkAdmission(transmission, report, {
    environment: ports.site.environment,
    identityStatusAbsent: sender.identityStatusAbsent,
  });
  const outcome = await commitReport(ports, received, message, transmission, report, warnings);
  return outcome === 'duplicate' ? [duplicateEvent(message)] : outcome;
};

/** OMI^O23 is a hint (decision D4): the comparison with the PACS decides, not the message. */
const takeStudyChange = (ports: PublicationPorts, received: ReceivedMessage, message: Hl7Message) => {
  checkProcessingId(ports.site.environment, message.processingId);
  const change = parseStudyChange(message);
  const atUtcMs = received.receivedAtUtcMs;
  return ports.store.transaction(async (trx) => {
    const saved = await saveAcceptedMessage(trx, received);
    if (saved.kind === 'duplicate') {
      await saveEvents(trx, atUtcMs, [duplicateEvent(message)]);
      return [duplicateEvent(message)];
    }
    const events: DrimboxEvent[] = [
      { name: 'hl7/message-accepted', messageControlId: message.controlId, detail: { type: 'OMI^O23' } },
    ];
    for (const studyInstanceUid of change.studyInstanceUids.toSorted()) {
      const isKnown = await requestLook(trx, studyInstanceUid, atUtcMs);
      events.push({
        name: 'study/hint',
        studyInstanceUid,
        messageControlId: message.controlId,
        detail: { source: 'OMI^O23', known: isKnown },
      });
    }
    await saveEvents(trx, atUtcMs, events);
    return events;
  });
};

const keepRefused = async (ports: PublicationPorts, received: ReceivedMessage, error: DrimboxError): Promise<void> => {
  const event: DrimboxEvent = {
    name: 'hl7/message-refused',
    errorCode: error.code,
    ...(received.controlId === '' ? {} : { messageControlId: received.controlId }),
    ...(error.context['location'] === undefined ? {} : { detail: { location: error.context['location'] } }),
  };
  await ports.store.transaction(async (trx) => {
    await saveRefusedMessage(trx, received, error);
    await saveEvents(trx, received.receivedAtUtcMs, [event]);
  });
  ports.emit(event);
};

/** A refusal that could not be kept is told as "the store is down": the sender shall try again later. */
const refuse = async (
  ports: PublicationPorts,
  received: ReceivedMessage,
  error: DrimboxError,
): Promise<DrimboxError> => {
  if (error.ack.code === 'AR') return error;
  try {
    await keepRefused(ports, received, error);
    return error;
  } catch (cause) {
    return asDrimboxError(cause);
  }
};

/**
 * Makes the function that the MLLP listener calls for each frame.
 *
 * @param wake  called after a commit, so that the looks it made due start at once
 * @returns     acknowledgment bytes; it never rejects
 */
export const createIntake = (ports: PublicationPorts, wake: () => void): Intake => {
  const take = async (frame: Uint8Array, received: (message?: Hl7Message) => ReceivedMessage) => {
    let message: Hl7Message | undefined;
    try {
      message = parseHl7Message(frame);
      checkControlId(message.controlId);
      findSender(ports.senders, message);
      const events =
        message.type === 'OMI'
          ? await takeStudyChange(ports, received(message), message)
          : await takeReport(ports, received(message), message);
      for (const event of events) ports.emit(event);
      wake();
      return { message, error: undefined };
    } catch (cause) {
      const error = asDrimboxError(cause);
      if (error.code === 'general/internal') ports.log.error({ ...failureFields(cause) }, 'message not taken');
      return { message, error: await refuse(ports, received(message), error) };
    }
  };
  return async (frame, from) => {
    const atUtcMs = ports.clock();
    const { message, error } = await take(frame, (parsed) => receivedOf(frame, from.address, atUtcMs, parsed));
    const outcome = error === undefined ? ({ kind: 'accepted' } as const) : ({ kind: 'refused', error } as const);
    return buildAcknowledgment(message ?? guessHeader(frame), outcome, {
      controlId: ports.newUid().slice(-20),
      atUtcMs,
    });
  };
};
