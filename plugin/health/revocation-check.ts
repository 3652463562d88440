/** The lists of revoked certificates can be had, are signed by their authority and have not ended. */
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { counted, formatDuration } from './durations.ts';
import type { RevocationFacts, RevocationListFacts } from './trust-facts.ts';
import { describeFailure, outcomeOf, remedyFor, type TrustFinding, withTrust } from './trust-findings.ts';

const hourMs = 3_600_000;

/** What the service can do with a list now. */
type Use = 'fresh' | 'grace' | 'none';

interface JudgedList {
  readonly authority: string;
  readonly use: Use;
  readonly line: string;
  /** Absent: nothing is to be done. */
  readonly remedy?: string;
}

const useUntil = (nextUpdateUtcMs: number, graceHours: number, now: number): Use => {
  if (now <= nextUpdateUtcMs) return 'fresh';
  return now <= nextUpdateUtcMs + graceHours * hourMs ? 'grace' : 'none';
};

const endOf = (nextUpdateUtcMs: number, now: number): string =>
  now <= nextUpdateUtcMs
    ? `valable encore ${formatDuration(nextUpdateUtcMs - now)}`
    : `finie depuis ${formatDuration(now - nextUpdateUtcMs)}`;

const judgeRead = (
  { nextUpdateUtcMs, revoked }: Extract<RevocationListFacts['read'], { kind: 'good' }>,
  graceHours: number,
  now: number,
): Omit<JudgedList, 'authority'> => {
  const use = useUntil(nextUpdateUtcMs, graceHours, now);
  const line = `reçue, signature vérifiée, ${endOf(nextUpdateUtcMs, now)}, ${counted(revoked, 'révoqué')}`;
  switch (use) {
    case 'fresh':
      return { use, line };
    case 'grace':
      return { use, line: `${line} ; elle sert encore un temps`, remedy: remedyFor('trust/revocation-list-stale') };
    case 'none':
      return { use, line: `${line} ; elle ne sert plus`, remedy: remedyFor('trust/revocation-list-absent') };
  }
};

const notAllowed =
  'Ajouter l’hôte de cette adresse à Trust.Revocation.AllowedHosts s’il est bien celui de l’autorité, ou nommer la liste dans Trust.Revocation.Lists.';

/** The copy of the service stands in for what could not be read. */
const judgeCopy = (
  { read, keptNextUpdateUtcMs: end }: RevocationListFacts,
  graceHours: number,
  now: number,
): Omit<JudgedList, 'authority'> => {
  if (read.kind === 'good') return judgeRead(read, graceHours, now);
  if (read.kind === 'host-not-allowed') {
    return { use: 'none', line: 'cet hôte n’est pas autorisé (AllowedHosts)', remedy: notAllowed };
  }
  const use = end === undefined ? 'none' : useUntil(end, graceHours, now);
  const copy = end === undefined ? 'aucune copie' : `copie gardée ${endOf(end, now)}`;
  return { use, line: `${describeFailure(read)} ; ${copy}`, remedy: remedyFor(read.code) };
};

const judge = (list: RevocationListFacts, graceHours: number, now: number): JudgedList => {
  const judged = judgeCopy(list, graceHours, now);
  return { ...judged, authority: list.authority, line: `${list.authority}, ${list.place} : ${judged.line}` };
};

/** One usable list is enough for an authority. */
const findingsOf = (lists: readonly JudgedList[]): readonly TrustFinding[] => {
  const served = new Set(lists.filter(({ use }) => use !== 'none').map(({ authority }) => authority));
  return lists.flatMap(({ authority, remedy }): readonly TrustFinding[] => {
    if (remedy === undefined) return [];
    return served.has(authority)
      ? [{ state: CheckState.warning, message: 'Une liste de révocation au moins demande un regard.', remedy }]
      : [
          {
            state: CheckState.failed,
            message: 'Une autorité n’a pas de liste de révocation utilisable : ses DRIMbox sont refusées.',
            remedy,
          },
        ];
  });
};

const outcome = ({ lists, graceHours }: RevocationFacts, now: number) => {
  if (lists.length === 0) {
    return skipped('Aucune liste n’est connue d’avance : les certificats des autres DRIMbox nommeront les leurs.');
  }
  const judged = lists.map((list) => judge(list, graceHours, now));
  const details = judged.map(({ line }) => line);
  return outcomeOf(findingsOf(judged), 'Les listes de révocation sont à jour et vérifiées.', details);
};

export const revocationCheck = (ports: DoctorPorts): HealthCheck => ({
  name: 'revocation-lists',
  run: withTrust(ports, async (looks) => outcome(await looks.revocation(), ports.clock())),
});
