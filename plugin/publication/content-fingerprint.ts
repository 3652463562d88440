/**
 * Whether anything changed in the PACS since a study was last looked at: one comparison, no file read. It counts more than a
 * manifest does (decision C1): the look that a difference causes decides what matters.
 */
import { createHash } from 'node:crypto';
import type { StudyContent } from '../orthanc/index.ts';

/** @returns SHA-256 in hexadecimal over all that Orthanc's index says of the study */
export const contentFingerprint = (study: StudyContent): string => {
  const { series, ...traits } = study;
  const canonical = JSON.stringify([
    Object.entries(traits).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    series
      .map(({ instances, ...one }) => [
        Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        instances.map(({ orthancId, sopClassUid }) => `${orthancId} ${sopClassUid}`).toSorted(),
      ])
      .map((row) => JSON.stringify(row))
      .toSorted(),
  ]);
  return createHash('sha256').update(canonical).digest('hex');
};

/** Orthanc's ids of all that the study consists of. */
export const objectsOf = (study: StudyContent): readonly string[] => [
  study.orthancId,
  ...study.series.flatMap((series) => [series.orthancId, ...series.instances.map((instance) => instance.orthancId)]),
];
