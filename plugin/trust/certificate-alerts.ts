/** Alerts of an administrator about certificates and their revocation. */
import type { ErrorCode } from '../errors.ts';

export interface CertificateAlerts {
  /** @param subject  what it is about: an address, a file, a server name and a number of days; @param detail  no identity */
  raise(code: ErrorCode, subject: string, detail: string): void;
  clear(code: ErrorCode, subject: string): void;
}
