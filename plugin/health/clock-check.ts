/** Our clock agrees with that of the DMP and of Pro Santé Connect (decision G4). */
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { AskDmp } from './dmp-checks.ts';
import { formatDuration } from './durations.ts';
import type { AskPsc } from './psc-check.ts';

export interface ClockLimits {
  readonly warningMs: number;
  readonly failedMs: number;
}

/** Undefined: not asked. */
export interface ClockSources {
  readonly dmp: AskDmp | undefined;
  readonly psc: AskPsc | undefined;
}

/** Our clock minus another. */
interface ClockDifference {
  readonly of: string;
  readonly ms: number;
}

const differenceOf = (of: string, ms: number | undefined): readonly ClockDifference[] =>
  ms === undefined ? [] : [{ of, ms }];

/** Who does not answer has a check of its own. */
const readDifferences = async ({ dmp, psc }: ClockSources): Promise<readonly ClockDifference[]> => {
  const [answers, facts] = await Promise.all([dmp?.().catch(() => undefined), psc?.().catch(() => undefined)]);
  return [
    ...(answers ?? []).flatMap(({ clockDifferenceMs }) => differenceOf('du DMP', clockDifferenceMs)),
    ...differenceOf('de Pro Santé Connect', facts?.clockDifferenceMs),
  ];
};

export const clockCheck = (sources: ClockSources, limits: ClockLimits): HealthCheck => ({
  name: 'clock-skew',
  run: async () => {
    if (sources.dmp === undefined && sources.psc === undefined) {
      return skipped('Horloge non comparée : ni le DMP ni Pro Santé Connect ne sont interrogés.');
    }
    const differences = await readDifferences(sources);
    const [first, ...others] = differences;
    if (first === undefined) return skipped('Horloge non comparée : personne n’a donné l’heure.');
    const { of, ms } = others.reduce((a, b) => (Math.abs(b.ms) > Math.abs(a.ms) ? b : a), first);
    const size = Math.abs(ms);
    if (size <= limits.warningMs) {
      const clocks = [...new Set(differences.map((one) => one.of))].join(' et ');
      return { state: CheckState.ok, message: `L’horloge concorde avec celle ${clocks}.` };
    }
    return {
      state: size > limits.failedMs ? CheckState.failed : CheckState.warning,
      message: `L’horloge de cette machine ${ms > 0 ? 'avance' : 'retarde'} de ${formatDuration(size)} sur celle ${of}.`,
      remedy:
        'Synchroniser l’horloge (chrony ou systemd-timesyncd) : le DMP et Pro Santé Connect refusent les jetons datés du futur ou trop vieux.',
    };
  },
});
