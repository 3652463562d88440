/** Tells an administrator 90, 60, 30 and 7 days before a certificate of ours ends: IGC-Santé renews only valid ones. */
import type { CertificateAlerts } from './certificate-alerts.ts';

/** @see facts/identity.md 4.3 */
export const expiryDays = [90, 60, 30, 7] as const;
const dayMs = 86_400_000;

/** Instants in milliseconds UTC. */
interface CertificateValidity {
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
}

/** What is known of a certificate that ends. */
interface EndingCertificate extends CertificateValidity {
  readonly name: string;
}

/**
 * Thresholds that tell something of this certificate, descending: those of its last quarter. Public authorities give 90 days and
 * less, and renew by themselves at the last third: who were told from the first day on would no longer listen.
 */
const expiryThresholdsOf = ({ notBeforeUtcMs, notAfterUtcMs }: CertificateValidity): readonly number[] =>
  expiryDays.filter((days) => days * dayMs <= (notAfterUtcMs - notBeforeUtcMs) / 4);

/** The nearest threshold passed, in days; undefined: it is not near its end. */
export const expiryThreshold = (validity: CertificateValidity, now: number): number | undefined =>
  expiryThresholdsOf(validity).findLast((days) => validity.notAfterUtcMs - now <= days * dayMs);

/** One alert at a time for each name: that of the nearest threshold passed, or that it has ended; none after its renewal. */
export const tellExpiry = (certificate: EndingCertificate, alerts: CertificateAlerts, now: number): void => {
  const { name, notAfterUtcMs } = certificate;
  const hasEnded = now > notAfterUtcMs;
  const reached = hasEnded ? undefined : expiryThreshold(certificate, now);
  for (const days of expiryDays) {
    if (days !== reached) alerts.clear('trust/certificate-expires', `${name} ${days}`);
  }
  const end = new Date(notAfterUtcMs).toISOString();
  if (reached !== undefined) alerts.raise('trust/certificate-expires', `${name} ${reached}`, `ends at ${end}`);
  if (hasEnded) alerts.raise('trust/server-certificate-expired', name, `ended at ${end}`);
  else alerts.clear('trust/server-certificate-expired', name);
};
