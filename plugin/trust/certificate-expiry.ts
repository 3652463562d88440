/** Tells an administrator 90, 60, 30 and 7 days before a certificate of ours ends: IGC-Santé renews only valid ones. */
import type { CertificateAlerts } from './certificate-alerts.ts';

/** @see facts/identity.md 4.3 */
export const expiryDays = [90, 60, 30, 7] as const;
const dayMs = 86_400_000;

/** What is known of a certificate that ends. */
export interface EndingCertificate {
  readonly name: string;
  readonly notAfterUtcMs: number;
}

/** One alert at a time for each name: that of the nearest threshold passed, or that it has ended; none after its renewal. */
export const tellExpiry = (
  { name, notAfterUtcMs }: EndingCertificate,
  alerts: CertificateAlerts,
  now: number,
): void => {
  const hasEnded = now > notAfterUtcMs;
  const reached = hasEnded ? undefined : expiryDays.findLast((days) => notAfterUtcMs - now <= days * dayMs);
  for (const days of expiryDays) {
    if (days !== reached) alerts.clear('trust/certificate-expires', `${name} ${days}`);
  }
  const end = new Date(notAfterUtcMs).toISOString();
  if (reached !== undefined) alerts.raise('trust/certificate-expires', `${name} ${reached}`, `ends at ${end}`);
  if (hasEnded) alerts.raise('trust/server-certificate-expired', name, `ended at ${end}`);
  else alerts.clear('trust/server-certificate-expired', name);
};
