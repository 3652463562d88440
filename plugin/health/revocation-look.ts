/**
 * The lists of revoked certificates (CRL) that are known before any other DRIMbox comes: those configured, and those that the
 * certificates of the authorities and our own name. Each is read now, and so is the service's copy of it.
 *
 * @see RFC 5280 §5 · facts/identity.md 5.1
 */
import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import {
  createKeptLists,
  createRevocationExchange,
  distinguishedNameKey,
  distinguishedNameOf,
  isAllowedHost,
  loadAuthorities,
  parseDistinguishedName,
  readCertificateFeatures,
  type RevocationList,
  type RevocationListKeep,
  type RevocationOptions,
  verifyRevocationList,
} from '../trust/index.ts';
import type { RevocationFacts, RevocationListFacts } from './trust-facts.ts';
import { type LookPorts, patienceMs, readOwnCertificates, type TrustSetting } from './trust-setting.ts';

const commonNameType = '2.5.4.3';
const minuteMs = 60_000;
/** As the service has it: clocks differ a little. */
const maxFutureMs = 10 * minuteMs;

type Place = { readonly url: string; readonly isAllowed: boolean } | { readonly file: string };

interface KnownList {
  readonly place: Place;
  readonly authority: X509Certificate;
}

const nameKeyOf = (certificate: X509Certificate): string => distinguishedNameKey(distinguishedNameOf(certificate));

const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate !== authority && certificate.checkIssued(authority) && !certificate.checkIssued(certificate);

/** Addresses that the certificates of this authority name. */
const namedPlaces = (
  authority: X509Certificate,
  certificates: readonly X509Certificate[],
  { allowedHosts }: RevocationOptions,
): readonly Place[] => {
  const named = certificates
    .filter((certificate) => isIssuedBy(certificate, authority))
    .flatMap((certificate) => readCertificateFeatures(certificate).revocationListUrls);
  return [...new Set(named)].map((url) => ({ url, isAllowed: isAllowedHost(url, allowedHosts) }));
};

/** Configured lists stand in the place of those that certificates name: the rule of the service. */
const knownLists = (
  authorities: readonly X509Certificate[],
  own: readonly X509Certificate[],
  options: RevocationOptions,
): readonly KnownList[] => {
  const configured = new Map(
    options.lists.map(({ issuer, urls, files }): [string, readonly Place[]] => [
      distinguishedNameKey(parseDistinguishedName(issuer)),
      [...urls.map((url) => ({ url, isAllowed: true })), ...files.map((file) => ({ file }))],
    ]),
  );
  return authorities.flatMap((authority) => {
    const places = configured.get(nameKeyOf(authority)) ?? namedPlaces(authority, [...authorities, ...own], options);
    return places.map((place) => ({ place, authority }));
  });
};

const readBytes = async (place: Place, options: RevocationOptions, ports: LookPorts): Promise<Uint8Array> => {
  const { maxBytes, timeoutSeconds } = options;
  if ('url' in place) {
    const question = { url: place.url, maxBytes, timeoutMs: patienceMs(timeoutSeconds * 1000, ports) };
    return createRevocationExchange()(question, new AbortController().signal);
  }
  const bytes = await readFile(place.file).catch((cause: unknown) => {
    throw new DrimboxError('trust/revocation-unreachable', { cause, detail: 'the file cannot be read' });
  });
  if (bytes.length <= maxBytes) return bytes;
  throw new DrimboxError('trust/revocation-unreachable', { detail: `more than ${maxBytes} bytes` });
};

const refused = (detail: string): DrimboxError => new DrimboxError('trust/revocation-list-refused', { detail });

/** What the service would not take either. @throws trust/revocation-list-refused */
const checkTimes = (list: RevocationList, kept: RevocationList | undefined, nowUtcMs: number): void => {
  if (list.thisUpdateUtcMs > nowUtcMs + maxFutureMs) throw refused('a list of the future');
  if (kept !== undefined && list.thisUpdateUtcMs < kept.thisUpdateUtcMs) throw refused('older than the list we have');
};

/** The service's copy; undefined when there is none that may be believed. */
const readKept = async (
  { place, authority }: KnownList,
  copies: RevocationListKeep,
): Promise<RevocationList | undefined> => {
  if (!('url' in place)) return undefined;
  try {
    const kept = await copies.load(`${authority.fingerprint256} ${place.url}`);
    return kept === undefined ? undefined : verifyRevocationList(kept.bytes, authority);
  } catch {
    return undefined;
  }
};

const readList = async (
  { place, authority }: KnownList,
  kept: RevocationList | undefined,
  options: RevocationOptions,
  ports: LookPorts,
): Promise<RevocationListFacts['read']> => {
  if ('url' in place && !place.isAllowed) {
    return { kind: 'host-not-allowed', code: 'trust/revocation-list-absent', detail: 'not in AllowedHosts' };
  }
  try {
    const list = verifyRevocationList(await readBytes(place, options, ports), authority);
    checkTimes(list, kept, ports.clock());
    return { kind: 'good', nextUpdateUtcMs: list.nextUpdateUtcMs, revoked: list.serialNumbers.size };
  } catch (cause) {
    const { code, detail } = asDrimboxError(cause);
    return { kind: 'failed', code, detail };
  }
};

const commonNameOf = (authority: X509Certificate): string =>
  distinguishedNameOf(authority)
    .flat()
    .findLast(({ type }) => type === commonNameType)?.value ?? '';

/** An address may hold a key of access. */
const shownPlace = (place: Place): string => {
  if ('file' in place) return place.file;
  const url = URL.parse(place.url);
  return url === null ? place.url : `${url.origin}${url.pathname}`;
};

/** @throws trust/ca-*, trust/dn-invalid: authorities or names that cannot be used */
export const lookAtRevocation = async (setting: TrustSetting, ports: LookPorts): Promise<RevocationFacts> => {
  const { trust, environment, folder } = setting;
  const options = trust.revocation;
  const { certificates: authorities } = await loadAuthorities(trust.peers.caFiles, environment);
  const own = (await readOwnCertificates(setting)).flatMap(({ certificate }) => certificate ?? []);
  const copies = createKeptLists(join(folder, 'revocation'));
  const lists = await Promise.all(
    knownLists(authorities, own, options).map(async (known): Promise<RevocationListFacts> => {
      const kept = await readKept(known, copies);
      return {
        place: shownPlace(known.place),
        authority: commonNameOf(known.authority),
        read: await readList(known, kept, options, ports),
        ...(kept === undefined ? {} : { keptNextUpdateUtcMs: kept.nextUpdateUtcMs }),
      };
    }),
  );
  return { lists, graceHours: options.graceHours };
};
