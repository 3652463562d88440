/**
 * Comparisons of the whole archive with the PACS: one row per run, so that a run survives the sidecar that works on it.
 *
 * A run is leased by one sidecar; each of its steps is one transaction (position, figures, findings), so that a run that is
 * taken over goes on where it was and counts nothing twice. Of each purpose one run is open; one run is worked on at a time.
 *
 * @see facts/spec.md b.14 #33–37, b.15
 */
import type { Knex } from 'knex';
import { DrimboxError } from '../errors.ts';
import {
  type ComparisonPurpose,
  type ComparisonRun,
  noFigures,
  type RunFigures,
  runFromRow,
  RunPhase,
  type RunRow,
  type RunWishes,
} from './comparison-run.ts';

/** Requests and leases of several sidecars come one after the other. */
const takeTurn = async (trx: Knex.Transaction): Promise<void> => {
  await trx.raw(`SELECT pg_advisory_xact_lock(hashtext('comparison_run'))`);
};

const first = (result: { rows: RunRow[] }): ComparisonRun | undefined => {
  const [row] = result.rows;
  return row === undefined ? undefined : runFromRow(row);
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
  return runFromRow(row as RunRow);
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
  return row === undefined ? undefined : runFromRow(row);
};

export const loadRun = async (knex: Knex, id: number): Promise<ComparisonRun | undefined> => {
  const row: RunRow | undefined = await knex('comparison_run').where({ id }).first('*');
  return row === undefined ? undefined : runFromRow(row);
};

/** As it is now, and as it stays until the transaction ends: the work writes to the same row. */
const lockLatestRun = async (trx: Knex.Transaction, purpose: ComparisonPurpose): Promise<ComparisonRun | undefined> => {
  await takeTurn(trx);
  const row: RunRow | undefined = await latestRun(trx, purpose).forUpdate();
  return row === undefined ? undefined : runFromRow(row);
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

/** Whether an administrator waits for a resynchronisation that could be worked on: a sweep makes room for it. */
export const isResyncWaiting = async (knex: Knex): Promise<boolean> =>
  (await knex('comparison_run')
    .where({ purpose: 'resync' })
    .whereNull('finished_at_utc_ms')
    .whereNotIn('phase', [RunPhase.compared, RunPhase.concluding])
    .first('id')) !== undefined;

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
      ...(step.phase === undefined
        ? {}
        : { phase: step.phase === RunPhase.compared ? trx.raw(afterComparing) : step.phase }),
      ...(step.position === undefined ? {} : { position: step.position }),
      ...(step.total === undefined ? {} : { total: step.total }),
      ...(isOver ? { lease_token: null, lease_until_utc_ms: null } : {}),
      ...(step.phase === RunPhase.finished ? { finished_at_utc_ms: atUtcMs } : {}),
    })
    .returning('*');
  const [row] = rows;
  if (row === undefined) throw new DrimboxError('store/lease-lost', { context: { run: run.id } });
  const saved = runFromRow(row);
  if (step.phase === RunPhase.finished && saved.isWantedAgain) await insertRun(trx, saved.purpose, atUtcMs, true);
  return saved;
};
