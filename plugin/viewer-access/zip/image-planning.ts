/**
 * Which images go into the archive, and how long their files are: asked of the index of the PACS, no file is opened.
 *
 * @see decisions A5, E1
 */
import { DrimboxError } from '../../errors.ts';
import type { ServedManifest } from '../../archive/index.ts';
import type { FileIndex } from '../../orthanc/index.ts';
import { parseStudyInstanceUid } from '../../standards/index.ts';
import type { ImageStore, StoredImage } from '../../wado/index.ts';
import { maxNumbered } from './file-paths.ts';
import type { PlannedImage } from './image-entry.ts';

export interface PlanningPorts {
  readonly images: ImageStore;
  /** Tells sizes of many files at once; absent: each file is looked at. */
  readonly files?: Pick<FileIndex, 'listFiles'>;
}

export interface WantedImages {
  readonly manifest: Pick<ServedManifest, 'studyInstanceUid' | 'ins' | 'series'>;
  /** Absent: the whole study. */
  readonly seriesInstanceUid?: string;
}

export interface ImagePlan {
  /** Series as in the manifest, images by InstanceNumber. */
  readonly images: readonly PlannedImage[];
  readonly series: readonly { readonly modality: string; readonly images: number }[];
  /** Named, and not in the PACS any more. */
  readonly missing: number;
}

type Measured = Pick<PlannedImage, 'sizeBytes' | 'revision'>;

const askedTogether = 250;
const lookedTogether = 8;

/** One question after the other for each of a few askers. */
const mapFew = async <Item, T>(items: readonly Item[], few: number, ask: (item: Item) => Promise<T>): Promise<T[]> => {
  const answers: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) answers[at] = await ask(items[at] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(few, items.length) }, work));
  return answers;
};

const chunked = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));

const measureByIndex = async (
  images: readonly StoredImage[],
  files: Pick<FileIndex, 'listFiles'>,
): Promise<readonly (Measured | undefined)[]> => {
  const ids = images.map(({ orthancId }) => orthancId);
  const maps = await mapFew(chunked(ids, askedTogether), 2, (some) => files.listFiles(some));
  const places = new Map(maps.flatMap((map) => [...map]));
  return ids.map((id) => {
    const place = places.get(id);
    return place === undefined || place === 'without-file'
      ? undefined
      : { sizeBytes: place.sizeBytes, revision: place.uuid };
  });
};

const measureByOpening = (
  images: readonly StoredImage[],
  store: ImageStore,
  signal: AbortSignal,
): Promise<readonly (Measured | undefined)[]> =>
  mapFew([...images.entries()], lookedTogether, async ([at, image]) => {
    try {
      const file = await store.open(image, images.slice(at + 1, at + 1 + askedTogether), signal);
      await file.close();
      return { sizeBytes: file.sizeBytes, revision: file.revision };
    } catch (error) {
      const isGone = error instanceof DrimboxError && error.code === 'orthanc/not-found';
      if (isGone) return undefined;
      throw error;
    }
  });

const numberOf = ({ instanceNumber }: StoredImage): number => instanceNumber ?? Number.POSITIVE_INFINITY;
const byNumber = (a: StoredImage, b: StoredImage): number =>
  numberOf(a) === numberOf(b) ? 0 : numberOf(a) - numberOf(b);

/**
 * @throws viewer-access/download-empty: no image is left · wado/study-duplicated (A5) · orthanc/*
 */
export const planImages = async (
  { manifest, seriesInstanceUid }: WantedImages,
  ports: PlanningPorts,
  signal: AbortSignal,
): Promise<ImagePlan> => {
  const wanted = [...manifest.series]
    .filter(([uid]) => seriesInstanceUid === undefined || uid === seriesInstanceUid)
    .flatMap(([uid, named]) => named.map((one) => ({ seriesInstanceUid: uid, ...one })));
  const found = await ports.images.find(parseStudyInstanceUid(manifest.studyInstanceUid));
  if (found.kind === 'duplicated') throw new DrimboxError('wado/study-duplicated');
  const stored = found.kind === 'found' ? found.pick(wanted) : [];
  const measures =
    ports.files === undefined
      ? await measureByOpening(stored, ports.images, signal)
      : await measureByIndex(stored, ports.files);
  const measureOf = new Map(stored.map((image, at) => [image, measures[at]]));
  const classOf = new Map(wanted.map(({ sopInstanceUid, sopClassUid }) => [sopInstanceUid, sopClassUid]));
  const bySeries = Map.groupBy(
    stored.filter((image) => measureOf.get(image) !== undefined),
    (image) => image.seriesInstanceUid,
  );
  const ordered = [...manifest.series.keys()].flatMap((uid) => {
    const some = bySeries.get(uid);
    return some === undefined ? [] : [some.toSorted(byNumber)];
  });
  const images = ordered.flatMap((some, series) =>
    some.flatMap((image, place): readonly PlannedImage[] => {
      const measured = measureOf.get(image);
      const sopClassUid = classOf.get(image.sopInstanceUid) ?? '';
      return measured === undefined ? [] : [{ image, series, place, sopClassUid, ...measured }];
    }),
  );
  if (images.length === 0 || images.length >= maxNumbered) {
    throw new DrimboxError('viewer-access/download-empty', { detail: `${images.length} of ${wanted.length} files` });
  }
  return {
    images,
    series: ordered.map((some) => ({ modality: some[0]?.modality ?? '', images: some.length })),
    missing: wanted.length - images.length,
  };
};
