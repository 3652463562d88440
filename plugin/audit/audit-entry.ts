/**
 * One transaction as the audit keeps it: who, what, when, about whom, with which result.
 *
 * @see facts/spec.md b.17 (safest record) · decisions A6, E4
 */
import type { ErrorCode } from '../errors.ts';
import type { InsIdentifier } from '../standards/index.ts';

/** What was asked of this DRIMbox. The viewer and the consumer add theirs. */
export const AuditTransaction = {
  wadoRs: 'wado-rs',
  /** The link of a report: an examination is opened, or is not. */
  reportLink: 'report-link',
  /** The examination as a file. */
  viewerDownload: 'viewer-download',
} as const;
export type AuditTransaction = (typeof AuditTransaction)[keyof typeof AuditTransaction];

export const AuditOutcome = {
  underWay: 'under-way',
  served: 'served',
  /** Some parts failed; the others were served. */
  partial: 'partial',
  refused: 'refused',
  failed: 'failed',
  /** Whoever asked went away. */
  cancelled: 'cancelled',
  /** The process that served it is gone; how much had left is not known. */
  interrupted: 'interrupted',
} as const;
export type AuditOutcome = (typeof AuditOutcome)[keyof typeof AuditOutcome];

/** Known when the request was read; whatever is absent was not known then. Texts may be what a stranger wrote. */
export interface AuditEntry {
  readonly transaction: AuditTransaction;
  readonly correlationId: string;
  /** Where the connection comes from. */
  readonly address: string;
  /** Subject of the client certificate. */
  readonly peerSubject?: string;
  /** Entry of the whitelist that it matched. */
  readonly peerEntry?: string;
  /** National identifier of the professional (Pro Santé Connect). */
  readonly actorNationalId?: string;
  /** Pseudonym of a patient at FranceConnect+ (`sub`). */
  readonly actorSubject?: string;
  /** `azp` of the token; for a link of a report the service that signed in. */
  readonly actorClient?: string;
  readonly patient?: InsIdentifier;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly kosSopInstanceUid?: string;
  /** `study`, `series`, `instance`; with `/metadata` where only that was asked for. */
  readonly level?: string;
  /** What the requester accepts, as it wrote it. */
  readonly accept?: string;
}

export interface AuditResult {
  readonly outcome: Exclude<AuditOutcome, 'under-way' | 'interrupted'>;
  readonly httpStatus: number;
  readonly reasonCode?: ErrorCode;
  /** Objects that left whole. */
  readonly objects?: number;
  /** Bytes of the answer's body that were handed to the connection. */
  readonly bytes?: number;
  /** Transfer syntax → objects that left in it. */
  readonly syntaxes?: Readonly<Record<string, number>>;
  readonly firstByteMs?: number;
}

/** Longest text that is kept; of the UIDs and ids of an honest request none is cut. */
const maxText = 256;
const maxAcceptText = 1_000;

/** What breaks a line or turns its direction. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu;

/** PostgreSQL keeps no U+0000 and no half of a surrogate pair: a stranger's text must never fail the row. */
const kept = (text: string, most = maxText): string => text.slice(0, most).replaceAll(unsafe, ' ').toWellFormed();

const orNull = (text: string | undefined, most?: number): string | null =>
  text === undefined ? null : kept(text, most);

const integer = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : Math.min(Math.max(Math.round(value), 0), 2_147_483_647);

export const toEntryRow = (entry: AuditEntry, atUtcMs: number) => ({
  at_utc_ms: atUtcMs,
  transaction: entry.transaction,
  correlation_id: kept(entry.correlationId),
  address: kept(entry.address),
  peer_subject: orNull(entry.peerSubject, maxAcceptText),
  peer_entry: orNull(entry.peerEntry),
  actor_national_id: orNull(entry.actorNationalId),
  actor_subject: orNull(entry.actorSubject),
  actor_client: orNull(entry.actorClient),
  patient_ins: orNull(entry.patient?.value),
  patient_ins_oid: orNull(entry.patient?.oid),
  study_uid: orNull(entry.studyInstanceUid),
  series_uid: orNull(entry.seriesInstanceUid),
  sop_uid: orNull(entry.sopInstanceUid),
  kos_uid: orNull(entry.kosSopInstanceUid),
  level: orNull(entry.level),
  accept: orNull(entry.accept, maxAcceptText),
});

export const toResultRow = (result: AuditResult, startedAtUtcMs: number, atUtcMs: number) => ({
  finished_at_utc_ms: atUtcMs,
  outcome: result.outcome,
  http_status: integer(result.httpStatus),
  reason_code: result.reasonCode ?? null,
  objects: integer(result.objects) ?? 0,
  bytes: Math.max(Math.round(result.bytes ?? 0), 0),
  syntaxes: JSON.stringify(result.syntaxes ?? {}),
  first_byte_ms: integer(result.firstByteMs),
  duration_ms: integer(atUtcMs - startedAtUtcMs),
  lease_until_utc_ms: null,
});
