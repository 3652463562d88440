/**
 * Reports: kept for good, with the state that lineage gives them.
 *
 * A report is `current` until a later one replaces it or a deletion names it. Lineage is by document id and INS; set ids and
 * version numbers are never keys (decision B1).
 */
import type { Knex } from 'knex';
import type { ReportTransmission } from '../hl7/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { documentIdKey } from '../standards/index.ts';

/** The transmission without the document itself, which is archived beside it. */
export type TransmissionHeader = Omit<ReportTransmission, 'document'>;

export interface ArchivedReport {
  readonly id: number;
  /** Absent when it came with an imported archive. */
  readonly messageId?: number;
  readonly receivedAtUtcMs: number;
  readonly documentKey: string;
  readonly action: ReportTransmission['action'];
  readonly state: 'current' | 'replaced' | 'deleted';
  readonly report: ImagingReport;
  readonly transmission: TransmissionHeader;
}

interface ReportRow {
  readonly id: number;
  readonly message_id: number | null;
  readonly received_at_utc_ms: number;
  readonly document_key: string;
  readonly action: ReportTransmission['action'];
  readonly state: ArchivedReport['state'];
  readonly header: ImagingReport;
  readonly transmission: TransmissionHeader;
}

const reportColumns = [
  'report.id',
  'report.message_id',
  'report.received_at_utc_ms',
  'report.document_key',
  'report.action',
  'report.state',
  'report.header',
  'report.transmission',
];

const fromRow = (row: ReportRow): ArchivedReport => ({
  id: Number(row.id),
  ...(row.message_id === null ? {} : { messageId: Number(row.message_id) }),
  receivedAtUtcMs: Number(row.received_at_utc_ms),
  documentKey: row.document_key,
  action: row.action,
  state: row.state,
  report: row.header,
  transmission: row.transmission,
});

export interface NewReport {
  /** Absent when it comes with an imported archive. */
  readonly messageId?: number;
  readonly receivedAtUtcMs: number;
  readonly report: ImagingReport;
  readonly transmission: TransmissionHeader;
  readonly cda: Uint8Array;
  readonly state: ArchivedReport['state'];
}

/** Keys of the documents that this one replaces: RPLC of the CDA and TXA-13 of the message. */
export const parentKeys = (report: ImagingReport, transmission: TransmissionHeader): readonly string[] => {
  const keys = new Set(report.replaces.map(documentIdKey));
  if (transmission.parentDocumentId !== undefined) keys.add(transmission.parentDocumentId);
  return [...keys];
};

export const saveReport = async (trx: Knex.Transaction, report: NewReport): Promise<number> => {
  const [row] = await trx('report')
    .insert({
      message_id: report.messageId ?? null,
      received_at_utc_ms: report.receivedAtUtcMs,
      document_key: documentIdKey(report.report.documentId),
      parent_keys: [...parentKeys(report.report, report.transmission)],
      action: report.transmission.action,
      state: report.state,
      ins_value: report.report.patient.ins.value,
      ins_oid: report.report.patient.ins.oid,
      sent_to_dmp: report.transmission.sentToDmp,
      header: JSON.stringify(report.report),
      transmission: JSON.stringify(report.transmission),
      cda: report.cda,
    })
    .returning<{ id: number }[]>('id');
  const id = Number(row?.id);
  await trx('report_study').insert(
    report.report.studies.map((study, position) => ({ report_id: id, position, study_uid: study.studyInstanceUid })),
  );
  return id;
};

/** Current reports that name the study, oldest first. */
export const loadCurrentReports = async (knex: Knex, studyInstanceUid: string): Promise<readonly ArchivedReport[]> => {
  const rows: ReportRow[] = await knex('report')
    .whereExists(
      knex('report_study').whereRaw('report_study.report_id = report.id').where('study_uid', studyInstanceUid),
    )
    .where('state', 'current')
    .orderBy('report.id')
    .select(reportColumns);
  return rows.map(fromRow);
};

/** @returns the report of that id, whatever its state */
export const loadReport = async (knex: Knex, id: number): Promise<ArchivedReport | undefined> => {
  const row: ReportRow | undefined = await knex('report').where('id', id).first(reportColumns);
  return row === undefined ? undefined : fromRow(row);
};

/** Reports of these document ids, of every patient and in every state, newest first. */
export const findReportsByDocument = async (
  knex: Knex,
  keys: readonly string[],
): Promise<readonly ArchivedReport[]> => {
  if (keys.length === 0) return [];
  const rows: ReportRow[] = await knex('report')
    .whereIn('document_key', [...keys])
    .orderBy('id', 'desc')
    .select(reportColumns);
  return rows.map(fromRow);
};

/** Replacements that name one of these documents as what they replace, for that patient, whatever their state. */
export const findReplacements = async (
  knex: Knex,
  keys: readonly string[],
  ins: { readonly value: string; readonly oid: string },
): Promise<readonly ArchivedReport[]> => {
  if (keys.length === 0) return [];
  const rows: ReportRow[] = await knex('report')
    .whereRaw('parent_keys && ?::text[]', [[...keys]])
    .where({ ins_value: ins.value, ins_oid: ins.oid, action: 'replace' })
    .select(reportColumns);
  return rows.map(fromRow);
};

/**
 * True when a report already kept says that it replaces this document: it arrived before what it replaces. One that keeps
 * the identifier of what it replaces says nothing of the next one.
 */
export const isAlreadyReplaced = async (
  knex: Knex,
  documentKey: string,
  ins: { readonly value: string; readonly oid: string },
): Promise<boolean> => {
  const row: unknown = await knex('report')
    .whereRaw('parent_keys @> ARRAY[?]::text[]', [documentKey])
    .whereNot('document_key', documentKey)
    .where({ ins_value: ins.value, ins_oid: ins.oid, action: 'replace' })
    .first('id');
  return row !== undefined;
};

export const markReports = async (
  trx: Knex.Transaction,
  ids: readonly number[],
  state: ArchivedReport['state'],
): Promise<void> => {
  if (ids.length > 0)
    await trx('report')
      .whereIn('id', [...ids])
      .update({ state });
};

/** Studies that a report names. */
export const studiesOfReports = async (knex: Knex, ids: readonly number[]): Promise<readonly string[]> => {
  if (ids.length === 0) return [];
  const uids: string[] = await knex('report_study')
    .whereIn('report_id', [...ids])
    .distinct()
    .pluck('study_uid');
  return uids;
};
