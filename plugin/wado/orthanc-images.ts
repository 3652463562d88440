/**
 * The images of Orthanc as this room needs them: found by what the manifest names, opened from its storage.
 *
 * Orthanc's ids follow from the DICOM identifiers, so that what the manifest names is found without asking for its tags.
 */
import {
  lookUpStoredStudy,
  type OrthancClient,
  orthancIdOfInstance,
  type StoredFiles,
  type StoredStudy,
} from '../orthanc/index.ts';
import type { ImageStore, StoredImage, StudyImages } from './image-store.ts';
import type { WantedInstance } from './possession.ts';

const imagesOf = (
  study: Extract<StoredStudy, { kind: 'found' }>,
  studyInstanceUid: string,
  wanted: readonly WantedInstance[],
): readonly StoredImage[] => {
  const series = new Map(study.series.map((one) => [one.seriesInstanceUid, one]));
  return wanted.flatMap(({ seriesInstanceUid, sopInstanceUid, instanceNumber }) => {
    const stored = series.get(seriesInstanceUid);
    const orthancId = orthancIdOfInstance(study.patientId, studyInstanceUid, seriesInstanceUid, sopInstanceUid);
    if (stored?.instanceIds.has(orthancId) !== true) return [];
    const number = instanceNumber === undefined ? {} : { instanceNumber };
    return [{ orthancId, seriesInstanceUid, sopInstanceUid, modality: stored.modality, ...number }];
  });
};

export const createOrthancImages = (
  client: Pick<OrthancClient, 'findStudies' | 'listSeries'>,
  files: StoredFiles,
): ImageStore => ({
  find: async (studyInstanceUid): Promise<StudyImages> => {
    const study = await lookUpStoredStudy(client, studyInstanceUid);
    if (study.kind !== 'found') return study;
    return { kind: 'found', pick: (wanted) => imagesOf(study, studyInstanceUid, wanted) };
  },
  open: async (image, next, signal) => {
    const others = next.map(({ orthancId }) => orthancId);
    const { uuid, ...file } = await files.open(image.orthancId, others, signal);
    return { ...file, revision: uuid };
  },
});
