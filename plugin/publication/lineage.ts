/**
 * What a report does to those received before it (decision B1): by document id and INS, in whatever order they arrive.
 */
import type { Knex } from 'knex';
import {
  findReportsByDocument,
  isAlreadyReplaced,
  loadCurrentReports,
  parentKeys,
  type ArchivedReport,
  type TransmissionHeader,
} from '../archive/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { documentIdKey } from '../standards/index.ts';

/** What must be written down with the new report, in its transaction. */
export interface LineageEffect {
  /** State of the new report itself. */
  readonly state: ArchivedReport['state'];
  readonly replaces: readonly number[];
  readonly deletes: readonly number[];
  readonly warnings: readonly string[];
}

const idsOf = (reports: readonly ArchivedReport[]): readonly number[] =>
  reports.filter((report) => report.state === 'current').map((report) => report.id);

/** A replacement whose parent we never had: the only current report of the same studies and patient is taken for it. */
const findParentByStudy = async (knex: Knex, report: ImagingReport): Promise<readonly ArchivedReport[]> => {
  const found = new Map<number, ArchivedReport>();
  for (const study of report.studies) {
    for (const candidate of await loadCurrentReports(knex, study.studyInstanceUid)) found.set(candidate.id, candidate);
  }
  const { ins } = report.patient;
  return [...found.values()].filter((candidate) => {
    const other = candidate.report.patient.ins;
    return other.value === ins.value && other.oid === ins.oid;
  });
};

const effectOfReplacement = async (
  knex: Knex,
  report: ImagingReport,
  sameDocument: readonly ArchivedReport[],
  parents: readonly ArchivedReport[],
): Promise<LineageEffect> => {
  const replaces = new Set([...idsOf(parents), ...idsOf(sameDocument)]);
  if (parents.length > 0) return { state: 'current', replaces: [...replaces], deletes: [], warnings: [] };
  const candidates = await findParentByStudy(knex, report);
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) replaces.add(only.id);
  const warnings = ['parent-unknown', ...(candidates.length > 1 ? ['parent-undecided'] : [])];
  return { state: 'current', replaces: [...replaces], deletes: [], warnings };
};

/**
 * @param knex  the transaction in which the report will be saved
 */
export const lineageOf = async (
  knex: Knex,
  report: ImagingReport,
  transmission: TransmissionHeader,
): Promise<LineageEffect> => {
  const key = documentIdKey(report.documentId);
  const sameDocument = await findReportsByDocument(knex, [key], report.patient.ins);
  if (transmission.action === 'delete') {
    const warnings = sameDocument.length === 0 ? ['deleted-document-unknown'] : [];
    return { state: 'deleted', replaces: [], deletes: idsOf(sameDocument), warnings };
  }
  const isReplacement = transmission.action === 'replace';
  const parents = isReplacement
    ? await findReportsByDocument(knex, parentKeys(report, transmission), report.patient.ins)
    : [];
  // Late arrivals: what was replaced or deleted before it came never becomes current; what it replaces is replaced.
  if (sameDocument.some((known) => known.action === 'delete')) {
    return { state: 'deleted', replaces: idsOf(parents), deletes: [], warnings: ['deleted-before-it-came'] };
  }
  if (await isAlreadyReplaced(knex, key, report.patient.ins)) {
    return { state: 'replaced', replaces: idsOf(parents), deletes: [], warnings: ['replaced-before-it-came'] };
  }
  if (!isReplacement) return { state: 'current', replaces: idsOf(sameDocument), deletes: [], warnings: [] };
  return effectOfReplacement(knex, report, sameDocument, parents);
};
