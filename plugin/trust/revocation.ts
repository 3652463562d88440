/**
 * Whether any certificate of a chain was revoked: responders (OCSP) where configured, then lists (CRL). What nobody can say
 * is `unknown`, and the caller fails closed.
 *
 * @see facts/spec.md b.5.3, (d) 25 · facts/identity.md 1.8, 5.1
 */
import type { X509Certificate } from 'node:crypto';
import type { CertificateAlerts } from './certificate-alerts.ts';
import { type Every, everyTimer } from './every.ts';
import { createKeptLists, type RevocationListKeep } from './kept-revocation-lists.ts';
import { createOcspClient, type OcspClient } from './ocsp.ts';
import { createRevocationExchange, type RevocationExchange } from './revocation-exchange.ts';
import { createRevocationLists, type RevocationLists } from './revocation-lists.ts';
import type { RevocationOptions } from './revocation-options.ts';
import type { RevocationChecker, RevocationStatus } from './revocation-port.ts';

export interface RevocationPorts {
  /** Where lists are kept between two starts; or a keep of one's own. */
  readonly keep: string | RevocationListKeep;
  readonly clock: () => number;
  readonly alerts: CertificateAlerts;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Absent: HTTP of this process. */
  readonly exchange?: RevocationExchange;
  /** Absent: a timer that keeps no process alive. */
  readonly every?: Every;
}

export interface RevocationService extends RevocationChecker {
  /** Takes up the lists of the configured authorities, fetches what is due, then looks again every minute. Never throws. */
  start(authorities: readonly X509Certificate[]): Promise<void>;
  /** What the timer does: fetches what is due. Never throws. */
  refreshDue(): Promise<void>;
  stop(): void;
}

const tickMs = 60_000;

const statusOfLink = async (
  link: { readonly certificate: X509Certificate; readonly authority: X509Certificate },
  by: { readonly ocsp: OcspClient | undefined; readonly lists: RevocationLists },
  atUtcMs: number,
): Promise<RevocationStatus> => {
  const { certificate, authority } = link;
  const asked = await by.ocsp?.statusOf(certificate, authority, atUtcMs);
  // An answer without nonce may be an older one that somebody sends again; what a list took away stays away.
  if (asked?.kind === 'good' && by.lists.isListed(certificate, authority)) {
    return { kind: 'revoked', detail: 'its serial number is on the list of its authority' };
  }
  if (asked !== undefined && asked.kind !== 'unknown') return asked;
  const listed = await by.lists.statusOf(certificate, authority, atUtcMs);
  if (listed.kind !== 'unknown' || asked === undefined) return listed;
  return { kind: 'unknown', detail: `${asked.detail}; ${listed.detail}` };
};

/**
 * Every certificate of a chain but the root is looked up; one revoked is enough, one unknown too.
 *
 * @throws trust/dn-invalid — `issuer` of a configured list is no name
 */
export const createRevocation = (options: RevocationOptions, ports: RevocationPorts): RevocationService => {
  const stopping = new AbortController();
  const exchange = ports.exchange ?? createRevocationExchange();
  const keep = typeof ports.keep === 'string' ? createKeptLists(ports.keep) : ports.keep;
  const { clock, alerts, randomBytes } = ports;
  const { allowedHosts } = options;
  const lists = createRevocationLists(options, { exchange, keep, clock, alerts, signal: stopping.signal });
  const ocspPorts = { exchange, clock, alerts, randomBytes, allowedHosts, signal: stopping.signal };
  const ocsp = options.ocsp === undefined ? undefined : createOcspClient(options.ocsp, ocspPorts);
  let cancel: (() => void) | undefined;

  return {
    check: async (chain, atUtcMs) => {
      const links = chain
        .slice(0, -1)
        .map((certificate, at) => ({ certificate, authority: chain[at + 1] ?? certificate }));
      if (links.length === 0) return { kind: 'unknown', detail: 'no chain' };
      const found = await Promise.all(links.map((link) => statusOfLink(link, { ocsp, lists }, atUtcMs)));
      const worst = found.find(({ kind }) => kind === 'revoked') ?? found.find(({ kind }) => kind === 'unknown');
      return worst ?? found[0] ?? { kind: 'unknown', detail: 'no chain' };
    },
    start: async (authorities) => {
      lists.takeUp(authorities);
      cancel = (ports.every ?? everyTimer)(tickMs, () => void lists.refreshDue());
      await lists.refreshDue();
    },
    refreshDue: () => lists.refreshDue(),
    stop: () => {
      cancel?.();
      stopping.abort();
    },
  };
};
