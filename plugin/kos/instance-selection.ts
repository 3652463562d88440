/**
 * Which instances of a study a manifest lists.
 *
 * @see decision C3 · IHE RAD TF, IOCM (rejection notes) · PS3.16 CID 7010, 7011
 */
import { DrimboxError } from '../errors.ts';
import { isRejectionTitle, keyObjectTitles, sopClasses } from '../standards/index.ts';

/** A Key Object Selection document stored in the study. */
export interface KeyObject {
  readonly sopInstanceUid: string;
  /** Code value of its title, in DCM: 113001, 113030… */
  readonly titleCode: string;
  /** SOPInstanceUIDs of what it references. */
  readonly references: readonly string[];
}

interface SelectableInstance {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
}

interface SelectableSeries {
  readonly instances: readonly SelectableInstance[];
}

/**
 * Leaves out rejection notes, what they reject, and manifests; then series left without instance. Any other key
 * object (113000 "Of Interest") is listed like an image.
 *
 * @param series      the study as the PACS holds it
 * @param keyObjects  every instance of the Key Object Selection class in it, read
 * @returns the series to list, in their order; none when nothing is left: `buildManifest` then says kos/study-empty
 * @throws kos/unreadable — a key object of the study is not among `keyObjects`: it might reject images
 */
export const selectManifestInstances = <Series extends SelectableSeries>(
  series: readonly Series[],
  keyObjects: readonly KeyObject[],
): readonly Series[] => {
  const excluded = new Set<string>();
  for (const { sopInstanceUid, titleCode, references } of keyObjects) {
    const isRejection = isRejectionTitle(titleCode);
    if (isRejection || titleCode === keyObjectTitles.manifest) excluded.add(sopInstanceUid);
    if (isRejection) for (const reference of references) excluded.add(reference);
  }
  const read = new Set(keyObjects.map((keyObject) => keyObject.sopInstanceUid));
  const isListed = ({ sopClassUid, sopInstanceUid }: SelectableInstance): boolean => {
    if (sopClassUid === sopClasses.keyObjectSelection && !read.has(sopInstanceUid)) {
      throw new DrimboxError('kos/unreadable', {
        detail: 'a key object of the study was not read',
        context: { sopInstanceUid },
      });
    }
    return !excluded.has(sopInstanceUid);
  };
  return series
    .map((one) => ({ ...one, instances: one.instances.filter(isListed) }))
    .filter((one) => one.instances.length > 0);
};
