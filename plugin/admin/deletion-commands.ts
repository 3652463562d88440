/** `drimbox deletions`: what the PACS no longer has and the DMP still holds, until an administrator confirms (decisions D, F1). */
import { confirmDeletions, explain, type HeldDeletion, loadHeldDeletions } from '../archive/index.ts';
import { checkOptions, numberOptionOf, subjectsOf, usage } from './command-words.ts';
import type { StoreCommand } from './store-command.ts';

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

const viewOf = (held: HeldDeletion): object => ({
  studyInstanceUid: held.studyInstanceUid,
  reason: held.reason,
  ...explain(held.reason),
  detail: held.detail,
  heldSince: isoOf(held.heldSinceUtcMs),
  ...(held.absentSinceUtcMs === undefined ? {} : { absentFromPacsSince: isoOf(held.absentSinceUtcMs) }),
  ...(held.confirmedAtUtcMs === undefined ? {} : { confirmedAt: isoOf(held.confirmedAtUtcMs) }),
  ...(held.published === undefined
    ? {}
    : {
        inTheDmp: {
          kosSopInstanceUid: held.published.documentUid,
          instances: held.published.instances,
          ...(held.published.publishedAtUtcMs === undefined
            ? {}
            : { publishedAt: isoOf(held.published.publishedAtUtcMs) }),
        },
      }),
  confirm: `drimbox deletions confirm ${held.studyInstanceUid}`,
});

export const deletionsCommand: StoreCommand = async ({ store }, words) => {
  checkOptions(words, ['--limit']);
  if (subjectsOf(words, 1).length > 0) throw usage('deletions, or deletions confirm UID…|--all');
  const limit = numberOptionOf(words, '--limit', { least: 1, most: 100_000, otherwise: 1_000 });
  const { total, deletions } = await loadHeldDeletions(store.knex, limit);
  return { total, deletions: deletions.map(viewOf) };
};

/** @throws cli/usage, archive/not-found — one of them is not held for a deletion: none is confirmed */
export const confirmDeletionsCommand: StoreCommand = async ({ store, clock, wake }, words) => {
  checkOptions(words, ['--all']);
  const uids = subjectsOf(words, 2);
  if ((uids.length === 0) !== words.includes('--all'))
    throw usage('deletions confirm UID…, or deletions confirm --all');
  const wanted = uids.length === 0 ? undefined : uids;
  const confirmed = await store.transaction((trx) => confirmDeletions(trx, wanted, clock()));
  wake?.();
  return {
    confirmed: confirmed.length,
    studies: confirmed,
    text: 'Le PACS est interrogé une dernière fois ; ce qu’il n’a toujours pas est retiré du DMP.',
  };
};
