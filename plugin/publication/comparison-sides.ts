/** What stands on both sides of the comparison: the observation of now, and what the archive says of before. */
import { loadLastSettledOrder, StudyState, type ArchivedStudy, type OrderHead } from '../archive/index.ts';
import type { InsIdentifier } from '../standards/index.ts';
import type { Past, Published, Wanted } from './comparison.ts';
import type { Observation } from './observation.ts';
import type { PublicationPorts } from './ports.ts';

/** INS and its OID: whose record. */
const recordOf = ({ value, oid }: InsIdentifier): string => `${value}^${oid}`;

export const publishedState = (published: OrderHead | undefined): Published =>
  published === undefined
    ? { kind: 'nothing' }
    : {
        kind: 'manifest',
        fingerprint: published.fingerprint,
        record: recordOf(published.sender.ins),
        reportId: published.reportId,
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
        reportId: found.archived.id,
      };
    case 'nothing':
    case 'not-destined':
    case 'hold':
      return found;
  }
};

/** What the last order left behind. */
export const loadPast = async (ports: PublicationPorts, study: ArchivedStudy): Promise<Past> => {
  const isWithdrawn = study.state === StudyState.withdrawn;
  if (study.state !== StudyState.failed) return { isWithdrawn };
  const last = await loadLastSettledOrder(ports.store.knex, study.studyInstanceUid);
  return last?.state === 'refused' ? { isWithdrawn, refused: last } : { isWithdrawn };
};

/** As if nothing was ever refused or withdrawn. */
export const untroubled: Past = { isWithdrawn: false };
