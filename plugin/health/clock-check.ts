/** Our clock agrees with those of the DMP, of Pro Santé Connect and of FranceConnect+ (decision G4). */
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { AskDmp } from './dmp-checks.ts';
import { formatDuration } from './durations.ts';

export interface ClockLimits {
  readonly warningMs: number;
  readonly failedMs: number;
}

/** A service of identity. */
export interface ClockService {
  /** `de Pro Santé Connect`. */
  readonly of: string;
  /** Undefined: not asked. */
  readonly ask: (() => Promise<{ readonly clockDifferenceMs?: number }>) | undefined;
}

export interface ClockSources {
  /** Undefined: not asked. */
  readonly dmp: AskDmp | undefined;
  readonly services: readonly ClockService[];
}

/** Our clock minus another. */
interface ClockDifference {
  readonly of: string;
  readonly ms: number;
}

const differenceOf = (of: string, ms: number | undefined): readonly ClockDifference[] =>
  ms === undefined ? [] : [{ of, ms }];

/** Who does not answer has a check of its own. */
const readDifferences = async ({ dmp, services }: ClockSources): Promise<readonly ClockDifference[]> => {
  const [answers, ...ofServices] = await Promise.all([
    dmp?.().catch(() => undefined),
    ...services.map(async ({ of, ask }) => differenceOf(of, (await ask?.().catch(() => undefined))?.clockDifferenceMs)),
  ]);
  return [
    ...(answers ?? []).flatMap(({ clockDifferenceMs }) => differenceOf('du DMP', clockDifferenceMs)),
    ...ofServices.flat(),
  ];
};

const inFrench = new Intl.ListFormat('fr', { type: 'conjunction' });

export const clockCheck = (sources: ClockSources, limits: ClockLimits): HealthCheck => ({
  name: 'clock-skew',
  run: async () => {
    if (sources.dmp === undefined && sources.services.every(({ ask }) => ask === undefined)) {
      return skipped('Horloge non comparée : ni le DMP ni Pro Santé Connect ne sont interrogés.');
    }
    const differences = await readDifferences(sources);
    const [first, ...others] = differences;
    if (first === undefined) return skipped('Horloge non comparée : personne n’a donné l’heure.');
    const { of, ms } = others.reduce((a, b) => (Math.abs(b.ms) > Math.abs(a.ms) ? b : a), first);
    const size = Math.abs(ms);
    if (size <= limits.warningMs) {
      const clocks = inFrench.format(new Set(differences.map((one) => one.of)));
      return { state: CheckState.ok, message: `L’horloge concorde avec celle ${clocks}.` };
    }
    return {
      state: size > limits.failedMs ? CheckState.failed : CheckState.warning,
      message: `L’horloge de cette machine ${ms > 0 ? 'avance' : 'retarde'} de ${formatDuration(size)} sur celle ${of}.`,
      remedy:
        'Synchroniser l’horloge (chrony ou systemd-timesyncd) : le DMP, Pro Santé Connect et FranceConnect+ refusent les jetons datés du futur ou trop vieux, et nous les leurs.',
    };
  },
});
