/** The DMP answers each structure. */
import { asDrimboxError } from '../errors.ts';
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { DmpReachability, DoctorPorts } from './doctor-ports.ts';
import { counted } from './durations.ts';

/** Any answer below 500 but 401 and 403 shows that the service is there and takes the certificate. */
const isRefused = ({ httpStatus }: DmpReachability): boolean =>
  httpStatus >= 500 || httpStatus === 401 || httpStatus === 403;

/** The DMP is asked once for both checks. */
export type AskDmp = () => Promise<readonly DmpReachability[]>;

export const dmpCheck = ({ dmp }: DoctorPorts, ask: AskDmp): HealthCheck => ({
  name: 'dmp-reachable',
  run: async () => {
    if (dmp === undefined) return skipped('DMP non interrogé.');
    let answers: readonly DmpReachability[];
    try {
      answers = await ask();
    } catch (error) {
      return {
        state: CheckState.failed,
        message: asDrimboxError(error).publicText,
        remedy:
          'Vérifier Dmp.BaseUrl, Dmp.CaFile, les certificats d’authentification et la sortie réseau (proxy, pare-feu).',
      };
    }
    if (answers.length === 0) return skipped('Aucune structure n’est configurée.');
    const refused = answers.filter(isRefused);
    if (refused.length > 0) {
      return {
        state: CheckState.failed,
        message: `Le DMP refuse ${counted(refused.length, 'structure')}.`,
        details: refused.map(({ structureId, httpStatus }) => `${structureId} : HTTP ${httpStatus}`),
        remedy:
          'Vérifier le certificat ORG AUTH_CLI de la structure et son habilitation ; un statut 5xx est une panne du DMP.',
      };
    }
    return { state: CheckState.ok, message: `Le DMP répond (${counted(answers.length, 'structure')}).` };
  },
});
