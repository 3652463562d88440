/**
 * What Orthanc's REST API shows of the archive. Whoever Orthanc lets in may read it: no identity (decision A6), and so no
 * structure either, for that of a practitioner in private practice is made of an RPPS number.
 */
import { type Alert, type ArchivedStudy, explain, type QueuedOrder, RunPhase, StudyState } from '../archive/index.ts';
import { describeStudy } from '../publication/index.ts';
import { remedyOf } from '../remedies.ts';
import type { ResyncView } from './resync-command.ts';

const isoOf = (utcMs: number): string => new Date(utcMs).toISOString();

export interface StudyStatus {
  readonly state: StudyState;
  /** One French sentence. */
  readonly text: string;
  readonly reason?: string;
  /** What to do about it, in French. */
  readonly remedy?: string;
  /** A look is due, under way, or sends: the answer may soon be another one. */
  readonly isPending: boolean;
  /** What this user may ask for. */
  readonly actions: readonly 'reconcile'[];
}

/** @param user  named by Orthanc; undefined: nobody may act */
export const statusOf = (study: ArchivedStudy, user: string | undefined, nowUtcMs: number): StudyStatus => {
  const remedy = study.reasonCode === undefined ? undefined : remedyOf(study.reasonCode);
  const isDue = study.lookDueAtUtcMs !== undefined && study.lookDueAtUtcMs <= nowUtcMs;
  return {
    ...describeStudy(study),
    ...(remedy === undefined ? {} : { remedy }),
    isPending: isDue || study.state === StudyState.sending,
    actions: user === undefined ? [] : ['reconcile'],
  };
};

/** The history without structures, and without the English details, which may name one. */
export const withoutStructures = (history: object): unknown =>
  JSON.parse(
    JSON.stringify(history, (key, value: unknown) =>
      key === 'structure' || (key === 'detail' && typeof value === 'string') ? undefined : value,
    ),
  );

export const queueLine = (order: QueuedOrder): object => ({
  order: order.order,
  studyInstanceUid: order.studyInstanceUid,
  kind: order.kind,
  because: order.cause,
  waitingSince: isoOf(order.waitingSinceUtcMs),
  failedAttempts: order.failedAttempts,
  ...(order.nextAttemptAtUtcMs === undefined ? {} : { nextAttemptAt: isoOf(order.nextAttemptAtUtcMs) }),
  ...(order.lastError === undefined ? {} : { error: order.lastError, ...explain(order.lastError) }),
});

export const alertLine = (alert: Alert): object => ({
  alert: alert.id,
  code: alert.code,
  ...explain(alert.code),
  subject: alert.subject,
  count: alert.count,
  raisedAt: isoOf(alert.raisedAtUtcMs),
  lastAt: isoOf(alert.lastAtUtcMs),
  ...(alert.seenAtUtcMs === undefined ? {} : { seenAt: isoOf(alert.seenAtUtcMs) }),
});

const resyncTexts: Readonly<Record<RunPhase, string>> = {
  [RunPhase.comparing]: 'Comparaison de l’archive avec le PACS en cours.',
  [RunPhase.retrying]: 'Nouvel essai pour les examens que le PACS n’a pas pu donner.',
  [RunPhase.compared]: 'Archive comparée avec le PACS : rien n’est encore modifié.',
  [RunPhase.looking]: 'Application en cours : chaque différence est réexaminée.',
  [RunPhase.concluding]: 'Application en cours : attente du DMP et des preuves de suppression.',
  [RunPhase.finished]: 'Resynchronisation terminée.',
  [RunPhase.stopped]: 'Resynchronisation arrêtée.',
};

/** A resynchronisation without the English words of the command line. */
export const resyncLine = ({ next: _next, list: _list, findings, ...view }: ResyncView): object => ({
  ...view,
  text: resyncTexts[view.phase],
  findings: Object.fromEntries(
    Object.entries(findings).map(([finding, { count, studies }]) => [finding, { count, studies }]),
  ),
});
