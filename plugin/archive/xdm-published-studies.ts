/** What the archive says the DMP holds, one study at a time: what an export is made of. */
import type { Knex } from 'knex';
import type { TransmissionHeader } from './reports.ts';
import type { VihfSubject } from '../dmp/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { StudyState } from './studies.ts';
import type { OrderOrigin } from './submissions.ts';

/** Studies asked for at once: their identifiers only. */
const pageSize = 1_000;

/** Every study of the archive, or those given, by StudyInstanceUID. */
export async function* listStudyUids(knex: Knex, only?: readonly string[]): AsyncGenerator<string, void, void> {
  if (only !== undefined) {
    yield* new Set(only);
    return;
  }
  for (let last = ''; ; ) {
    const page: string[] = await knex('study')
      .where('study_uid', '>', last)
      .orderBy('study_uid')
      .limit(pageSize)
      .pluck('study_uid');
    yield* page;
    const end = page.at(-1);
    if (end === undefined) return;
    last = end;
  }
}

export interface PublishedManifest {
  readonly kind: 'manifest';
  readonly documentUid: string;
  /** Empty where the imported archive had none. */
  readonly signatureUid: string;
  readonly metadata: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
  readonly entryUuid?: string;
  readonly report: ImagingReport;
  /** An order is on its way: the DMP may hold something else soon. */
  readonly isChanging: boolean;
}

/** Why a study cannot be handed over. */
export type LeftOutReason =
  | StudyState
  /** No such study in the archive. */
  | 'unknown'
  /** CONNEXION_SECRETE: the layout cannot carry it, and who imports would publish without it. */
  | 'secret-connection';

interface PublishedRow {
  readonly state: StudyState;
  readonly published_submission_id: number | null;
  readonly origin: OrderOrigin;
  readonly document_uid: string;
  readonly signature_uid: string;
  readonly metadata: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
  readonly entry_uuid: string | null;
  readonly sender: VihfSubject;
  readonly header: ImagingReport | null;
  readonly transmission: TransmissionHeader | null;
  readonly is_changing: boolean;
}

const leftOut = (reason: LeftOutReason): { readonly kind: 'left-out'; readonly reason: LeftOutReason } => ({
  kind: 'left-out',
  reason,
});

/** @returns the manifest that the DMP holds, with everything that was sent with it, or why there is none to hand over */
export const loadPublishedManifest = async (
  knex: Knex,
  studyInstanceUid: string,
): Promise<PublishedManifest | ReturnType<typeof leftOut>> => {
  const row: PublishedRow | undefined = await knex('study')
    .leftJoin('submission', 'submission.id', 'study.published_submission_id')
    .leftJoin('report', 'report.id', 'submission.report_id')
    .where('study.study_uid', studyInstanceUid)
    .first(
      'study.state',
      'study.published_submission_id',
      'submission.origin',
      'submission.document_uid',
      'submission.signature_uid',
      'submission.metadata',
      'submission.kos',
      'submission.signature',
      'submission.entry_uuid',
      'submission.sender',
      'report.header',
      'report.transmission',
      knex.raw(
        `EXISTS (SELECT 1 FROM submission open WHERE open.study_uid = study.study_uid AND open.state = 'open') AS is_changing`,
      ),
    );
  if (row === undefined) return leftOut('unknown');
  if (row.published_submission_id === null) return leftOut(row.state);
  // A manifest from a file came without metadata, and there is no report to name.
  if (row.origin === 'file' || row.header === null) return leftOut(StudyState.loaded);
  if (row.sender.secretConnection !== undefined || row.transmission?.visibility.secretConnection === true) {
    return leftOut('secret-connection');
  }
  return {
    kind: 'manifest',
    documentUid: row.document_uid,
    signatureUid: row.signature_uid,
    metadata: row.metadata,
    kos: row.kos,
    signature: row.signature,
    ...(row.entry_uuid === null ? {} : { entryUuid: row.entry_uuid }),
    report: row.header,
    isChanging: row.is_changing,
  };
};
