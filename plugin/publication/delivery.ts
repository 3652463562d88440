/**
 * Brings one order to the DMP: ask first when an earlier attempt may have arrived, mark it as sent, send, write the answer
 * down. What the DMP took is never sent twice; what it surely did not take is sent again later (decisions C2, C7).
 */
import {
  countFailedAttempt,
  loadGivenUpDocuments,
  loadOrder,
  markOrderSent,
  saveAnswer,
  unmarkOrderSent,
  type Answer,
  type Order,
} from '../archive/index.ts';
import type { RegistryOutcome, Submission } from '../dmp/index.ts';
import { asDrimboxError, RetryClass, type DrimboxError, type ErrorCode, failureFields } from '../errors.ts';
import type { PublicationPorts } from './ports.ts';

export type Delivery =
  | { readonly kind: 'accepted'; readonly entryUuid?: string }
  /** The DMP said no for good. */
  | { readonly kind: 'refused'; readonly error: DrimboxError }
  /** To be tried again; `failures` so far. */
  | { readonly kind: 'postponed'; readonly error: DrimboxError; readonly failures: number };

const submissionOf = (order: Order): Submission => ({
  submissionSetUniqueId: order.submissionSetUid,
  documentUniqueId: order.documentUid,
  signatureUniqueId: order.signatureUid,
  submitObjectsRequest: order.metadata,
  kos: order.kos,
  signature: order.signature,
});

const keepAnswer = async (ports: PublicationPorts, order: Order, answer: Answer): Promise<void> =>
  saveAnswer(ports.store.knex, order.id, answer, ports.clock());

/** Entry of a document in the DMP, asked by its uniqueId; the answer is archived. */
const askForEntry = async (ports: PublicationPorts, order: Order, documentUid: string): Promise<string | undefined> => {
  const found = await ports.dmp.findEntryUuid(documentUid, order.sender).catch((cause: unknown) => {
    const error = asDrimboxError(cause);
    // "Unknown document" told as an error is the answer that there is none.
    if (error.code === 'dmp/document-unknown') return { kind: 'absent', answer: error.code } as const;
    throw error;
  });
  await keepAnswer(ports, order, {
    transaction: 'ITI-18',
    outcome: 'success',
    body: found.answer,
  });
  return found.kind === 'found' ? found.entryUuid : undefined;
};

const outcomeOf = (outcome: RegistryOutcome): Answer['outcome'] => (outcome.kind === 'success' ? 'success' : 'refused');

/**
 * The entry that this order replaces: a given-up order of ours that arrived after all, else what was published before.
 * Without the first, a study could stand twice in the record.
 */
const askForReplaced = async (ports: PublicationPorts, order: Order): Promise<string | undefined> => {
  const { knex } = ports.store;
  const previousId = order.previousSubmissionId;
  const previous = previousId === undefined ? undefined : await loadOrder(knex, previousId);
  const givenUp = await loadGivenUpDocuments(knex, order.studyInstanceUid, previousId ?? 0);
  for (const documentUid of [...givenUp, ...(previous === undefined ? [] : [previous.documentUid])]) {
    const entryUuid = await askForEntry(ports, order, documentUid);
    if (entryUuid !== undefined) return entryUuid;
  }
  return undefined;
};

const register = async (ports: PublicationPorts, order: Order): Promise<RegistryOutcome> => {
  const replacesEntryUuid = await askForReplaced(ports, order);
  await markOrderSent(ports.store.knex, order.id, ports.clock());
  const outcome = await ports.dmp.provideAndRegister(submissionOf(order), {
    vihf: order.sender,
    ...(replacesEntryUuid === undefined ? {} : { replacesEntryUuid }),
  });
  await keepAnswer(ports, order, {
    transaction: 'ITI-41',
    outcome: outcomeOf(outcome),
    body: outcome.answer,
    ...(outcome.kind === 'refused' ? { errorCode: outcome.error.code } : {}),
  });
  return outcome;
};

const remove = async (ports: PublicationPorts, order: Order): Promise<RegistryOutcome | 'gone'> => {
  const entryUuid = await askForEntry(ports, order, order.documentUid);
  if (entryUuid === undefined) return 'gone';
  await markOrderSent(ports.store.knex, order.id, ports.clock());
  const deletion = { submissionSetUniqueId: order.submissionSetUid, submitObjectsRequest: order.metadata };
  const outcome = await ports.dmp.deleteDocument(deletion, { vihf: order.sender, entryUuid });
  await keepAnswer(ports, order, {
    transaction: 'ITI-57',
    outcome: outcomeOf(outcome),
    body: outcome.answer,
    ...(outcome.kind === 'refused' ? { errorCode: outcome.error.code } : {}),
  });
  return outcome;
};

/** Refusals after which the DMP may hold the document all the same: our own bytes sent twice, or part of the set. */
const mayHaveArrived: readonly ErrorCode[] = ['dmp/document-duplicate', 'dmp/partial-success'];

/** "Duplicate" for our own bytes is success (decision C2): the DMP itself says so when asked. */
const settleRefusal = async (ports: PublicationPorts, order: Order, error: DrimboxError): Promise<Delivery> => {
  if (mayHaveArrived.includes(error.code) && order.kind !== 'delete') {
    const entryUuid = await askForEntry(ports, order, order.documentUid);
    if (entryUuid !== undefined) return { kind: 'accepted', entryUuid };
  }
  await unmarkOrderSent(ports.store.knex, order.id);
  return { kind: 'refused', error };
};

const transactionsOfDmp = { 'TD2.1': 'ITI-41', 'TD3.1': 'ITI-18', 'TD3.3c': 'ITI-57' } as const;

/** Whatever the DMP answered before an error is archived with it. */
const keepFailure = async (ports: PublicationPorts, order: Order, error: DrimboxError): Promise<void> => {
  const exchange = ports.exchanges.last();
  if (exchange?.error === undefined) return;
  await keepAnswer(ports, order, {
    transaction: transactionsOfDmp[exchange.transaction],
    outcome: 'failed',
    errorCode: error.code,
    body: exchange.answer ?? '',
  });
};

const fail = async (ports: PublicationPorts, order: Order, cause: unknown): Promise<Delivery> => {
  const error = asDrimboxError(cause);
  await keepFailure(ports, order, error);
  if (error.code === 'general/internal')
    ports.log.error({ ...failureFields(cause), order: order.id }, 'delivery failed');
  // Only the DMP's own words say that it did not take it: a failure of ours may have come after its yes.
  if (error.retry === RetryClass.transient && error.code.startsWith('dmp/')) {
    await unmarkOrderSent(ports.store.knex, order.id);
  }
  if (error.retry === RetryClass.permanent && !error.code.startsWith('store/'))
    return settleRefusal(ports, order, error);
  const failures = await countFailedAttempt(ports.store.knex, order.id);
  return { kind: 'postponed', error, failures };
};

/**
 * After an attempt with unknown outcome: did it arrive? A deletion arrived when its document is gone.
 *
 * @returns `not-sent` when the DMP does not have it: the mark is taken back
 */
export const findOut = async (
  ports: PublicationPorts,
  order: Order,
): Promise<Delivery | { readonly kind: 'not-sent' }> => {
  try {
    const entryUuid = await askForEntry(ports, order, order.documentUid);
    if (order.kind === 'delete' ? entryUuid === undefined : entryUuid !== undefined) {
      return { kind: 'accepted', ...(entryUuid === undefined ? {} : { entryUuid }) };
    }
    await unmarkOrderSent(ports.store.knex, order.id);
    return { kind: 'not-sent' };
  } catch (cause) {
    const failures = await countFailedAttempt(ports.store.knex, order.id);
    return { kind: 'postponed', error: asDrimboxError(cause), failures };
  }
};

/**
 * @returns what became of this attempt
 * @throws store/unavailable — nothing is known to be written then: the lease ends and the order is taken up again
 */
export const deliver = (ports: PublicationPorts, order: Order): Promise<Delivery> =>
  ports.exchanges.run(() => deliverOnce(ports, order));

const deliverOnce = async (ports: PublicationPorts, order: Order): Promise<Delivery> => {
  try {
    const outcome = order.kind === 'delete' ? await remove(ports, order) : await register(ports, order);
    if (outcome === 'gone' || outcome.kind === 'success') return { kind: 'accepted' };
    if (outcome.error.retry === RetryClass.permanent) return await settleRefusal(ports, order, outcome.error);
    return await fail(ports, order, outcome.error);
  } catch (cause) {
    return fail(ports, order, cause);
  }
};
