/** What one check says. Texts are French: an administrator reads them. They name no patient and no professional. */

export const CheckState = {
  ok: 'ok',
  /** It works, and somebody should look. */
  warning: 'warning',
  /** It does not work. */
  failed: 'failed',
  /** Not looked at, and why is in the message. */
  skipped: 'skipped',
} as const;
export type CheckState = (typeof CheckState)[keyof typeof CheckState];

/** The closed list of checks, in the order of the report; name → French title. */
export const checkTitles = {
  configuration: 'Configuration',
  'folder-writable': 'Dossier de données',
  database: 'Base de données',
  'orthanc-reachable': 'PACS Orthanc',
  'orthanc-plugins': 'Extensions d’Orthanc',
  'orthanc-hook': 'Crochet Orthanc',
  'orthanc-index': 'Index PostgreSQL d’Orthanc',
  certificates: 'Certificats',
  whitelist: 'Liste blanche',
  'revocation-lists': 'Listes de révocation',
  psc: 'Pro Santé Connect',
  'viewer-files': 'Fichiers de la visionneuse',
  'viewer-names': 'Noms de la visionneuse',
  'sign-in-psc': 'Connexion des professionnels',
  'sign-in-franceconnect': 'Connexion des patients',
  'dmp-reachable': 'DMP',
  'clock-skew': 'Horloge',
  sweep: 'Comparaison avec le PACS',
  queue: 'File d’envoi',
  holds: 'Examens retenus',
  alerts: 'Alertes',
  'alert-channels': 'Envoi des alertes',
} as const;
export type CheckName = keyof typeof checkTitles;

export interface CheckOutcome {
  readonly state: CheckState;
  readonly message: string;
  /** One line each: a fault, a certificate, a reason. */
  readonly details?: readonly string[];
  /** What to do; given with every warning and failure. */
  readonly remedy?: string;
}

export interface CheckResult extends CheckOutcome {
  readonly name: CheckName;
}

/** A named check; `run` may throw, the doctor turns that into a failure. */
export interface HealthCheck {
  readonly name: CheckName;
  run(): Promise<CheckOutcome>;
}

const severity: Readonly<Record<CheckState, number>> = { skipped: 0, ok: 1, warning: 2, failed: 3 };

/** The worst of several states; `skipped` when there is none. */
export const worstState = (states: readonly CheckState[]): CheckState =>
  states.reduce<CheckState>((worst, state) => (severity[state] > severity[worst] ? state : worst), CheckState.skipped);

export const skipped = (message: string): CheckOutcome => ({ state: CheckState.skipped, message });
