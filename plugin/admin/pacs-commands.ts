/** `drimbox pacs`: the database of Orthanc that is recognised, and the doubt about it (decision D2). */
import { explain, loadMarker, requestLooksOfHeldDeletions } from '../archive/index.ts';
import { acceptDatabase, databaseDoubtMarker, databaseMarker } from '../publication/index.ts';
import { checkOptions } from './command-words.ts';
import type { StoreCommand } from './store-command.ts';

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

const parse = (text: string): object => {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? value : {};
};

export const pacsCommand: StoreCommand = async ({ store }, words) => {
  checkOptions(words, []);
  const known = await loadMarker(store.knex, databaseMarker);
  const doubt = await loadMarker(store.knex, databaseDoubtMarker);
  return {
    ...(known === undefined ? {} : { recognised: { ...parse(known.value), lastSeenAt: isoOf(known.atUtcMs) } }),
    ...(doubt === undefined
      ? {}
      : {
          doubt: {
            ...parse(doubt.value),
            since: isoOf(doubt.atUtcMs),
            ...explain('publication/pacs-database-changed'),
            accept: 'drimbox pacs accept',
          },
        }),
  };
};

/** Takes the database that Orthanc has now for the right one; what it held is looked at again. */
export const acceptPacsCommand: StoreCommand = async ({ store, clock, wake, wakeComparison }, words) => {
  checkOptions(words, []);
  await acceptDatabase({ store, clock });
  const due = await requestLooksOfHeldDeletions(store.knex, clock());
  wake?.();
  wakeComparison?.();
  return { accepted: true, due };
};
