/**
 * The one idea (design §4): look at a study, compare what is wanted with what is published, order what is missing, and
 * bring the order to the DMP. Reading this file is reading the process.
 */
import {
  loadLastSettledOrder,
  loadOpenOrder,
  loadOrder,
  loadReport,
  saveEvents,
  saveOrder,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type NewOrder,
  type Order,
} from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { manifestRemarks } from '../kos/index.ts';
import { decide, type Published } from './comparison.ts';
import {
  conclude,
  concludeAbsent,
  concludeAcceptance,
  concludeHold,
  concludePostponement,
  concludeRefusal,
  concludeSettling,
  concludeUnchanged,
  type LookResult,
} from './conclusions.ts';
import { deliver, findOut, type Delivery } from './delivery.ts';
import { observe, type Observation, type WantedManifest } from './observation.ts';
import { buildDeletion, buildOrder } from './order.ts';
import type { PublicationPorts } from './ports.ts';

const concludeDelivery = (
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
  }
};

const send = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<LookResult> =>
  concludeDelivery(ports, study, order, await deliver(ports, order));

/** Keeps the order and the new state of the study in one transaction. */
const place = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: NewOrder,
  wanted?: WantedManifest,
): Promise<Order> => {
  const atUtcMs = ports.clock();
  const events: DrimboxEvent[] = [
    {
      name: 'dmp/order-created',
      studyInstanceUid: study.studyInstanceUid,
      structureId: order.structureId,
      detail: { kind: order.kind, bytes: order.kos.length },
      ...(wanted === undefined ? {} : { statistic: StatisticNumber.pacsQuerySucceeded }),
    },
    // What a manifest cannot carry whole is said once, in the journal.
    ...(wanted === undefined ? [] : manifestRemarks(wanted.content)).map(
      (remark): DrimboxEvent => ({ name: 'kos/remark', studyInstanceUid: study.studyInstanceUid, detail: { remark } }),
    ),
  ];
  const placed = await ports.store.transaction(async (trx) => {
    await updateStudy(
      trx,
      study.studyInstanceUid,
      {
        state: StudyState.sending,
        reason: null,
        ...(wanted === undefined ? {} : { orthancStudyId: wanted.study.orthancId }),
      },
      atUtcMs,
    );
    await saveEvents(trx, atUtcMs, events);
    return saveOrder(trx, order, atUtcMs);
  });
  for (const event of events) ports.emit(event);
  return placed;
};

const supersede = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<void> =>
  conclude(ports, study, { update: {}, events: [], settle: { order, state: 'superseded' } });

/** An order that the DMP refused for good is not sent again by itself: the same content gets the same answer. */
const orderManifest = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  wanted: WantedManifest,
  previous: Order | undefined,
): Promise<LookResult> => {
  let order: NewOrder;
  try {
    order = buildOrder(ports, wanted, previous);
  } catch (cause) {
    const error = asDrimboxError(cause);
    if (error.code === 'general/internal') ports.log.error({ ...failureFields(cause) }, 'order not built');
    return concludeHold(ports, study, { code: error.code, detail: error.detail }, wanted.structure.options.id);
  }
  return send(ports, study, await place(ports, study, order, wanted));
};

const orderDeletion = async (ports: PublicationPorts, study: ArchivedStudy, published: Order): Promise<LookResult> => {
  const archived =
    published.reportId === undefined ? undefined : await loadReport(ports.store.knex, published.reportId);
  if (archived === undefined) {
    return concludeHold(ports, study, {
      code: 'archive/not-found',
      detail: 'the report of the published manifest is not archived',
    });
  }
  return send(ports, study, await place(ports, study, buildDeletion(ports, published, archived)));
};

// The look ---------------------------------------------------------------------------------------------------------

const publishedOf = async (ports: PublicationPorts, study: ArchivedStudy): Promise<Order | undefined> =>
  study.publishedSubmissionId === undefined ? undefined : loadOrder(ports.store.knex, study.publishedSubmissionId);

const publishedState = (order: Order | undefined): Published =>
  order === undefined ? { kind: 'nothing' } : { kind: 'manifest', fingerprint: order.fingerprint };

/** An order that has not left yet is sent only if it is still what is wanted. */
const isStillWanted = (order: Order, found: Observation): boolean =>
  order.kind === 'delete'
    ? found.kind === 'nothing'
    : found.kind === 'manifest' && found.fingerprint === order.fingerprint;

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
  const known = await findOut(ports, open);
  if (known.kind === 'not-sent') return undefined;
  const { nextAtUtcMs } = await concludeDelivery(ports, study, open, known);
  return { nextAtUtcMs: nextAtUtcMs ?? ports.clock() };
};

const act = async (ports: PublicationPorts, study: ArchivedStudy, found: Observation): Promise<LookResult> => {
  const published = await publishedOf(ports, study);
  switch (found.kind) {
    case 'hold':
      return concludeHold(ports, study, found);
    case 'absent':
      return concludeAbsent(ports, study);
    case 'settling':
      return concludeSettling(ports, study, found);
    case 'not-destined':
      return concludeUnchanged(ports, study, published === undefined ? StudyState.notDestined : StudyState.published, [
        { name: 'study/not-destined', studyInstanceUid: study.studyInstanceUid },
      ]);
    case 'nothing': {
      if (published === undefined) return concludeUnchanged(ports, study, StudyState.retired);
      return orderDeletion(ports, study, published);
    }
    case 'manifest': {
      const decision = decide(found, publishedState(published));
      if (decision === 'none') return concludeUnchanged(ports, study, StudyState.published);
      if (await wasRefused(ports, study, found)) return {};
      return orderManifest(ports, study, found, published);
    }
  }
};

/** The last order had the same content and was refused for good: a new message or an administrator releases it. */
const wasRefused = async (ports: PublicationPorts, study: ArchivedStudy, found: WantedManifest): Promise<boolean> => {
  if (study.state !== StudyState.failed) return false;
  const last = await loadLastSettledOrder(ports.store.knex, study.studyInstanceUid);
  return last?.state === 'refused' && last.fingerprint === found.fingerprint;
};

/**
 * Looks at one leased study.
 *
 * @throws orthanc/* and store/* transient errors: the caller postpones; "PACS unreachable" is never "images gone"
 */
export const reconcile = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const open = await loadOpenOrder(ports.store.knex, study.studyInstanceUid);
  const settled = open === undefined ? undefined : await settleSent(ports, study, open);
  if (settled !== undefined) return settled;
  const found = await observe(ports, study);
  if (open !== undefined) {
    if (isStillWanted(open, found)) return send(ports, study, open);
    await supersede(ports, study, open);
  }
  return act(ports, study, found);
};
