/**
 * The worker that looks at due studies: leases a few, reconciles them in parallel, gives them back. Several sidecars may run
 * it on one store; one study is never looked at twice at once. A look that dies with its process is taken over when its
 * lease ends.
 */
import {
  clearPastAlerts,
  extendLease,
  finishLook,
  leaseDueStudies,
  raiseAlert,
  releaseLeases,
  requestLooksByState,
  saveEvents,
  StudyState,
  type ArchivedStudy,
} from '../archive/index.ts';
import { asDrimboxError, type DrimboxError, failureFields } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { asStoreError } from '../store/index.ts';
import { retryDelayMs } from './delays.ts';
import type { PublicationPorts } from './ports.ts';
import { reconcile } from './reconcile.ts';

const leaseMs = 30_000;
const leaseRenewalMs = 10_000;
const idlePollMs = 1_000;
const outageDelayMs = 5_000;
/** How long a stop waits for looks under way: an exchange with the DMP may last a minute, and the next start settles it. */
const stopGraceMs = 5_000;

/** States that a restart looks at again: the configuration or the PACS may have changed meanwhile. */
const unfinishedStates = [
  StudyState.new,
  StudyState.waitingForImages,
  StudyState.settling,
  StudyState.sending,
  StudyState.held,
] as const;

export interface Looks {
  /** Starts due looks at once instead of at the next poll. */
  wake(): void;
  /** Begins no new look; waits a short while for those under way. One that is cut is taken up when its lease ends. */
  stop(): Promise<void>;
}

const keepLease = (ports: PublicationPorts, study: ArchivedStudy): (() => void) => {
  const { studyInstanceUid } = study;
  const timer = setInterval(() => {
    extendLease(ports.store.knex, study, ports.clock() + leaseMs).then(
      (isOurs) => isOurs || ports.log.warn({ studyInstanceUid }, 'another process has taken this study over'),
      (error: unknown) => ports.log.warn({ ...failureFields(error), studyInstanceUid }, 'lease not renewed'),
    );
  }, leaseRenewalMs);
  return () => clearInterval(timer);
};

const eventOfFailure = (study: ArchivedStudy, error: DrimboxError): DrimboxEvent => ({
  studyInstanceUid: study.studyInstanceUid,
  errorCode: error.code,
  ...(error.code.startsWith('orthanc/')
    ? { name: 'study/pacs-error', statistic: StatisticNumber.pacsQueryFailed }
    : { name: 'study/look-failed' }),
});

/**
 * The PACS, the DMP or something of ours did not answer: nothing is concluded, the study is looked at again later, each time
 * a little later, and after some failures an administrator is told.
 */
const postpone = async (ports: PublicationPorts, study: ArchivedStudy, cause: unknown): Promise<number> => {
  const error = asDrimboxError(asStoreError(cause));
  const { studyInstanceUid } = study;
  if (error.code === 'store/lease-lost' || error.code === 'store/unavailable') throw error;
  if (error.code === 'general/internal') ports.log.error({ ...failureFields(cause), studyInstanceUid }, 'look failed');
  const failures = study.failedLooks + 1;
  const atUtcMs = ports.clock();
  const event = eventOfFailure(study, error);
  await ports.store.transaction(async (trx) => {
    await saveEvents(trx, atUtcMs, [event]);
    if (failures >= ports.options.alertAfterFailures) {
      const detail = `${failures} looks in a row failed`;
      await raiseAlert(trx, { code: error.code, subject: studyInstanceUid, detail }, atUtcMs);
    }
  });
  ports.emit(event);
  return atUtcMs + retryDelayMs(ports.options, failures);
};

const lookAt = async (ports: PublicationPorts, study: ArchivedStudy): Promise<void> => {
  const dropLease = keepLease(ports, study);
  try {
    const outcome = await reconcile(ports, study).then(
      ({ nextAtUtcMs }) => ({ nextAtUtcMs, failed: false }),
      async (cause: unknown) => ({ nextAtUtcMs: await postpone(ports, study, cause), failed: true }),
    );
    if (!outcome.failed && study.failedLooks >= ports.options.alertAfterFailures) {
      await clearPastAlerts(ports.store.knex, study.studyInstanceUid, ports.clock());
    }
    await finishLook(ports.store.knex, study, outcome);
  } finally {
    dropLease();
  }
};

/**
 * Starts the worker. A restart makes every unfinished study due.
 *
 * @throws store/unavailable
 */
export const startLooks = async (ports: PublicationPorts): Promise<Looks> => {
  // The embedded store has no other sidecar; on a shared one, leases of the killed run out.
  if (ports.store.kind === 'embedded') await releaseLeases(ports.store.knex);
  await requestLooksByState(ports.store.knex, unfinishedStates, ports.clock());
  const running = new Map<string, { readonly study: ArchivedStudy; readonly look: Promise<void> }>();
  let leases = 0;
  let isStopping = false;
  let isAwake = true;
  let ring: (() => void) | undefined;

  const sleep = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const wake = (): void => {
    isAwake = true;
    ring?.();
  };
  const start = (study: ArchivedStudy): void => {
    const { studyInstanceUid } = study;
    const look = lookAt(ports, study)
      .catch((error: unknown) => ports.log.warn({ ...failureFields(error), studyInstanceUid }, 'look given up'))
      .finally(() => {
        running.delete(studyInstanceUid);
        wake();
      });
    running.set(studyInstanceUid, { study, look });
  };
  const leaseSome = async (): Promise<number> => {
    const limit = ports.options.parallelLooks - running.size;
    if (limit <= 0) return 0;
    const nowUtcMs = ports.clock();
    leases += 1;
    const studies = await leaseDueStudies(ports.store.knex, {
      token: `${ports.owner}#${leases}`,
      nowUtcMs,
      untilUtcMs: nowUtcMs + leaseMs,
      limit,
      except: [...running.keys()],
    });
    for (const study of studies) start(study);
    return studies.length;
  };
  const run = async (): Promise<void> => {
    while (!isStopping) {
      isAwake = false;
      try {
        await leaseSome();
        if (!isAwake && !isStopping) await sleep(idlePollMs);
      } catch (error) {
        ports.log.warn(failureFields(error), 'due studies not read');
        if (!isStopping) await sleep(outageDelayMs);
      }
    }
    await Promise.allSettled([...running.values()].map(({ look }) => look));
  };
  const loop = run();
  return {
    wake,
    stop: async () => {
      isStopping = true;
      ring?.();
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopGraceMs);
      });
      await Promise.race([loop, grace]);
      clearTimeout(timer);
      // A look that is cut can send nothing more, and the next sidecar need not wait for its lease.
      await releaseLeases(
        ports.store.knex,
        [...running.values()].map(({ study }) => study),
      ).catch((error: unknown) => ports.log.warn(failureFields(error), 'leases not released'));
    },
  };
};
