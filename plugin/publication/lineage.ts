/**
 * What a report does to those received before it (decision B1): by document id and INS, in whatever order they arrive.
 */
import type { Knex } from 'knex';
import {
  findReplacements,
  findReportsByDocument,
  isAlreadyReplaced,
  loadCurrentReports,
  parentKeys,
  type ArchivedReport,
  type TransmissionHeader,
} from '../archive/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { documentIdKey, isSameIns, type InsIdentifier } from '../standards/index.ts';

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

const ofPatient = (reports: readonly ArchivedReport[], ins: InsIdentifier): readonly ArchivedReport[] =>
  reports.filter((report) => isSameIns(report.report.patient.ins, ins));

/** A replacement whose parent we never had: the only current report of the same studies and patient is taken for it. */
const findParentByStudy = async (knex: Knex, report: ImagingReport): Promise<readonly ArchivedReport[]> => {
  const found = new Map<number, ArchivedReport>();
  for (const study of report.studies) {
    for (const candidate of await loadCurrentReports(knex, study.studyInstanceUid)) found.set(candidate.id, candidate);
  }
  return ofPatient([...found.values()], report.patient.ins);
};

/** Two replacements of one document, or one that names an old version: the one that comes last is the current one. */
const findRivals = async (
  knex: Knex,
  report: ImagingReport,
  parents: readonly ArchivedReport[],
): Promise<readonly ArchivedReport[]> => {
  const rivals = new Map<number, ArchivedReport>();
  let keys = parents.map((parent) => parent.documentKey);
  while (keys.length > 0) {
    const found = await findReplacements(knex, keys, report.patient.ins);
    const fresh = found.filter((rival) => !rivals.has(rival.id));
    for (const rival of fresh) rivals.set(rival.id, rival);
    keys = fresh.map((rival) => rival.documentKey);
  }
  return [...rivals.values()];
};

/** B7: a replacement for another patient names a document of the wrong one; it must be about one of its studies too. */
const misfiledParents = (parents: readonly ArchivedReport[], report: ImagingReport): readonly ArchivedReport[] => {
  const studies = new Set(report.studies.map((study) => study.studyInstanceUid));
  return parents.filter(
    (parent) =>
      !isSameIns(parent.report.patient.ins, report.patient.ins) &&
      parent.report.studies.some((study) => studies.has(study.studyInstanceUid)),
  );
};

const effectOfReplacement = async (
  knex: Knex,
  report: ImagingReport,
  sameDocument: readonly ArchivedReport[],
  named: readonly ArchivedReport[],
): Promise<LineageEffect> => {
  const parents = ofPatient(named, report.patient.ins);
  const misfiled = misfiledParents(named, report);
  const rivals = await findRivals(knex, report, parents);
  const replaces = new Set([...parents, ...misfiled, ...rivals, ...sameDocument].flatMap((one) => idsOf([one])));
  if (misfiled.length > 0) {
    return { state: 'current', replaces: [...replaces], deletes: [], warnings: ['patient-corrected'] };
  }
  if (parents.length > 0) return { state: 'current', replaces: [...replaces], deletes: [], warnings: [] };
  const candidates = await findParentByStudy(knex, report);
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) replaces.add(only.id);
  const warnings = ['parent-unknown', ...(candidates.length > 1 ? ['parent-undecided'] : [])];
  return { state: 'current', replaces: [...replaces], deletes: [], warnings };
};

/** The document was deleted without ever having come: this is it, late. One that came, was deleted and comes again is new. */
const isDeletedAlready = (sameDocument: readonly ArchivedReport[]): boolean =>
  sameDocument.length > 0 && sameDocument.every((known) => known.action === 'delete');

/**
 * @param knex  the transaction in which the report will be saved
 */
export const lineageOf = async (
  knex: Knex,
  report: ImagingReport,
  transmission: TransmissionHeader,
): Promise<LineageEffect> => {
  const key = documentIdKey(report.documentId);
  const sameDocument = ofPatient(await findReportsByDocument(knex, [key]), report.patient.ins);
  if (transmission.action === 'delete') {
    const warnings = sameDocument.length === 0 ? ['deleted-document-unknown'] : [];
    return { state: 'deleted', replaces: [], deletes: idsOf(sameDocument), warnings };
  }
  const isReplacement = transmission.action === 'replace';
  const named = isReplacement ? await findReportsByDocument(knex, parentKeys(report, transmission)) : [];
  const parents = ofPatient(named, report.patient.ins);
  // Late arrivals: what was replaced or deleted before it came never becomes current; what it replaces is replaced.
  if (isDeletedAlready(sameDocument)) {
    return { state: 'deleted', replaces: idsOf(parents), deletes: [], warnings: ['deleted-before-it-came'] };
  }
  if (await isAlreadyReplaced(knex, key, report.patient.ins)) {
    return { state: 'replaced', replaces: idsOf(parents), deletes: [], warnings: ['replaced-before-it-came'] };
  }
  if (!isReplacement) return { state: 'current', replaces: idsOf(sameDocument), deletes: [], warnings: [] };
  return effectOfReplacement(knex, report, sameDocument, named);
};
