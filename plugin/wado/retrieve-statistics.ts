/**
 * What one request for images counts for in the national statistics, and the lines of the journal that carry it.
 *
 * @see facts/spec.md b.14, 9–13 and 21–23 · decision G5
 *
 * Assumed, the texts being silent: a request of any level (study, series, instance) counts as one request; one that was
 * answered in part is in error; one that the requester abandoned is neither, but what had left counts; `/metadata` is no
 * retrieval; a refusal before the requester was trusted is for the audit alone. A megabyte is 1,000,000 bytes.
 */
import type { ErrorCode } from '../errors.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import type { StudyInstanceUid } from '../standards/index.ts';

export const RetrieveOutcome = {
  served: 'served',
  /** Some parts failed. */
  partial: 'partial',
  refused: 'refused',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;
export type RetrieveOutcome = (typeof RetrieveOutcome)[keyof typeof RetrieveOutcome];

/** What left, and how the PACS answered. */
export interface RetrieveResult {
  readonly outcome: RetrieveOutcome;
  readonly level: 'study' | 'series' | 'instance';
  readonly isMetadata: boolean;
  /** Certificate, whitelist and token were accepted: it is a request of the network, not a knock at the door. */
  readonly isTrusted: boolean;
  readonly studyInstanceUid?: StudyInstanceUid;
  readonly errorCode?: ErrorCode;
  /** FINESS, SIRET or RPPS-rang, of the KOS that was asked for. */
  readonly structureId?: string;
  /** Transfer syntax → objects that left whole. */
  readonly syntaxes: ReadonlyMap<string, number>;
  /** Modality → objects that left whole. */
  readonly modalities: ReadonlyMap<string, number>;
  /** Effective length of Pixel Data in the objects that left whole. */
  readonly pixelBytes: number;
  /** Asked of the PACS: objects that it gave, and whether it failed. Absent when it was not asked. */
  readonly pacs?: { readonly images: number; readonly errorCode?: ErrorCode };
}

const names = {
  served: 'wado/served',
  partial: 'wado/failed',
  refused: 'wado/refused',
  failed: 'wado/failed',
  cancelled: 'wado/cancelled',
} as const satisfies Record<RetrieveOutcome, DrimboxEvent['name']>;

const requestStatistic = ({ outcome, isMetadata }: RetrieveResult): Pick<DrimboxEvent, 'statistic'> => {
  if (isMetadata || outcome === RetrieveOutcome.cancelled) return {};
  return {
    statistic: outcome === RetrieveOutcome.served ? StatisticNumber.wadoSeriesOk : StatisticNumber.wadoSeriesError,
  };
};

const sumOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);

type About = Pick<DrimboxEvent, 'studyInstanceUid' | 'structureId'>;

const objectEvents = (result: RetrieveResult, about: About): readonly DrimboxEvent[] => [
  ...[...result.syntaxes].map(
    ([syntax, count]): DrimboxEvent => ({
      ...about,
      name: 'wado/objects-counted',
      statistic: StatisticNumber.objectsPerSyntax,
      detail: { count, syntax },
    }),
  ),
  ...[...result.modalities].map(
    ([modality, count]): DrimboxEvent => ({
      ...about,
      name: 'wado/objects-counted',
      statistic: StatisticNumber.objectsPerModality,
      detail: { count, modality },
    }),
  ),
];

const pixelEvents = ({ pixelBytes }: RetrieveResult, about: About): readonly DrimboxEvent[] =>
  pixelBytes === 0
    ? []
    : [
        {
          ...about,
          name: 'wado/pixels-counted',
          statistic: StatisticNumber.pixelMegabytes,
          detail: { count: pixelBytes / 1_000_000, bytes: pixelBytes },
        },
      ];

const pacsEvents = ({ pacs }: RetrieveResult, about: About): readonly DrimboxEvent[] => {
  if (pacs === undefined) return [];
  const { images, errorCode } = pacs;
  const asked: DrimboxEvent =
    errorCode === undefined
      ? { ...about, name: 'pacs/retrieved', statistic: StatisticNumber.pacsRetrieveOk }
      : { ...about, name: 'pacs/retrieve-failed', statistic: StatisticNumber.pacsRetrieveError, errorCode };
  const counted: DrimboxEvent = {
    ...about,
    name: 'pacs/images-counted',
    statistic: StatisticNumber.pacsImages,
    detail: { count: images },
  };
  return images === 0 ? [asked] : [asked, counted];
};

/** Lines of the journal for one request, the first of which tells it; none for a knock at the door. */
export const statisticsOfRetrieve = (result: RetrieveResult): readonly DrimboxEvent[] => {
  if (!result.isTrusted) return [];
  const { studyInstanceUid, structureId, errorCode, level, isMetadata } = result;
  const about: About = {
    ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
    ...(structureId === undefined ? {} : { structureId }),
  };
  const request: DrimboxEvent = {
    ...about,
    name: names[result.outcome],
    ...requestStatistic(result),
    ...(errorCode === undefined ? {} : { errorCode }),
    // No key named `count`: the request itself counts once.
    detail: { level: isMetadata ? `${level}/metadata` : level, objects: sumOf(result.syntaxes) },
  };
  return [request, ...objectEvents(result, about), ...pixelEvents(result, about), ...pacsEvents(result, about)];
};
