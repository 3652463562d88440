/**
 * What a look concluded, written down: the state of the study, its alert, the journal and the settled order are one
 * transaction, and nothing of it is written when the lease was lost. A conclusion that was drawn before is not told again.
 */
import {
  clearAlerts,
  noAbsence,
  raiseAlert,
  saveEvents,
  saveFailedAttempt,
  settleOrder,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type Order,
  type StudyUpdate,
} from '../archive/index.ts';
import type { DrimboxError, ErrorCode } from '../errors.ts';
import { type DrimboxEvent, type EventName, StatisticNumber } from '../events.ts';
import { retryDelayMs, sweepDelayMs } from './delays.ts';
import type { Delivery } from './delivery.ts';
import type { Observation } from './observation.ts';
import type { PublicationPorts } from './ports.ts';
import type { Proof } from './vanished-images.ts';

/** When the study must be looked at again without any hint; undefined: only a hint. */
export interface LookResult {
  readonly nextAtUtcMs?: number;
}

export interface Conclusion {
  readonly update: StudyUpdate;
  readonly events: readonly DrimboxEvent[];
  readonly alert?: { readonly code: ErrorCode; readonly detail: string };
  readonly settle?: {
    readonly order: Order;
    readonly state: 'accepted' | 'refused' | 'superseded';
    readonly entryUuid?: string;
  };
  readonly failed?: { readonly order: Order; readonly attempts: number; readonly nextAttemptAtUtcMs: number };
  /** What was wrong with the study is right again. */
  readonly isClear?: boolean;
}

/** Writes a conclusion down in one transaction, then tells it. @throws store/lease-lost, store/unavailable */
export const conclude = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  conclusion: Conclusion,
): Promise<void> => {
  const atUtcMs = ports.clock();
  const uid = study.studyInstanceUid;
  await ports.store.transaction(async (trx) => {
    const { settle, failed, alert } = conclusion;
    await updateStudy(trx, study, conclusion.update, atUtcMs);
    if (settle !== undefined) await settleOrder(trx, settle.order.id, settle.state, atUtcMs, settle.entryUuid);
    if (failed !== undefined) await saveFailedAttempt(trx, failed.order.id, failed.attempts, failed.nextAttemptAtUtcMs);
    if (conclusion.isClear === true) await clearAlerts(trx, uid, atUtcMs);
    if (alert !== undefined) await raiseAlert(trx, { ...alert, subject: uid }, atUtcMs);
    await saveEvents(trx, atUtcMs, conclusion.events);
  });
  for (const event of conclusion.events) ports.emit(event);
};

const sweepAt = (ports: PublicationPorts, study: ArchivedStudy): number => {
  const now = ports.clock();
  return now + sweepDelayMs(ports.options, now - study.firstReportAtUtcMs);
};

const wasConcluded = (study: ArchivedStudy, state: StudyState, code?: ErrorCode): boolean =>
  study.state === state && study.reasonCode === code;

export const concludeHold = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  hold: { readonly code: ErrorCode; readonly detail: string; readonly structureId?: string | undefined },
): Promise<LookResult> => {
  const reason = { code: hold.code, detail: hold.detail };
  const isNew = !wasConcluded(study, StudyState.held, hold.code);
  const held: DrimboxEvent = {
    name: 'study/held',
    studyInstanceUid: study.studyInstanceUid,
    errorCode: hold.code,
    statistic: StatisticNumber.failedBeforePublication,
    ...(hold.structureId === undefined ? {} : { structureId: hold.structureId }),
  };
  await conclude(ports, study, {
    update: {
      state: StudyState.held,
      reason,
      // What an administrator confirmed was for this look.
      ...(study.deletionConfirmedAtUtcMs === undefined ? {} : { deletionConfirmedAtUtcMs: null }),
    },
    events: isNew ? [held] : [],
    // Another reason than before: the former alert no longer says why.
    ...(isNew ? { alert: reason, isClear: true } : {}),
  });
  return { nextAtUtcMs: sweepAt(ports, study) };
};

const concludeNotFound = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  structureId: string,
): Promise<LookResult> => {
  const reason = { code: 'publication/study-not-found', detail: 'no image arrived before the deadline' } as const;
  const isNew = !wasConcluded(study, StudyState.failed, reason.code);
  const notFound: DrimboxEvent = {
    name: 'study/not-found',
    studyInstanceUid: study.studyInstanceUid,
    errorCode: reason.code,
    statistic: StatisticNumber.failedBeforePublication,
    structureId,
  };
  await conclude(ports, study, {
    update: { state: StudyState.failed, reason },
    events: isNew ? [notFound] : [],
    ...(isNew ? { alert: reason, isClear: true } : {}),
  });
  return { nextAtUtcMs: sweepAt(ports, study) };
};

/** The PACS has no image of a study that is not published. */
export const concludeAbsent = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  structureId: string,
): Promise<LookResult> => {
  // They were there and were taken out: nobody waits for them.
  if (study.state === StudyState.imagesGone) return {};
  if (ports.clock() >= study.imagesDeadlineAtUtcMs) return concludeNotFound(ports, study, structureId);
  const isNew = !wasConcluded(study, StudyState.waitingForImages);
  await conclude(ports, study, {
    update: { state: StudyState.waitingForImages, reason: null },
    events: isNew ? [{ name: 'study/waiting-for-images', studyInstanceUid: study.studyInstanceUid }] : [],
    isClear: isNew,
  });
  return { nextAtUtcMs: Math.min(sweepAt(ports, study), study.imagesDeadlineAtUtcMs) };
};

/**
 * Nothing proves yet that what vanished from the PACS may be deleted: held for an administrator (decisions D1–D3). What he
 * confirmed was for that look.
 */
export const concludeUnproven = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  unproven: Omit<Extract<Proof, { kind: 'unproven' }>, 'kind'> & { readonly structureId?: string | undefined },
): Promise<LookResult> => {
  const isOverLimit = unproven.code === 'publication/deletion-limit';
  await updateStudy(
    ports.store.knex,
    study,
    {
      absentSinceUtcMs: study.absentSinceUtcMs ?? ports.clock(),
      deletionConfirmedAtUtcMs: null,
      ...(isOverLimit ? { deletionOverLimitAtUtcMs: study.deletionOverLimitAtUtcMs ?? ports.clock() } : {}),
    },
    ports.clock(),
  );
  return concludeHold(ports, study, unproven);
};

/** The PACS has no image of a published study: it must say so again after a delay (decision D1). */
export const concludeVanishing = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  wait: Extract<Proof, { kind: 'wait' }>,
): Promise<LookResult> => {
  const isNew = study.absentSinceUtcMs !== wait.sinceUtcMs;
  if (isNew || study.state !== StudyState.published) {
    await conclude(ports, study, {
      update: { state: StudyState.published, reason: null, absentSinceUtcMs: wait.sinceUtcMs },
      events: isNew ? [{ name: 'study/images-missing', studyInstanceUid: study.studyInstanceUid }] : [],
      isClear: true,
    });
  }
  return { nextAtUtcMs: wait.untilUtcMs };
};

export const concludeSettling = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Extract<Observation, { kind: 'settling' }>,
): Promise<LookResult> => {
  // A published study stays published while it changes.
  const isBarred = study.withdrawnAtUtcMs !== undefined || study.refusedSubmissionId !== undefined;
  if (study.publishedSubmissionId === undefined && study.state !== StudyState.settling && !isBarred) {
    await conclude(ports, study, {
      update: { state: StudyState.settling, reason: null },
      events: [{ name: 'study/found', studyInstanceUid: study.studyInstanceUid }],
      isClear: true,
    });
  }
  return { nextAtUtcMs: found.stableAtUtcMs };
};

/** Nothing to do: the DMP holds what is wanted, or nothing is wanted. */
export const concludeUnchanged = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  state: StudyState,
  events: readonly DrimboxEvent[] = [],
): Promise<LookResult> => {
  // A look that finds all as it was leaves no trace: the time of the last change stays true.
  if (wasConcluded(study, state)) return {};
  await conclude(ports, study, { update: { state, reason: null }, events, isClear: true });
  return {};
};

const acceptance: Readonly<Record<Order['kind'], { name: EventName; statistic: StatisticNumber }>> = {
  publish: { name: 'dmp/published', statistic: StatisticNumber.kosPublished },
  replace: { name: 'dmp/replaced', statistic: StatisticNumber.kosUpdated },
  delete: { name: 'dmp/deleted', statistic: StatisticNumber.kosDeleted },
};

const isOfPacs = ({ cause }: Order): boolean => cause === 'pacs' || cause === 'administrator';

/** What the DMP holds of the study once it took the order. */
const publishedAfter = (study: ArchivedStudy, order: Order): StudyUpdate => {
  if (order.kind !== 'delete') {
    // What the DMP refused before is past: it took this one.
    return { state: StudyState.published, publishedSubmissionId: order.id, refusedSubmissionId: null };
  }
  // A late arrival that is taken out leaves what is published as it is.
  if (order.previousSubmissionId !== study.publishedSubmissionId) return {};
  const gone = { publishedSubmissionId: null, ...noAbsence } as const;
  return { state: isOfPacs(order) ? StudyState.imagesGone : StudyState.retired, ...gone };
};

export const concludeAcceptance = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  delivery: Extract<Delivery, { kind: 'accepted' }>,
): Promise<LookResult> => {
  await conclude(ports, study, {
    update: { reason: null, ...publishedAfter(study, order) },
    events: [
      {
        ...acceptance[order.kind],
        studyInstanceUid: order.studyInstanceUid,
        structureId: order.sender.structureId,
        detail: { order: order.id },
      },
      ...(order.kind === 'delete' && isOfPacs(order)
        ? [{ name: 'study/images-gone', studyInstanceUid: order.studyInstanceUid } as const]
        : []),
    ],
    settle: {
      order,
      state: 'accepted',
      ...(delivery.entryUuid === undefined ? {} : { entryUuid: delivery.entryUuid }),
    },
    isClear: true,
  });
  // A deletion may make room for something: a publication for the right patient.
  return order.kind === 'delete' ? { nextAtUtcMs: ports.clock() } : {};
};

const failureStatistic = (order: Order): StatisticNumber =>
  order.kind === 'delete' ? StatisticNumber.deleteFailedAtDmp : StatisticNumber.failedAtDmp;

/** The statistic counts a failed order once: when it becomes an alert, or when the DMP refuses it for good. */
const failureEvent = (
  name: 'dmp/refused' | 'dmp/send-failed',
  order: Order,
  error: DrimboxError,
  isCounted: boolean,
): DrimboxEvent => ({
  name,
  studyInstanceUid: order.studyInstanceUid,
  errorCode: error.code,
  structureId: order.sender.structureId,
  detail: { kind: order.kind, order: order.id },
  ...(isCounted ? { statistic: failureStatistic(order) } : {}),
});

export const concludeRefusal = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  error: DrimboxError,
): Promise<LookResult> => {
  const reason = { code: error.code, detail: error.detail };
  const isCounted = order.failedAttempts < ports.options.alertAfterFailures;
  await conclude(ports, study, {
    update: { state: StudyState.failed, reason, refusedSubmissionId: order.id },
    events: [failureEvent('dmp/refused', order, error, isCounted)],
    settle: { order, state: 'refused' },
    alert: reason,
  });
  return {};
};

export const concludePostponement = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  delivery: Extract<Delivery, { kind: 'postponed' }>,
): Promise<LookResult> => {
  const { error, isBlocked } = delivery;
  const { options } = ports;
  const attempts = order.failedAttempts + 1;
  const alertAt = isBlocked ? 1 : options.alertAfterFailures;
  const delayMs = isBlocked ? options.retryMaxDelayMinutes * 60_000 : retryDelayMs(options, attempts);
  const nextAttemptAtUtcMs = ports.clock() + delayMs;
  const detail = error.detail === '' ? `${attempts} failed attempts` : `${attempts} failed attempts: ${error.detail}`;
  await conclude(ports, study, {
    update: { state: StudyState.sending, reason: { code: error.code, detail: error.detail } },
    events: [failureEvent('dmp/send-failed', order, error, attempts === alertAt)],
    failed: { order, attempts, nextAttemptAtUtcMs },
    ...(attempts >= alertAt ? { alert: { code: error.code, detail } } : {}),
  });
  return { nextAtUtcMs: nextAttemptAtUtcMs };
};

const withdrawal = {
  code: 'publication/document-withdrawn',
  detail: 'the DMP no longer has what was published; archive release publishes again',
} as const;

/** What was withdrawn or refused for good stays so: the state says it again after whatever happened in between. */
export const concludeBarred = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  refusal: ErrorCode | undefined,
): Promise<LookResult> => {
  const isWithdrawn = study.withdrawnAtUtcMs !== undefined;
  const state = isWithdrawn ? StudyState.withdrawn : StudyState.failed;
  if (study.state === state) return {};
  const reason = isWithdrawn ? withdrawal : { code: refusal ?? 'dmp/refused', detail: '' };
  await conclude(ports, study, { update: { state, reason }, events: [], isClear: true, alert: reason });
  return {};
};

/** Decision C8: somebody took our document out of the DMP; only a new report or an administrator publishes again. */
export const concludeWithdrawal = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
): Promise<LookResult> => {
  const reason = withdrawal;
  await conclude(ports, study, {
    update: {
      state: StudyState.withdrawn,
      reason,
      publishedSubmissionId: null,
      withdrawnAtUtcMs: ports.clock(),
    },
    events: [
      {
        name: 'dmp/withdrawn',
        studyInstanceUid: study.studyInstanceUid,
        structureId: order.sender.structureId,
        errorCode: reason.code,
      },
    ],
    settle: { order, state: 'superseded' },
    alert: reason,
  });
  return {};
};
