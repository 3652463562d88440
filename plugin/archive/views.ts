/**
 * What the command line shows of the archive. The list names studies by UID only; the detail of one study is for an
 * administrator of the archive and may carry identities in the documents it can export.
 */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { loadJournal } from './journal.ts';
import { explain, journalLineOf } from './journal-line.ts';
import { type ArchivedStudy, loadStudies, loadStudy, StudyState } from './studies.ts';

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

const studyLine = (study: ArchivedStudy) => ({
  studyInstanceUid: study.studyInstanceUid,
  state: study.state,
  ...(study.reasonCode === undefined
    ? {}
    : { reason: study.reasonCode, detail: study.reasonDetail ?? '', ...explain(study.reasonCode) }),
  updatedAt: isoOf(study.updatedAtUtcMs),
  ...(study.lookDueAtUtcMs === undefined ? {} : { nextLookAt: isoOf(study.lookDueAtUtcMs) }),
});

/** One line per study, newest first. */
export const listArchive = async (
  knex: Knex,
  filter: { readonly states?: readonly StudyState[]; readonly limit: number },
): Promise<readonly object[]> => (await loadStudies(knex, filter)).map(studyLine);

interface OrderView {
  readonly id: number;
  readonly kind: string;
  readonly cause: string;
  readonly origin: string;
  readonly state: string;
  readonly document_uid: string;
  readonly submission_set_uid: string;
  readonly structure_id: string;
  readonly created_at_utc_ms: number;
  readonly settled_at_utc_ms: number | null;
  readonly failed_attempts: number;
  readonly entry_uuid: string | null;
  readonly kos_bytes: number;
}

const ordersOf = async (knex: Knex, uid: string): Promise<readonly object[]> => {
  const rows: OrderView[] = await knex('submission')
    .where({ study_uid: uid })
    .orderBy('id')
    .select(
      'id',
      'kind',
      'cause',
      'origin',
      'state',
      'document_uid',
      'submission_set_uid',
      'structure_id',
      'created_at_utc_ms',
      'settled_at_utc_ms',
      'failed_attempts',
      'entry_uuid',
      knex.raw('length(kos) as kos_bytes'),
    );
  return rows.map((row) => ({
    order: Number(row.id),
    kind: row.kind,
    cause: row.cause,
    ...(row.origin === 'order' ? {} : { origin: row.origin }),
    state: row.state,
    kosSopInstanceUid: row.document_uid,
    submissionSetUniqueId: row.submission_set_uid,
    structure: row.structure_id,
    kosBytes: Number(row.kos_bytes),
    createdAt: isoOf(Number(row.created_at_utc_ms)),
    ...(row.settled_at_utc_ms === null ? {} : { settledAt: isoOf(Number(row.settled_at_utc_ms)) }),
    failedAttempts: row.failed_attempts,
    ...(row.entry_uuid === null ? {} : { entryUuid: row.entry_uuid }),
  }));
};

const answersOf = async (knex: Knex, uid: string): Promise<readonly object[]> => {
  const rows: {
    submission_id: number;
    at_utc_ms: number;
    transaction: string;
    outcome: string;
    error_code: ErrorCode | null;
  }[] = await knex('answer')
    .join('submission', 'submission.id', 'answer.submission_id')
    .where('submission.study_uid', uid)
    .orderBy('answer.id')
    .select('answer.submission_id', 'answer.at_utc_ms', 'answer.transaction', 'answer.outcome', 'answer.error_code');
  return rows.map((row) => ({
    order: Number(row.submission_id),
    at: isoOf(Number(row.at_utc_ms)),
    transaction: row.transaction,
    outcome: row.outcome,
    ...(row.error_code === null ? {} : { error: row.error_code, ...explain(row.error_code) }),
  }));
};

const reportsOf = async (knex: Knex, uid: string): Promise<readonly object[]> => {
  const rows: { id: number; document_key: string; action: string; state: string; received_at_utc_ms: number }[] =
    await knex('report')
      .whereExists(knex('report_study').whereRaw('report_study.report_id = report.id').where('study_uid', uid))
      .orderBy('id')
      .select('id', 'document_key', 'action', 'state', 'received_at_utc_ms');
  return rows.map((row) => ({
    report: Number(row.id),
    documentId: row.document_key,
    action: row.action,
    state: row.state,
    receivedAt: isoOf(Number(row.received_at_utc_ms)),
  }));
};

/** Lines of one study that are shown at once: its latest; `drimbox journal --study` gives them all. */
const shownLines = 2_000;

/** @returns its lines, oldest first, and where the others are if there are more than are shown */
const journalOf = async (knex: Knex, studyInstanceUid: string): Promise<object> => {
  const entries = await loadJournal(knex, { studyInstanceUid, limit: shownLines + 1, withoutQueries: true });
  const journal = entries.slice(-shownLines).map((entry) => {
    const { study: _study, ...line } = journalLineOf(entry);
    return line;
  });
  if (entries.length <= shownLines) return { journal };
  return { journal, journalIsCut: `the latest ${shownLines} lines; all: drimbox journal --study ${studyInstanceUid}` };
};

/**
 * Everything that is known of one study, without identities.
 *
 * @throws archive/not-found
 */
export const showArchive = async (knex: Knex, studyInstanceUid: string): Promise<object> => {
  const study = await loadStudy(knex, studyInstanceUid);
  if (study === undefined) throw new DrimboxError('archive/not-found', { detail: 'no report ever named this study' });
  return {
    ...studyLine(study),
    reports: await reportsOf(knex, studyInstanceUid),
    orders: await ordersOf(knex, studyInstanceUid),
    answers: await answersOf(knex, studyInstanceUid),
    ...(await journalOf(knex, studyInstanceUid)),
  };
};

/** Figures for `doctor` and monitoring. */
export interface ArchiveFigures {
  readonly studiesByState: Readonly<Record<string, number>>;
  readonly holds: readonly { readonly code: ErrorCode; readonly count: number }[];
  readonly openAlerts: readonly { readonly code: ErrorCode; readonly count: number }[];
  /** Orders that are not settled. */
  readonly queue: { readonly waiting: number; readonly oldestSinceUtcMs?: number };
}

type CodeCount = { readonly code: ErrorCode; readonly count: number };

const byCode = (rows: readonly { code: ErrorCode | null; count: string | number }[]): readonly CodeCount[] =>
  rows.flatMap(({ code, count }) => (code === null ? [] : [{ code, count: Number(count) }]));

export const loadFigures = async (knex: Knex): Promise<ArchiveFigures> => {
  const states: { state: string; count: number }[] = await knex('study')
    .select('state')
    .count('* as count')
    .groupBy('state');
  const holds: { code: ErrorCode | null; count: number }[] = await knex('study')
    .where('state', StudyState.held)
    .select('reason_code as code')
    .count('* as count')
    .groupBy('reason_code');
  const alerts: { code: ErrorCode; count: number }[] = await knex('alert')
    .whereNull('cleared_at_utc_ms')
    .select('code')
    .count('* as count')
    .groupBy('code');
  const open: { waiting?: number; since?: number | null } | undefined = await knex('submission')
    .where('state', 'open')
    .count('* as waiting')
    .min('created_at_utc_ms as since')
    .first();
  return {
    studiesByState: Object.fromEntries(states.map((row) => [row.state, Number(row.count)])),
    holds: byCode(holds),
    openAlerts: byCode(alerts),
    queue: {
      waiting: Number(open?.waiting ?? 0),
      ...(open?.since === undefined || open.since === null ? {} : { oldestSinceUtcMs: Number(open.since) }),
    },
  };
};

/** The KOS bytes of the order that the DMP holds now, or of the latest one. @throws archive/not-found */
export const loadLatestKos = async (knex: Knex, studyInstanceUid: string): Promise<Uint8Array> => {
  const row: { kos: Uint8Array } | undefined = await knex('submission')
    .where({ study_uid: studyInstanceUid })
    .whereNot('kind', 'delete')
    .orderByRaw(`(state = 'accepted') DESC, id DESC`)
    .first('kos');
  if (row === undefined)
    throw new DrimboxError('archive/not-found', { detail: 'no manifest was ever built for this study' });
  return row.kos;
};
