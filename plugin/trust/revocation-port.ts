/** Whether a certificate was taken back by its authority: what the rooms' checks ask, whoever answers (CRL, OCSP). */
import type { X509Certificate } from 'node:crypto';

export type RevocationStatus =
  /** `source` says what was looked at: `crl`, `ocsp`… */
  | { readonly kind: 'good'; readonly source: string }
  | { readonly kind: 'revoked'; readonly detail: string }
  /** Nothing fresh enough could be read: the caller fails closed. */
  | { readonly kind: 'unknown'; readonly detail: string };

export interface RevocationChecker {
  /**
   * @param chain    leaf first, then its authorities up to the root
   * @param atUtcMs  the moment asked about, ms UTC
   */
  check(chain: readonly X509Certificate[], atUtcMs: number): Promise<RevocationStatus>;
}
