/** `drimbox archive …`: what the archive holds, and another chance for what stands still. */
import type { Knex } from 'knex';
import {
  type ArchiveFigures,
  comparedOf,
  endRestoreDoubt,
  hookContactMarker,
  listArchive,
  loadFigures,
  loadLatestKos,
  loadLatestRun,
  loadMarkerTime,
  loadReleasableStudies,
  type Released,
  releaseStudy,
  type RunPhase,
  saveEvents,
  showArchive,
  StudyState,
} from '../archive/index.ts';
import { type ErrorCode, errorTable } from '../errors.ts';
import { remedyOf } from '../remedies.ts';
import { numberOptionOf, optionOf, subjectsOf, usage } from './command-words.ts';
import type { StoreCommand, StoreCommandPorts } from './store-command.ts';

const stateOf = (text: string): StudyState => {
  const state = Object.values(StudyState).find((known) => known === text);
  if (state === undefined) throw usage(`--state is one of ${Object.values(StudyState).join(', ')}`);
  return state;
};

const subjectOf = (words: readonly string[], form: string): string => {
  const [subject] = subjectsOf(words, 2);
  if (subject === undefined) throw usage(form);
  return subject;
};

export const listCommand: StoreCommand = async ({ store }, words) => {
  const state = optionOf(words, '--state');
  return listArchive(store.knex, {
    ...(state === undefined ? {} : { states: [stateOf(state)] }),
    limit: numberOptionOf(words, '--limit', { least: 1, most: 100_000, otherwise: 100 }),
  });
};

export const showCommand: StoreCommand = async ({ store }, words) =>
  showArchive(store.knex, subjectOf(words, 'archive show STUDY-INSTANCE-UID'));

export const kosCommand: StoreCommand = async ({ store }, words) => {
  const studyInstanceUid = subjectOf(words, 'archive kos STUDY-INSTANCE-UID');
  const kos = await loadLatestKos(store.knex, studyInstanceUid);
  return { studyInstanceUid, kosBase64: Buffer.from(kos).toString('base64') };
};

const attempts = {
  publish: 'la publication dans le DMP est tentée tout de suite',
  replace: 'le remplacement dans le DMP est tenté tout de suite',
  delete: 'la suppression du DMP est tentée tout de suite',
} as const;

/** What will happen to a study that was released, in French. */
const consequenceOf = (released: Released): string => {
  switch (released.kind) {
    case 'new':
      return 'repris depuis le début : publié si le compte-rendu et les images le permettent';
    case 'tried-at-once':
      return attempts[released.order];
    case 'checked-again':
      return 'toutes les règles sont vérifiées de nouveau ; il reste retenu si la cause demeure';
    case 'looked-at':
      return 'comparé avec le PACS ; rien n’est envoyé si rien n’a changé';
  }
};

interface ReleasedStudy {
  readonly studyInstanceUid: string;
  readonly was: StudyState;
  readonly text: string;
  readonly reason?: string;
  readonly cause?: string;
  readonly remedy?: string;
}

const describe = (studyInstanceUid: string, released: Released): ReleasedStudy => {
  const reason = released.kind === 'checked-again' ? released.reason : undefined;
  const remedy = reason === undefined ? undefined : remedyOf(reason);
  return {
    studyInstanceUid,
    was: released.was,
    text: consequenceOf(released),
    ...(reason === undefined ? {} : { reason, cause: errorTable[reason].publicText }),
    ...(remedy === undefined ? {} : { remedy }),
  };
};

/** Studies of one transaction: on the embedded store everybody else waits for it. */
const releasedAtOnce = 100;
/** Studies that are told one by one. */
const told = 1_000;

const releaseSome = (
  ports: StoreCommandPorts,
  uids: readonly string[],
  isNamed: boolean,
): Promise<readonly ReleasedStudy[]> =>
  ports.store.transaction(async (trx) => {
    const atUtcMs = ports.clock();
    const studies: ReleasedStudy[] = [];
    for (const uid of uids) {
      studies.push(describe(uid, await releaseStudy(trx, uid, atUtcMs)));
      // Only who names a study says that the DMP surely does not have it.
      if (isNamed) await endRestoreDoubt(trx, uid);
    }
    await saveEvents(
      trx,
      atUtcMs,
      studies.map(({ studyInstanceUid, was }) => ({ name: 'study/released', studyInstanceUid, detail: { was } })),
    );
    return studies;
  });

/**
 * `archive release [UID…]`: one study, or every one that is held, failed, withdrawn or waits for the DMP, once an
 * administrator has put right what was in the way. Says what will happen to each.
 *
 * @throws archive/not-found — one of the given studies is unknown: none is released
 */
export const releaseCommand: StoreCommand = async (ports, words, report) => {
  const given = subjectsOf(words, 2);
  const uids = given.length > 0 ? given : await loadReleasableStudies(ports.store.knex);
  // The named ones are released together or not at all.
  const size = given.length > 0 ? given.length : releasedAtOnce;
  const studies: ReleasedStudy[] = [];
  for (let at = 0; at < uids.length; at += size) {
    studies.push(...(await releaseSome(ports, uids.slice(at, at + size), given.length > 0)));
    report({ released: studies.length, of: uids.length });
  }
  ports.wake?.();
  return {
    due: studies.length,
    studies: studies.slice(0, told),
    ...(studies.length > told ? { notTold: studies.length - told } : {}),
  };
};

/** What `archive status` answers. */
export interface StoreFigures extends ArchiveFigures {
  readonly database: 'embedded' | 'postgres';
  readonly lastHookContactAtUtcMs?: number;
  /** The sweep under way, else the latest one. */
  readonly sweep?: SweepFigures;
}

export interface SweepFigures {
  readonly phase: RunPhase;
  /** Another one follows at once: something may have happened behind this one. */
  readonly isWantedAgain: boolean;
  readonly compared: number;
  readonly total: number;
  readonly startedAtUtcMs: number;
  readonly finishedAtUtcMs?: number;
  /** Why it waits. */
  readonly pausedBy?: ErrorCode;
}

const sweepFigures = async (knex: Knex): Promise<SweepFigures | undefined> => {
  const run = await loadLatestRun(knex, 'sweep');
  if (run === undefined) return undefined;
  const { phase, isWantedAgain, total, startedAtUtcMs, finishedAtUtcMs, figures } = run;
  return {
    phase,
    isWantedAgain,
    compared: comparedOf(run),
    total,
    startedAtUtcMs,
    ...(finishedAtUtcMs === undefined ? {} : { finishedAtUtcMs }),
    ...(figures.paused === null ? {} : { pausedBy: figures.paused.code }),
  };
};

/** Figures for `doctor` and monitoring; no identity. */
export const figuresCommand: StoreCommand = async ({ store }): Promise<StoreFigures> => {
  const lastHookContactAtUtcMs = await loadMarkerTime(store.knex, hookContactMarker);
  const sweep = await sweepFigures(store.knex);
  return {
    ...(await loadFigures(store.knex)),
    database: store.kind,
    ...(lastHookContactAtUtcMs === undefined ? {} : { lastHookContactAtUtcMs }),
    ...(sweep === undefined ? {} : { sweep }),
  };
};
