/**
 * Keeps what was imported: a study, its report and its submission, in one transaction, as if they had always been here. What
 * the archive knows already is never overwritten.
 *
 * @see decisions A7, C1 · design.md §6 ("nothing is overwritten")
 */
import type { Knex } from 'knex';
import { rolesFromSpecialty, automatonRole, type VihfSubject } from '../dmp/index.ts';
import { DrimboxError } from '../errors.ts';
import { manifestFingerprint } from '../kos/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { documentIdKey, structIdNat, type Visibility } from '../standards/index.ts';
import { importedReport, importedTransmission } from './imported-report.ts';
import { saveSettledSubmission } from './imported-submission.ts';
import { saveEvents } from './journal.ts';
import { findReportsByDocument, isAlreadyReplaced, saveReport } from './reports.ts';
import { StudyState } from './studies.ts';
import type { OrderOrigin } from './submissions.ts';
import type { CheckedSet } from './xdm-submission-set.ts';

/** What is already kept of a manifest and its study. */
export type KnownManifest =
  | { readonly kind: 'unknown' }
  /** The same bytes are archived. */
  | { readonly kind: 'already-there' }
  /** The same bytes, loaded from a file before: what came now completes them. */
  | { readonly kind: 'loaded'; readonly submissionId: number }
  | { readonly kind: 'conflict'; readonly detail: string };

const conflict = (detail: string): KnownManifest => ({ kind: 'conflict', detail });
const conflictError = (detail: string): DrimboxError => new DrimboxError('archive/xdm-conflict', { detail });

interface KnownRow {
  readonly id: number;
  readonly study_uid: string;
  readonly origin: OrderOrigin;
  readonly kos: Uint8Array;
}

/** Locks the study, where it is known: a report that arrives now waits. */
export const findKnownManifest = async (
  trx: Knex,
  manifest: { readonly studyInstanceUid: string; readonly documentUid: string; readonly kos: Uint8Array },
): Promise<KnownManifest> => {
  const { studyInstanceUid } = manifest;
  const study: unknown = await trx('study').where('study_uid', studyInstanceUid).forUpdate().first('study_uid');
  const same: KnownRow | undefined = await trx('submission')
    .where('document_uid', manifest.documentUid)
    .whereNot('kind', 'delete')
    .first('id', 'study_uid', 'origin', 'kos');
  if (same !== undefined) {
    const isSame = same.study_uid === studyInstanceUid && Buffer.compare(same.kos, manifest.kos) === 0;
    if (!isSame) return conflict('another manifest of the same identifier is archived');
    return same.origin === 'file' ? { kind: 'loaded', submissionId: Number(same.id) } : { kind: 'already-there' };
  }
  return study === undefined ? { kind: 'unknown' } : conflict('the study has a report or a manifest of its own here');
};

/** A study that nobody reported to this archive. */
export interface ForeignStudy {
  readonly studyInstanceUid: string;
  readonly state: StudyState;
  readonly atUtcMs: number;
  /** `null`: not looked at by itself. */
  readonly lookDueAtUtcMs: number | null;
}

const studyRow = (study: ForeignStudy): object => ({
  state: study.state,
  updated_at_utc_ms: study.atUtcMs,
  look_due_at_utc_ms: study.lookDueAtUtcMs,
});

/** @returns false when it became known meanwhile: the transaction must roll back */
export const saveForeignStudy = async (trx: Knex.Transaction, study: ForeignStudy): Promise<boolean> => {
  const rows: unknown[] = await trx('study')
    .insert({
      ...studyRow(study),
      study_uid: study.studyInstanceUid,
      first_report_at_utc_ms: study.atUtcMs,
      images_deadline_at_utc_ms: study.atUtcMs,
      look_number: 1,
    })
    .onConflict('study_uid')
    .ignore()
    .returning('study_uid');
  return rows.length > 0;
};

/** A study that was loaded from a file and is completed now. */
const completeStudy = async (trx: Knex.Transaction, study: ForeignStudy): Promise<void> => {
  await trx('study')
    .where('study_uid', study.studyInstanceUid)
    .update({ ...studyRow(study), look_number: trx.raw('look_number + 1') });
};

export const markPublished = async (
  trx: Knex.Transaction,
  studyInstanceUid: string,
  submissionId: number,
): Promise<void> => {
  await trx('study').where('study_uid', studyInstanceUid).update({ published_submission_id: submissionId });
};

/**
 * Who published, as far as the metadata say. An archive carries no VIHF: what they do not say stays empty, and is completed
 * from the configuration of the structure before the first order (decision A7).
 */
const senderOf = (report: ImagingReport, { submission }: CheckedSet): VihfSubject => {
  const roles = rolesFromSpecialty(submission.legalAuthenticator.specialty);
  return {
    structureId: structIdNat(submission.author.organization.id),
    sector: report.facilityType?.code ?? '',
    person: submission.legalAuthenticator,
    roles: roles[0] === automatonRole ? [] : roles,
    ins: report.patient.ins,
  };
};

/** What a look would compute from the same content: an unchanged study is not published again (decision C1). */
const fingerprintOf = (report: ImagingReport, visibility: Visibility, { manifest }: CheckedSet): string =>
  manifestFingerprint({
    content: {
      patient: report.patient,
      study: { studyInstanceUid: manifest.studyInstanceUid },
      orders: report.orders,
      series: manifest.series,
    },
    reportId: report.documentId,
    visibility,
  });

/** A report that was replaced or deleted here is not made current again by an old archive. */
const checkReport = async (trx: Knex, report: ImagingReport): Promise<string | undefined> => {
  const key = documentIdKey(report.documentId);
  const { ins } = report.patient;
  const same = await findReportsByDocument(trx, [key]);
  const isPast = same.some(
    (known) =>
      known.state !== 'current' &&
      known.report.patient.ins.value === ins.value &&
      known.report.patient.ins.oid === ins.oid,
  );
  return isPast || (await isAlreadyReplaced(trx, key, ins)) ? 'its report was replaced or deleted here' : undefined;
};

export type ImportDecision =
  | { readonly kind: 'importable'; readonly loadedId?: number }
  | { readonly kind: 'already-there' };

/** @throws archive/xdm-conflict */
export const checkImportable = async (trx: Knex, set: CheckedSet, report: ImagingReport): Promise<ImportDecision> => {
  const known = await findKnownManifest(trx, {
    studyInstanceUid: set.submission.studyInstanceUid,
    documentUid: set.submission.documentUniqueId,
    kos: set.kos,
  });
  if (known.kind === 'already-there') return known;
  const past = known.kind === 'conflict' ? known.detail : await checkReport(trx, report);
  if (past !== undefined) throw conflictError(past);
  return known.kind === 'loaded' ? { kind: 'importable', loadedId: known.submissionId } : { kind: 'importable' };
};

/** InstanceNumber of the manifest: the next version has one more. */
const versionOf = (instanceNumber: string): number => {
  const version = Number(instanceNumber);
  return Number.isInteger(version) && version >= 1 && version < 1_000_000 ? version : 1;
};

/**
 * Keeps a checked set; its study is due for a look at once.
 *
 * @throws archive/xdm-conflict, standards/uid-invalid
 */
export const saveImportedSet = async (
  trx: Knex.Transaction,
  set: CheckedSet,
  given: { readonly environment: 'test' | 'production'; readonly atUtcMs: number },
): Promise<'imported' | 'already-there'> => {
  const { submission, manifest } = set;
  const { studyInstanceUid } = submission;
  const { atUtcMs } = given;
  const report = importedReport(set);
  const transmission = importedTransmission(set, given.environment);
  const decision = await checkImportable(trx, set, report);
  if (decision.kind === 'already-there') return 'already-there';
  const study = { studyInstanceUid, state: StudyState.published, atUtcMs, lookDueAtUtcMs: atUtcMs };
  if (decision.loadedId !== undefined) await completeStudy(trx, study);
  else if (!(await saveForeignStudy(trx, study))) throw conflictError('the study became known meanwhile');
  const reportId = await saveReport(trx, {
    receivedAtUtcMs: atUtcMs,
    report,
    transmission,
    cda: new Uint8Array(),
    state: 'current',
  });
  const sender = senderOf(report, set);
  const submissionId = await saveSettledSubmission(
    trx,
    {
      studyInstanceUid,
      origin: 'xdm',
      reportId,
      version: versionOf(manifest.instanceNumber),
      fingerprint: fingerprintOf(report, transmission.visibility, set),
      documentUid: submission.documentUniqueId,
      submissionSetUid: submission.submissionSetUniqueId,
      signatureUid: submission.signature?.uniqueId ?? '',
      sender,
      metadata: set.metadata,
      kos: set.kos,
      signature: set.signature,
      entryUuid: submission.kos.entryUuid,
      atUtcMs: submission.submittedAtUtcMs,
    },
    decision.loadedId,
  );
  await markPublished(trx, studyInstanceUid, submissionId);
  await saveEvents(trx, atUtcMs, [
    {
      name: 'archive/imported',
      studyInstanceUid,
      structureId: sender.structureId,
      detail: { order: submissionId, signed: set.signature.length > 0, bytes: set.kos.length },
    },
  ]);
  return 'imported';
};
