/**
 * What one message says: alerts of one cause are one paragraph, however many they are. Pure. Holds codes, UIDs and figures
 * only (decision A6): the detail of an alert may quote what another system answered, so it stays in `drimbox alerts`.
 */
import type { DueNotice, NoticeKind } from '../archive/index.ts';
import { type ErrorCode, errorTable, isErrorCode } from '../errors.ts';

/** What a message says of the site and of this software. */
export interface AlertingSite {
  readonly name: string;
  readonly environment: 'test' | 'production';
  /** IANA zone in which times are written. */
  readonly timeZone: string;
  readonly software: { readonly name: string; readonly version: string };
}

/** What to do about a code, French; undefined when there is nothing to say. */
export type RemedyOf = (code: ErrorCode) => string | undefined;

export interface DigestSubject {
  readonly alertId: number;
  /** StudyInstanceUID, or a word such as `orthanc`; absent when it has neither form. */
  readonly subject?: string;
  /** How often it happened. */
  readonly occurrences: number;
  readonly raisedAtUtcMs: number;
  readonly clearedAtUtcMs?: number;
}

export interface DigestGroup {
  readonly kind: NoticeKind;
  readonly code: string;
  /** Public text of the code, French. */
  readonly text: string;
  readonly remedy?: string;
  /** How many alerts, shown or not. */
  readonly count: number;
  /** The oldest of them. */
  readonly sinceUtcMs: number;
  /** The first `maxSubjects`, oldest first. */
  readonly subjects: readonly DigestSubject[];
}

export interface Digest {
  readonly site: AlertingSite;
  readonly atUtcMs: number;
  /** New ones first, then reminders, then those that are over; the most numerous first. */
  readonly groups: readonly DigestGroup[];
}

export const maxSubjects = 20;

const kindOrder: Readonly<Record<NoticeKind, number>> = { raised: 0, reminder: 1, cleared: 2 };
const uidForm = /^(?=.{3,64}$)[0-2](\.(0|[1-9][0-9]*))+$/;
const wordForm = /^[a-z][a-z-]{0,39}$/;
const codeForm = /^[a-z][a-z0-9-]{0,39}\/[a-z][a-z0-9-]{0,59}$/;

/** Anything but a UID or a plain word might name a person (a number of professional, of patient): it is not told. */
const isTellable = (subject: string): boolean => uidForm.test(subject) || wordForm.test(subject);

const subjectOf = (notice: DueNotice): DigestSubject => ({
  alertId: notice.alertId,
  ...(isTellable(notice.subject) ? { subject: notice.subject } : {}),
  occurrences: notice.count,
  raisedAtUtcMs: notice.raisedAtUtcMs,
  ...(notice.clearedAtUtcMs === undefined ? {} : { clearedAtUtcMs: notice.clearedAtUtcMs }),
});

const groupOf = (notices: readonly [DueNotice, ...DueNotice[]], remedyOf: RemedyOf): DigestGroup => {
  const [{ kind, code }] = notices;
  const oldestFirst = notices.toSorted((a, b) => a.raisedAtUtcMs - b.raisedAtUtcMs || a.alertId - b.alertId);
  const remedy = kind === 'cleared' || !isErrorCode(code) ? undefined : remedyOf(code);
  return {
    kind,
    code: codeForm.test(code) ? code : 'unknown',
    text: isErrorCode(code) ? errorTable[code].publicText : 'Alerte inconnue de cette version.',
    ...(remedy === undefined ? {} : { remedy }),
    count: notices.length,
    sinceUtcMs: oldestFirst[0]?.raisedAtUtcMs ?? 0,
    subjects: oldestFirst.slice(0, maxSubjects).map(subjectOf),
  };
};

/** @param notices  at least one */
export const buildDigest = (
  notices: readonly DueNotice[],
  given: { readonly site: AlertingSite; readonly atUtcMs: number; readonly remedyOf: RemedyOf },
): Digest => {
  const byCause = new Map<string, [DueNotice, ...DueNotice[]]>();
  for (const notice of notices) {
    const key = `${notice.kind} ${notice.code}`;
    const group = byCause.get(key);
    if (group === undefined) byCause.set(key, [notice]);
    else group.push(notice);
  }
  const groups = [...byCause.values()].map((group) => groupOf(group, given.remedyOf));
  return {
    site: given.site,
    atUtcMs: given.atUtcMs,
    groups: groups.toSorted(
      (a, b) => kindOrder[a.kind] - kindOrder[b.kind] || b.count - a.count || (a.code < b.code ? -1 : 1),
    ),
  };
};
