/** One exchange of an order with the DMP, its answer archived. Decides nothing. */
import { saveAnswer, type Answer, type Order, type OrderHead } from '../archive/index.ts';
import type { RegistryOutcome, Submission } from '../dmp/index.ts';
import { asDrimboxError, type DrimboxError } from '../errors.ts';
import type { PublicationPorts } from './ports.ts';

const keepAnswer = (ports: PublicationPorts, order: OrderHead, answer: Answer): Promise<void> =>
  saveAnswer(ports.store.knex, order.id, answer, ports.clock());

const transactionsOfDmp = { 'TD2.1': 'ITI-41', 'TD3.1': 'ITI-18', 'TD3.3c': 'ITI-57' } as const;

/** Whatever the DMP answered before an error is archived with it. */
export const keepFailure = async (ports: PublicationPorts, order: OrderHead, error: DrimboxError): Promise<void> => {
  const exchange = ports.exchanges.last();
  if (exchange?.error === undefined) return;
  await keepAnswer(ports, order, {
    transaction: transactionsOfDmp[exchange.transaction],
    outcome: 'failed',
    errorCode: error.code,
    body: exchange.answer ?? '',
  });
};

/**
 * Asks for the entry of the document of an order, in the name of who sent it.
 *
 * @returns its entryUUID; undefined on the DMP's positive answer that there is none
 */
export const askForEntry = async (ports: PublicationPorts, order: OrderHead): Promise<string | undefined> => {
  const found = await ports.dmp.findEntryUuid(order.documentUid, order.sender).catch((cause: unknown) => {
    const error = asDrimboxError(cause);
    // "Unknown document" told as an error is the answer that there is none.
    if (error.code === 'dmp/document-unknown') return { kind: 'absent', answer: error.code } as const;
    throw error;
  });
  await keepAnswer(ports, order, { transaction: 'ITI-18', outcome: 'success', body: found.answer });
  return found.kind === 'found' ? found.entryUuid : undefined;
};

const keepOutcome = (
  ports: PublicationPorts,
  order: Order,
  transaction: Answer['transaction'],
  outcome: RegistryOutcome,
): Promise<void> =>
  keepAnswer(ports, order, {
    transaction,
    outcome: outcome.kind === 'success' ? 'success' : 'refused',
    body: outcome.answer,
    ...(outcome.kind === 'refused' ? { errorCode: outcome.error.code } : {}),
  });

const submissionOf = (order: Order): Submission => ({
  submissionSetUniqueId: order.submissionSetUid,
  documentUniqueId: order.documentUid,
  signatureUniqueId: order.signatureUid,
  submitObjectsRequest: order.metadata,
  kos: order.kos,
  signature: order.signature,
});

/** Publishes, or replaces when an entry is given. The order must have been marked as sent. */
export const register = async (
  ports: PublicationPorts,
  order: Order,
  replacesEntryUuid: string | undefined,
): Promise<RegistryOutcome> => {
  const outcome = await ports.dmp.provideAndRegister(submissionOf(order), {
    vihf: order.sender,
    ...(replacesEntryUuid === undefined ? {} : { replacesEntryUuid }),
  });
  await keepOutcome(ports, order, 'ITI-41', outcome);
  return outcome;
};

/** Takes an entry out of the DMP. The order must have been marked as sent. */
export const remove = async (ports: PublicationPorts, order: Order, entryUuid: string): Promise<RegistryOutcome> => {
  const deletion = { submissionSetUniqueId: order.submissionSetUid, submitObjectsRequest: order.metadata };
  const outcome = await ports.dmp.deleteDocument(deletion, { vihf: order.sender, entryUuid });
  await keepOutcome(ports, order, 'ITI-57', outcome);
  return outcome;
};
