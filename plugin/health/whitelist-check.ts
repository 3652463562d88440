/** The whitelist can be had and believed, a copy is kept, and we are in it (DB.CS.147, DB.CS.148, DB.CS.151). */
import { SignerState, Staleness } from '../trust/index.ts';
import { CheckState, type HealthCheck } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { counted, formatDay, formatDuration } from './durations.ts';
import type { OwnDomain, WhitelistFacts } from './trust-facts.ts';
import { describeFailure, outcomeOf, remedyFor, type TrustFinding, withTrust } from './trust-findings.ts';

const standings: Readonly<Record<OwnDomain['standing'], string>> = {
  listed: 'dans la liste',
  'listed-elsewhere': 'son certificat est dans la liste, sous un autre nom',
  'other-certificate': 'dans la liste, avec un autre certificat que le nôtre',
  absent: 'pas dans la liste',
  unreadable: 'son certificat est illisible',
};

const sourceLine = ({ place, failure }: WhitelistFacts): string =>
  `Source ${place} : ${failure === undefined ? 'liste reçue et acceptée' : describeFailure(failure)}`;

const inForceLines = ({ inForce }: WhitelistFacts, now: number): readonly string[] => {
  if (inForce === undefined) return [];
  const age = formatDuration(now - inForce.generatedAtUtcMs);
  return [
    `Signée par ${inForce.signer}, certificat valable jusqu’au ${formatDay(inForce.signerEndsAtUtcMs)}`,
    `Générée le ${formatDay(inForce.generatedAtUtcMs)} (il y a ${age}), ${counted(inForce.entries, 'domaine')}`,
  ];
};

const keptLine = ({ kept, keptFailure }: WhitelistFacts, now: number): string => {
  if (keptFailure !== undefined) return `Copie gardée : ${describeFailure(keptFailure)}`;
  if (kept === undefined) return 'Copie gardée : aucune';
  const age = formatDuration(now - kept.confirmedAtUtcMs);
  const use = kept.isServed ? '' : ', trop ancienne pour servir';
  return `Copie gardée : confirmée par la source il y a ${age}, acceptée le ${formatDay(kept.acceptedAtUtcMs)}${use}`;
};

const staleness = ({ inForce }: WhitelistFacts): readonly TrustFinding[] => [
  ...(inForce?.staleness === Staleness.stale
    ? [
        {
          state: CheckState.warning,
          message: 'La source n’a pas confirmé la liste blanche depuis trop longtemps.',
          remedy: remedyFor('trust/whitelist-stale'),
        },
      ]
    : []),
  ...(inForce?.signerState === SignerState.grace
    ? [
        {
          state: CheckState.warning,
          message: 'Le certificat du signataire de la liste blanche a expiré ; elle sert encore un temps.',
          remedy: remedyFor('trust/whitelist-signer-expired'),
        },
      ]
    : []),
];

const sourceFindings = ({ inForce, failure }: WhitelistFacts): readonly TrustFinding[] => {
  if (inForce === undefined) {
    return [
      {
        state: CheckState.failed,
        message: 'Aucune liste blanche utilisable : les autres DRIMbox sont toutes refusées.',
        remedy: remedyFor(failure?.code ?? 'trust/whitelist-absent'),
      },
    ];
  }
  if (failure === undefined) return [];
  return [
    {
      state: CheckState.warning,
      message: 'La liste blanche ne peut pas être renouvelée ; la copie gardée sert.',
      remedy: remedyFor(failure.code),
    },
  ];
};

const ownFindings = ({ ours }: WhitelistFacts): readonly TrustFinding[] => {
  const unlisted = ours.filter(({ standing }) => standing !== 'listed');
  if (unlisted.length === 0) return [];
  const isKnown = ours.some(({ standing }) => standing === 'listed' || standing === 'listed-elsewhere');
  return [
    {
      state: isKnown ? CheckState.warning : CheckState.failed,
      message: isKnown
        ? 'La liste blanche ne nous connaît pas sous tous nos noms.'
        : 'Nous ne sommes pas dans la liste blanche : les autres DRIMbox nous refusent.',
      remedy:
        'Demander à l’ANS d’inscrire chaque nom (FQDN) de Wado.Certificates avec le nom distinctif (DN) de son certificat, ou corriger Wado.Certificates.',
    },
  ];
};

const copyFindings = ({ keptFailure }: WhitelistFacts): readonly TrustFinding[] =>
  keptFailure === undefined
    ? []
    : [
        {
          state: CheckState.warning,
          message: 'La copie gardée de la liste blanche ne peut pas servir.',
          remedy: remedyFor(keptFailure.code),
        },
      ];

export const whitelistCheck = (ports: DoctorPorts): HealthCheck => ({
  name: 'whitelist',
  run: withTrust(ports, async (looks) => {
    const facts = await looks.whitelist();
    const now = ports.clock();
    const details = [
      sourceLine(facts),
      ...inForceLines(facts, now),
      keptLine(facts, now),
      ...facts.ours.map(({ name, standing }) => `${name} : ${standings[standing]}`),
    ];
    const found = [...sourceFindings(facts), ...ownFindings(facts), ...staleness(facts), ...copyFindings(facts)];
    return outcomeOf(found, 'La liste blanche est à jour, vérifiée, et nous y sommes.', details);
  }),
});
