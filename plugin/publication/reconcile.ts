/**
 * The one idea (design §4): look at a study, compare what is wanted with what is published, order what is missing, and
 * bring the order to the DMP. Reading this file is reading the process.
 */
import {
  loadLastSettledOrder,
  loadOpenOrder,
  loadOrderHead,
  loadReport,
  saveEvents,
  saveOrder,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type NewOrder,
  type Order,
  type OrderHead,
} from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import { manifestRemarks } from '../kos/index.ts';
import { isSameIns } from '../standards/index.ts';
import { decide, type Published, type Wanted } from './comparison.ts';
import {
  conclude,
  concludeAbsent,
  concludeAcceptance,
  concludeHold,
  concludePostponement,
  concludeRefusal,
  concludeSettling,
  concludeUnchanged,
  concludeWithdrawal,
  type LookResult,
} from './conclusions.ts';
import { deliver, findOut, type Delivery } from './delivery.ts';
import { findLateArrival, nextLateCheckAt } from './late-arrivals.ts';
import { observe, type Observation, type WantedManifest } from './observation.ts';
import { buildDeletion, buildOrder } from './order.ts';
import type { PublicationPorts } from './ports.ts';

// Sending ----------------------------------------------------------------------------------------------------------

const concludeDelivery = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  delivery: Delivery,
): Promise<LookResult> => {
  switch (delivery.kind) {
    case 'accepted':
      return concludeAcceptance(ports, study, order, delivery);
    case 'refused':
      return concludeRefusal(ports, study, order, delivery.error);
    case 'postponed':
      return concludePostponement(ports, study, order, delivery);
    case 'withdrawn':
      return concludeWithdrawal(ports, study, order);
    case 'overtaken':
      return { nextAtUtcMs: ports.clock() };
  }
};

/** A hint does not hurry an order that waits for its next attempt. */
const send = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<LookResult> => {
  const { nextAttemptAtUtcMs = 0 } = order;
  if (ports.clock() < nextAttemptAtUtcMs) return { nextAtUtcMs: nextAttemptAtUtcMs };
  return concludeDelivery(ports, study, order, await deliver(ports, study, order));
};

/** Keeps the order and the new state of the study in one transaction. */
const place = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: NewOrder,
  wanted?: WantedManifest,
): Promise<Order> => {
  const atUtcMs = ports.clock();
  const { studyInstanceUid } = study;
  const created: DrimboxEvent = {
    name: 'dmp/order-created',
    studyInstanceUid,
    structureId: order.sender.structureId,
    detail: { kind: order.kind, bytes: order.kos.length },
  };
  // What a manifest cannot carry whole is said once, in the journal.
  const remarks = (wanted === undefined ? [] : manifestRemarks(wanted.content)).map(
    (remark): DrimboxEvent => ({ name: 'kos/remark', studyInstanceUid, detail: { remark } }),
  );
  const events = [created, ...remarks];
  const found = wanted === undefined ? {} : { orthancStudyId: wanted.study.orthancId };
  const placed = await ports.store.transaction(async (trx) => {
    await updateStudy(trx, study, { state: StudyState.sending, reason: null, ...found }, atUtcMs);
    await saveEvents(trx, atUtcMs, events);
    return saveOrder(trx, order, atUtcMs);
  });
  for (const event of events) ports.emit(event);
  return placed;
};

const supersede = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<void> =>
  conclude(ports, study, { update: {}, events: [], settle: { order, state: 'superseded' } });

/** Builds an order and sends it; one that cannot be built holds the study and says why. */
const order = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  build: () => NewOrder,
  wanted?: WantedManifest,
): Promise<LookResult> => {
  let built: NewOrder;
  try {
    built = build();
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.code === 'general/internal') ports.log.error(failureFields(cause), 'order not built');
    const structureId = wanted?.structure.options.id;
    return concludeHold(ports, study, { code: error.code, detail: error.detail, structureId });
  }
  return send(ports, study, await place(ports, study, built, wanted));
};

/** The last order was the same and was refused for good: a new message or an administrator releases it. */
const wasRefused = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  isSame: (last: OrderHead) => boolean,
): Promise<boolean> => {
  if (study.state !== StudyState.failed) return false;
  const last = await loadLastSettledOrder(ports.store.knex, study.studyInstanceUid);
  return last?.state === 'refused' && isSame(last);
};

const orderDeletion = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  published: OrderHead,
): Promise<LookResult> => {
  const isSame = (last: OrderHead) => last.kind === 'delete' && last.documentUid === published.documentUid;
  if (await wasRefused(ports, study, isSame)) return {};
  const archived =
    published.reportId === undefined ? undefined : await loadReport(ports.store.knex, published.reportId);
  if (archived === undefined) {
    return concludeHold(ports, study, {
      code: 'archive/not-found',
      detail: 'the report of the published manifest is not archived',
    });
  }
  return order(ports, study, () => buildDeletion(ports, published, archived));
};

// The look ---------------------------------------------------------------------------------------------------------

const publishedOf = async (ports: PublicationPorts, study: ArchivedStudy): Promise<OrderHead | undefined> =>
  study.publishedSubmissionId === undefined ? undefined : loadOrderHead(ports.store.knex, study.publishedSubmissionId);

const publishedState = (published: OrderHead | undefined): Published =>
  published === undefined ? { kind: 'nothing' } : { kind: 'manifest', fingerprint: published.fingerprint };

const wantedState = (found: Observation): Wanted => {
  switch (found.kind) {
    case 'absent':
    case 'settling':
      return { kind: 'wait' };
    case 'manifest':
    case 'nothing':
    case 'not-destined':
    case 'hold':
      return found;
  }
};

/** An order that has not left yet is sent only if it is still what is wanted. */
const isStillWanted = (open: Order, found: Observation, published: OrderHead | undefined): boolean => {
  if (open.kind !== 'delete') {
    return found.kind === 'manifest' && found.fingerprint === open.fingerprint && !isAnotherPatient(found, published);
  }
  // The deletion of a late arrival is wanted whatever else is.
  return open.previousSubmissionId !== published?.id || found.kind === 'nothing' || isAnotherPatient(found, published);
};

/** What is published stands in the record of another patient than the report names now (decision B7). */
const isAnotherPatient = (found: Observation, published: OrderHead | undefined): boolean =>
  found.kind === 'manifest' &&
  published !== undefined &&
  !isSameIns(published.sender.ins, found.archived.report.patient.ins);

const actOnManifest = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: WantedManifest,
  published: OrderHead | undefined,
): Promise<LookResult> => {
  // B7: first out of the old record, in the name of who published it; once confirmed, into the new one.
  if (published !== undefined && isAnotherPatient(found, published)) return orderDeletion(ports, study, published);
  if (decide(wantedState(found), publishedState(published)) === 'none') {
    return concludeUnchanged(ports, study, StudyState.published);
  }
  // C8: what somebody took out of the DMP waits for a new report or an administrator: both make the study new again.
  if (study.state === StudyState.withdrawn) return {};
  if (await wasRefused(ports, study, (last) => last.fingerprint === found.fingerprint)) return {};
  return order(ports, study, () => buildOrder(ports, found, published), found);
};

const act = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Observation,
  published: OrderHead | undefined,
): Promise<LookResult> => {
  switch (found.kind) {
    case 'hold':
      return concludeHold(ports, study, found);
    case 'absent':
      return concludeAbsent(ports, study, found.structureId);
    case 'settling':
      return concludeSettling(ports, study, found);
    case 'not-destined':
      return concludeUnchanged(ports, study, published === undefined ? StudyState.notDestined : StudyState.published, [
        { name: 'study/not-destined', studyInstanceUid: study.studyInstanceUid },
      ]);
    case 'nothing':
      return published === undefined
        ? concludeUnchanged(ports, study, StudyState.retired)
        : orderDeletion(ports, study, published);
    case 'manifest':
      return actOnManifest(ports, study, found, published);
  }
};

/**
 * An order that may have arrived is settled before anything else is concluded.
 *
 * @returns the result when the look ends here; undefined when the DMP surely does not have it
 */
const settleSent = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  open: Order,
): Promise<LookResult | undefined> => {
  if (open.sentAtUtcMs === undefined) return undefined;
  const { nextAttemptAtUtcMs = 0 } = open;
  if (ports.clock() < nextAttemptAtUtcMs) return { nextAtUtcMs: nextAttemptAtUtcMs };
  const known = await findOut(ports, study, open);
  if (known.kind === 'not-sent') return undefined;
  if (known.kind === 'too-early') return { nextAtUtcMs: known.untilUtcMs };
  const { nextAtUtcMs } = await concludeDelivery(ports, study, open, known);
  return { nextAtUtcMs: nextAtUtcMs ?? ports.clock() };
};

const look = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const open = await loadOpenOrder(ports.store.knex, study.studyInstanceUid);
  const settled = open === undefined ? undefined : await settleSent(ports, study, open);
  if (settled !== undefined) return settled;
  const found = await observe(ports, study);
  const published = await publishedOf(ports, study);
  if (open !== undefined) {
    if (isStillWanted(open, found, published)) return send(ports, study, open);
    await supersede(ports, study, open);
  }
  const isAboutToSend = decide(wantedState(found), publishedState(published)) !== 'none';
  const late = await findLateArrival(ports, study, isAboutToSend);
  if (late !== undefined) return orderDeletion(ports, study, late);
  return act(ports, study, found, published);
};

const earliest = (a: number | undefined, b: number | undefined): LookResult => {
  if (a === undefined && b === undefined) return {};
  return { nextAtUtcMs: Math.min(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY) };
};

/**
 * Looks at one leased study.
 *
 * @throws orthanc/* and store/* transient errors: the caller postpones; "PACS unreachable" is never "images gone"
 */
export const reconcile = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const { nextAtUtcMs } = await look(ports, study);
  return earliest(nextAtUtcMs, await nextLateCheckAt(ports, study));
};
