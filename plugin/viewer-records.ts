/**
 * What is written down of the viewer: the audit of who opened what, the events that the statistics count.
 *
 * @see decision A6 · facts/spec.md b.14 (29–31), b.17
 */
import { type Audit, AuditOutcome, AuditTransaction } from './audit/index.ts';
import { asDrimboxError, DrimboxError, type ErrorCode } from './errors.ts';
import { type DrimboxEvent, StatisticNumber } from './events.ts';
import type { DownloadEnd, EntryOpening, EntryRecord, Examination, TellOpened } from './viewer-access/index.ts';
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
  served: { name: 'viewer/opened', statistic: StatisticNumber.viewerOk },
  refused: { name: 'viewer/refused', statistic: StatisticNumber.viewerError },
  failed: { name: 'viewer/failed', statistic: StatisticNumber.viewerError },
} as const;

const entryOf = ({ browser, session, link }: Pick<EntryRecord<PatientTraits>, 'browser' | 'session' | 'link'>) => ({
  transaction: AuditTransaction.reportLink,
  correlationId: browser.correlationId,
  address: browser.address,
  studyInstanceUid: link.studyInstanceUid,
  ...actorOf(session),
});

/** How it ended, as the audit keeps it. @param reason  why nothing was opened */
const resultOf = (outcome: keyof typeof outcomes, reason?: ErrorCode) => ({
  outcome: AuditOutcome[outcome],
  httpStatus: reason === undefined ? 200 : new DrimboxError(reason).httpStatus,
  ...(reason === undefined ? {} : { reasonCode: reason }),
});

const linkEvent = (
  outcome: keyof typeof outcomes,
  { studyInstanceUid }: EntryRecord<PatientTraits>['link'],
  reason?: ErrorCode,
): DrimboxEvent => ({
  ...outcomes[outcome],
  studyInstanceUid,
  ...(reason === undefined ? {} : { errorCode: reason }),
});

/** A link was answered without opening anything. @throws audit/unavailable */
export const createRecord =
  ({ audit, keepEvents }: ViewerRecordPorts) =>
  async (record: EntryRecord<PatientTraits>): Promise<void> => {
    const { link, outcome, reason, ins } = record;
    const entry = { ...entryOf(record), ...(ins === undefined ? {} : { patient: ins }) };
    await audit.record(entry, resultOf(outcome, reason));
    keepEvents([linkEvent(outcome, link, reason)]);
  };

/**
 * A link opens studies: the rows of all of them before the first is open, their ends and the event when it is known whether it
 * was opened.
 *
 * @throws audit/unavailable — not all rows could be written: those that were are told so, and nothing is opened
 */
export const createBeginOpening =
  ({ audit, keepEvents }: ViewerRecordPorts) =>
  async (opening: EntryOpening<PatientTraits>): Promise<TellOpened> => {
    const entry = entryOf(opening);
    const begun = await Promise.allSettled(
      opening.studies.map(({ studyInstanceUid, kosSopInstanceUid, ins }) =>
        audit.begin({ ...entry, studyInstanceUid, kosSopInstanceUid, patient: ins }),
      ),
    );
    const handles = begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const tellOpened: TellOpened = async (failure) => {
      const outcome = failure === undefined ? 'served' : 'failed';
      await Promise.all(handles.map((handle) => audit.finish(handle, resultOf(outcome, failure))));
      keepEvents([linkEvent(outcome, opening.link, failure)]);
    };
    const missing = begun.find((one) => one.status === 'rejected');
    if (missing !== undefined) {
      await tellOpened(asDrimboxError(missing.reason).code);
      throw missing.reason;
    }
    return tellOpened;
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
    return async ({ bytes, objects, outcome, httpStatus, reason }: DownloadEnd): Promise<void> => {
      await audit.finish(handle, {
        outcome: AuditOutcome[outcome],
        httpStatus,
        bytes,
        objects,
        ...(reason === undefined ? {} : { reasonCode: reason }),
      });
      keepEvents(bytesEvent(studyInstanceUid, structureId, bytes));
    };
  };
