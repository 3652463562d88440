/**
 * What the comparison of one archived study with the PACS says, and the figures of facts/spec.md b.14 #33–37. Pure. It decides
 * nothing: what differs gets a look, and the look decides.
 */
import { type ComparedStudy, Finding, type ManifestFigures, manifestObject, StudyState } from '../archive/index.ts';
import type { StudyContent, StudyLookupOfMany } from '../orthanc/index.ts';
import { contentFingerprint } from './content-fingerprint.ts';

export interface Verdict {
  readonly finding: Finding;
  /** The last look did not see it yet. */
  readonly isNews: boolean;
}

const verdict = (finding: Finding, isNews = finding !== Finding.unchanged): Verdict => ({ finding, isNews });

/** The last look saw no image. */
const sawNoImages = (study: ComparedStudy): boolean =>
  study.absentSinceUtcMs !== undefined ||
  study.state === StudyState.waitingForImages ||
  study.state === StudyState.imagesGone ||
  study.reasonCode === 'publication/study-not-found';

const sawSeveral = (study: ComparedStudy): boolean => study.reasonCode === 'publication/study-duplicated';

const isAsSeen = (study: ComparedStudy, content: StudyContent): boolean =>
  !sawNoImages(study) && !sawSeveral(study) && study.contentFingerprint === contentFingerprint(content);

/** Whether the objects of the published manifest must be known to judge. */
export const needsManifest = (study: ComparedStudy, lookup: StudyLookupOfMany): boolean =>
  study.published !== undefined && lookup.kind === 'found' && !isAsSeen(study, lookup.study);

const namesAll = (content: StudyContent, objects: ReadonlySet<string>): boolean => {
  let count = 0;
  for (const { seriesInstanceUid, instances } of content.series) {
    count += instances.length;
    for (const { sopInstanceUid, sopClassUid } of instances) {
      if (!objects.has(manifestObject(seriesInstanceUid, sopInstanceUid, sopClassUid))) return false;
    }
  }
  return count === objects.size;
};

const judgeFound = (study: ComparedStudy, content: StudyContent, objects: ReadonlySet<string>): Verdict => {
  if (isAsSeen(study, content)) return verdict(Finding.unchanged);
  // Rejected objects and notes of rejection make a difference too: only the look reads them.
  if (study.published === undefined || !namesAll(content, objects)) return verdict(Finding.changed);
  // An imported manifest was never looked at: what it names is all that is known.
  const isImported = study.contentFingerprint === undefined && !sawNoImages(study) && !sawSeveral(study);
  return verdict(isImported ? Finding.unchanged : Finding.touched);
};

const judgeAbsent = (study: ComparedStudy): Verdict => {
  if (study.published !== undefined) return verdict(Finding.withoutExam, study.absentSinceUtcMs === undefined);
  if (sawNoImages(study) || study.state === StudyState.withdrawn) return verdict(Finding.unchanged);
  return verdict(study.contentFingerprint === undefined ? Finding.unchanged : Finding.changed);
};

/** @param objects  of the published manifest, where `needsManifest` */
export const judgeStudy = (
  study: ComparedStudy,
  lookup: StudyLookupOfMany,
  objects: ReadonlySet<string> = new Set(),
): Verdict => {
  switch (lookup.kind) {
    case 'found':
      return judgeFound(study, lookup.study, objects);
    case 'absent':
      return judgeAbsent(study);
    case 'duplicated':
      return verdict(Finding.duplicated, !sawSeveral(study));
    case 'failed':
      return verdict(Finding.unreadable);
  }
};

// Figures ----------------------------------------------------------------------------------------------------------

const none: ManifestFigures = { archived: 0, withoutExam: 0, toUpdate: 0, upToDate: 0, unreadable: 0 };

const columnOf: Readonly<Record<Finding, Exclude<keyof ManifestFigures, 'archived'>>> = {
  [Finding.unchanged]: 'upToDate',
  [Finding.touched]: 'upToDate',
  [Finding.changed]: 'toUpdate',
  [Finding.duplicated]: 'toUpdate',
  [Finding.withoutExam]: 'withoutExam',
  [Finding.unreadable]: 'unreadable',
};

export type FiguresByStructure = Readonly<Record<string, ManifestFigures>>;

/** Counts one published manifest. */
export const countManifest = (
  figures: FiguresByStructure,
  structureId: string,
  finding: Finding,
): FiguresByStructure => {
  const before = figures[structureId] ?? none;
  const column = columnOf[finding];
  return { ...figures, [structureId]: { ...before, archived: before.archived + 1, [column]: before[column] + 1 } };
};

/** Moves manifests between "to update" and "up to date", once their looks have decided. */
export const moveManifests = (
  figures: FiguresByStructure,
  structureId: string,
  toUpdate: number,
): FiguresByStructure => {
  const before = figures[structureId];
  if (before === undefined) return figures;
  const moved = Math.min(Math.max(toUpdate, -before.toUpdate), before.upToDate);
  return {
    ...figures,
    [structureId]: { ...before, toUpdate: before.toUpdate + moved, upToDate: before.upToDate - moved },
  };
};

export const totalOf = (figures: FiguresByStructure): ManifestFigures =>
  Object.values(figures).reduce(
    (sum, one) => ({
      archived: sum.archived + one.archived,
      withoutExam: sum.withoutExam + one.withoutExam,
      toUpdate: sum.toUpdate + one.toUpdate,
      upToDate: sum.upToDate + one.upToDate,
      unreadable: sum.unreadable + one.unreadable,
    }),
    none,
  );
