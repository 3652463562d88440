/** The row of a manifest that came with everything settled: the DMP holds it already, nothing is to be sent. */
import type { Knex } from 'knex';
import type { VihfSubject } from '../dmp/index.ts';
import type { OrderOrigin } from './submissions.ts';

/** What a new row of `submission` says of a manifest that came settled. */
export interface SettledSubmission {
  readonly studyInstanceUid: string;
  readonly origin: Exclude<OrderOrigin, 'order'>;
  readonly reportId: number | undefined;
  readonly version: number;
  readonly fingerprint: string;
  readonly documentUid: string;
  readonly submissionSetUid: string;
  readonly signatureUid: string;
  readonly sender: VihfSubject;
  readonly metadata: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
  readonly entryUuid: string | undefined;
  /** When it was submitted. */
  readonly atUtcMs: number;
}

const submissionRow = (submission: SettledSubmission): object => ({
  study_uid: submission.studyInstanceUid,
  kind: 'publish',
  cause: 'report',
  origin: submission.origin,
  state: 'accepted',
  report_id: submission.reportId ?? null,
  version: submission.version,
  fingerprint: submission.fingerprint,
  structure_id: submission.sender.structureId,
  document_uid: submission.documentUid,
  submission_set_uid: submission.submissionSetUid,
  signature_uid: submission.signatureUid,
  sender: JSON.stringify(submission.sender),
  manifest: JSON.stringify({}),
  metadata: submission.metadata,
  kos: submission.kos,
  signature: submission.signature,
  created_at_utc_ms: submission.atUtcMs,
  settled_at_utc_ms: submission.atUtcMs,
  entry_uuid: submission.entryUuid ?? null,
});

/** Keeps a settled submission, in the place of the same one from a file where there is one; returns its id. */
export const saveSettledSubmission = async (
  trx: Knex.Transaction,
  submission: SettledSubmission,
  loadedId?: number,
): Promise<number> => {
  if (loadedId !== undefined) {
    await trx('submission').where('id', loadedId).update(submissionRow(submission));
    return loadedId;
  }
  const [row] = await trx('submission').insert(submissionRow(submission)).returning<{ id: number }[]>('id');
  return Number(row?.id);
};
