/**
 * The worker that looks at due studies: leases a few, reconciles them in parallel, gives them back. Several sidecars may run
 * it on one store; one study is never looked at twice at once. A look that dies with its process is taken over when its
 * lease ends.
 */
import {
  extendLease,
  finishLook,
  leaseDueStudies,
  releaseLeases,
  requestLooksByState,
  saveEvents,
  StudyState,
  type ArchivedStudy,
} from '../archive/index.ts';
import { asDrimboxError, failureFields } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
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
  const timer = setInterval(() => {
    extendLease(ports.store.knex, study.studyInstanceUid, ports.owner, ports.clock() + leaseMs).catch(
      (error: unknown) =>
        ports.log.warn(
          { code: asDrimboxError(error).code, studyInstanceUid: study.studyInstanceUid },
          'lease not renewed',
        ),
    );
  }, leaseRenewalMs);
  return () => clearInterval(timer);
};

/** The PACS or the store did not answer: nothing is concluded, the study is looked at again a little later. */
const postpone = async (ports: PublicationPorts, study: ArchivedStudy, cause: unknown): Promise<number> => {
  const error = asDrimboxError(cause);
  const atUtcMs = ports.clock();
  if (error.code === 'general/internal')
    ports.log.error({ ...failureFields(cause), studyInstanceUid: study.studyInstanceUid }, 'look failed');
  if (error.code.startsWith('orthanc/')) {
    const event: DrimboxEvent = {
      name: 'study/pacs-error',
      studyInstanceUid: study.studyInstanceUid,
      errorCode: error.code,
      statistic: StatisticNumber.pacsQueryFailed,
    };
    await saveEvents(ports.store.knex, atUtcMs, [event]);
    ports.emit(event);
  }
  return atUtcMs + outageDelayMs;
};

const lookAt = async (ports: PublicationPorts, study: ArchivedStudy): Promise<void> => {
  const dropLease = keepLease(ports, study);
  try {
    const nextAtUtcMs = await reconcile(ports, study).then(
      (result) => result.nextAtUtcMs,
      (cause: unknown) => postpone(ports, study, cause),
    );
    await finishLook(ports.store.knex, study, ports.owner, nextAtUtcMs);
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
  const running = new Set<Promise<void>>();
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
    const look = lookAt(ports, study)
      .catch((error: unknown) =>
        ports.log.warn({ code: asDrimboxError(error).code, studyInstanceUid: study.studyInstanceUid }, 'look given up'),
      )
      .finally(() => {
        running.delete(look);
        wake();
      });
    running.add(look);
  };
  const leaseSome = async (): Promise<number> => {
    const limit = ports.options.parallelLooks - running.size;
    if (limit <= 0) return 0;
    const nowUtcMs = ports.clock();
    const studies = await leaseDueStudies(ports.store.knex, {
      owner: ports.owner,
      nowUtcMs,
      untilUtcMs: nowUtcMs + leaseMs,
      limit,
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
        ports.log.warn({ code: asDrimboxError(error).code }, 'due studies not read');
        if (!isStopping) await sleep(outageDelayMs);
      }
    }
    await Promise.allSettled(running);
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
    },
  };
};
