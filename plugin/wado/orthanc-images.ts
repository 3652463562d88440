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
import type { StudyInstanceUid } from '../standards/index.ts';
import type { ImageStore, StoredImage, StudyImages } from './image-store.ts';
import type { WantedInstance } from './possession.ts';

type FoundStudy = Extract<StoredStudy, { kind: 'found' }>;
type Found = Extract<StudyImages, { kind: 'found' }>;

const foundImages = (study: FoundStudy, studyInstanceUid: string): Found => {
  const series = new Map(study.series.map((one) => [one.seriesInstanceUid, one]));
  const ids = new Map<string, string>();

  const idOf = (seriesInstanceUid: string, sopInstanceUid: string): string => {
    const key = `${seriesInstanceUid} ${sopInstanceUid}`;
    const id =
      ids.get(key) ?? orthancIdOfInstance(study.patientId, studyInstanceUid, seriesInstanceUid, sopInstanceUid);
    ids.set(key, id);
    return id;
  };

  const pick = (wanted: readonly WantedInstance[]): readonly StoredImage[] =>
    wanted.flatMap(({ seriesInstanceUid, sopInstanceUid, instanceNumber }) => {
      const stored = series.get(seriesInstanceUid);
      if (stored === undefined) return [];
      const orthancId = idOf(seriesInstanceUid, sopInstanceUid);
      if (!stored.instanceIds.has(orthancId)) return [];
      const number = instanceNumber === undefined ? {} : { instanceNumber };
      return [{ orthancId, seriesInstanceUid, sopInstanceUid, modality: stored.modality, ...number }];
    });

  return { kind: 'found', pick };
};

/**
 * A study is asked for series after series, by several at once. What leaves it meanwhile is noticed when its file is opened;
 * a second study of that UID (decision A5) is noticed this much later.
 */
const rememberedMs = 5_000;
const maxRemembered = 64;

interface Remembered {
  readonly askedAtMs: number;
  readonly images: Promise<StudyImages>;
}

/** @param monotonic  milliseconds */
export const createOrthancImages = (
  client: Pick<OrthancClient, 'findStudies' | 'listSeries'>,
  files: StoredFiles,
  monotonic: () => number,
): ImageStore => {
  const remembered = new Map<string, Remembered>();

  const ask = async (uid: StudyInstanceUid): Promise<StudyImages> => {
    const study = await lookUpStoredStudy(client, uid);
    return study.kind === 'found' ? foundImages(study, uid) : study;
  };

  const askAnew = (uid: StudyInstanceUid): Promise<StudyImages> => {
    const asked = { askedAtMs: monotonic(), images: ask(uid) };
    remembered.delete(uid);
    remembered.set(uid, asked);
    for (const oldest of remembered.keys()) if (remembered.size > maxRemembered) remembered.delete(oldest);
    // Only what is there is remembered: what is not may come at any moment, and a failure may pass.
    const forget = (): void => {
      if (remembered.get(uid) === asked) remembered.delete(uid);
    };
    asked.images.then((images) => images.kind === 'found' || forget(), forget);
    return asked.images;
  };

  return {
    find: (uid) => {
      const one = remembered.get(uid);
      return one !== undefined && monotonic() - one.askedAtMs < rememberedMs ? one.images : askAnew(uid);
    },
    open: async (image, next, signal, wholeUpToBytes) => {
      const others = next.map(({ orthancId }) => orthancId);
      const { uuid, ...file } = await files.open(image.orthancId, others, signal, wholeUpToBytes);
      return { ...file, revision: uuid };
    },
  };
};
