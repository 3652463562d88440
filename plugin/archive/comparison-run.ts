/**
 * One run of a comparison of the whole archive with the PACS, as it stands in the store: how far it is, what it found so far.
 *
 * @see facts/spec.md b.14 #33–37
 */
import type { ErrorCode } from '../errors.ts';

/** `sweep`: every night, finds what no event told. `resync`: asked for by an administrator (DB.SO.28/30/88). */
export type ComparisonPurpose = 'sweep' | 'resync';

export const RunPhase = {
  /** The PACS is asked about one batch of studies after the other. */
  comparing: 'comparing',
  /** It is asked again about those that could not be read. */
  retrying: 'retrying',
  /** Every study was compared; an administrator may have it applied. */
  compared: 'compared',
  /** Looks are asked for, a few at a time. */
  looking: 'looking',
  /** Every look was made; deletions wait for their proof, orders for the DMP. */
  concluding: 'concluding',
  finished: 'finished',
  /** By an administrator, or because another run took its place. */
  stopped: 'stopped',
} as const;
export type RunPhase = (typeof RunPhase)[keyof typeof RunPhase];

/** What the comparison of one study found. */
export const Finding = {
  /** As the last look saw it. */
  unchanged: 'unchanged',
  /** Something changed, but not the set of objects that the published manifest names: a look makes sure. */
  touched: 'touched',
  /** Other objects than the published manifest names, or other than the last look saw. */
  changed: 'changed',
  /** The DMP has a manifest, the PACS no images. */
  withoutExam: 'without-exam',
  /** The PACS has more than one study of that UID (decision A5). */
  duplicated: 'duplicated',
  /** The PACS gave no answer for this study: never read as an absence. */
  unreadable: 'unreadable',
} as const;
export type Finding = (typeof Finding)[keyof typeof Finding];

/** Of the manifests that the DMP held when they were compared. */
export interface ManifestFigures {
  readonly archived: number;
  readonly withoutExam: number;
  readonly toUpdate: number;
  readonly upToDate: number;
  readonly unreadable: number;
}

/** What the work writes down; figures are of the run so far. */
export interface RunFigures {
  /** Studies of any state, by what was found. */
  readonly found: Readonly<Record<Finding, number>>;
  /** By Struct_IdNat of who published. */
  readonly manifests: Readonly<Record<string, ManifestFigures>>;
  /** Passes over what could not be read. */
  readonly retries: number;
  /** Why the run waits; null while it does not. */
  readonly paused: { readonly code: ErrorCode; readonly sinceUtcMs: number; readonly failures: number } | null;
  readonly comparedAtUtcMs: number | null;
  /** Since when every look was made. */
  readonly lookedAtUtcMs: number | null;
  /** Published manifests by Struct_IdNat, once everything was done. */
  readonly archivedAfter: Readonly<Record<string, number>> | null;
}

/** What others write down while the run is worked on. */
export interface RunWishes {
  /** Looks are wanted for what is found. */
  readonly isApplied: boolean;
  /** Something may have happened behind the position of the run: another one must follow. */
  readonly isWantedAgain: boolean;
}

export interface ComparisonRun extends RunWishes {
  readonly id: number;
  readonly purpose: ComparisonPurpose;
  readonly phase: RunPhase;
  readonly startedAtUtcMs: number;
  readonly updatedAtUtcMs: number;
  readonly finishedAtUtcMs?: number;
  /** The last StudyInstanceUID that was compared in this phase; '' before the first. */
  readonly position: string;
  /** Studies to compare, as counted at the start. */
  readonly total: number;
  readonly figures: RunFigures;
  readonly leaseToken?: string;
}

/** Studies compared so far, the unreadable ones among them. */
export const comparedOf = ({ figures }: ComparisonRun): number =>
  Object.values(figures.found).reduce((sum, count) => sum + count, 0);

/** As the driver gives it. */
export interface RunRow {
  readonly id: number;
  readonly purpose: ComparisonPurpose;
  readonly phase: RunPhase;
  readonly started_at_utc_ms: number;
  readonly updated_at_utc_ms: number;
  readonly finished_at_utc_ms: number | null;
  readonly position: string;
  readonly total: number;
  readonly figures: RunFigures & RunWishes;
  readonly lease_token: string | null;
}

export const runFromRow = (row: RunRow): ComparisonRun => {
  const { isApplied, isWantedAgain, ...figures } = row.figures;
  return {
    id: Number(row.id),
    purpose: row.purpose,
    phase: row.phase,
    startedAtUtcMs: Number(row.started_at_utc_ms),
    updatedAtUtcMs: Number(row.updated_at_utc_ms),
    position: row.position,
    total: row.total,
    figures,
    isApplied,
    isWantedAgain,
    ...(row.finished_at_utc_ms === null ? {} : { finishedAtUtcMs: Number(row.finished_at_utc_ms) }),
    ...(row.lease_token === null ? {} : { leaseToken: row.lease_token }),
  };
};

/** Of a run that has not begun. */
export const noFigures: RunFigures = {
  found: { unchanged: 0, touched: 0, changed: 0, 'without-exam': 0, duplicated: 0, unreadable: 0 },
  manifests: {},
  retries: 0,
  paused: null,
  comparedAtUtcMs: null,
  lookedAtUtcMs: null,
  archivedAfter: null,
};
