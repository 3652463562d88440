/**
 * May a manifest be deleted because its images are gone from the PACS? (decisions D1–D3) "PACS unreachable" is never "images
 * gone": every question that fails throws, and nothing is concluded. What cannot be proved is held for an administrator.
 */
import type { ArchivedStudy } from '../archive/index.ts';
import type { ErrorCode } from '../errors.ts';
import { parseStudyInstanceUid } from '../standards/index.ts';
import { checkDatabase } from './pacs-database.ts';
import type { PublicationPorts } from './ports.ts';

export type Proof =
  | { readonly kind: 'proven' }
  /** The PACS must say the same again, later. */
  | { readonly kind: 'wait'; readonly sinceUtcMs: number; readonly untilUtcMs: number }
  /** The content must stay what it is for longer. */
  | { readonly kind: 'later'; readonly untilUtcMs: number }
  | { readonly kind: 'unproven'; readonly code: ErrorCode; readonly detail: string };

const unproven = (detail: string, code: ErrorCode = 'publication/deletion-unproven'): Proof => ({
  kind: 'unproven',
  code,
  detail,
});

/** Images that this PACS never had are not gone from it: those of an imported study may still be on their way. */
const wasNeverSeen = (study: ArchivedStudy): boolean => study.orthancStudyId === undefined;

/** The word of an administrator is about what he saw: it does not last. */
const confirmationLastsMs = 24 * 3_600_000;

export const isConfirmedNow = (ports: Pick<PublicationPorts, 'clock'>, study: ArchivedStudy): boolean =>
  study.deletionConfirmedAtUtcMs !== undefined && ports.clock() - study.deletionConfirmedAtUtcMs < confirmationLastsMs;

/** The other reader of the index must say so too, and both must find another study: an index that finds nothing proves nothing. */
const askTwice = async (ports: PublicationPorts, study: ArchivedStudy): Promise<Proof | undefined> => {
  const uid = parseStudyInstanceUid(study.studyInstanceUid);
  if ((await ports.orthanc.findStudies(uid)).length > 0) {
    return unproven('the index has no such study, Orthanc’s REST API has');
  }
  if (isConfirmedNow(ports, study)) return undefined;
  const control = await ports.orthanc.findControlStudy();
  if (control === undefined) return unproven('Orthanc holds no other study: it may have lost its index');
  const lookup = await ports.index.lookup(control.studyInstanceUid);
  return lookup.kind === 'absent' ? unproven('the index does not find a study that Orthanc has') : undefined;
};

const hourMs = 3_600_000;

/** Since when the PACS has said so without interruption that we know of: an absence noted long ago may have ended unseen. */
const absentSince = (ports: PublicationPorts, study: ArchivedStudy): number => {
  const { absentSinceUtcMs } = study;
  const delayMs = ports.options.deletionDelayMinutes * 60_000;
  const isFresh = absentSinceUtcMs !== undefined && ports.clock() - absentSinceUtcMs <= 2 * delayMs + hourMs;
  return isFresh ? absentSinceUtcMs : ports.clock();
};

/**
 * @param given.rejected   the PACS has the study, but only rejected objects: it has said so in its own documents
 * @param given.isOrdered  the delay was waited for when the order was made; what can be asked at once is asked again
 * @throws orthanc/*, store/*: nothing is concluded
 */
export const proveVanished = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  given: { readonly rejected: boolean; readonly isOrdered: boolean },
): Promise<Proof> => {
  const isConfirmed = isConfirmedNow(ports, study);
  const doubt = await checkDatabase(ports);
  if (doubt !== undefined && !isConfirmed) return unproven(doubt, 'publication/pacs-database-changed');
  const contradicted = given.rejected ? undefined : await askTwice(ports, study);
  if (contradicted !== undefined) return contradicted;
  if (isConfirmed || given.isOrdered) return { kind: 'proven' };
  if (wasNeverSeen(study)) return unproven('the images of this study were never seen in this PACS');
  // Beyond the limit of a day only an administrator lets it go: it does not slip out when the day is over (D3).
  if (study.deletionOverLimitAtUtcMs !== undefined) {
    return unproven('one too many in a day', 'publication/deletion-limit');
  }
  const sinceUtcMs = absentSince(ports, study);
  const untilUtcMs = sinceUtcMs + ports.options.deletionDelayMinutes * 60_000;
  return ports.clock() < untilUtcMs || sinceUtcMs !== study.absentSinceUtcMs
    ? { kind: 'wait', sinceUtcMs, untilUtcMs }
    : { kind: 'proven' };
};

/** Deletions that the PACS may cause in a day without an administrator; one is always allowed (decision D3). */
export const dailyDeletionLimit = (
  options: { readonly dailyDeletionLimit: number; readonly dailyDeletionPercent: number },
  publishedStudies: number,
): number =>
  Math.max(
    1,
    Math.min(options.dailyDeletionLimit, Math.floor((publishedStudies * options.dailyDeletionPercent) / 100)),
  );
