/**
 * What is written down of the viewer: the audit of who opened what, the events that the statistics count.
 *
 * @see decision A6 · facts/spec.md b.14 (29–31), b.17
 */
import { type Audit, AuditOutcome, AuditTransaction } from './audit/index.ts';
import { DrimboxError } from './errors.ts';
import { type DrimboxEvent, StatisticNumber } from './events.ts';
import type { EntryRecord, Examination } from './viewer-access/index.ts';
import type { PatientTraits } from './viewer-sign-in.ts';

export interface ViewerRecordPorts {
  readonly audit: Audit;
  readonly keepEvents: (events: readonly DrimboxEvent[]) => void;
}

const megabyte = 1_000_000;

const actorOf = ({ viewer }: EntryRecord<PatientTraits>['session']) =>
  viewer.kind === 'professional'
    ? { actorNationalId: viewer.nationalId, actorClient: 'psc' }
    : { actorSubject: viewer.traits.person.subject, actorClient: 'franceconnect' };

const outcomes = {
  granted: { name: 'viewer/opened', statistic: StatisticNumber.viewerOk },
  refused: { name: 'viewer/refused', statistic: StatisticNumber.viewerError },
  failed: { name: 'viewer/failed', statistic: StatisticNumber.viewerError },
} as const;

/** A link was answered: in the audit before anything is shown. @throws audit/unavailable */
export const createRecord =
  ({ audit, keepEvents }: ViewerRecordPorts) =>
  async ({ browser, session, link, outcome, reason, ins, studies }: EntryRecord<PatientTraits>): Promise<void> => {
    const entry = {
      transaction: AuditTransaction.reportLink,
      correlationId: browser.correlationId,
      address: browser.address,
      studyInstanceUid: link.studyInstanceUid,
      ...actorOf(session),
      ...(ins === undefined ? {} : { patient: ins }),
    };
    if (outcome === 'granted') {
      for (const { studyInstanceUid, kosSopInstanceUid } of studies ?? []) {
        const handle = await audit.begin({ ...entry, studyInstanceUid, kosSopInstanceUid });
        await audit.finish(handle, { outcome: AuditOutcome.served, httpStatus: 200 });
      }
    } else {
      await audit.record(entry, {
        outcome: AuditOutcome[outcome],
        httpStatus: reason === undefined ? 404 : new DrimboxError(reason).httpStatus,
        ...(reason === undefined ? {} : { reasonCode: reason }),
      });
    }
    keepEvents([
      {
        ...outcomes[outcome],
        studyInstanceUid: link.studyInstanceUid,
        ...(reason === undefined ? {} : { errorCode: reason }),
      },
    ]);
  };

/** For the statistics (b.14 #31). */
export const bytesEvent = (studyInstanceUid: string, structureId: string, bytes: number): readonly DrimboxEvent[] =>
  bytes === 0
    ? []
    : [
        {
          name: 'viewer/bytes-counted',
          studyInstanceUid,
          structureId,
          statistic: StatisticNumber.viewerMegabytes,
          detail: { count: bytes / megabyte, bytes },
        },
      ];

/** A download: a row before its first byte, its end after the last one. @throws audit/unavailable */
export const beginDownload =
  ({ audit, keepEvents }: ViewerRecordPorts) =>
  async ({ session, manifest, kosSopInstanceUid, browser }: Examination<PatientTraits>) => {
    const { studyInstanceUid, structureId, ins } = manifest;
    const handle = await audit.begin({
      transaction: AuditTransaction.viewerDownload,
      correlationId: browser.correlationId,
      address: browser.address,
      studyInstanceUid,
      kosSopInstanceUid,
      patient: ins,
      ...actorOf(session),
    });
    return async ({ bytes, objects, isWhole }: { bytes: number; objects: number; isWhole: boolean }): Promise<void> => {
      const outcome = isWhole ? AuditOutcome.served : AuditOutcome.partial;
      await audit.finish(handle, { outcome, httpStatus: 200, bytes, objects });
      keepEvents(bytesEvent(studyInstanceUid, structureId, bytes));
    };
  };
