/**
 * What a look concluded, written down: the state of the study, its alert, the journal and the settled order are one
 * transaction. A conclusion that was drawn before is not told again.
 */
import {
  clearAlerts,
  raiseAlert,
  saveEvents,
  settleOrder,
  StudyState,
  updateStudy,
  type ArchivedStudy,
  type Order,
  type StudyUpdate,
} from '../archive/index.ts';
import type { DrimboxError, ErrorCode } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import type { Delivery } from './delivery.ts';
import type { Observation } from './observation.ts';
import type { PublicationPorts } from './ports.ts';

/** When the study must be looked at again without any hint; undefined: only a hint. */
export interface LookResult {
  readonly nextAtUtcMs?: number;
}

interface Conclusion {
  readonly update: StudyUpdate;
  readonly events: readonly DrimboxEvent[];
  readonly alert?: { readonly code: ErrorCode; readonly detail: string };
  readonly settle?: {
    readonly order: Order;
    readonly state: 'accepted' | 'refused' | 'superseded';
    readonly entryUuid?: string;
  };
  readonly isClear?: boolean;
}

/** Writes a conclusion down in one transaction, then tells it. */
export const conclude = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  conclusion: Conclusion,
): Promise<void> => {
  const atUtcMs = ports.clock();
  const uid = study.studyInstanceUid;
  await ports.store.transaction(async (trx) => {
    const { settle, alert } = conclusion;
    if (settle !== undefined) await settleOrder(trx, settle.order.id, settle.state, atUtcMs, settle.entryUuid);
    await updateStudy(trx, uid, conclusion.update, atUtcMs);
    if (alert !== undefined) await raiseAlert(trx, { ...alert, subject: uid }, atUtcMs);
    if (conclusion.isClear === true) await clearAlerts(trx, uid, atUtcMs);
    await saveEvents(trx, atUtcMs, conclusion.events);
  });
  for (const event of conclusion.events) ports.emit(event);
};

const sweepAt = (ports: PublicationPorts): number => ports.clock() + ports.options.sweepMinutes * 60_000;

/** Delay before the next attempt: doubled at each failure, up to the longest one. */
export const retryDelayMs = (
  options: { readonly retryFirstDelaySeconds: number; readonly retryMaxDelayMinutes: number },
  failures: number,
): number =>
  Math.min(
    options.retryMaxDelayMinutes * 60_000,
    options.retryFirstDelaySeconds * 1000 * 2 ** Math.min(failures - 1, 20),
  );

const wasConcluded = (study: ArchivedStudy, state: StudyState, code?: ErrorCode): boolean =>
  study.state === state && study.reasonCode === code;

export const concludeHold = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  hold: { readonly code: ErrorCode; readonly detail: string },
  structureId?: string,
): Promise<LookResult> => {
  const isNew = !wasConcluded(study, StudyState.held, hold.code);
  await conclude(ports, study, {
    update: { state: StudyState.held, reason: hold },
    events: isNew
      ? [
          {
            name: 'study/held',
            studyInstanceUid: study.studyInstanceUid,
            errorCode: hold.code,
            statistic: StatisticNumber.failedBeforePublication,
            ...(structureId === undefined ? {} : { structureId }),
          },
        ]
      : [],
    ...(isNew ? { alert: hold } : {}),
  });
  return { nextAtUtcMs: sweepAt(ports) };
};

export const concludeAbsent = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const { studyInstanceUid } = study;
  if (study.publishedSubmissionId !== undefined) {
    // Deletions caused by the PACS need the proofs of decision D1: until then, nothing is deleted.
    return concludeHold(ports, study, {
      code: 'publication/update-unsupported',
      detail: 'the PACS no longer has a published study: the DMP keeps its manifest until an administrator decides',
    });
  }
  if (ports.clock() < study.imagesDeadlineAtUtcMs) {
    const isNew = !wasConcluded(study, StudyState.waitingForImages);
    await conclude(ports, study, {
      update: { state: StudyState.waitingForImages, reason: null },
      events: isNew
        ? [{ name: 'study/waiting-for-images', studyInstanceUid, statistic: StatisticNumber.pacsQuerySucceeded }]
        : [],
    });
    return { nextAtUtcMs: Math.min(sweepAt(ports), study.imagesDeadlineAtUtcMs) };
  }
  const reason = { code: 'publication/study-not-found', detail: 'no image arrived before the deadline' } as const;
  const isNew = !wasConcluded(study, StudyState.failed, reason.code);
  await conclude(ports, study, {
    update: { state: StudyState.failed, reason },
    events: isNew
      ? [
          {
            name: 'study/not-found',
            studyInstanceUid,
            errorCode: reason.code,
            statistic: StatisticNumber.failedBeforePublication,
          },
        ]
      : [],
    ...(isNew ? { alert: reason } : {}),
  });
  return { nextAtUtcMs: sweepAt(ports) };
};

export const concludeSettling = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Extract<Observation, { kind: 'settling' }>,
): Promise<LookResult> => {
  const isNew = study.state !== StudyState.settling;
  await conclude(ports, study, {
    update: {
      ...(study.publishedSubmissionId === undefined ? { state: StudyState.settling, reason: null } : {}),
      orthancStudyId: found.study.orthancId,
      content: found.content,
    },
    events:
      isNew && study.publishedSubmissionId === undefined
        ? [
            {
              name: 'study/found',
              studyInstanceUid: study.studyInstanceUid,
              statistic: StatisticNumber.pacsQuerySucceeded,
            },
          ]
        : [],
  });
  return { nextAtUtcMs: found.stableAtUtcMs };
};

export const concludeUnchanged = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  state: StudyState,
  events: readonly DrimboxEvent[] = [],
): Promise<LookResult> => {
  const isNew = !wasConcluded(study, state);
  await conclude(ports, study, { update: { state, reason: null }, events: isNew ? events : [], isClear: isNew });
  return {};
};

const eventOfAcceptance = (order: Order): DrimboxEvent => ({
  name: 'dmp/published',
  studyInstanceUid: order.studyInstanceUid,
  structureId: order.structureId,
  detail: { kind: order.kind, order: order.id },
  statistic: {
    publish: StatisticNumber.kosPublished,
    replace: StatisticNumber.kosUpdated,
    delete: StatisticNumber.kosDeleted,
  }[order.kind],
});

const failureStatistic = (order: Order): StatisticNumber =>
  order.kind === 'delete' ? StatisticNumber.deleteFailedAtDmp : StatisticNumber.failedAtDmp;

export const concludeAcceptance = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  delivery: Extract<Delivery, { kind: 'accepted' }>,
): Promise<LookResult> => {
  const isDeletion = order.kind === 'delete';
  await conclude(ports, study, {
    update: {
      state: isDeletion ? StudyState.retired : StudyState.published,
      reason: null,
      publishedSubmissionId: isDeletion ? null : order.id,
    },
    events: [eventOfAcceptance(order)],
    settle: {
      order,
      state: 'accepted',
      ...(delivery.entryUuid === undefined ? {} : { entryUuid: delivery.entryUuid }),
    },
    isClear: true,
  });
  return {};
};

const failureEvent = (name: 'dmp/refused' | 'dmp/send-failed', order: Order, error: DrimboxError): DrimboxEvent => ({
  name,
  studyInstanceUid: order.studyInstanceUid,
  errorCode: error.code,
  structureId: order.structureId,
  detail: { kind: order.kind, order: order.id },
});

export const concludeRefusal = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  error: DrimboxError,
): Promise<LookResult> => {
  const reason = { code: error.code, detail: error.detail };
  await conclude(ports, study, {
    update: { state: StudyState.failed, reason },
    events: [{ ...failureEvent('dmp/refused', order, error), statistic: failureStatistic(order) }],
    settle: { order, state: 'refused' },
    alert: reason,
  });
  return {};
};

/** The statistic counts a failed sending once, when it becomes an alert; each attempt is in the journal. */
export const concludePostponement = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  order: Order,
  delivery: Extract<Delivery, { kind: 'postponed' }>,
): Promise<LookResult> => {
  const { error, failures } = delivery;
  const isAlert = failures >= ports.options.alertAfterFailures;
  const event = failureEvent('dmp/send-failed', order, error);
  await conclude(ports, study, {
    update: { state: StudyState.sending, reason: { code: error.code, detail: error.detail } },
    events: [failures === ports.options.alertAfterFailures ? { ...event, statistic: failureStatistic(order) } : event],
    ...(isAlert ? { alert: { code: error.code, detail: `${failures} failed attempts` } } : {}),
  });
  return { nextAtUtcMs: ports.clock() + retryDelayMs(ports.options, failures) };
};
