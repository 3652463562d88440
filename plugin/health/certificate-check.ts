/** Certificates of the structures: IGC-Santé renews only while they are still valid, so they are announced early. */
import { CheckState, type HealthCheck, skipped, worstState } from './check-result.ts';
import type { CertificateFacts, DoctorPorts } from './doctor-ports.ts';
import { counted, formatDay } from './durations.ts';

const dayMs = 86_400_000;
/** @see facts/identity.md 4.3: announced at 90, 60, 30 and 7 days */
export const expiryThresholdsDays = [7, 30, 60, 90] as const;

const useNames = { authentication: 'authentification', signature: 'signature', server: 'serveur' } as const;

const describe = (one: CertificateFacts, now: number): { state: CheckState; line: string } => {
  const who = `${one.structureName}, ${useNames[one.use]}`;
  if (Number.isNaN(one.notAfterUtcMs) || Number.isNaN(one.notBeforeUtcMs)) {
    return { state: CheckState.failed, line: `${who} : dates illisibles` };
  }
  if (now < one.notBeforeUtcMs) {
    return {
      state: CheckState.failed,
      line: `${who} : pas encore valable (à partir du ${formatDay(one.notBeforeUtcMs)})`,
    };
  }
  if (now >= one.notAfterUtcMs) {
    return { state: CheckState.failed, line: `${who} : expiré depuis le ${formatDay(one.notAfterUtcMs)}` };
  }
  const days = Math.floor((one.notAfterUtcMs - now) / dayMs);
  const threshold = expiryThresholdsDays.find((limit) => days <= limit);
  if (threshold === undefined) {
    return { state: CheckState.ok, line: `${who} : valable jusqu’au ${formatDay(one.notAfterUtcMs)}` };
  }
  const urgency = threshold === 7 ? 'URGENT, ' : '';
  return {
    state: CheckState.warning,
    line: `${who} : ${urgency}expire dans ${counted(days, 'jour')} (${formatDay(one.notAfterUtcMs)}, seuil de ${threshold} jours)`,
  };
};

const messages: Readonly<Record<CheckState, string>> = {
  ok: 'Tous les certificats sont valables.',
  warning: 'Un certificat au moins expire bientôt.',
  failed: 'Un certificat au moins n’est pas valable.',
  skipped: 'Aucun certificat n’est configuré.',
};

export const certificateCheck = ({ certificates, clock }: DoctorPorts): HealthCheck => ({
  name: 'certificates',
  run: async () => {
    if (certificates === undefined) return skipped('Certificats non examinés.');
    const described = (await certificates()).map((one) => describe(one, clock()));
    const state = worstState(described.map((one) => one.state));
    const details = described.map(({ line }) => line);
    if (state === CheckState.ok || state === CheckState.skipped) return { state, message: messages[state], details };
    return {
      state,
      message: messages[state],
      details,
      remedy:
        'Renouveler auprès d’IGC-Santé tant que le certificat est valable, remplacer les fichiers de Dmp.Structures puis redémarrer le service.',
    };
  },
});
