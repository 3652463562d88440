/**
 * Orders that were given up after they had left. The DMP said that it had nothing, but a request may still be on its way
 * through it: a document that nobody wants would then stay in the patient's record. So the DMP is asked again, before
 * anything else is sent for the study and some times after. What arrived late and is all that the DMP holds is taken for
 * published, and the next look puts it right; beside something else it is taken out.
 */
import {
  adoptOrder,
  loadGivenUpOrders,
  saveEvents,
  saveLateChecks,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type OrderHead,
} from '../archive/index.ts';
import type { DrimboxEvent } from '../events.ts';
import { lateCheckDelaysMs } from './delays.ts';
import { askForEntry } from './exchange-with-dmp.ts';
import type { PublicationPorts } from './ports.ts';

/** As many as are made: an order with more is not asked for again. */
export const maxChecks = lateCheckDelaysMs.length;

/** Checks that should have been made by now, of an order first sent then. */
const checksDueBy = (firstSentAtUtcMs: number, nowUtcMs: number): number =>
  lateCheckDelaysMs.filter((delayMs) => firstSentAtUtcMs + delayMs <= nowUtcMs).length;

/** It is what the DMP holds now: it replaced what was published, or nothing else is there. The next look goes on from it. */
const adopt = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: OrderHead,
  entryUuid: string,
): Promise<void> => {
  const atUtcMs = ports.clock();
  const { studyInstanceUid } = study;
  const event: DrimboxEvent = {
    name: 'dmp/late-arrival',
    studyInstanceUid,
    structureId: order.sender.structureId,
    detail: { order: order.id },
  };
  await ports.store.transaction(async (trx) => {
    await updateStudy(
      trx,
      study,
      { state: StudyState.published, reason: null, publishedSubmissionId: order.id },
      atUtcMs,
    );
    await adoptOrder(trx, order.id, entryUuid, atUtcMs);
    await saveEvents(trx, atUtcMs, [event]);
  });
  ports.emit(event);
};

/** Nothing else of ours is in the record; and nobody took ours out of it (decision C8). */
const isAllThereIs = (study: ArchivedStudy, given: OrderHead): boolean => {
  if (study.withdrawnAtUtcMs !== undefined) return false;
  const { publishedSubmissionId } = study;
  return publishedSubmissionId === undefined || given.previousSubmissionId === publishedSubmissionId;
};

/** A given-up order that arrived after all: taken as what is published, or to be taken out. */
export type LateArrival = { readonly kind: 'adopted' } | { readonly kind: 'unwanted'; readonly order: OrderHead };

/**
 * Asks for the given-up documents of the study: those whose next check is due, and every one when something is about to be
 * sent.
 *
 * @throws dmp/*, store/*: nothing may be sent for the study before this is known
 */
export const findLateArrival = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  isAboutToSend: boolean,
): Promise<LateArrival | undefined> => {
  const { knex } = ports.store;
  for (const given of await loadGivenUpOrders(knex, study.studyInstanceUid, maxChecks)) {
    const isDue = checksDueBy(given.firstSentAtUtcMs, ports.clock()) > given.lateChecks;
    if (!isDue && !isAboutToSend) continue;
    const entryUuid = await ports.exchanges.run(() => askForEntry(ports, given));
    if (entryUuid === undefined) {
      await saveLateChecks(knex, given.id, checksDueBy(given.firstSentAtUtcMs, ports.clock()));
      continue;
    }
    if (!isAllThereIs(study, given)) return { kind: 'unwanted', order: given };
    await adopt(ports, study, given, entryUuid);
    return { kind: 'adopted' };
  }
  return undefined;
};

/** When the DMP must be asked next for a given-up order of the study. */
export const nextLateCheckAt = async (ports: PublicationPorts, study: ArchivedStudy): Promise<number | undefined> => {
  const given = await loadGivenUpOrders(ports.store.knex, study.studyInstanceUid, maxChecks);
  const times = given.flatMap(({ firstSentAtUtcMs, lateChecks }) => {
    const delayMs = lateCheckDelaysMs[lateChecks];
    return delayMs === undefined ? [] : [firstSentAtUtcMs + delayMs];
  });
  return times.length === 0 ? undefined : Math.min(...times);
};
