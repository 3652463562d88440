/** The registry of the stand-in in the words of the model: each manifest read once. */
import { parseManifest } from '../../plugin/kos/index.ts';
import type { RegistryEntry } from '../peers/dmp/registry.ts';
import type { StandInProcess } from '../peers/site/index.ts';
import {
  actOf,
  allStudies,
  imageUidOf,
  imagesPerStudy,
  insValueOf,
  uidOf,
  type Flags,
  type StudyNumber,
} from './life-world.ts';

/** A manifest as it stands in the DMP. */
export interface Published {
  readonly entryUuid: string;
  readonly status: RegistryEntry['status'];
  readonly study: StudyNumber;
  readonly record: 'first' | 'second' | 'nobody we know';
  /** Document id of the report that it accompanies. */
  readonly document: string;
  readonly flags: Flags;
  /** 0: an image that no story ever stored. */
  readonly images: readonly number[];
}

const recordOf = (ins: string): Published['record'] => {
  if (ins === insValueOf('first')) return 'first';
  return ins === insValueOf('second') ? 'second' : 'nobody we know';
};

const imageNumberOf = (study: StudyNumber, uid: string): number => {
  for (let image = 1; image <= imagesPerStudy; image += 1) if (imageUidOf(study, image) === uid) return image;
  return 0;
};

export class LifeRegistry {
  readonly #dmp: StandInProcess;
  readonly #contents = new Map<string, Pick<Published, 'document' | 'images'>>();

  constructor(dmp: StandInProcess) {
    this.#dmp = dmp;
  }

  async #contentOf(entryUuid: string, study: StudyNumber): Promise<Pick<Published, 'document' | 'images'>> {
    const known = this.#contents.get(entryUuid);
    if (known !== undefined) return known;
    const manifest = parseManifest(await this.#dmp.documentOf(entryUuid));
    const content = {
      document: manifest.actDisplayName.replace(actOf(''), ''),
      images: manifest.series
        .flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => imageNumberOf(study, sopInstanceUid)))
        .toSorted((a, b) => a - b),
    };
    this.#contents.set(entryUuid, content);
    return content;
  }

  /** Every manifest that was ever taken, in order of arrival. */
  async read(): Promise<readonly Published[]> {
    const entries = (await this.#dmp.entries()).filter(({ kind }) => kind === 'kos');
    const published: Published[] = [];
    for (const { entryUuid, status, studyInstanceUid, patient, codes } of entries) {
      const study = allStudies.find((one) => uidOf(one) === studyInstanceUid) ?? 0;
      const confidentiality = codes['confidentiality']?.join() ?? '';
      published.push({
        entryUuid,
        status,
        study,
        record: recordOf(patient.ins),
        flags: {
          hiddenFromPatient: confidentiality.includes('INVISIBLE_PATIENT'),
          maskedFromProfessionals: confidentiality.includes('MASQUE_PS'),
        },
        ...(await this.#contentOf(entryUuid, study)),
      });
    }
    return published;
  }
}
