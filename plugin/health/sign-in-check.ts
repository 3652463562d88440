/** Professionals and patients can sign in to the viewer: the services are who we think, know us, and give what is needed. */
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { describeFailure, outcomeOf, remedyFor, type TrustFinding, withViewer } from './trust-findings.ts';
import type {
  FranceConnectFacts,
  PublishedKeysFacts,
  Shortcoming,
  SignInClientFacts,
  SignInFacts,
} from './viewer-facts.ts';

/** Asked once for its check and for the clock. */
export type AskSignIn<Facts extends SignInFacts = SignInFacts> = () => Promise<Facts>;

interface Wording {
  readonly service: string;
  readonly section: string;
  readonly people: string;
}
const ofPsc: Wording = {
  ...{ service: 'Pro Santé Connect', section: 'SignIn.ProSanteConnect', people: 'aucun professionnel' },
};
const ofFranceConnect: Wording = {
  ...{ service: 'FranceConnect+', section: 'SignIn.FranceConnect', people: 'aucun patient' },
};

const maxShownIssuer = 200;
const failed = (message: string, remedy: string): TrustFinding => ({ state: CheckState.failed, message, remedy });
const warning = (message: string, remedy: string): TrustFinding => ({ state: CheckState.warning, message, remedy });

const discoveryLine = (discovery: SignInFacts['discovery']): string => {
  switch (discovery.kind) {
    case 'good':
      return 'reçu, de l’émetteur configuré';
    case 'other-issuer':
      return `annonce un autre émetteur : ${discovery.issuer.slice(0, maxShownIssuer)}`;
    case 'unavailable':
      return describeFailure(discovery);
  }
};

const discoveryFindings = (
  { discovery }: SignInFacts,
  { service, section, people }: Wording,
): readonly TrustFinding[] => {
  switch (discovery.kind) {
    case 'good':
      return [];
    case 'other-issuer':
      return [
        failed(
          `${service} annonce un autre émetteur que celui configuré : ${people} ne peut se connecter.`,
          `Vérifier ${section}.Environment et, s’il est « custom », ${section}.Issuer.`,
        ),
      ];
    case 'unavailable':
      return [failed(`${service} ne répond pas : ${people} ne peut se connecter.`, remedyFor(discovery.code))];
  }
};

const keysFindings = ({ keys }: SignInFacts, { service, people }: Wording): readonly TrustFinding[] =>
  keys.kind === 'good'
    ? []
    : [
        failed(
          `Les clés de ${service} ne peuvent pas être lues : ${people} ne peut se connecter.`,
          remedyFor(keys.code),
        ),
      ];

const shortcomingLine = ({ member, wanted }: Shortcoming): string =>
  wanted.length === 0 ? `n’annonce pas ${member}` : `n’annonce pas ${wanted.join(', ')} dans ${member}`;

const shortcomingFindings = (
  { shortcomings }: SignInFacts,
  { service, section, people }: Wording,
): readonly TrustFinding[] => {
  const remedy = `Comparer ${section} avec le document de découverte et la documentation de ${service} ; au besoin demander à son support.`;
  const beside = shortcomings.filter(({ isVital }) => !isVital);
  return [
    ...(beside.length < shortcomings.length
      ? [
          failed(
            `${service} n’annonce pas ce que ce site demande : ${people} ne pourra sans doute se connecter.`,
            remedy,
          ),
        ]
      : []),
    ...(beside.length > 0 ? [warning(`${service} n’annonce pas tout ce que ce site demande.`, remedy)] : []),
  ];
};

const exchangeLine = ({ hosts, exchange }: SignInClientFacts): string => {
  const who = `Client de ${hosts.join(', ')}`;
  switch (exchange.kind) {
    case 'good':
      return `${who} : connu, et un code inventé est refusé`;
    case 'believes-anything':
      return `${who} : un code inventé est accepté`;
    case 'unavailable':
      return `${who} : ${describeFailure(exchange)}`;
  }
};

const exchangeFindings = ({ clients }: SignInFacts, { service, section }: Wording): readonly TrustFinding[] =>
  clients.flatMap(({ exchange }) => {
    switch (exchange.kind) {
      case 'good':
        return [];
      case 'believes-anything':
        return [
          failed(
            `${service} accepte un code inventé : ce n’est pas ${service} qui répond.`,
            `Arrêter le service, puis vérifier ${section}.Environment et ${section}.DiscoveryUrl.`,
          ),
        ];
      case 'unavailable': {
        const isRefusal = exchange.code === 'sign-in/provider-refused-us';
        return [
          failed(
            isRefusal
              ? `${service} ne reconnaît pas ce site.`
              : `${service} ne répond pas comme attendu à l’échange d’un code.`,
            isRefusal
              ? `Vérifier l’identifiant de client et son secret (ou son certificat) dans ${section}, et qu’ils sont ceux de cet environnement.`
              : remedyFor(exchange.code),
          ),
        ];
      }
    }
  });

const findingsOf = (facts: SignInFacts, wording: Wording): readonly TrustFinding[] => {
  const ofDiscovery = discoveryFindings(facts, wording);
  // What follows from a document that was not read is not told again.
  if (ofDiscovery.length > 0) return ofDiscovery;
  return [...exchangeFindings(facts, wording), ...keysFindings(facts, wording), ...shortcomingFindings(facts, wording)];
};

const detailsOf = (facts: SignInFacts): readonly string[] => {
  const lines = [`Émetteur : ${facts.issuer}`, `Document de découverte : ${discoveryLine(facts.discovery)}`];
  if (facts.discovery.kind !== 'good') return lines;
  return [
    ...lines,
    ...facts.shortcomings.map((one) => `Document de découverte : ${shortcomingLine(one)}`),
    `Clés : ${facts.keys.kind === 'good' ? 'reçues' : describeFailure(facts.keys)}`,
    ...facts.clients.map(exchangeLine),
  ];
};

export const pscSignInCheck = (ports: DoctorPorts, ask: AskSignIn | undefined): HealthCheck => ({
  name: 'sign-in-psc',
  run: withViewer(ports, async () => {
    if (ask === undefined) {
      return skipped('Non configurée (SignIn.ProSanteConnect) : les professionnels ne peuvent pas se connecter.');
    }
    const facts = await ask();
    return outcomeOf(findingsOf(facts, ofPsc), 'Pro Santé Connect répond et connaît ce site.', detailsOf(facts));
  }),
});

/** English, as the configuration room names them → French. */
const traitNames: Readonly<Record<FranceConnectFacts['lackingTraits'][number], string>> = {
  'birth name': 'nom de naissance',
  'given names': 'prénoms',
  'first given name': 'premier prénom',
  'birth date': 'date de naissance',
  sex: 'sexe',
  'birth place': 'lieu de naissance',
};

const traitFindings = ({ lackingTraits }: FranceConnectFacts): readonly TrustFinding[] => {
  const others = lackingTraits.filter((trait) => trait !== 'first given name');
  const remedy =
    'Ajouter rnipp_identite_pivot à SignIn.FranceConnect.Scope, après l’avoir fait accorder dans le Datapass, puis redémarrer le service.';
  if (others.length > 0) {
    const names = others.map((trait) => traitNames[trait]).join(', ');
    return [failed(`Des traits d’identité ne sont pas demandés (${names}) : tous les patients sont refusés.`, remedy)];
  }
  if (lackingTraits.length === 0) return [];
  return [
    warning(
      'Les prénoms du RNIPP ne sont pas demandés un à un : les patients qui ont plusieurs prénoms sont refusés dès que le premier ne se distingue pas.',
      remedy,
    ),
  ];
};

const publishedLine = ({ host, published }: PublishedKeysFacts): string => {
  switch (published.kind) {
    case 'ours':
      return `${host} : nos clés y sont publiées`;
    case 'others':
      return `${host} : d’autres clés que celles des fichiers y sont publiées`;
    case 'private':
      return `${host} : une clé PRIVÉE y est publiée`;
    case 'silent':
      return `${host} : nos clés ne peuvent pas y être lues (${published.detail})`;
  }
};

const publishedFindings = ({ keysAt }: FranceConnectFacts): readonly TrustFinding[] =>
  keysAt.flatMap(({ published }) => {
    switch (published.kind) {
      case 'ours':
        return [];
      case 'private':
        return [
          failed(
            'Une clé privée est publiée à la place de sa clé publique.',
            'Arrêter le service, faire de nouvelles clés (SignIn.FranceConnect.EncryptionKeyFiles) et prévenir le support.',
          ),
        ];
      case 'others':
        return [
          warning(
            'Les clés publiées pour FranceConnect+ ne sont pas celles des fichiers.',
            'Attendre une minute, que le service relise ses fichiers ; si cela dure, drimbox alerts dit pourquoi il garde les anciennes.',
          ),
        ];
      case 'silent':
        return [
          failed(
            'Nos clés ne peuvent pas être lues à l’adresse que FranceConnect+ connaît.',
            'Démarrer le service ; s’il tourne, vérifier que la visionneuse répond à ce nom.',
          ),
        ];
    }
  });

export const franceConnectCheck = (
  ports: DoctorPorts,
  ask: AskSignIn<FranceConnectFacts> | undefined,
): HealthCheck => ({
  name: 'sign-in-franceconnect',
  run: withViewer(ports, async () => {
    if (ask === undefined) {
      return skipped('Non configurée (SignIn.FranceConnect) : les patients ne peuvent pas se connecter.');
    }
    const facts = await ask();
    const found = [...findingsOf(facts, ofFranceConnect), ...publishedFindings(facts), ...traitFindings(facts)];
    return outcomeOf(found, 'FranceConnect+ répond, connaît ce site et donne les traits nécessaires.', [
      ...detailsOf(facts),
      ...facts.ourKeys.map(({ algorithm, kid }) => `Notre clé ${algorithm} : ${kid}`),
      ...facts.keysAt.map(publishedLine),
    ]);
  }),
});
