/** What is read in stored objects of a study: one of each series, and every key object document. */
import type { KeyObject } from '../kos/index.ts';
import type { OrthancClient, StudyContent } from '../orthanc/index.ts';
import type { SeriesIdentity } from './images-match.ts';

type Reader = Pick<OrthancClient, 'readObjectIdentity' | 'readKeyObject'>;

/** Few at once: Orthanc reads a file for each. */
const parallelReads = 4;

const mapInBatches = async <Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += parallelReads) {
    results.push(...(await Promise.all(items.slice(at, at + parallelReads).map(read))));
  }
  return results;
};

/** @throws orthanc/* */
export const readIdentities = (reader: Reader, study: StudyContent): Promise<readonly SeriesIdentity[]> =>
  mapInBatches(
    study.series.flatMap((series) => {
      const [first] = series.instances;
      return first === undefined ? [] : [{ seriesInstanceUid: series.seriesInstanceUid, instanceId: first.orthancId }];
    }),
    async ({ seriesInstanceUid, instanceId }) => ({
      seriesInstanceUid,
      identity: await reader.readObjectIdentity(instanceId),
    }),
  );

/** @throws orthanc/* */
export const readKeyObjects = (
  reader: Reader,
  study: StudyContent,
  keyObjectClass: string,
): Promise<readonly KeyObject[]> =>
  mapInBatches(
    study.series.flatMap((series) => series.instances).filter((instance) => instance.sopClassUid === keyObjectClass),
    async (instance) => {
      const { titleCode, references } = await reader.readKeyObject(instance.orthancId);
      return { sopInstanceUid: instance.sopInstanceUid, titleCode, references };
    },
  );
