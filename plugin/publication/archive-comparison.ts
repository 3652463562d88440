/**
 * The comparison of the whole archive with the PACS, step by step: each step is one transaction, so that whoever takes the run
 * over goes on from there. It reads, and asks for looks; a look decides what is sent or deleted (decisions D1–D4).
 *
 * @see facts/spec.md b.15 · DB.SO.28, DB.SO.30, DB.SO.88
 */
import {
  askForLooks,
  type ComparedStudy,
  type ComparisonRun,
  countLooks,
  countStudiesToCompare,
  countUnconcluded,
  Finding,
  loadManifestObjects,
  loadStudiesToCompare,
  loadUnreadableStudies,
  markLooked,
  type RunFigures,
  RunPhase,
  type RunStep,
  saveEvents,
  saveFindings,
  saveRunStep,
  type StudyFinding,
} from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import type { DrimboxEvent } from '../events.ts';
import type { StudyLookupOfMany } from '../orthanc/index.ts';
import { parseStudyInstanceUid } from '../standards/index.ts';
import { comparedEvent, finalFigures, finishedEvents } from './archive-comparison-end.ts';
import { countManifest, judgeStudy, needsManifest, type Verdict } from './archive-comparison-verdict.ts';
import { retryDelayMs } from './delays.ts';
import { loadDoubt } from './pacs-database.ts';
import type { PublicationPorts } from './ports.ts';

/** How much at once, how long between. */
export interface ComparisonPace {
  /** Studies asked in one question to the index. */
  readonly batchStudies: number;
  /** Looks asked for and not made yet: a new report never stands behind more than these. */
  readonly outstandingLooks: number;
  /** Further passes over what could not be read, and the delay before each. */
  readonly retries: number;
  readonly retryAfterMs: number;
  /** Between two glances at looks under way. */
  readonly pollMs: number;
  /** How long a resynchronisation waits for the DMP and for proofs before it tells its figures. */
  readonly concludingLimitMs: number;
}

export const comparisonPace: ComparisonPace = {
  batchStudies: 50,
  outstandingLooks: 50,
  retries: 3,
  retryAfterMs: 60_000,
  pollMs: 500,
  concludingLimitMs: 24 * 3_600_000,
};

export interface ComparisonPorts
  extends Pick<PublicationPorts, 'store' | 'index' | 'clock' | 'owner' | 'log' | 'emit' | 'options' | 'site'> {
  readonly pace?: Partial<ComparisonPace>;
  /** Starts due looks at once. */
  readonly wakeLooks: () => void;
}

/** What a step leaves: the run as it is now, leased still unless it is over, and when the next step makes sense. */
export interface StepResult {
  readonly run: ComparisonRun;
  readonly waitMs: number;
}

const paceOf = (ports: ComparisonPorts): ComparisonPace => ({ ...comparisonPace, ...ports.pace });

const writeStep = async (
  ports: ComparisonPorts,
  run: ComparisonRun,
  step: RunStep,
  rest: { readonly findings?: readonly StudyFinding[]; readonly events?: readonly DrimboxEvent[] } = {},
): Promise<ComparisonRun> => {
  const { findings = [], events = [] } = rest;
  const saved = await ports.store.transaction(async (trx) => {
    const now = ports.clock();
    await saveFindings(trx, run.id, findings);
    await saveEvents(trx, now, events);
    return saveRunStep(trx, run, step, now);
  });
  for (const event of events) ports.emit(event);
  return saved;
};

// The question to the PACS -----------------------------------------------------------------------------------------

type Answers = ReadonlyMap<string, StudyLookupOfMany>;

/** Time-outs in a row after which one study alone is counted as unreadable: it is too large, the PACS is not down. */
const timeoutsBelieved = 8;

const timeoutsOf = (run: ComparisonRun): number =>
  run.figures.paused?.code === 'orthanc/timeout' ? run.figures.paused.failures : 0;

/** After each time-out half as many: one study that takes too long must not keep the others from being compared. */
const batchSizeOf = (ports: ComparisonPorts, run: ComparisonRun): number =>
  Math.max(1, Math.floor(paceOf(ports).batchStudies / 2 ** timeoutsOf(run)));

/** @returns an error of the PACS as a whole: nothing is concluded about any study */
const askPacs = async (
  ports: ComparisonPorts,
  run: ComparisonRun,
  studies: readonly ComparedStudy[],
): Promise<Answers | DrimboxError> => {
  const uids = studies.map(({ studyInstanceUid }) => parseStudyInstanceUid(studyInstanceUid));
  try {
    return await ports.index.lookupMany(uids);
  } catch (error) {
    if (!(error instanceof DrimboxError) || !error.code.startsWith('orthanc/')) throw error;
    const [alone, ...others] = uids;
    const isTooLarge = alone !== undefined && others.length === 0 && timeoutsOf(run) >= timeoutsBelieved;
    return isTooLarge && error.code === 'orthanc/timeout' ? new Map([[alone, { kind: 'failed', error }]]) : error;
  }
};

const pause = async (ports: ComparisonPorts, run: ComparisonRun, error: DrimboxError): Promise<StepResult> => {
  const before = run.figures.paused;
  const failures = (before?.code === error.code ? before.failures : 0) + 1;
  const paused = { code: error.code, sinceUtcMs: before?.sinceUtcMs ?? ports.clock(), failures };
  const event: DrimboxEvent = { name: 'comparison/paused', errorCode: error.code, detail: { purpose: run.purpose } };
  const saved = await writeStep(ports, run, { figures: { paused } }, { events: before === null ? [event] : [] });
  return { run: saved, waitMs: retryDelayMs(ports.options, failures) };
};

// One batch --------------------------------------------------------------------------------------------------------

interface Judged extends Verdict {
  readonly study: ComparedStudy;
}

const judgeBatch = async (
  ports: ComparisonPorts,
  studies: readonly ComparedStudy[],
  answers: Answers,
): Promise<readonly Judged[]> => {
  const asked = studies.flatMap((study) => {
    const lookup = answers.get(study.studyInstanceUid);
    return lookup === undefined ? [] : [{ study, lookup }];
  });
  if (asked.length < studies.length) throw new DrimboxError('general/internal', { detail: 'an answer is missing' });
  const wanted = asked.filter(({ study, lookup }) => needsManifest(study, lookup));
  const manifests = await loadManifestObjects(
    ports.store.knex,
    wanted.flatMap(({ study }) => study.published?.submissionId ?? []),
  );
  return asked.map(({ study, lookup }) => ({
    study,
    ...judgeStudy(study, lookup, manifests.get(study.published?.submissionId ?? 0)),
  }));
};

/** What could not be read is a manifest of unknown content only after the last pass. */
const countBatch = (figures: RunFigures, judged: readonly Judged[], isLastPass: boolean): RunFigures => {
  const found = { ...figures.found };
  let { manifests } = figures;
  for (const { study, finding } of judged) {
    found[finding] += 1;
    const isCounted = study.published !== undefined && (finding !== Finding.unreadable || isLastPass);
    if (isCounted) manifests = countManifest(manifests, study.published.structureId, finding);
  }
  return { ...figures, found, manifests, paused: null };
};

/** A sweep asks for a look at what no look has seen; a resynchronisation shows everything. */
const findingsOf = (run: ComparisonRun, judged: readonly Judged[]): readonly StudyFinding[] =>
  judged.map(({ study, finding, isNews }) => ({
    studyInstanceUid: study.studyInstanceUid,
    finding: run.purpose === 'sweep' && !isNews ? Finding.unchanged : finding,
  }));

const positionAfter = (studies: readonly ComparedStudy[]): string => studies.at(-1)?.studyInstanceUid ?? '';

const compareBatch = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const { knex } = ports.store;
  const pace = paceOf(ports);
  if (run.position === '' && run.total === 0) {
    const total = await countStudiesToCompare(knex);
    if (total > 0) return { run: await writeStep(ports, run, { total }), waitMs: 0 };
  }
  const studies = await loadStudiesToCompare(knex, run.position, batchSizeOf(ports, run));
  if (studies.length === 0) return endComparing(ports, run);
  const answers = await askPacs(ports, run, studies);
  if (answers instanceof DrimboxError) return pause(ports, run, answers);
  const judged = await judgeBatch(ports, studies, answers);
  const step = { position: positionAfter(studies), figures: countBatch(run.figures, judged, pace.retries === 0) };
  const saved = await writeStep(ports, run, step, { findings: findingsOf(run, judged) });
  // A sweep need not have seen everything before the first look.
  if (saved.purpose === 'sweep') await feedLooks(ports, saved);
  return { run: saved, waitMs: 0 };
};

/** Studies that could not be read are asked again, after all others. */
const retryBatch = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const { knex } = ports.store;
  const pace = paceOf(ports);
  const isLastPass = run.figures.retries >= pace.retries;
  const studies = await loadUnreadableStudies(knex, run.id, run.position, batchSizeOf(ports, run));
  if (studies.length === 0) return isLastPass ? endRetrying(ports, run) : nextPass(ports, run);
  const answers = await askPacs(ports, run, studies);
  if (answers instanceof DrimboxError) return pause(ports, run, answers);
  const judged = await judgeBatch(ports, studies, answers);
  const counted = countBatch(run.figures, judged, isLastPass);
  const found = { ...counted.found, unreadable: counted.found.unreadable - studies.length };
  const step = { position: positionAfter(studies), figures: { ...counted, found } };
  return { run: await writeStep(ports, run, step, { findings: findingsOf(run, judged) }), waitMs: 0 };
};

const nextPass = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const isAnyLeft = run.figures.found.unreadable > 0;
  if (!isAnyLeft) return endRetrying(ports, run);
  const step = { phase: RunPhase.retrying, position: '', figures: { retries: run.figures.retries + 1 } };
  return { run: await writeStep(ports, run, step), waitMs: paceOf(ports).retryAfterMs };
};

const endComparing = (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> =>
  paceOf(ports).retries > 0 ? nextPass(ports, run) : endRetrying(ports, run);

const endRetrying = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const figures = { comparedAtUtcMs: ports.clock(), paused: null };
  if (run.purpose === 'sweep') {
    return { run: await writeStep(ports, run, { phase: RunPhase.looking, figures }), waitMs: 0 };
  }
  const step = { phase: RunPhase.compared, figures };
  return { run: await writeStep(ports, run, step, { events: [comparedEvent(run)] }), waitMs: 0 };
};

// The looks --------------------------------------------------------------------------------------------------------

/** Asks for as many looks as may stand in line. @returns whether any was asked for */
const feedLooks = async (ports: ComparisonPorts, run: ComparisonRun): Promise<boolean> => {
  const { knex } = ports.store;
  await markLooked(knex, run.id, ports.clock());
  const { asked, looked, wanted } = await countLooks(knex, run.id);
  const free = paceOf(ports).outstandingLooks - (asked - looked);
  if (free <= 0 || wanted === asked) return false;
  const count = await ports.store.transaction((trx) => askForLooks(trx, run.id, free, ports.clock()));
  if (count > 0) ports.wakeLooks();
  return count > 0;
};

const look = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  await feedLooks(ports, run);
  const { wanted, looked } = await countLooks(ports.store.knex, run.id);
  if (looked < wanted) return { run: await writeStep(ports, run, {}), waitMs: paceOf(ports).pollMs };
  if (run.purpose === 'sweep') return finish(ports, run);
  const step = { phase: RunPhase.concluding, figures: { lookedAtUtcMs: ports.clock() } };
  return { run: await writeStep(ports, run, step), waitMs: 0 };
};

const finish = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const figures = run.purpose === 'sweep' ? run.figures : await finalFigures(ports.store.knex, run);
  const events = await finishedEvents(ports.store.knex, { ...run, figures });
  const unreadable = figures.found.unreadable;
  if (unreadable > 0) ports.log.warn({ run: run.id, unreadable }, 'studies could not be compared with the PACS');
  return { run: await writeStep(ports, run, { phase: RunPhase.finished, figures }, { events }), waitMs: 0 };
};

/** Deletions wait for their proof (D1), orders for the DMP: the figures are told when all is settled. */
const conclude = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const pace = paceOf(ports);
  const now = ports.clock();
  const stableSinceUtcMs = now - ports.options.stabilitySeconds * 1000;
  const open = await countUnconcluded(ports.store.knex, run.id, { nowUtcMs: now, stableSinceUtcMs });
  const sinceMs = now - (run.figures.lookedAtUtcMs ?? now);
  if (open === 0 || sinceMs >= pace.concludingLimitMs) return finish(ports, run);
  return { run: await writeStep(ports, run, {}), waitMs: pace.pollMs };
};

const phasesThatAsk: readonly RunPhase[] = [RunPhase.comparing, RunPhase.retrying, RunPhase.looking];
const doubtCode = 'publication/pacs-database-changed';

/**
 * While Orthanc's database is in doubt (decision D2) no look is asked for: an empty one would hold every study of the archive,
 * each with its alert. A preview goes on: it shows what would come.
 */
const waitForDatabase = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult | undefined> => {
  if (!phasesThatAsk.includes(run.phase) || (run.purpose === 'resync' && !run.isApplied)) return undefined;
  const why = await loadDoubt(ports.store.knex);
  if (why !== undefined) return pause(ports, run, new DrimboxError(doubtCode, { detail: why }));
  if (run.figures.paused?.code !== doubtCode) return undefined;
  return { run: await writeStep(ports, run, { figures: { paused: null } }), waitMs: 0 };
};

/**
 * Does the next piece of a leased run.
 *
 * @throws store/lease-lost, store/unavailable; an error of the PACS only makes the run wait
 */
export const stepRun = async (ports: ComparisonPorts, run: ComparisonRun): Promise<StepResult> => {
  const waiting = await waitForDatabase(ports, run);
  if (waiting !== undefined) return waiting;
  switch (run.phase) {
    case RunPhase.comparing:
      return compareBatch(ports, run);
    case RunPhase.retrying:
      return retryBatch(ports, run);
    case RunPhase.looking:
      return look(ports, run);
    case RunPhase.concluding:
      return conclude(ports, run);
    case RunPhase.compared:
    case RunPhase.finished:
    case RunPhase.stopped:
      return { run, waitMs: 0 };
  }
};
