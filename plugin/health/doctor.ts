/**
 * The doctor: a fixed list of checks, each by itself; one that fails or hangs takes nothing from the others.
 *
 * @see decision G4 · design.md §7
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DrimboxError } from '../errors.ts';
import { alertsCheck, holdsCheck, type QueueLimits, queueCheck, sweepCheck } from './archive-checks.ts';
import { certificateCheck } from './certificate-check.ts';
import { type CheckOutcome, type CheckResult, CheckState, type HealthCheck, worstState } from './check-result.ts';
import { type ClockLimits, clockCheck } from './clock-check.ts';
import { type AskDmp, dmpCheck } from './dmp-checks.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { formatDuration } from './durations.ts';
import { configurationCheck, databaseCheck, folderCheck } from './installation-checks.ts';
import { notificationCheck } from './notification-checks.ts';
import { type AskPsc, pscCheck } from './psc-check.ts';
import { revocationCheck } from './revocation-check.ts';
import { type AskSignIn, franceConnectCheck, pscSignInCheck } from './sign-in-check.ts';
import type { FranceConnectFacts, SignInFacts } from './viewer-facts.ts';
import { viewerFilesCheck } from './viewer-files-check.ts';
import { viewerNamesCheck } from './viewer-names-check.ts';
import { whitelistCheck } from './whitelist-check.ts';
import { hookCheck, indexCheck, orthancCheck, pluginsCheck } from './orthanc-checks.ts';

export interface DoctorLimits {
  /** Longest wait for one check. */
  readonly timeoutMs: number;
  /** Silence of the hook that deserves a look. */
  readonly hookSilentAfterMs: number;
  /** Since the last sweep ended, or the one under way began. */
  readonly sweepLateAfterMs: number;
  /** Age of the oldest order. */
  readonly queue: QueueLimits;
  /** Difference with the clock of the DMP, of Pro Santé Connect and of FranceConnect+. */
  readonly clock: ClockLimits;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Assumptions of ours: no text sets them. */
export const defaultDoctorLimits: DoctorLimits = {
  timeoutMs: 20_000,
  hookSilentAfterMs: 24 * hourMs,
  sweepLateAfterMs: 26 * hourMs,
  queue: { warningMs: hourMs, failedMs: 24 * hourMs },
  clock: { warningMs: 30_000, failedMs: 5 * minuteMs },
};

export interface DoctorReport {
  readonly atUtcMs: number;
  /** The worst of all. */
  readonly state: CheckState;
  readonly results: readonly CheckResult[];
}

/** Asked by several checks, answered once. */
const once = <Answer>(ask: () => Promise<Answer>): (() => Promise<Answer>) => {
  let answer: Promise<Answer> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
};

const askDmpOnce = ({ dmp }: DoctorPorts): AskDmp => once(() => dmp?.checkReachable() ?? Promise.resolve([]));

const askPscOnce = ({ trust }: DoctorPorts): AskPsc | undefined =>
  trust === undefined || trust === 'not-configured' ? undefined : once(() => trust.psc());

const askSignInOnce = ({ viewer }: DoctorPorts): { psc?: AskSignIn; franceConnect?: AskSignIn<FranceConnectFacts> } => {
  if (viewer === undefined || viewer === 'not-configured') return {};
  const { proSanteConnect, franceConnect } = viewer;
  return {
    ...(proSanteConnect && { psc: once<SignInFacts>(() => proSanteConnect()) }),
    ...(franceConnect && { franceConnect: once<FranceConnectFacts>(() => franceConnect()) }),
  };
};

/** The checks in the order of the report; nothing is run yet. */
export const createChecks = (
  ports: DoctorPorts,
  limits: DoctorLimits = defaultDoctorLimits,
): readonly HealthCheck[] => {
  const askDmp = askDmpOnce(ports);
  const askPsc = askPscOnce(ports);
  const signIn = askSignInOnce(ports);
  return [
    configurationCheck(ports),
    folderCheck(ports),
    databaseCheck(ports),
    orthancCheck(ports),
    pluginsCheck(ports),
    hookCheck(ports, limits.hookSilentAfterMs),
    indexCheck(ports),
    certificateCheck(ports),
    whitelistCheck(ports),
    revocationCheck(ports),
    pscCheck(ports, askPsc),
    viewerFilesCheck(ports),
    viewerNamesCheck(ports),
    pscSignInCheck(ports, signIn.psc),
    franceConnectCheck(ports, signIn.franceConnect),
    dmpCheck(ports, askDmp),
    clockCheck(
      {
        dmp: ports.dmp === undefined ? undefined : askDmp,
        services: [
          { of: 'de Pro Santé Connect', ask: askPsc ?? signIn.psc },
          { of: 'de FranceConnect+', ask: signIn.franceConnect },
        ],
      },
      limits.clock,
    ),
    sweepCheck(ports, limits.sweepLateAfterMs),
    queueCheck(ports, limits.queue),
    holdsCheck(ports),
    alertsCheck(ports),
    notificationCheck(ports),
  ];
};

const failureOf = (error: unknown): CheckOutcome => {
  const isOurs = error instanceof DrimboxError;
  return {
    state: CheckState.failed,
    message: isOurs ? `${error.publicText} (${error.code})` : 'La vérification a échoué.',
    remedy: 'Corriger les autres échecs d’abord ; si celui-ci reste seul, le journal du service en dit plus.',
  };
};

const runCheck = async (check: HealthCheck, timeoutMs: number): Promise<CheckResult> => {
  const abort = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: abort.signal }).then(
    (): CheckOutcome => ({
      state: CheckState.failed,
      message: `Pas de réponse en ${formatDuration(timeoutMs)}.`,
      remedy: 'Vérifier le réseau et la charge de ce qui est interrogé.',
    }),
  );
  late.catch(() => undefined);
  try {
    return { name: check.name, ...(await Promise.race([check.run(), late])) };
  } catch (error) {
    return { name: check.name, ...failureOf(error) };
  } finally {
    abort.abort();
  }
};

/** Runs every check at the same time; never throws. */
export const runDoctor = async (
  ports: DoctorPorts,
  limits: DoctorLimits = defaultDoctorLimits,
): Promise<DoctorReport> => {
  const results = await Promise.all(createChecks(ports, limits).map((check) => runCheck(check, limits.timeoutMs)));
  return { atUtcMs: ports.clock(), state: worstState(results.map(({ state }) => state)), results };
};
