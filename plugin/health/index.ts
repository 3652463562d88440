export { createServiceStatus, type ServiceStatus, type StatusPorts, type UpOrDown } from './service-status.ts';
export { expiryThresholdsDays } from './certificate-check.ts';
export { type CheckName, type CheckResult, CheckState, checkTitles, type HealthCheck } from './check-result.ts';
export { createChecks, defaultDoctorLimits, type DoctorLimits, type DoctorReport, runDoctor } from './doctor.ts';
export type {
  AlertChannelPort,
  CertificateFacts,
  ConfigurationFacts,
  DmpReachability,
  DoctorPorts,
} from './doctor-ports.ts';
export { formatDoctorReport, isHealthy } from './doctor-report.ts';
export type {
  OwnDomain,
  PscFacts,
  RevocationFacts,
  RevocationListFacts,
  TrustFailure,
  TrustLooks,
  WhitelistFacts,
} from './trust-facts.ts';
export { createTrustLooks } from './trust-looks.ts';
export type {
  FranceConnectFacts,
  SignInFacts,
  ViewerFilesFacts,
  ViewerLooks,
  ViewerNamesFacts,
} from './viewer-facts.ts';
export { createViewerLooks } from './viewer-looks.ts';
export type { ViewerSetting } from './viewer-setting.ts';
export type { LookPorts, TrustSetting } from './trust-setting.ts';
