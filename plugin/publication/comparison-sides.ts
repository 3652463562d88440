/** What stands on both sides of the comparison: the observation of now, and what the archive says of before. */
import { loadOrderHead, type ArchivedStudy, type PublishedHead } from '../archive/index.ts';
import type { InsIdentifier } from '../standards/index.ts';
import type { Past, Published, Wanted } from './comparison.ts';
import type { Observation } from './observation.ts';
import type { PublicationPorts } from './ports.ts';

/** INS and its OID: whose record. */
const recordOf = ({ value, oid }: InsIdentifier): string => `${value}^${oid}`;

export const publishedState = (published: PublishedHead | undefined): Published =>
  published === undefined
    ? { kind: 'nothing' }
    : {
        kind: 'manifest',
        fingerprint: published.fingerprint,
        record: recordOf(published.sender.ins),
        reportKey: published.reportKey,
        documentUid: published.documentUid,
        origin: published.origin,
      };

export const wantedState = (found: Observation): Wanted => {
  switch (found.kind) {
    case 'settling':
      return { kind: 'wait' };
    case 'absent':
    case 'rejected':
      return { kind: 'no-images' };
    case 'manifest':
      return {
        kind: 'manifest',
        fingerprint: found.fingerprint,
        record: recordOf(found.archived.report.patient.ins),
        reportKey: found.archived.documentKey,
      };
    case 'nothing':
    case 'misfiled':
    case 'not-destined':
    case 'hold':
      return found;
  }
};

/** What stands until a new report or an administrator, whatever the study went through since. */
export const loadPast = async (ports: PublicationPorts, study: ArchivedStudy): Promise<Past> => {
  const isWithdrawn = study.withdrawnAtUtcMs !== undefined;
  const { refusedSubmissionId } = study;
  const refused =
    refusedSubmissionId === undefined ? undefined : await loadOrderHead(ports.store.knex, refusedSubmissionId);
  return refused === undefined ? { isWithdrawn } : { isWithdrawn, refused };
};

/** As if nothing was ever refused or withdrawn. */
export const untroubled: Past = { isWithdrawn: false };
