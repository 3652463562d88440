/**
 * From "something must be sent" to the order and its delivery: the order is built, kept in one transaction with the new state
 * of the study, brought to the DMP, and what became of it is written down.
 */
import type { Knex } from 'knex';
import {
  countPacsDeletions,
  countPublishedStudies,
  loadReport,
  saveEvents,
  saveLateChecks,
  saveOrder,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type NewOrder,
  type Order,
  type OrderCause,
  type OrderHead,
} from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import { manifestRemarks } from '../kos/index.ts';
import {
  concludeAcceptance,
  concludeHold,
  concludePostponement,
  concludeRefusal,
  concludeUnproven,
  concludeWithdrawal,
  type LookResult,
} from './conclusions.ts';
import { deliver, type Delivery } from './delivery.ts';
import { maxChecks } from './late-arrivals.ts';
import type { WantedManifest } from './observation.ts';
import { buildDeletion } from './order.ts';
import type { PublicationPorts } from './ports.ts';
import { dailyDeletionLimit } from './vanished-images.ts';

export const concludeDelivery = async (
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
export const send = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<LookResult> => {
  const { nextAttemptAtUtcMs = 0 } = order;
  if (ports.clock() < nextAttemptAtUtcMs) return { nextAtUtcMs: nextAttemptAtUtcMs };
  return concludeDelivery(ports, study, order, await deliver(ports, study, order));
};

/** Deletions that the PACS causes share one count, whoever orders them (decision D3). */
const deletionLock = 7_713_003;
const dayMs = 86_400_000;

/** @returns why the deletion must wait for an administrator */
const overLimit = async (
  ports: PublicationPorts,
  trx: Knex.Transaction,
  atUtcMs: number,
): Promise<string | undefined> => {
  await trx.raw('SELECT pg_advisory_xact_lock(?)', [deletionLock]);
  const limit = dailyDeletionLimit(ports.options, await countPublishedStudies(trx));
  const made = await countPacsDeletions(trx, atUtcMs - dayMs);
  return made < limit ? undefined : `${made} studies vanished from the PACS in 24 hours, ${limit} are allowed`;
};

interface Given {
  readonly wanted?: WantedManifest | undefined;
  /** The deletion of what arrived late. */
  readonly isLate: boolean;
}

type Placed =
  | { readonly kind: 'placed'; readonly order: Order }
  | { readonly kind: 'over-limit'; readonly why: string };

/** Keeps the order and the new state of the study in one transaction. */
const place = async (ports: PublicationPorts, study: ArchivedStudy, order: NewOrder, given: Given): Promise<Placed> => {
  const { wanted, isLate } = given;
  const atUtcMs = ports.clock();
  const { studyInstanceUid } = study;
  const created: DrimboxEvent = {
    name: 'dmp/order-created',
    studyInstanceUid,
    structureId: order.sender.structureId,
    detail: { kind: order.kind, cause: order.cause, bytes: order.kos.length },
  };
  // What a manifest cannot carry whole is said once, in the journal.
  const remarks = (wanted === undefined ? [] : manifestRemarks(wanted.content)).map(
    (remark): DrimboxEvent => ({ name: 'kos/remark', studyInstanceUid, detail: { remark } }),
  );
  const late: DrimboxEvent = {
    name: 'dmp/late-arrival',
    studyInstanceUid,
    structureId: order.sender.structureId,
    detail: { order: order.previousSubmissionId ?? 0 },
  };
  const events = [...(isLate ? [late] : []), created, ...remarks];
  const placed = await ports.store.transaction(async (trx): Promise<Placed> => {
    const why = order.kind === 'delete' && order.cause === 'pacs' ? await overLimit(ports, trx, atUtcMs) : undefined;
    if (why !== undefined) return { kind: 'over-limit', why };
    await updateStudy(trx, study, { state: StudyState.sending, reason: null }, atUtcMs);
    await saveEvents(trx, atUtcMs, events);
    // It is not asked for again once its deletion is ordered, and not forgotten before.
    if (isLate && order.previousSubmissionId !== undefined) {
      await saveLateChecks(trx, order.previousSubmissionId, maxChecks);
    }
    return { kind: 'placed', order: await saveOrder(trx, order, atUtcMs) };
  });
  if (placed.kind === 'placed') for (const event of events) ports.emit(event);
  return placed;
};

/** Builds an order and sends it; one that cannot be built holds the study and says why. */
export const order = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  build: () => NewOrder,
  given: Given,
): Promise<LookResult> => {
  const { wanted } = given;
  let built: NewOrder;
  try {
    built = build();
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.code === 'general/internal') ports.log.error(failureFields(cause), 'order not built');
    const structureId = wanted?.structure.options.id;
    return concludeHold(ports, study, { code: error.code, detail: error.detail, structureId });
  }
  const placed = await place(ports, study, built, given);
  if (placed.kind === 'placed') return send(ports, study, placed.order);
  return concludeUnproven(ports, study, {
    code: 'publication/deletion-limit',
    detail: placed.why,
    structureId: built.sender.structureId,
  });
};

/** Takes a published document out of the DMP, in the name of who published it. */
export const orderDeletion = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  published: OrderHead,
  cause: OrderCause,
  isLate = false,
): Promise<LookResult> => {
  const archived =
    published.reportId === undefined ? undefined : await loadReport(ports.store.knex, published.reportId);
  if (archived === undefined) {
    return concludeHold(ports, study, {
      code: 'archive/not-found',
      detail: 'the report of the published manifest is not archived',
    });
  }
  return order(ports, study, () => buildDeletion(ports, published, archived, cause), { isLate });
};
