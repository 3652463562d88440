/**
 * May a manifest be replaced by one that lists less? An index that is half loaded, or another database, shows fewer images in
 * good faith. Assumption beyond decisions D1 and D2, which speak of deletions: losing most of the images is nearly one.
 */
import type { OrderCause, OrderHead } from '../archive/index.ts';
import { loadPublishedContent } from './archived-manifest.ts';
import type { WantedManifest } from './observation.ts';
import { checkDatabase, loadDoubt } from './pacs-database.ts';
import type { PublicationPorts } from './ports.ts';
import type { Proof } from './vanished-images.ts';

interface Replacement extends Pick<WantedManifest, 'series' | 'sinceUtcMs' | 'isArchived'> {
  readonly cause: OrderCause;
  readonly published: OrderHead;
  readonly isOrdered: boolean;
}

const doubted = (detail: string): Proof => ({
  kind: 'unproven',
  code: 'publication/pacs-database-changed',
  detail,
});

/** How many instances were published, and how many of them are no longer there. */
const countLost = async (ports: PublicationPorts, { series, published }: Replacement) => {
  const before = await loadPublishedContent(ports, published);
  const now = new Set(series.flatMap((one) => one.instances.map((instance) => instance.sopInstanceUid)));
  const uids = (before?.series ?? []).flatMap((one) => one.instances.map((instance) => instance.sopInstanceUid));
  return { published: uids.length, lost: uids.filter((uid) => !now.has(uid)).length };
};

/** @throws orthanc/*, store/*: nothing is concluded */
export const proveReplacement = async (ports: PublicationPorts, replacement: Replacement): Promise<Proof> => {
  if (replacement.isArchived === true) return { kind: 'proven' };
  if (replacement.cause !== 'pacs') {
    // What a report asks for goes, unless images vanished with a database that is not the known one.
    const doubt = await loadDoubt(ports.store.knex);
    return doubt !== undefined && (await countLost(ports, replacement)).lost > 0 ? doubted(doubt) : { kind: 'proven' };
  }
  const doubt = await checkDatabase(ports);
  if (doubt !== undefined) return doubted(doubt);
  const { published, lost } = await countLost(ports, replacement);
  if (replacement.isOrdered || lost * 2 <= published) return { kind: 'proven' };
  const untilUtcMs = (replacement.sinceUtcMs ?? ports.clock()) + ports.options.deletionDelayMinutes * 60_000;
  return ports.clock() < untilUtcMs ? { kind: 'later', untilUtcMs } : { kind: 'proven' };
};
