/**
 * `drimbox resync`: compares every archived manifest with the PACS and shows what would be done; `--apply` then has every
 * difference looked at (DB.SO.28, DB.SO.30, DB.SO.88). The work is done by the running sidecar and survives it: this command
 * asks for it, watches it and tells how far it is. Deletions follow the rules of every other deletion (decisions D1–D3).
 */
import {
  comparedOf,
  type ComparisonRun,
  countHeldFindings,
  countLooks,
  Finding,
  type FindingView,
  loadFindings,
  loadLatestRun,
  loadRun,
  type LookProgress,
  type ManifestFigures,
  requestResyncRun,
  RunPhase,
  stopRun,
} from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import { totalOf } from '../publication/index.ts';
import type { Store } from '../store/index.ts';
import { checkOptions, optionOf, type Report, usage } from './command-words.ts';

export interface ResyncPorts {
  readonly store: Store;
  readonly clock: () => number;
  /** Starts the work at once, in the running sidecar. */
  readonly wakeComparison?: () => void;
  /** Aborted when nobody waits for the answer any more; the work goes on. */
  readonly signal?: AbortSignal;
  /** Between two glances; default one second. */
  readonly pollMs?: number;
}

/** How far the work is. */
export interface ResyncProgress {
  readonly phase: RunPhase;
  readonly compared: number;
  readonly total: number;
  readonly looks: LookProgress;
  /** The PACS does not answer: the work goes on when it does. */
  readonly pausedBy?: string;
}

/** What is printed. */
export interface ResyncView extends ResyncProgress {
  readonly run: number;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly applied: boolean;
  /** Manifests: the five figures of the national statistics, and those whose examination could not be read. */
  readonly figures: ManifestFigures & { readonly archivedAfter?: number };
  /** Of the studies found different, those that are held now: see `drimbox archive list --state held`. */
  readonly held: number;
  readonly findings: Readonly<
    Record<string, { readonly count: number; readonly meaning: string; readonly studies: readonly string[] }>
  >;
  readonly next: string;
  /** With `--list`: every finding, as CSV. */
  readonly list?: string;
}

const shownStudies = 100;
const defaultPollMs = 1_000;

const meanings: Readonly<Record<Exclude<Finding, 'unchanged'>, string>> = {
  [Finding.withoutExam]: 'no image in the PACS: the manifest will be deleted from the DMP, if the proofs hold',
  [Finding.changed]: 'other images than the manifest names: it will be replaced, if the look confirms it',
  [Finding.touched]: 'the same images, other details: a look makes sure; most need nothing',
  [Finding.duplicated]: 'several examinations of one identifier in the PACS: the study will be held',
  [Finding.unreadable]: 'the PACS gave no answer for this study: nothing will be done',
};

const isOver = (run: ComparisonRun): boolean =>
  run.phase === RunPhase.finished ||
  run.phase === RunPhase.stopped ||
  (run.phase === RunPhase.compared && !run.isApplied);

const progressOf = async (ports: ResyncPorts, run: ComparisonRun): Promise<ResyncProgress> => ({
  phase: run.phase,
  compared: comparedOf(run),
  total: run.total,
  looks: await countLooks(ports.store.knex, run.id),
  ...(run.figures.paused === null ? {} : { pausedBy: run.figures.paused.code }),
});

const lineOf = ({ phase, compared, total, looks, pausedBy }: ResyncProgress): object => ({
  phase,
  compared: `${compared}/${total}`,
  looked: `${looks.looked}/${looks.wanted}`,
  ...(pausedBy === undefined ? {} : { paused: pausedBy }),
});

const csvOf = (findings: readonly FindingView[]): string =>
  [
    'study_instance_uid,finding,looked,state,reason',
    ...findings.map((one) => [one.studyInstanceUid, one.finding, one.isLooked, one.state, one.reason ?? ''].join(',')),
    '',
  ].join('\n');

const findingsOf = async (ports: ResyncPorts, run: ComparisonRun): Promise<ResyncView['findings']> => {
  const shown: Record<string, ResyncView['findings'][string]> = {};
  for (const finding of Object.values(Finding)) {
    const count = run.figures.found[finding];
    if (finding === Finding.unchanged || count === 0) continue;
    const some = await loadFindings(ports.store.knex, run.id, { finding, limit: shownStudies });
    shown[finding] = { count, meaning: meanings[finding], studies: some.map((one) => one.studyInstanceUid) };
  }
  return shown;
};

const nextOf = (run: ComparisonRun): string => {
  switch (run.phase) {
    case RunPhase.comparing:
    case RunPhase.retrying:
    case RunPhase.looking:
    case RunPhase.concluding:
      return 'under way in the sidecar: drimbox resync --status tells how far it is, --stop ends it';
    case RunPhase.compared:
      return 'nothing was changed: drimbox resync --apply has every difference looked at';
    case RunPhase.finished:
      return 'done: held studies are in drimbox archive list --state held';
    case RunPhase.stopped:
      return 'stopped: looks that were asked for are made all the same; drimbox resync begins anew';
  }
};

const viewOf = async (ports: ResyncPorts, run: ComparisonRun, withList: boolean): Promise<ResyncView> => {
  const { knex } = ports.store;
  const { archivedAfter } = run.figures;
  const after = archivedAfter === null ? undefined : Object.values(archivedAfter).reduce((sum, one) => sum + one, 0);
  return {
    run: run.id,
    ...(await progressOf(ports, run)),
    startedAt: new Date(run.startedAtUtcMs).toISOString(),
    ...(run.finishedAtUtcMs === undefined ? {} : { finishedAt: new Date(run.finishedAtUtcMs).toISOString() }),
    applied: run.isApplied,
    figures: { ...totalOf(run.figures.manifests), ...(after === undefined ? {} : { archivedAfter: after }) },
    held: await countHeldFindings(knex, run.id),
    findings: await findingsOf(ports, run),
    next: nextOf(run),
    ...(withList ? { list: csvOf(await loadFindings(knex, run.id)) } : {}),
  };
};

const sleep = (ports: ResyncPorts): Promise<void> =>
  new Promise((resolve) => {
    const { signal } = ports;
    const timer = setTimeout(done, ports.pollMs ?? defaultPollMs);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });

/** Tells the progress whenever it moved, until the work is over or nobody listens. */
const watch = async (ports: ResyncPorts, started: ComparisonRun, report: Report): Promise<ComparisonRun> => {
  let run = started;
  let told = '';
  while (!isOver(run) && ports.signal?.aborted !== true) {
    const line = lineOf(await progressOf(ports, run));
    const text = JSON.stringify(line);
    if (text !== told) report(line);
    told = text;
    await sleep(ports);
    run = (await loadRun(ports.store.knex, run.id)) ?? run;
  }
  return run;
};

const latest = async (ports: ResyncPorts): Promise<ComparisonRun> => {
  const run = await loadLatestRun(ports.store.knex, 'resync');
  if (run === undefined)
    throw new DrimboxError('archive/not-found', { detail: 'no resynchronisation was ever started' });
  return run;
};

/** Where the work stands, or what came of the latest. @throws archive/not-found: none was ever started; store/unavailable */
export const showResync = async (ports: ResyncPorts): Promise<ResyncView> => viewOf(ports, await latest(ports), false);

/** Wants the comparison, and with `isApplied` its looks too; joins what is under way. @throws store/unavailable */
export const startResync = async (ports: ResyncPorts, isApplied: boolean): Promise<ComparisonRun> => {
  const request = { atUtcMs: ports.clock(), isApplied };
  const started = await ports.store.transaction((trx) => requestResyncRun(trx, request));
  ports.wakeComparison?.();
  return started;
};

/** Looks that were asked for are made all the same. @throws archive/not-found, store/unavailable */
export const stopResync = async (ports: ResyncPorts): Promise<void> => {
  await latest(ports);
  await stopRun(ports.store.knex, 'resync', ports.clock());
};

/**
 * @param words  `['resync']`, with `--apply`, `--status` or `--stop`, and `--list FILE`
 * @throws cli/usage, archive/not-found, store/unavailable
 */
export const resyncCommand = async (
  ports: ResyncPorts,
  words: readonly string[],
  report: Report,
): Promise<ResyncView> => {
  checkOptions(words, ['--apply', '--status', '--stop', '--list']);
  const modes = ['--apply', '--status', '--stop'].filter((mode) => words.includes(mode));
  if (modes.length > 1) throw usage(`${modes.join(' and ')} exclude each other`);
  const [mode] = modes;
  const withList = optionOf(words, '--list') !== undefined;
  if (mode === '--status') return viewOf(ports, await latest(ports), withList);
  if (mode === '--stop') {
    await stopResync(ports);
    return viewOf(ports, await latest(ports), withList);
  }
  const started = await startResync(ports, mode === '--apply');
  return viewOf(ports, await watch(ports, started, report), withList);
};
