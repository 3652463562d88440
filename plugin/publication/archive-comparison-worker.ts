/**
 * The worker that compares the archive with the PACS: takes up the run that is open, and starts the sweeps at their time. Among
 * the sidecars that share a store one works at a time; a run whose sidecar died is taken over when its lease ends.
 */
import {
  type ComparisonRun,
  extendRunLease,
  isResyncWaiting,
  leaseRun,
  releaseRun,
  RunPhase,
} from '../archive/index.ts';
import { DrimboxError, failureFields } from '../errors.ts';
import { type ComparisonPorts, stepRun } from './archive-comparison.ts';
import { nextSweepAt, requestNightlySweep, requestSweep } from './sweep.ts';

const leaseMs = 30_000;
const leaseRenewalMs = 10_000;
const idlePollMs = 2_000;
const outageDelayMs = 5_000;
/** How often a sweep asks whether an administrator waits. */
const yieldCheckMs = 1_000;
/** How long a stop waits for the step under way; one that is cut is done again by the next sidecar. */
const stopGraceMs = 3_000;

export interface ArchiveComparison {
  /** Takes up what was just requested at once instead of at the next poll. */
  wake(): void;
  stop(): Promise<void>;
}

/** Sweeps by the clock: after the start, then every night. */
const createSchedule = (ports: ComparisonPorts) => {
  const { sweepAt, sweepAfterStartSeconds } = ports.options;
  let startsAtUtcMs: number | undefined = ports.clock() + sweepAfterStartSeconds * 1000;
  let nightAtUtcMs = nextSweepAt(sweepAt, ports.site.timeZone, ports.clock());
  return async (): Promise<void> => {
    const now = ports.clock();
    if (startsAtUtcMs !== undefined && now >= startsAtUtcMs) {
      await requestSweep(ports);
      startsAtUtcMs = undefined;
    }
    if (now >= nightAtUtcMs) {
      await requestNightlySweep(ports, nightAtUtcMs);
      nightAtUtcMs = nextSweepAt(sweepAt, ports.site.timeZone, now);
    }
  };
};

/** Starts the worker; nothing is compared before the first poll. @throws store/unavailable */
export const startArchiveComparison = async (ports: ComparisonPorts): Promise<ArchiveComparison> => {
  const { knex } = ports.store;
  // The embedded store has no other sidecar: whoever held a run is dead.
  if (ports.store.kind === 'embedded') await releaseRun(knex);
  const keepSchedule = createSchedule(ports);
  let leases = 0;
  let isStopping = false;
  let ring: (() => void) | undefined;
  let held: ComparisonRun | undefined;

  const sleep = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const lease = (): Promise<ComparisonRun | undefined> => {
    const nowUtcMs = ports.clock();
    leases += 1;
    const token = `${ports.owner}#comparison-${leases}`;
    return ports.store.transaction((trx) => leaseRun(trx, { token, nowUtcMs, untilUtcMs: nowUtcMs + leaseMs }));
  };

  const keepLease = (run: ComparisonRun): (() => void) => {
    const timer = setInterval(() => {
      extendRunLease(knex, run, ports.clock() + leaseMs).catch((error: unknown) =>
        ports.log.warn({ ...failureFields(error), run: run.id }, 'lease of a comparison not renewed'),
      );
    }, leaseRenewalMs);
    return () => clearInterval(timer);
  };

  let yieldCheckedAtUtcMs = 0;
  const mustYield = async (): Promise<boolean> => {
    if (ports.clock() - yieldCheckedAtUtcMs < yieldCheckMs) return false;
    yieldCheckedAtUtcMs = ports.clock();
    return isResyncWaiting(knex);
  };

  /** Works on a leased run until it is over, rests or is taken away. */
  const work = async (leased: ComparisonRun): Promise<void> => {
    const dropLease = keepLease(leased);
    let run = leased;
    try {
      while (!isStopping && run.leaseToken !== undefined) {
        held = run;
        const result = await stepRun(ports, run);
        run = result.run;
        await keepSchedule();
        if (run.phase === RunPhase.concluding) break;
        if (result.waitMs > 0 && !isStopping) await sleep(result.waitMs);
        if (run.purpose === 'sweep' && (await mustYield())) break;
      }
      if (run.leaseToken !== undefined) await releaseRun(knex, run);
    } finally {
      dropLease();
      held = undefined;
    }
  };

  const loop = async (): Promise<void> => {
    while (!isStopping) {
      try {
        await keepSchedule();
        const run = await lease();
        if (run !== undefined) await work(run);
        if (!isStopping && (run === undefined || run.phase === RunPhase.concluding)) await sleep(idlePollMs);
      } catch (error) {
        const isTaken = error instanceof DrimboxError && error.code === 'store/lease-lost';
        if (!isTaken) ports.log.warn(failureFields(error), 'comparison with the PACS interrupted');
        if (!isStopping) await sleep(isTaken ? idlePollMs : outageDelayMs);
      }
    }
  };

  const running = loop();
  return {
    wake: () => ring?.(),
    stop: async () => {
      isStopping = true;
      ring?.();
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopGraceMs);
      });
      await Promise.race([running, grace]);
      clearTimeout(timer);
      if (held !== undefined) await releaseRun(knex, held).catch(() => undefined);
    },
  };
};
