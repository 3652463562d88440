/**
 * Revocation by lists (CRL): which lists speak of a certificate, and what they say.
 *
 * @see RFC 5280 §6.3 · facts/spec.md (d) 25
 */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { DrimboxError } from '../errors.ts';
import type { CertificateAlerts } from './certificate-alerts.ts';
import { readCertificateFeatures, readCertificateFields } from './certificate-fields.ts';
import { distinguishedNameKey, distinguishedNameOf } from './distinguished-name.ts';
import { parseDistinguishedName } from './distinguished-name-text.ts';
import { type HeldListPlace, HeldRevocationList } from './held-revocation-list.ts';
import type { RevocationListKeep } from './kept-revocation-lists.ts';
import type { RevocationExchange } from './revocation-exchange.ts';
import { isInScope } from './revocation-list.ts';
import type { RevocationOptions } from './revocation-options.ts';
import type { RevocationStatus } from './revocation-port.ts';

export interface RevocationListPorts {
  readonly exchange: RevocationExchange;
  readonly keep: RevocationListKeep;
  readonly clock: () => number;
  readonly alerts: CertificateAlerts;
  readonly signal: AbortSignal;
}

export interface RevocationLists {
  /** Never throws for what an authority or the network does. */
  statusOf(certificate: X509Certificate, authority: X509Certificate, atUtcMs: number): Promise<RevocationStatus>;
  /** Whether a list that is held names it, whatever its age: nothing is asked. */
  isListed(certificate: X509Certificate, authority: X509Certificate): boolean;
  /** Takes up the lists known without a peer's certificate: configured ones, and those of configured authorities. */
  takeUp(authorities: readonly X509Certificate[]): void;
  /** Fetches what is due. Never throws. */
  refreshDue(): Promise<void>;
}

type Source = { readonly url: string } | { readonly file: string };

/** Lists are few: one or two for each authority. More are an authority that invents addresses, or a fault. */
const maxHeld = 100;

/** Whether a host may be asked because a certificate names it. @param allowedHosts  `host` or `host:port` */
export const isAllowedHost = (url: string, allowedHosts: readonly string[]): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && allowedHosts.some((host) => host.toLowerCase() === parsed.host);
};

class Lists implements RevocationLists {
  readonly #options: RevocationOptions;
  readonly #ports: RevocationListPorts;
  readonly #configured: ReadonlyMap<string, readonly Source[]>;
  readonly #held = new Map<string, HeldRevocationList>();

  constructor(options: RevocationOptions, ports: RevocationListPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#configured = new Map(
      options.lists.map(({ issuer, urls, files }) => [
        distinguishedNameKey(parseDistinguishedName(issuer)),
        [...urls.map((url) => ({ url })), ...files.map((file) => ({ file }))],
      ]),
    );
  }

  async statusOf(certificate: X509Certificate, authority: X509Certificate, atUtcMs: number): Promise<RevocationStatus> {
    const { serialNumber } = readCertificateFields(certificate);
    const urls = readCertificateFeatures(certificate).revocationListUrls;
    let why = 'the certificate names no list that may be asked';
    for (const source of this.#sourcesFor(certificate, authority)) {
      const held = this.#hold(source, authority);
      if (held === undefined) continue;
      await held.ensure(atUtcMs);
      const { list } = held;
      if (list?.serialNumbers.has(serialNumber)) {
        return { kind: 'revoked', detail: 'its serial number is on the list of its authority' };
      }
      if (list !== undefined && !isInScope(list, certificate, urls))
        why = 'the list does not speak of this certificate';
      else if (held.isUsable(atUtcMs)) return { kind: 'good', source: 'crl' };
      else why = `the list of its authority is ${held.stateAt(atUtcMs)}`;
    }
    return { kind: 'unknown', detail: why };
  }

  isListed(certificate: X509Certificate, authority: X509Certificate): boolean {
    const { serialNumber } = readCertificateFields(certificate);
    return this.#sourcesFor(certificate, authority).some(
      (source) => this.#held.get(heldKeyOf(source, authority))?.list?.serialNumbers.has(serialNumber) === true,
    );
  }

  takeUp(authorities: readonly X509Certificate[]): void {
    for (const authority of authorities) {
      for (const source of this.#configuredFor(authority) ?? []) this.#hold(source, authority);
      const above = authorities.find((one) => one !== authority && authority.checkIssued(one));
      if (above === undefined || authority.checkIssued(authority)) continue;
      for (const source of this.#sourcesFor(authority, above)) this.#hold(source, above);
    }
  }

  async refreshDue(): Promise<void> {
    await Promise.all([...this.#held.values()].map((held) => held.refreshIfDue()));
  }

  #configuredFor(authority: X509Certificate): readonly Source[] | undefined {
    return this.#configured.get(distinguishedNameKey(distinguishedNameOf(authority)));
  }

  #sourcesFor(certificate: X509Certificate, authority: X509Certificate): readonly Source[] {
    const configured = this.#configuredFor(authority);
    if (configured !== undefined) return configured;
    return readCertificateFeatures(certificate)
      .revocationListUrls.filter((url) => isAllowedHost(url, this.#options.allowedHosts))
      .map((url) => ({ url }));
  }

  #hold(source: Source, authority: X509Certificate): HeldRevocationList | undefined {
    const label = labelOf(source, authority);
    const key = heldKeyOf(source, authority);
    const known = this.#held.get(key);
    if (known !== undefined || this.#held.size >= maxHeld) return known;
    const held = new HeldRevocationList(this.#placeOf(source, label, authority), { ...this.#options, ...this.#ports });
    this.#held.set(key, held);
    return held;
  }

  #placeOf(source: Source, label: string, authority: X509Certificate): HeldListPlace {
    const { maxBytes, timeoutSeconds } = this.#options;
    if ('file' in source) return { label, authority, fetch: () => readList(source.file, maxBytes) };
    const question = { url: source.url, maxBytes, timeoutMs: timeoutSeconds * 1000 };
    const { exchange, keep } = this.#ports;
    return { label, authority, keep, fetch: (signal) => exchange(question, signal) };
  }
}

/** For alerts and the kept copy. One file may hold the lists of several authorities: they are told apart. */
const labelOf = (source: Source, authority: X509Certificate): string => {
  if ('url' in source) return source.url;
  const name = /^CN=(.+)$/m.exec(authority.subject)?.[1];
  return name === undefined ? source.file : `${source.file} (${name})`;
};

/** A list speaks for the authority that signed it. */
const heldKeyOf = (source: Source, authority: X509Certificate): string =>
  `${authority.fingerprint256} ${labelOf(source, authority)}`;

const readList = async (file: string, maxBytes: number): Promise<Uint8Array> => {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DrimboxError('trust/revocation-unreachable', { detail: 'the file cannot be read', cause });
  });
  if (bytes.length <= maxBytes) return bytes;
  throw new DrimboxError('trust/revocation-unreachable', { detail: `more than ${maxBytes} bytes` });
};

/** @throws trust/dn-invalid — `issuer` of a configured list is no name */
export const createRevocationLists = (options: RevocationOptions, ports: RevocationListPorts): RevocationLists =>
  new Lists(options, ports);
