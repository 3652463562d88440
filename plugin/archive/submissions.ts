/**
 * Orders to the DMP and what became of them. The bytes of an order are fixed when it is created: a retry sends the same
 * (decision C2). At most one order per study is open; settled orders stay for good.
 */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import type { VihfSubject } from '../dmp/index.ts';
import type { ManifestContent } from '../kos/index.ts';
import type { ArchivedStudy } from './studies.ts';

export type OrderKind = 'publish' | 'replace' | 'delete';
/**
 * Why an order was made: a report (new, replaced, hidden, deleted); a change in the PACS; the same, confirmed by an
 * administrator; a correction of ours — a document in the record of another patient, or one that arrived late.
 */
export type OrderCause = 'report' | 'pacs' | 'administrator' | 'correction';
/** Where the archive has a manifest from: an order of its own, an imported archive (XDM), a single file. */
export type OrderOrigin = 'order' | 'xdm' | 'file';
export type OrderState = 'open' | 'accepted' | 'refused' | 'superseded';

export interface NewOrder {
  readonly studyInstanceUid: string;
  readonly kind: OrderKind;
  readonly cause: OrderCause;
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
  readonly origin: OrderOrigin;
  readonly state: OrderState;
  readonly createdAtUtcMs: number;
  /** Set before the first byte leaves: from then on the DMP may have it. */
  readonly sentAtUtcMs?: number;
  readonly settledAtUtcMs?: number;
  readonly failedAttempts: number;
  /** No attempt before, after one that failed. */
  readonly nextAttemptAtUtcMs?: number;
  readonly entryUuid?: string;
}

interface OrderRow {
  readonly id: number;
  readonly study_uid: string;
  readonly kind: OrderKind;
  readonly cause: OrderCause;
  readonly origin: OrderOrigin;
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
  readonly next_attempt_at_utc_ms: number | null;
  readonly first_sent_at_utc_ms: number | null;
  readonly late_checks: number;
  readonly entry_uuid: string | null;
}

const fromRow = (row: OrderRow): Order => ({
  id: Number(row.id),
  studyInstanceUid: row.study_uid,
  kind: row.kind,
  cause: row.cause,
  origin: row.origin,
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
  ...(row.next_attempt_at_utc_ms === null ? {} : { nextAttemptAtUtcMs: Number(row.next_attempt_at_utc_ms) }),
  ...(row.sent_at_utc_ms === null ? {} : { sentAtUtcMs: Number(row.sent_at_utc_ms) }),
  ...(row.settled_at_utc_ms === null ? {} : { settledAtUtcMs: Number(row.settled_at_utc_ms) }),
  ...(row.entry_uuid === null ? {} : { entryUuid: row.entry_uuid }),
});

export const saveOrder = async (trx: Knex.Transaction, order: NewOrder, atUtcMs: number): Promise<Order> => {
  const [row] = await trx('submission')
    .insert({
      study_uid: order.studyInstanceUid,
      kind: order.kind,
      cause: order.cause,
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

/** With its bytes. */
export const loadOrder = async (knex: Knex, id: number): Promise<Order | undefined> => {
  const row: OrderRow | undefined = await knex('submission').where({ id }).first('*');
  return row === undefined ? undefined : fromRow(row);
};

/** What is compared and shown of an order, without its bytes. */
export type OrderHead = Pick<
  Order,
  | 'id'
  | 'kind'
  | 'cause'
  | 'origin'
  | 'state'
  | 'reportId'
  | 'previousSubmissionId'
  | 'version'
  | 'fingerprint'
  | 'structureId'
  | 'documentUid'
  | 'sender'
  | 'studyInstanceUid'
>;

const headColumns = [
  'id',
  'kind',
  'cause',
  'origin',
  'state',
  'report_id',
  'previous_submission_id',
  'version',
  'fingerprint',
  'structure_id',
  'document_uid',
  'sender',
  'study_uid',
];

const toHead = (row: OrderRow): OrderHead => ({
  id: Number(row.id),
  kind: row.kind,
  cause: row.cause,
  origin: row.origin,
  state: row.state,
  reportId: row.report_id === null ? undefined : Number(row.report_id),
  previousSubmissionId: row.previous_submission_id === null ? undefined : Number(row.previous_submission_id),
  version: row.version,
  fingerprint: row.fingerprint,
  structureId: row.structure_id,
  documentUid: row.document_uid,
  sender: row.sender,
  studyInstanceUid: row.study_uid,
});

export const loadOrderHead = async (knex: Knex, id: number): Promise<OrderHead | undefined> => {
  const row: OrderRow | undefined = await knex('submission').where({ id }).first(headColumns);
  return row === undefined ? undefined : toHead(row);
};

/** What the DMP holds, and which report it accompanies. */
export interface PublishedHead extends OrderHead {
  /** Key of the document that the report is; absent for a manifest that was loaded from a file. */
  readonly reportKey?: string;
}

export const loadPublishedHead = async (knex: Knex, id: number): Promise<PublishedHead | undefined> => {
  const row: (OrderRow & { report_key: string | null }) | undefined = await knex('submission')
    .leftJoin('report', 'report.id', 'submission.report_id')
    .where('submission.id', id)
    .first([...headColumns.map((column) => `submission.${column}`), 'report.document_key as report_key']);
  if (row === undefined) return undefined;
  return { ...toHead(row), ...(row.report_key === null ? {} : { reportKey: row.report_key }) };
};

/** An open order of a study that is leased to who asks. */
const heldOrder = (knex: Knex, order: Order, study: ArchivedStudy): Knex.QueryBuilder =>
  knex('submission')
    .where({ id: order.id, state: 'open' })
    .whereExists(
      knex('study')
        .whereRaw('study.study_uid = submission.study_uid')
        .where('lease_token', study.leaseToken ?? ''),
    );

/**
 * Writes down, before the first byte leaves, that the DMP may have it from now on.
 *
 * @returns false when it must not leave: a report came since the study was looked at (replaced, hidden, deleted), or, for
 *   what the PACS caused, anything at all; it must be looked at again first. Images that stream in do not hold back a report
 * @throws store/lease-lost
 */
export const markOrderSent = async (
  knex: Knex,
  order: Order,
  study: ArchivedStudy,
  atUtcMs: number,
): Promise<boolean> => {
  const ofPacs = order.cause === 'pacs' || order.cause === 'administrator';
  const unmoved = ofPacs ? { look_number: study.lookNumber } : { report_number: study.reportNumber };
  const changed: number = await heldOrder(knex, order, study)
    .whereExists(knex('study').whereRaw('study.study_uid = submission.study_uid').where(unmoved))
    .update({
      sent_at_utc_ms: atUtcMs,
      first_sent_at_utc_ms: knex.raw('COALESCE(first_sent_at_utc_ms, ?::bigint)', [atUtcMs]),
    });
  if (changed > 0) return true;
  const still: unknown = await heldOrder(knex, order, study).first('id');
  if (still !== undefined) return false;
  throw new DrimboxError('store/lease-lost', { context: { order: order.id } });
};

/** Takes the mark back: the peer surely did not take it. Not when another has taken the study over. */
export const unmarkOrderSent = async (knex: Knex, order: Order, study: ArchivedStudy): Promise<void> => {
  await heldOrder(knex, order, study).update({ sent_at_utc_ms: null });
};

/** An order that was given up after it had left: the DMP said that it had nothing, but it may still arrive. */
export interface GivenUpOrder extends OrderHead {
  readonly firstSentAtUtcMs: number;
  /** How often the DMP was asked since. */
  readonly lateChecks: number;
}

/** Given-up orders of a study that were asked for less than `maxChecks` times, oldest first. */
export const loadGivenUpOrders = async (
  knex: Knex,
  studyInstanceUid: string,
  maxChecks: number,
): Promise<readonly GivenUpOrder[]> => {
  const rows: OrderRow[] = await knex('submission')
    .where({ study_uid: studyInstanceUid, state: 'superseded' })
    .whereNot('kind', 'delete')
    .whereNotNull('first_sent_at_utc_ms')
    .where('late_checks', '<', maxChecks)
    .orderBy('id')
    .select([...headColumns, 'first_sent_at_utc_ms', 'late_checks']);
  return rows.map((row) => ({
    ...toHead(row),
    firstSentAtUtcMs: Number(row.first_sent_at_utc_ms),
    lateChecks: row.late_checks,
  }));
};

/** Writes down how often the DMP was asked for a given-up order. */
export const saveLateChecks = async (knex: Knex, id: number, checks: number): Promise<void> => {
  await knex('submission').where({ id }).update({ late_checks: checks });
};

/** A given-up order arrived all the same and is what the DMP holds: it counts as accepted. */
export const adoptOrder = async (
  trx: Knex.Transaction,
  id: number,
  entryUuid: string,
  atUtcMs: number,
): Promise<void> => {
  await trx('submission')
    .where({ id, state: 'superseded' })
    .update({ state: 'accepted', entry_uuid: entryUuid, settled_at_utc_ms: atUtcMs });
};

/** Why the last attempt of an order failed or was refused. */
export const loadLastFailure = async (knex: Knex, id: number): Promise<ErrorCode | undefined> => {
  const row: { error_code: ErrorCode } | undefined = await knex('answer')
    .where({ submission_id: id })
    .whereNotNull('error_code')
    .orderBy('id', 'desc')
    .first('error_code');
  return row?.error_code;
};

/** Lets the open orders of these studies be tried at once: a report came that must not wait for them. */
export const releaseOrdersOf = async (trx: Knex.Transaction, studies: readonly string[]): Promise<void> => {
  await trx('submission')
    .where({ state: 'open' })
    .whereIn('study_uid', [...studies])
    .update({ next_attempt_at_utc_ms: null });
};

/** When the next attempt of an order may be made, and how many failed. */
export const saveFailedAttempt = async (
  knex: Knex,
  id: number,
  failedAttempts: number,
  nextAttemptAtUtcMs: number,
): Promise<void> => {
  await knex('submission')
    .where({ id })
    .update({ failed_attempts: failedAttempts, next_attempt_at_utc_ms: Math.ceil(nextAttemptAtUtcMs) });
};

/** @throws store/lease-lost — it was settled by somebody else: the transaction must roll back */
export const settleOrder = async (
  trx: Knex.Transaction,
  id: number,
  state: Exclude<OrderState, 'open'>,
  atUtcMs: number,
  entryUuid?: string,
): Promise<void> => {
  const changed = await trx('submission')
    .where({ id, state: 'open' })
    .update({ state, settled_at_utc_ms: atUtcMs, ...(entryUuid === undefined ? {} : { entry_uuid: entryUuid }) });
  if (changed === 0) throw new DrimboxError('store/lease-lost', { context: { order: id } });
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
    // PostgreSQL keeps no U+0000 in a text.
    body: answer.body.replaceAll('\u0000', ''),
  });
};

/** Deletions that the PACS caused since then, other than those an administrator confirmed (decision D3). */
export const countPacsDeletions = async (knex: Knex, sinceUtcMs: number): Promise<number> => {
  const row: { count?: number | string } | undefined = await knex('submission')
    .where({ kind: 'delete', cause: 'pacs' })
    .whereNot('state', 'superseded')
    .where('created_at_utc_ms', '>', sinceUtcMs)
    .count('* as count')
    .first();
  return Number(row?.count ?? 0);
};
