/** What waits for the DMP, and what waits for a person. */
import { errorTable, type ErrorCode } from '../errors.ts';
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { counted, formatDuration } from './durations.ts';

interface CountedCode {
  readonly code: ErrorCode;
  readonly count: number;
}

const sumOf = (rows: readonly CountedCode[]): number => rows.reduce((sum, { count }) => sum + count, 0);
const lines = (rows: readonly CountedCode[]): readonly string[] =>
  rows.map(({ code, count }) => `${count} × ${errorTable[code].publicText} (${code})`);

export interface QueueLimits {
  readonly warningMs: number;
  readonly failedMs: number;
}

export const queueCheck = ({ archive, clock }: DoctorPorts, limits: QueueLimits): HealthCheck => ({
  name: 'queue',
  run: async () => {
    if (archive === undefined) return skipped('File d’envoi non examinée.');
    const { waiting, oldestSinceUtcMs } = await archive.describeQueue();
    if (waiting === 0 || oldestSinceUtcMs === undefined)
      return { state: CheckState.ok, message: 'Aucun envoi en attente.' };
    const age = clock() - oldestSinceUtcMs;
    const message = `${counted(waiting, 'envoi')} en attente, le plus ancien depuis ${formatDuration(age)}.`;
    if (age <= limits.warningMs) return { state: CheckState.ok, message };
    return {
      state: age > limits.failedMs ? CheckState.failed : CheckState.warning,
      message,
      remedy: 'Regarder l’état du DMP ci-dessus, puis : drimbox archive list --state sending.',
    };
  },
});

/** @param lateAfterMs  it is done every night */
export const sweepCheck = ({ archive, clock }: DoctorPorts, lateAfterMs: number): HealthCheck => ({
  name: 'sweep',
  run: async () => {
    if (archive === undefined) return skipped('Dernière comparaison inconnue.');
    const sweep = await archive.describeSweep();
    if (sweep === undefined) {
      return {
        state: CheckState.warning,
        message: 'Aucune comparaison n’a encore eu lieu.',
        remedy: 'La première commence peu après le démarrage du service (Publication.SweepAfterStartSeconds).',
      };
    }
    const { startedAtUtcMs, finishedAtUtcMs, compared, total, pausedBy } = sweep;
    const age = clock() - (finishedAtUtcMs ?? startedAtUtcMs);
    const progress = `${compared} sur ${counted(total, 'examen')}`;
    const message =
      finishedAtUtcMs === undefined
        ? `En cours depuis ${formatDuration(age)} : ${progress}.`
        : `Dernière comparaison terminée il y a ${formatDuration(age)} : ${progress}.`;
    if (pausedBy !== undefined && finishedAtUtcMs === undefined) {
      return {
        state: CheckState.warning,
        message,
        details: [`En pause : ${errorTable[pausedBy].publicText} (${pausedBy})`],
        remedy: 'Elle reprend seule quand le PACS répond de nouveau.',
      };
    }
    if (age <= lateAfterMs) return { state: CheckState.ok, message };
    return {
      state: CheckState.warning,
      message,
      remedy: 'Elle est prévue chaque nuit (Publication.SweepAt) : regarder le journal du service.',
    };
  },
});

export const holdsCheck = ({ archive }: DoctorPorts): HealthCheck => ({
  name: 'holds',
  run: async () => {
    if (archive === undefined) return skipped('Examens retenus non comptés.');
    const rows = await archive.countHolds();
    const count = sumOf(rows);
    if (count === 0) return { state: CheckState.ok, message: 'Aucun examen n’est retenu.' };
    return {
      state: CheckState.warning,
      message:
        count === 1
          ? '1 examen est retenu : rien n’est envoyé pour lui.'
          : `${count} examens sont retenus : rien n’est envoyé pour eux.`,
      details: lines(rows),
      remedy:
        'drimbox archive list --state held, puis drimbox archive show UID ; une fois la cause corrigée : drimbox archive release.',
    };
  },
});

export const alertsCheck = ({ archive }: DoctorPorts): HealthCheck => ({
  name: 'alerts',
  run: async () => {
    if (archive === undefined) return skipped('Alertes non comptées.');
    const rows = await archive.countOpenAlerts();
    const count = sumOf(rows);
    if (count === 0) return { state: CheckState.ok, message: 'Aucune alerte ouverte.' };
    return {
      state: CheckState.warning,
      message: `${counted(count, 'alerte')} ${count > 1 ? 'ouvertes' : 'ouverte'}.`,
      details: lines(rows),
      remedy: 'drimbox alerts.',
    };
  },
});
