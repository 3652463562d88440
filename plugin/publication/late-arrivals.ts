/**
 * Orders that were given up after they had left. The DMP said that it had nothing, but a request may still be on its way
 * through it: a document that nobody wants would then stay in the patient's record. So the DMP is asked again, before
 * anything else is sent for the study and some times after; what arrived late is taken out.
 */
import { loadGivenUpOrders, saveEvents, saveLateChecks, type ArchivedStudy, type OrderHead } from '../archive/index.ts';
import type { DrimboxEvent } from '../events.ts';
import { lateCheckDelaysMs } from './delays.ts';
import { askForEntry } from './exchange-with-dmp.ts';
import type { PublicationPorts } from './ports.ts';

const maxChecks = lateCheckDelaysMs.length;

/** Checks that should have been made by now, of an order first sent then. */
const checksDueBy = (firstSentAtUtcMs: number, nowUtcMs: number): number =>
  lateCheckDelaysMs.filter((delayMs) => firstSentAtUtcMs + delayMs <= nowUtcMs).length;

/**
 * Asks for the given-up documents of the study: those whose next check is due, and every one when something is about to be
 * sent.
 *
 * @returns the first order that arrived after all: its document is to be deleted
 * @throws dmp/*, store/*: nothing may be sent for the study before this is known
 */
export const findLateArrival = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  isAboutToSend: boolean,
): Promise<OrderHead | undefined> => {
  const { knex } = ports.store;
  for (const given of await loadGivenUpOrders(knex, study.studyInstanceUid, maxChecks)) {
    const isDue = checksDueBy(given.firstSentAtUtcMs, ports.clock()) > given.lateChecks;
    if (!isDue && !isAboutToSend) continue;
    const entryUuid = await ports.exchanges.run(() => askForEntry(ports, given));
    const now = ports.clock();
    if (entryUuid === undefined) {
      await saveLateChecks(knex, given.id, checksDueBy(given.firstSentAtUtcMs, now));
      continue;
    }
    await saveLateChecks(knex, given.id, maxChecks);
    const event: DrimboxEvent = {
      name: 'dmp/late-arrival',
      studyInstanceUid: study.studyInstanceUid,
      structureId: given.sender.structureId,
      detail: { order: given.id },
    };
    await saveEvents(knex, now, [event]);
    ports.emit(event);
    return given;
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
