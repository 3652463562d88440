/** Pro Santé Connect is who we think, gives its keys, and answers this software about tokens. */
import { CheckState, type HealthCheck } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import type { PscFacts, PscQuestion } from './trust-facts.ts';
import { describeFailure, outcomeOf, remedyFor, type TrustFinding, withTrust } from './trust-findings.ts';

/** Pro Santé Connect is asked once for this check and for the clock. */
export type AskPsc = () => Promise<PscFacts>;

const maxShownIssuer = 200;

const lineOf = (question: PscQuestion, wellness: string): string =>
  question.kind === 'good' ? wellness : describeFailure(question);

const discoveryLine = (discovery: PscFacts['discovery']): string => {
  switch (discovery.kind) {
    case 'other-issuer':
      return `annonce un autre émetteur : ${discovery.issuer.slice(0, maxShownIssuer)}`;
    case 'other-addresses':
      return `annonce d’autres adresses que ${discovery.addresses.join(', ')}`;
    case 'good':
    case 'unavailable':
      return lineOf(discovery, 'annonce l’émetteur et les adresses configurés');
  }
};

const introspectionLine = (introspection: PscFacts['introspection']): string =>
  introspection.kind === 'believes-anything'
    ? 'déclare actif un jeton inventé'
    : lineOf(introspection, 'répond à ce logiciel, et déclare inactif un jeton inventé');

/** The service does not read the document: that it is missing is no failure, that it contradicts us is. */
const discoveryFindings = (discovery: PscFacts['discovery']): readonly TrustFinding[] => {
  switch (discovery.kind) {
    case 'good':
      return [];
    case 'other-issuer':
      return [
        {
          state: CheckState.failed,
          message: 'Pro Santé Connect annonce un autre émetteur que celui configuré.',
          remedy:
            'Vérifier Trust.Psc.Environment (bas pour les tests, production) et Trust.Psc.Endpoints.Issuer : les jetons de cet autre émetteur sont refusés.',
        },
      ];
    case 'other-addresses':
      return [
        {
          state: CheckState.warning,
          message: 'Pro Santé Connect annonce d’autres adresses que celles configurées.',
          remedy:
            'Comparer Trust.Psc.Endpoints avec le document de découverte de Pro Santé Connect : une ancienne adresse finira par ne plus répondre.',
        },
      ];
    case 'unavailable':
      return [
        {
          state: CheckState.warning,
          message: 'Le document de découverte de Pro Santé Connect ne peut pas être lu.',
          remedy: remedyFor(discovery.code),
        },
      ];
  }
};

const introspectionFindings = (introspection: PscFacts['introspection']): readonly TrustFinding[] => {
  switch (introspection.kind) {
    case 'good':
      return [];
    case 'believes-anything':
      return [
        {
          state: CheckState.failed,
          message: 'L’introspection déclare actif un jeton inventé : elle ne protège de rien.',
          remedy:
            'Arrêter le service, puis vérifier Trust.Psc.Endpoints.IntrospectionUrl : ce n’est pas Pro Santé Connect qui répond.',
        },
      ];
    case 'unavailable':
      return [
        {
          state: CheckState.failed,
          message: 'Pro Santé Connect ne répond pas aux questions sur les jetons : aucune image n’est donnée.',
          remedy: remedyFor(introspection.code),
        },
      ];
  }
};

const keysFindings = ({ keys, mayLackKeys }: PscFacts): readonly TrustFinding[] =>
  keys.kind === 'good'
    ? []
    : [
        {
          state: mayLackKeys ? CheckState.warning : CheckState.failed,
          message: 'Les clés de Pro Santé Connect ne peuvent pas être lues : les jetons ne sont pas vérifiables.',
          remedy: remedyFor(keys.code),
        },
      ];

export const pscCheck = (ports: DoctorPorts, ask: AskPsc | undefined): HealthCheck => ({
  name: 'psc',
  run: withTrust(ports, async (looks) => {
    const facts = await (ask === undefined ? looks.psc() : ask());
    const details = [
      `Émetteur : ${facts.issuer}`,
      `Document de découverte : ${discoveryLine(facts.discovery)}`,
      `Clés : ${lineOf(facts.keys, 'reçues')}`,
      `Introspection : ${introspectionLine(facts.introspection)}`,
    ];
    const found = [
      ...introspectionFindings(facts.introspection),
      ...keysFindings(facts),
      ...discoveryFindings(facts.discovery),
    ];
    return outcomeOf(found, 'Pro Santé Connect répond et connaît ce logiciel.', details);
  }),
});
