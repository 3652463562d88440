/** Browsers reach the viewer by each of its names, and believe its certificates. */
import { expiryThreshold } from '../trust/index.ts';
import { CheckState, type HealthCheck } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { counted, formatDay } from './durations.ts';
import { describeFailure, outcomeOf, remedyFor, type TrustFinding, withViewer } from './trust-findings.ts';
import type { ViewerNameFacts, ViewerNamesFacts } from './viewer-facts.ts';

const dayMs = 86_400_000;

interface Judged {
  readonly line: string;
  readonly findings: readonly TrustFinding[];
}

const well = (line: string): Judged => ({ line, findings: [] });
const ill = (state: TrustFinding['state'], line: string, message: string, remedy: string): Judged => ({
  line,
  findings: [{ state, message, remedy }],
});

const renew =
  'Renouveler le certificat auprès de son autorité (publique : les navigateurs ne connaissent pas IGC-Santé) et remplacer les fichiers de Viewer.Certificates ; le service les relit chaque minute.';

const judgeCertificate = ({ certificate }: ViewerNameFacts, now: number): Judged => {
  if (certificate.kind === 'unusable') {
    const line = describeFailure(certificate);
    const message = 'Un certificat de la visionneuse est inutilisable.';
    return ill(CheckState.failed, line, message, remedyFor(certificate.code));
  }
  const { notBeforeUtcMs, notAfterUtcMs } = certificate;
  const end = formatDay(notAfterUtcMs);
  if (!(now >= notBeforeUtcMs)) {
    const line = `certificat pas encore valable (à partir du ${formatDay(notBeforeUtcMs)})`;
    return ill(CheckState.failed, line, 'Un certificat de la visionneuse n’est pas encore valable.', renew);
  }
  if (!(now < notAfterUtcMs)) {
    return ill(
      CheckState.failed,
      `certificat expiré depuis le ${end}`,
      'Un certificat de la visionneuse est expiré.',
      renew,
    );
  }
  if (expiryThreshold(certificate, now) === undefined) return well(`certificat valable jusqu’au ${end}`);
  const days = Math.floor((notAfterUtcMs - now) / dayMs);
  const line = `certificat qui expire dans ${counted(days, 'jour')} (${end})`;
  return ill(CheckState.warning, line, 'Un certificat de la visionneuse expire bientôt.', renew);
};

const judgeAnswer = ({ answer }: ViewerNameFacts, { place, mustBePublic }: ViewerNamesFacts): readonly Judged[] => {
  if (answer.kind === 'silent') {
    return [
      ill(
        CheckState.failed,
        `ne répond pas (${answer.detail})`,
        `La visionneuse ne répond pas à tous ses noms sur ${place}.`,
        'Démarrer le service ; s’il tourne, son journal dit pourquoi la visionneuse n’est pas ouverte (port, certificats, fichiers).',
      ),
    ];
  }
  const { isUp, showsOurs, untrusted } = answer;
  return [
    isUp === false
      ? ill(
          CheckState.warning,
          'répond, et se dit hors service',
          'La visionneuse répond, et se dit hors service.',
          'Corriger ce que les autres vérifications disent du PACS et de la base de données.',
        )
      : well('répond'),
    ...(showsOurs
      ? []
      : [
          ill(
            CheckState.warning,
            'montre un autre certificat que celui du fichier',
            'La visionneuse montre un autre certificat que celui de ses fichiers.',
            'Attendre une minute, que le service relise ses fichiers ; si cela dure, drimbox alerts dit pourquoi il garde l’ancien.',
          ),
        ]),
    ...(untrusted === undefined ? [] : [judgeTrust(untrusted, mustBePublic)]),
  ];
};

const judgeTrust = (untrusted: string, mustBePublic: boolean): Judged => {
  const line = `chaîne inconnue de cette machine (${untrusted})`;
  if (!mustBePublic) return well(line);
  return ill(
    CheckState.warning,
    line,
    'Un certificat de la visionneuse n’est pas d’une autorité publique, ou sa chaîne est incomplète.',
    'Mettre à la suite du certificat ses autorités intermédiaires, dans le même fichier ; il faut une autorité que les navigateurs connaissent.',
  );
};

export const viewerNamesCheck = (ports: DoctorPorts): HealthCheck => ({
  name: 'viewer-names',
  run: withViewer(ports, async (looks) => {
    const facts = await looks.names();
    const judged = facts.names.map((one) => ({
      name: one.name,
      of: [judgeCertificate(one, ports.clock()), ...judgeAnswer(one, facts)],
    }));
    const details = judged.map(({ name, of }) => `${name} : ${of.map(({ line }) => line).join(', ')}`);
    const findings = judged.flatMap(({ of }) => of.flatMap((one) => one.findings));
    return outcomeOf(findings, `La visionneuse répond à ${counted(facts.names.length, 'nom')}.`, details);
  }),
});
