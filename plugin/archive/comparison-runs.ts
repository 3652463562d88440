/**
 * Comparisons of the whole archive with the PACS: one row per run, so that a run survives the sidecar that works on it.
 *
 * A run is leased by one sidecar; each of its steps is one transaction (position, figures, findings), so that a run that is
 * taken over goes on where it was and counts nothing twice. Of each purpose one run is open; one run is worked on at a time.
 *
 * @see facts/spec.md b.14 #33–37, b.15
 */
import type { Knex } from 'knex';
import { DrimboxError, type ErrorCode } from '../errors.ts';

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
interface RunWishes {
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

interface RunRow {
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

const fromRow = (row: RunRow): ComparisonRun => {
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

const noFigures: RunFigures = {
  found: { unchanged: 0, touched: 0, changed: 0, 'without-exam': 0, duplicated: 0, unreadable: 0 },
  manifests: {},
  retries: 0,
  paused: null,
  comparedAtUtcMs: null,
  lookedAtUtcMs: null,
  archivedAfter: null,
};

/** Requests and leases of several sidecars come one after the other. */
const takeTurn = async (trx: Knex.Transaction): Promise<void> => {
  await trx.raw(`SELECT pg_advisory_xact_lock(hashtext('comparison_run'))`);
};

const first = (result: { rows: RunRow[] }): ComparisonRun | undefined => {
  const [row] = result.rows;
  return row === undefined ? undefined : fromRow(row);
};

const insertRun = async (
  trx: Knex.Transaction,
  purpose: ComparisonPurpose,
  atUtcMs: number,
  isApplied: boolean,
): Promise<ComparisonRun> => {
  // Findings are working notes of the latest run: what became of a study is in its journal.
  await trx.raw(
    `DELETE FROM comparison_finding WHERE run_id IN
       (SELECT id FROM comparison_run WHERE purpose = ? AND finished_at_utc_ms IS NOT NULL)`,
    [purpose],
  );
  const [row] = await trx('comparison_run')
    .insert({
      purpose,
      phase: RunPhase.comparing,
      started_at_utc_ms: atUtcMs,
      updated_at_utc_ms: atUtcMs,
      figures: JSON.stringify({ ...noFigures, isApplied, isWantedAgain: false }),
    })
    .returning<RunRow[]>('*');
  return fromRow(row as RunRow);
};

const wish = async (trx: Knex.Transaction, run: ComparisonRun, wishes: Partial<RunWishes>): Promise<ComparisonRun> => {
  const wished = first(
    await trx.raw(`UPDATE comparison_run SET figures = figures || ?::jsonb WHERE id = ? RETURNING *`, [
      JSON.stringify(wishes),
      run.id,
    ]),
  );
  return wished ?? run;
};

const latestRun = (knex: Knex, purpose: ComparisonPurpose): Knex.QueryBuilder =>
  knex('comparison_run').where({ purpose }).orderByRaw('finished_at_utc_ms IS NULL DESC, id DESC').first('*');

/** The open run of that purpose, else the latest one. */
export const loadLatestRun = async (knex: Knex, purpose: ComparisonPurpose): Promise<ComparisonRun | undefined> => {
  const row: RunRow | undefined = await latestRun(knex, purpose);
  return row === undefined ? undefined : fromRow(row);
};

/** As it is now, and as it stays until the transaction ends: the work writes to the same row. */
const lockLatestRun = async (trx: Knex.Transaction, purpose: ComparisonPurpose): Promise<ComparisonRun | undefined> => {
  await takeTurn(trx);
  const row: RunRow | undefined = await latestRun(trx, purpose).forUpdate();
  return row === undefined ? undefined : fromRow(row);
};

/**
 * Wants every study compared from now on. An open sweep that has begun may have passed the study in question: another one
 * follows it.
 *
 * @param options.unlessSinceUtcMs  nothing is done when a sweep was started since then: by another sidecar at the same hour
 * @returns whether a sweep was started or will follow
 */
export const requestSweepRun = async (
  trx: Knex.Transaction,
  options: { readonly atUtcMs: number; readonly unlessSinceUtcMs?: number },
): Promise<boolean> => {
  const latest = await lockLatestRun(trx, 'sweep');
  const { atUtcMs, unlessSinceUtcMs } = options;
  if (latest !== undefined && unlessSinceUtcMs !== undefined && latest.startedAtUtcMs >= unlessSinceUtcMs) return false;
  if (latest === undefined || latest.finishedAtUtcMs !== undefined) {
    await insertRun(trx, 'sweep', atUtcMs, true);
    return true;
  }
  const hasBegun = latest.position !== '' || latest.leaseToken !== undefined || latest.phase !== RunPhase.comparing;
  if (hasBegun) await wish(trx, latest, { isWantedAgain: true });
  return true;
};

/**
 * Starts a resynchronisation, or joins the one that is under way. A comparison that is complete is applied, when that is
 * asked for; else a new one takes its place.
 */
export const requestResyncRun = async (
  trx: Knex.Transaction,
  options: { readonly atUtcMs: number; readonly isApplied: boolean },
): Promise<ComparisonRun> => {
  const { atUtcMs, isApplied } = options;
  const open = await lockLatestRun(trx, 'resync');
  if (open === undefined || open.finishedAtUtcMs !== undefined) return insertRun(trx, 'resync', atUtcMs, isApplied);
  if (open.phase !== RunPhase.compared) return isApplied ? wish(trx, open, { isApplied }) : open;
  if (isApplied) {
    await trx('comparison_run').where({ id: open.id }).update({ phase: RunPhase.looking, updated_at_utc_ms: atUtcMs });
    return wish(trx, { ...open, phase: RunPhase.looking }, { isApplied });
  }
  await endRun(trx, open.id, RunPhase.stopped, atUtcMs);
  return insertRun(trx, 'resync', atUtcMs, isApplied);
};

const endRun = async (knex: Knex, id: number, phase: RunPhase, atUtcMs: number): Promise<boolean> => {
  const changed = await knex('comparison_run').where({ id }).whereNull('finished_at_utc_ms').update({
    phase,
    finished_at_utc_ms: atUtcMs,
    updated_at_utc_ms: atUtcMs,
    lease_token: null,
    lease_until_utc_ms: null,
  });
  return changed > 0;
};

/** Ends the open run of that purpose; looks that were asked for are made all the same. False when none is open. */
export const stopRun = async (knex: Knex, purpose: ComparisonPurpose, atUtcMs: number): Promise<boolean> => {
  const latest = await loadLatestRun(knex, purpose);
  return latest !== undefined && (await endRun(knex, latest.id, RunPhase.stopped, atUtcMs));
};

export interface RunLease {
  /** Fresh for each call. */
  readonly token: string;
  readonly nowUtcMs: number;
  readonly untilUtcMs: number;
}

/**
 * Leases the run to work on: none while another sidecar works on one. What an administrator waits for comes first, a run
 * that only waits for others comes last.
 */
export const leaseRun = async (trx: Knex.Transaction, lease: RunLease): Promise<ComparisonRun | undefined> => {
  await takeTurn(trx);
  return first(
    await trx.raw(
      `UPDATE comparison_run SET lease_token = ?, lease_until_utc_ms = ?
       WHERE id = (SELECT id FROM comparison_run WHERE finished_at_utc_ms IS NULL AND phase <> 'compared'
                   ORDER BY phase = 'concluding', purpose LIMIT 1)
         AND NOT EXISTS (SELECT FROM comparison_run WHERE lease_until_utc_ms >= ?)
       RETURNING *`,
      [lease.token, lease.untilUtcMs, lease.nowUtcMs],
    ),
  );
};

const leasedRow = (knex: Knex, run: ComparisonRun): Knex.QueryBuilder =>
  knex('comparison_run').where({ id: run.id, lease_token: run.leaseToken ?? '' });

/** Prolongs the lease; false when the run is no longer ours. */
export const extendRunLease = async (knex: Knex, run: ComparisonRun, untilUtcMs: number): Promise<boolean> =>
  Number(await leasedRow(knex, run).update({ lease_until_utc_ms: untilUtcMs })) > 0;

/** Gives the run back; without `run`, whatever a killed process held. */
export const releaseRun = async (knex: Knex, run?: ComparisonRun): Promise<void> => {
  const query = run === undefined ? knex('comparison_run').whereNotNull('lease_token') : leasedRow(knex, run);
  await query.update({ lease_token: null, lease_until_utc_ms: null });
};

export interface RunStep {
  readonly phase?: RunPhase;
  readonly position?: string;
  readonly total?: number;
  readonly figures?: Partial<RunFigures>;
}

/** A comparison that somebody wanted applied meanwhile is not left waiting for him. */
const afterComparing = `CASE WHEN (figures->>'isApplied')::boolean THEN 'looking' ELSE 'compared' END`;

/**
 * Writes a step down. With the phases `compared` and `finished` the lease ends.
 *
 * @throws store/lease-lost — the transaction must roll back
 */
export const saveRunStep = async (
  trx: Knex.Transaction,
  run: ComparisonRun,
  step: RunStep,
  atUtcMs: number,
): Promise<ComparisonRun> => {
  const isOver = step.phase === RunPhase.finished || step.phase === RunPhase.compared;
  const rows: RunRow[] = await leasedRow(trx, run)
    .update({
      updated_at_utc_ms: atUtcMs,
      figures: trx.raw('figures || ?::jsonb', [JSON.stringify(step.figures ?? {})]),
      ...(step.phase === undefined ? {} : { phase: step.phase === RunPhase.compared ? trx.raw(afterComparing) : step.phase }),
      ...(step.position === undefined ? {} : { position: step.position }),
      ...(step.total === undefined ? {} : { total: step.total }),
      ...(isOver ? { lease_token: null, lease_until_utc_ms: null } : {}),
      ...(step.phase === RunPhase.finished ? { finished_at_utc_ms: atUtcMs } : {}),
    })
    .returning('*');
  const [row] = rows;
  if (row === undefined) throw new DrimboxError('store/lease-lost', { context: { run: run.id } });
  const saved = fromRow(row);
  if (step.phase === RunPhase.finished && saved.isWantedAgain) await insertRun(trx, saved.purpose, atUtcMs, true);
  return saved;
};
