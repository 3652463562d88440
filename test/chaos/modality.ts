/** Stores the images of the cases, before and after their reports. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrthancPeer } from '../peers/orthanc/index.ts';
import type { Case } from './case-load.ts';
import type { Choices } from './seeded-choices.ts';

type Store = Pick<OrthancPeer, 'storeFiles'>;

const filesOf = ({ examination }: Case): readonly Uint8Array[] => examination.instances.map(({ bytes }) => bytes);

/** What the PACS has when the first report comes. */
export const storeEarlyImages = async (orthanc: Store, cases: readonly Case[]): Promise<void> => {
  const early = cases.flatMap((one) => {
    if (one.images === 'after') return [];
    return one.images === 'before' ? filesOf(one) : filesOf(one).slice(0, 1);
  });
  await orthanc.storeFiles(early);
};

/** The rest, one study after the other while the reports come in, in an order of its own. */
export const storeLateImages = async (orthanc: Store, cases: readonly Case[], choices: Choices): Promise<void> => {
  const late = cases.filter(({ images }) => images !== 'before');
  while (late.length > 0) {
    // Near the head: images come about when their report does.
    const at = Math.min(Math.trunc(choices.between(0, 12)), late.length - 1);
    const [one] = late.splice(at, 1);
    if (one !== undefined) await orthanc.storeFiles(one.images === 'after' ? filesOf(one) : filesOf(one).slice(1));
    await sleep(choices.between(50, 500));
  }
};
