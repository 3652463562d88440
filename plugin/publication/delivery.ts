/**
 * Brings one order to the DMP: ask first when an earlier attempt may have arrived, mark it as sent, send, write the answer
 * down. What the DMP took is never sent twice; what it surely did not take is sent again later (decisions C2, C7, C8).
 */
import {
  loadOrderHead,
  markOrderSent,
  unmarkOrderSent,
  type ArchivedStudy,
  type Order,
  type OrderHead,
} from '../archive/index.ts';
import type { RegistryOutcome } from '../dmp/index.ts';
import { asDrimboxError, RetryClass, type DrimboxError, type ErrorCode, failureFields } from '../errors.ts';
import { asStoreError } from '../store/index.ts';
import { askForEntry, keepFailure, register, remove } from './exchange-with-dmp.ts';
import type { PublicationPorts } from './ports.ts';

export type Delivery =
  | { readonly kind: 'accepted'; readonly entryUuid?: string }
  /** The DMP said no for good. */
  | { readonly kind: 'refused'; readonly error: DrimboxError }
  /** To be tried again. `isBlocked`: every order of the structure fails alike until somebody acts. */
  | { readonly kind: 'postponed'; readonly error: DrimboxError; readonly isBlocked: boolean }
  /** Something happened to the study meanwhile: look again before anything leaves. */
  | { readonly kind: 'overtaken' }
  /** The document to be replaced for the PACS's sake is no longer in the DMP (decision C8). */
  | { readonly kind: 'withdrawn' };

/** Refusals that say nothing of the document: the certificate, the structure or the connection is wrong. */
const blockingCodes: readonly ErrorCode[] = [
  'dmp/tls-refused',
  'dmp/certificate-refused',
  'dmp/certificate-unreadable',
  'dmp/structure-refused',
  'publication/structure-unconfigured',
];

/** Refusals after which the DMP may hold the document all the same: our own bytes sent twice, or part of the set. */
const mayHaveArrived: readonly ErrorCode[] = ['dmp/document-duplicate', 'dmp/partial-success'];

const postponed = (error: DrimboxError): Delivery => ({
  kind: 'postponed',
  error,
  isBlocked: blockingCodes.includes(error.code),
});

/** The question could not be answered: nothing is known of the order, whatever class the failure of the question has. */
const postponeQuestion = async (ports: PublicationPorts, order: Order, cause: unknown): Promise<Delivery> => {
  const error = asDrimboxError(asStoreError(cause));
  if (error.code.startsWith('store/')) throw error;
  await keepFailure(ports, order, error);
  return postponed(error);
};

/** "Duplicate" for our own bytes is success (decision C2): the DMP itself says so when asked. */
const settleRefusal = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  error: DrimboxError,
): Promise<Delivery> => {
  if (mayHaveArrived.includes(error.code) && order.kind !== 'delete') {
    let entryUuid: string | undefined;
    try {
      entryUuid = await askForEntry(ports, order);
    } catch (cause) {
      return postponeQuestion(ports, order, cause);
    }
    if (entryUuid !== undefined) return { kind: 'accepted', entryUuid };
  }
  await unmarkOrderSent(ports.store.knex, order, study);
  return blockingCodes.includes(error.code) ? postponed(error) : { kind: 'refused', error };
};

const fail = async (ports: PublicationPorts, study: ArchivedStudy, order: Order, cause: unknown): Promise<Delivery> => {
  const error = asDrimboxError(asStoreError(cause));
  if (error.code.startsWith('store/')) throw error;
  await keepFailure(ports, order, error);
  if (error.code === 'general/internal') {
    ports.log.error({ ...failureFields(cause), order: order.id }, 'delivery failed');
  }
  // Only the DMP's own words say that it did not take it: a failure of ours may have come after its yes.
  if (!error.code.startsWith('dmp/') && !error.code.startsWith('publication/')) return postponed(error);
  if (error.retry === RetryClass.transient) await unmarkOrderSent(ports.store.knex, order, study);
  return error.retry === RetryClass.permanent ? settleRefusal(ports, study, order, error) : postponed(error);
};

/** The entry to replace: `nothing` for a publication, `gone` when the DMP no longer has what was published. */
const findReplaced = async (
  ports: PublicationPorts,
  order: Order,
): Promise<{ kind: 'nothing' } | { kind: 'gone'; previous: OrderHead } | { kind: 'entry'; entryUuid: string }> => {
  if (order.previousSubmissionId === undefined) return { kind: 'nothing' };
  const previous = await loadOrderHead(ports.store.knex, order.previousSubmissionId);
  if (previous === undefined) return { kind: 'nothing' };
  // What was imported came without VIHF, what was loaded from a file is somebody else's: our own name asks for it.
  const asked = previous.origin !== 'order' ? { ...previous, sender: order.sender } : previous;
  const entryUuid = await askForEntry(ports, asked);
  return entryUuid === undefined ? { kind: 'gone', previous } : { kind: 'entry', entryUuid };
};

const outcomeOf = (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  outcome: RegistryOutcome,
): Promise<Delivery> | Delivery =>
  outcome.kind === 'success' ? { kind: 'accepted' } : settleRefusal(ports, study, order, outcome.error);

const sendManifest = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<Delivery> => {
  const replaced = await findReplaced(ports, order);
  // Only a new report publishes again what somebody took out of the DMP.
  if (replaced.kind === 'gone' && replaced.previous.reportId === order.reportId) return { kind: 'withdrawn' };
  if (!(await markOrderSent(ports.store.knex, order, study, ports.clock()))) return { kind: 'overtaken' };
  const entryUuid = replaced.kind === 'entry' ? replaced.entryUuid : undefined;
  return outcomeOf(ports, study, order, await register(ports, order, entryUuid));
};

const sendDeletion = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<Delivery> => {
  const entryUuid = await askForEntry(ports, order);
  if (entryUuid === undefined) return { kind: 'accepted' };
  if (!(await markOrderSent(ports.store.knex, order, study, ports.clock()))) return { kind: 'overtaken' };
  return outcomeOf(ports, study, order, await remove(ports, order, entryUuid));
};

/**
 * One attempt of an order that has surely not arrived.
 *
 * @throws store/*: nothing is known to be written then; the order is taken up again at the next look
 */
export const deliver = (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<Delivery> =>
  ports.exchanges.run(async () => {
    try {
      return order.kind === 'delete'
        ? await sendDeletion(ports, study, order)
        : await sendManifest(ports, study, order);
    } catch (cause) {
      return fail(ports, study, order, cause);
    }
  });

/**
 * After an attempt with unknown outcome: did it arrive? A deletion arrived when its document is gone. "There is none" is
 * believed only some time after the attempt: the DMP may still be at work on it.
 *
 * @returns `not-sent` when the DMP does not have it: the mark is taken back
 * @throws store/*
 */
export const findOut = (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
): Promise<Delivery | { readonly kind: 'not-sent' } | { readonly kind: 'too-early'; readonly untilUtcMs: number }> =>
  ports.exchanges.run(async () => {
    try {
      const entryUuid = await askForEntry(ports, order);
      const hasArrived = order.kind === 'delete' ? entryUuid === undefined : entryUuid !== undefined;
      if (hasArrived) return { kind: 'accepted', ...(entryUuid === undefined ? {} : { entryUuid }) };
      const untilUtcMs = (order.sentAtUtcMs ?? 0) + ports.options.ambiguousDelaySeconds * 1000;
      if (ports.clock() < untilUtcMs) return { kind: 'too-early', untilUtcMs };
      await unmarkOrderSent(ports.store.knex, order, study);
      return { kind: 'not-sent' };
    } catch (cause) {
      return postponeQuestion(ports, order, cause);
    }
  });
