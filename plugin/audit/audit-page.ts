/** Reads the audit, page by page, oldest first. */
import type { Knex } from 'knex';
import type { AuditOutcome } from './audit-entry.ts';

/** One row as a person or a program reads it; what was not known, or was erased, is absent. */
export interface AuditLine {
  readonly id: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly finishedAt?: string;
  readonly transaction: string;
  readonly outcome: AuditOutcome;
  readonly httpStatus?: number;
  readonly reason?: string;
  readonly correlation?: string;
  readonly address?: string;
  /** Subject of the client certificate. */
  readonly peer?: string;
  readonly peerEntry?: string;
  readonly professional?: string;
  /** Pseudonym of a patient at FranceConnect+. */
  readonly subject?: string;
  readonly client?: string;
  readonly ins?: string;
  readonly insOid?: string;
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
  readonly manifest?: string;
  readonly level?: string;
  readonly accept?: string;
  readonly objects: number;
  readonly bytes: number;
  readonly syntaxes: Readonly<Record<string, number>>;
  readonly firstByteMs?: number;
  readonly durationMs?: number;
  /** More than one: that many alike, counted in this row. */
  readonly count: number;
  /** Since then it names nobody any longer. */
  readonly erasedAt?: string;
}

export interface AuditFilter {
  /** From then on. */
  readonly fromUtcMs?: number;
  /** Before then. */
  readonly toUtcMs?: number;
  readonly studyInstanceUid?: string;
  /** National identifier, whole. */
  readonly professional?: string;
  /** Pseudonym of a patient at FranceConnect+, whole. */
  readonly subject?: string;
}

export interface AuditPage {
  readonly lines: readonly AuditLine[];
  /** Where the next page begins; absent after the last one. */
  readonly next?: { readonly afterId: number; readonly lastId: number };
}

interface AuditRow {
  readonly id: number;
  readonly at_utc_ms: number;
  readonly finished_at_utc_ms: number | null;
  readonly transaction: string;
  readonly outcome: AuditOutcome;
  readonly http_status: number | null;
  readonly reason_code: string | null;
  readonly correlation_id: string;
  readonly address: string;
  readonly peer_subject: string | null;
  readonly peer_entry: string | null;
  readonly actor_national_id: string | null;
  readonly actor_subject: string | null;
  readonly actor_client: string | null;
  readonly patient_ins: string | null;
  readonly patient_ins_oid: string | null;
  readonly study_uid: string | null;
  readonly series_uid: string | null;
  readonly sop_uid: string | null;
  readonly kos_uid: string | null;
  readonly level: string | null;
  readonly accept: string | null;
  readonly objects: number;
  readonly bytes: number;
  readonly syntaxes: Readonly<Record<string, number>>;
  readonly first_byte_ms: number | null;
  readonly duration_ms: number | null;
  readonly count: number;
  readonly erased_at_utc_ms: number | null;
}

type Present<Key extends string, Value> = { readonly [Name in Key]?: Value };

/** The key with its value, or nothing. */
const present = <Key extends string, Value>(key: Key, value: Value | null): Present<Key, Value> =>
  value === null || value === '' ? {} : ({ [key]: value } as Present<Key, Value>);

const instant = (utcMs: number | null): string | null =>
  utcMs === null ? null : new Date(Number(utcMs)).toISOString();

const lineOf = (row: AuditRow): AuditLine => ({
  id: Number(row.id),
  at: new Date(Number(row.at_utc_ms)).toISOString(),
  ...present('finishedAt', instant(row.finished_at_utc_ms)),
  transaction: row.transaction,
  outcome: row.outcome,
  ...present('httpStatus', row.http_status),
  ...present('reason', row.reason_code),
  ...present('correlation', row.correlation_id),
  ...present('address', row.address),
  ...present('peer', row.peer_subject),
  ...present('peerEntry', row.peer_entry),
  ...present('professional', row.actor_national_id),
  ...present('subject', row.actor_subject),
  ...present('client', row.actor_client),
  ...present('ins', row.patient_ins),
  ...present('insOid', row.patient_ins_oid),
  ...present('study', row.study_uid),
  ...present('series', row.series_uid),
  ...present('instance', row.sop_uid),
  ...present('manifest', row.kos_uid),
  ...present('level', row.level),
  ...present('accept', row.accept),
  objects: row.objects,
  bytes: Number(row.bytes),
  syntaxes: row.syntaxes,
  ...present('firstByteMs', row.first_byte_ms),
  ...present('durationMs', row.duration_ms),
  count: row.count,
  ...present('erasedAt', instant(row.erased_at_utc_ms)),
});

/** Ids between which the rows of that time lie, for later pages to look at nothing else. */
const boundsOf = async (knex: Knex, filter: AuditFilter): Promise<{ afterId: number; lastId: number }> => {
  const last = knex('audit').max('id as id');
  if (filter.toUtcMs !== undefined) last.where('at_utc_ms', '<', filter.toUtcMs);
  const lastId = idOf(await last) ?? 0;
  if (filter.fromUtcMs === undefined) return { afterId: 0, lastId };
  const firstId = idOf(await knex('audit').where('at_utc_ms', '>=', filter.fromUtcMs).min('id as id'));
  return { afterId: firstId === undefined ? lastId : firstId - 1, lastId };
};

const idOf = (rows: readonly { readonly id?: number | string | null }[]): number | undefined => {
  const id = rows[0]?.id;
  return id === null || id === undefined ? undefined : Number(id);
};

/**
 * One page. The last one ends where the audit ended when the first one was asked for.
 *
 * @param from  `next` of the page before; absent for the first page
 */
export const loadAuditPage = async (
  knex: Knex,
  filter: AuditFilter,
  limit: number,
  from?: AuditPage['next'],
): Promise<AuditPage> => {
  const { afterId, lastId } = from ?? (await boundsOf(knex, filter));
  const query = knex('audit').where('id', '>', afterId).where('id', '<=', lastId).orderBy('id').limit(limit);
  if (filter.studyInstanceUid !== undefined) query.where('study_uid', filter.studyInstanceUid);
  if (filter.professional !== undefined) query.where('actor_national_id', filter.professional);
  if (filter.subject !== undefined) query.where('actor_subject', filter.subject);
  if (filter.fromUtcMs !== undefined) query.where('at_utc_ms', '>=', filter.fromUtcMs);
  if (filter.toUtcMs !== undefined) query.where('at_utc_ms', '<', filter.toUtcMs);
  const rows: AuditRow[] = await query.select('*');
  const last = rows.at(-1);
  const lines = rows.map(lineOf);
  return last === undefined || rows.length < limit ? { lines } : { lines, next: { afterId: Number(last.id), lastId } };
};
