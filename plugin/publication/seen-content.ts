/** What the PACS holds of a study, as the last look saw it, and since when; and that its images were gone and are back. */
import { noAbsence, saveEvents, updateStudy, type ArchivedStudy } from '../archive/index.ts';
import type { DrimboxEvent } from '../events.ts';
import type { StudyContent } from '../orthanc/index.ts';
import { contentFingerprint } from './content-fingerprint.ts';
import { checkDatabase } from './pacs-database.ts';
import type { PublicationPorts } from './ports.ts';

/** Since when the content of the study has been what it is. */
export interface ContentClock {
  readonly fingerprint: string;
  readonly sinceUtcMs: number;
}

/**
 * Our own stability clock: for a study that is seen for the first time it runs from Orthanc's LastUpdate where the index
 * gives it; a later change starts it anew, for Orthanc does not date a deletion. Orthanc's StableStudy is lost by a restart
 * (design §10).
 */
export const clockOf = (known: ArchivedStudy, study: StudyContent, nowUtcMs: number): ContentClock => {
  const fingerprint = contentFingerprint(study);
  if (known.contentFingerprint === undefined) {
    return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, study.lastUpdateUtcMs ?? nowUtcMs) };
  }
  const { contentSinceUtcMs = 0 } = known;
  const isSame = known.contentFingerprint === fingerprint;
  const { lastUpdateUtcMs = 0 } = study;
  const changedAtUtcMs = lastUpdateUtcMs > contentSinceUtcMs ? lastUpdateUtcMs : nowUtcMs;
  return { fingerprint, sinceUtcMs: Math.min(nowUtcMs, isSame ? contentSinceUtcMs : changedAtUtcMs) };
};

/** Keeps what the PACS holds now: a later change starts the clock anew, and a sweep sees it. */
export const saveContent = async (
  ports: PublicationPorts,
  known: ArchivedStudy,
  study: StudyContent,
  content: ContentClock,
): Promise<void> => {
  if (known.contentFingerprint === content.fingerprint && known.orthancStudyId === study.orthancId) return;
  // How far the database was when this stood in it: a copy that is older by a moment only must not pass for it (decision D2).
  await checkDatabase(ports);
  await updateStudy(ports.store.knex, known, { orthancStudyId: study.orthancId, content }, ports.clock());
};

/** The images are there, or there again: what was noted about their absence is no longer true. */
export const endAbsence = async (ports: PublicationPorts, known: ArchivedStudy): Promise<void> => {
  if (known.absentSinceUtcMs === undefined) return;
  const event: DrimboxEvent = { name: 'study/images-back', studyInstanceUid: known.studyInstanceUid };
  const atUtcMs = ports.clock();
  await ports.store.transaction(async (trx) => {
    await updateStudy(trx, known, noAbsence, atUtcMs);
    await saveEvents(trx, atUtcMs, [event]);
  });
  ports.emit(event);
};
