/**
 * Orders to the DMP and what became of them. The bytes of an order are fixed when it is created: a retry sends the same
 * (decision C2). At most one order per study is open; settled orders stay for good.
 */
import type { Knex } from 'knex';
import type { ErrorCode } from '../errors.ts';
import type { VihfSubject } from '../dmp/index.ts';
import type { ManifestContent } from '../kos/index.ts';

export type OrderKind = 'publish' | 'replace' | 'delete';
export type OrderState = 'open' | 'accepted' | 'refused' | 'superseded';

export interface NewOrder {
  readonly studyInstanceUid: string;
  readonly kind: OrderKind;
  readonly reportId: number | undefined;
  readonly previousSubmissionId: number | undefined;
  /** 1, then one more at each replacement: InstanceNumber of the manifest. */
  readonly version: number;
  /** Content fingerprint of what the DMP will hold (decision C1); empty for a deletion. */
  readonly fingerprint: string;
  readonly structureId: string;
  readonly documentUid: string;
  readonly submissionSetUid: string;
  readonly signatureUid: string;
  /** Who sends: everything the VIHF needs; it is signed anew at each attempt. */
  readonly sender: VihfSubject;
  readonly manifest: ManifestContent | Record<string, never>;
  /** SubmitObjectsRequest of the submission set and its entries. */
  readonly metadata: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Order extends NewOrder {
  readonly id: number;
  readonly state: OrderState;
  readonly createdAtUtcMs: number;
  /** Set before the first byte leaves: from then on the DMP may have it. */
  readonly sentAtUtcMs?: number;
  readonly settledAtUtcMs?: number;
  readonly failedAttempts: number;
  readonly entryUuid?: string;
}

interface OrderRow {
  readonly id: number;
  readonly study_uid: string;
  readonly kind: OrderKind;
  readonly state: OrderState;
  readonly report_id: number | null;
  readonly previous_submission_id: number | null;
  readonly version: number;
  readonly fingerprint: string;
  readonly structure_id: string;
  readonly document_uid: string;
  readonly submission_set_uid: string;
  readonly signature_uid: string;
  readonly sender: VihfSubject;
  readonly manifest: ManifestContent;
  readonly metadata: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
  readonly created_at_utc_ms: number;
  readonly sent_at_utc_ms: number | null;
  readonly settled_at_utc_ms: number | null;
  readonly failed_attempts: number;
  readonly entry_uuid: string | null;
}

const fromRow = (row: OrderRow): Order => ({
  id: Number(row.id),
  studyInstanceUid: row.study_uid,
  kind: row.kind,
  state: row.state,
  reportId: row.report_id === null ? undefined : Number(row.report_id),
  previousSubmissionId: row.previous_submission_id === null ? undefined : Number(row.previous_submission_id),
  version: row.version,
  fingerprint: row.fingerprint,
  structureId: row.structure_id,
  documentUid: row.document_uid,
  submissionSetUid: row.submission_set_uid,
  signatureUid: row.signature_uid,
  sender: row.sender,
  manifest: row.manifest,
  metadata: row.metadata,
  kos: row.kos,
  signature: row.signature,
  createdAtUtcMs: Number(row.created_at_utc_ms),
  failedAttempts: row.failed_attempts,
  ...(row.sent_at_utc_ms === null ? {} : { sentAtUtcMs: Number(row.sent_at_utc_ms) }),
  ...(row.settled_at_utc_ms === null ? {} : { settledAtUtcMs: Number(row.settled_at_utc_ms) }),
  ...(row.entry_uuid === null ? {} : { entryUuid: row.entry_uuid }),
});

export const saveOrder = async (trx: Knex.Transaction, order: NewOrder, atUtcMs: number): Promise<Order> => {
  const [row] = await trx('submission')
    .insert({
      study_uid: order.studyInstanceUid,
      kind: order.kind,
      state: 'open',
      report_id: order.reportId ?? null,
      previous_submission_id: order.previousSubmissionId ?? null,
      version: order.version,
      fingerprint: order.fingerprint,
      structure_id: order.structureId,
      document_uid: order.documentUid,
      submission_set_uid: order.submissionSetUid,
      signature_uid: order.signatureUid,
      sender: JSON.stringify(order.sender),
      manifest: JSON.stringify(order.manifest),
      metadata: order.metadata,
      kos: order.kos,
      signature: order.signature,
      created_at_utc_ms: atUtcMs,
    })
    .returning<OrderRow[]>('*');
  return fromRow(row as OrderRow);
};

export const loadOpenOrder = async (knex: Knex, studyInstanceUid: string): Promise<Order | undefined> => {
  const row: OrderRow | undefined = await knex('submission')
    .where({ study_uid: studyInstanceUid, state: 'open' })
    .first('*');
  return row === undefined ? undefined : fromRow(row);
};

export const loadOrder = async (knex: Knex, id: number): Promise<Order | undefined> => {
  const row: OrderRow | undefined = await knex('submission').where({ id }).first('*');
  return row === undefined ? undefined : fromRow(row);
};

/** The latest order of a study that the DMP refused for good, if nothing was accepted since. */
export const loadLastSettledOrder = async (knex: Knex, studyInstanceUid: string): Promise<Order | undefined> => {
  const row: OrderRow | undefined = await knex('submission')
    .where({ study_uid: studyInstanceUid })
    .whereNot('state', 'open')
    .orderBy('id', 'desc')
    .first('*');
  return row === undefined ? undefined : fromRow(row);
};

/** Writes down, before the first byte leaves, that the DMP may have it from now on. */
export const markOrderSent = async (knex: Knex, id: number, atUtcMs: number): Promise<void> => {
  await knex('submission')
    .where({ id })
    .update({
      sent_at_utc_ms: atUtcMs,
      first_sent_at_utc_ms: knex.raw('COALESCE(first_sent_at_utc_ms, ?::bigint)', [atUtcMs]),
    });
};

/** Takes the mark back: the peer surely did not take it. */
export const unmarkOrderSent = async (knex: Knex, id: number): Promise<void> => {
  await knex('submission').where({ id }).update({ sent_at_utc_ms: null });
};

/**
 * Documents of orders that were given up after they had left: the DMP said that it had none of them, but one may still have
 * arrived since. Newest first, and only those newer than what the DMP is known to hold.
 */
export const loadGivenUpDocuments = (
  knex: Knex,
  studyInstanceUid: string,
  newerThanId: number,
): Promise<readonly string[]> =>
  knex('submission')
    .where({ study_uid: studyInstanceUid, state: 'superseded' })
    .whereNot('kind', 'delete')
    .whereNotNull('first_sent_at_utc_ms')
    .where('id', '>', newerThanId)
    .orderBy('id', 'desc')
    .pluck('document_uid');

export const countFailedAttempt = async (knex: Knex, id: number): Promise<number> => {
  const [row] = await knex('submission')
    .where({ id })
    .increment('failed_attempts', 1)
    .returning<{ failed_attempts: number }[]>('failed_attempts');
  return row?.failed_attempts ?? 0;
};

export const settleOrder = async (
  trx: Knex.Transaction,
  id: number,
  state: Exclude<OrderState, 'open'>,
  atUtcMs: number,
  entryUuid?: string,
): Promise<void> => {
  await trx('submission')
    .where({ id, state: 'open' })
    .update({ state, settled_at_utc_ms: atUtcMs, ...(entryUuid === undefined ? {} : { entry_uuid: entryUuid }) });
};

export interface Answer {
  readonly transaction: 'ITI-41' | 'ITI-18' | 'ITI-57';
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly errorCode?: ErrorCode;
  readonly body: string;
}

export const saveAnswer = async (knex: Knex, submissionId: number, answer: Answer, atUtcMs: number): Promise<void> => {
  await knex('answer').insert({
    submission_id: submissionId,
    at_utc_ms: atUtcMs,
    transaction: answer.transaction,
    outcome: answer.outcome,
    error_code: answer.errorCode ?? null,
    body: answer.body,
  });
};
