/**
 * Which events get a line of the journal of their own, and which are added up: a peer that asks the same a thousand times a
 * minute must neither fill the journal nor be missing in the statistics.
 *
 * Within one minute the first events of a kind are lines; what comes beyond is one line with `detail.count`, which the
 * statistics read (facts/spec.md b.14: the sums stay what they were). Of a kind are events of one name, statistic, error,
 * structure and words of `detail`, and of one study where nothing failed: a failure is told of a study that somebody may
 * have invented, and there is no end of those.
 */
import type { DrimboxEvent } from '../events.ts';

const minuteMs = 60_000;
const defaultLinesPerKind = 20;

export type EventVerdict =
  | { readonly kind: 'line' }
  /** @property key  of one line of one minute */
  | { readonly kind: 'count'; readonly key: string };

type Detail = NonNullable<DrimboxEvent['detail']>;

/** Figures add up, words tell apart. */
const wordsOf = (detail: Detail): readonly (readonly [string, unknown])[] =>
  Object.entries(detail)
    .filter(([, value]) => typeof value !== 'number')
    .toSorted(([one], [other]) => (one < other ? -1 : 1));

const kindOf = ({
  name,
  statistic,
  errorCode,
  structureId,
  studyInstanceUid,
  messageControlId,
  detail,
}: DrimboxEvent) =>
  JSON.stringify([
    ...[name, statistic, errorCode, structureId, messageControlId],
    errorCode === undefined ? studyInstanceUid : undefined,
    wordsOf(detail ?? {}),
  ]);

const countIn = ({ detail }: DrimboxEvent): number => (typeof detail?.['count'] === 'number' ? detail['count'] : 1);

/** The event as the first of a count. */
export const countedEvent = (event: DrimboxEvent): DrimboxEvent => {
  const { studyInstanceUid, ...rest } = event;
  const about = event.errorCode === undefined && studyInstanceUid !== undefined ? { studyInstanceUid } : {};
  return { ...rest, ...about, detail: { ...event.detail, count: countIn(event) } };
};

/** @param sum  of `countedEvent`, of the kind of `event` */
export const addEvent = (sum: DrimboxEvent, event: DrimboxEvent): DrimboxEvent => {
  const detail: Record<string, Detail[string]> = { ...sum.detail };
  for (const [key, value] of Object.entries({ ...event.detail, count: countIn(event) })) {
    const former = detail[key];
    detail[key] = typeof value === 'number' && typeof former === 'number' ? former + value : value;
  }
  return { ...sum, detail };
};

export interface EventFlood {
  judge(event: DrimboxEvent, atUtcMs: number): EventVerdict;
}

/** Memory is bounded by the kinds of one minute. */
export const createEventFlood = (linesPerKind = defaultLinesPerKind): EventFlood => {
  let minuteUtcMs = Number.NaN;
  let lines = new Map<string, number>();
  return {
    judge: (event, atUtcMs) => {
      const minute = Math.floor(atUtcMs / minuteMs) * minuteMs;
      if (minute !== minuteUtcMs) {
        minuteUtcMs = minute;
        lines = new Map();
      }
      const kind = kindOf(event);
      const written = lines.get(kind) ?? 0;
      if (written >= linesPerKind) return { kind: 'count', key: `${minute} ${kind}` };
      lines.set(kind, written + 1);
      return { kind: 'line' };
    },
  };
};
