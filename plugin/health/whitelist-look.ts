/**
 * The whitelist as the service would have it if it refreshed now: source, signature, signer and his revocation, the copy on
 * disk, and whether we are in it ourselves.
 *
 * @see facts/spec.md b.9 · facts/identity.md 5.4 · decision G6
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DrimboxError } from '../errors.ts';
import {
  createFileSource,
  createHttpsSource,
  createKeptFile,
  createKeptLists,
  createRevocation,
  createWhitelistKeeper,
  distinguishedNameKey,
  distinguishedNameOf,
  type KeptWhitelist,
  loadAuthorities,
  type RevocationService,
  type Whitelist,
  type WhitelistOptions,
  type WhitelistSource,
  type WhitelistState,
} from '../trust/index.ts';
import type { OwnDomain, TrustFailure, WhitelistFacts } from './trust-facts.ts';
import {
  type LookPorts,
  type OwnCertificate,
  patienceMs,
  readOwnCertificates,
  type TrustSetting,
} from './trust-setting.ts';

/** An address may hold an account or a key of access. */
const placeOf = ({ url, file }: WhitelistOptions): string => {
  const parsed = URL.parse(url ?? '');
  return parsed === null ? (file ?? '') : `${parsed.origin}${parsed.pathname}`;
};

const openSource = async (options: WhitelistOptions, ports: LookPorts): Promise<WhitelistSource> => {
  const { url, file, caFile, timeoutSeconds, maxBytes } = options;
  if (url === undefined) return createFileSource(file ?? '', maxBytes, ports.clock);
  const authoritiesPem = caFile === undefined ? undefined : await readPem(caFile);
  const timeoutMs = patienceMs(timeoutSeconds * 1000, ports);
  const more = authoritiesPem === undefined ? {} : { authoritiesPem };
  return createHttpsSource({ url, timeoutMs, maxBytes, ...more }, ports.clock);
};

const readPem = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DrimboxError('trust/ca-missing', { cause, detail: `${file} cannot be read` });
  });

/** Reads what the service keeps and writes nothing: the doctor only looks. */
const openRevocation = ({ trust, folder }: TrustSetting, ports: LookPorts): RevocationService => {
  const kept = createKeptLists(join(folder, 'revocation'));
  const { ocsp, ...options } = trust.revocation;
  const seconds = (ofService: number): number => patienceMs(ofService * 1000, ports) / 1000;
  return createRevocation(
    {
      ...options,
      timeoutSeconds: seconds(options.timeoutSeconds),
      ...(ocsp === undefined ? {} : { ocsp: { ...ocsp, timeoutSeconds: seconds(ocsp.timeoutSeconds) } }),
    },
    {
      keep: { load: (name) => kept.load(name), save: () => Promise.resolve() },
      clock: ports.clock,
      alerts: { raise: () => undefined, clear: () => undefined },
      randomBytes: ports.randomBytes,
    },
  );
};

const standingOf = ({ name, certificate }: OwnCertificate, { entries }: Whitelist): OwnDomain['standing'] => {
  if (certificate === undefined) return 'unreadable';
  const key = distinguishedNameKey(distinguishedNameOf(certificate));
  const fqdn = name.toLowerCase();
  const withOurs = entries.filter(({ operatorNames }) => operatorNames.some((one) => one.key === key));
  if (withOurs.some(({ db }) => db === fqdn)) return 'listed';
  if (withOurs.length > 0) return 'listed-elsewhere';
  return entries.some(({ db }) => db === fqdn) ? 'other-certificate' : 'absent';
};

const inForceOf = ({ list, signer, signerState, staleness }: WhitelistState): WhitelistFacts['inForce'] & object => ({
  generatedAtUtcMs: list.generatedAtUtcMs,
  entries: list.entries.length,
  signer: signer.subject,
  signerEndsAtUtcMs: signer.notAfterUtcMs,
  signerState,
  staleness,
});

/** The keeper of the service, which neither writes nor comes back, and what it says of the copy on disk. */
const openKeeper = async (setting: TrustSetting, ports: LookPorts, revocation: RevocationService) => {
  const { trust, environment, folder } = setting;
  const { certificates: authorities } = await loadAuthorities(trust.peers.caFiles, environment);
  const copy = createKeptFile(folder);
  const seen: { kept?: KeptWhitelist; failure?: TrustFailure } = {};
  const keeper = createWhitelistKeeper(trust.whitelist, {
    source: await openSource(trust.whitelist, ports),
    keep: {
      load: async () => {
        const kept = await copy.load();
        if (kept !== undefined) seen.kept = kept;
        return kept;
      },
      save: () => Promise.resolve(),
    },
    trust: { authorities, revocation },
    clock: ports.clock,
    alerts: {
      raise: (code, detail) => {
        seen.failure ??= { code, detail };
      },
      clear: () => undefined,
    },
    schedule: () => () => undefined,
  });
  return { keeper, seen };
};

/** First the copy on disk alone, as after a restart without network; then the source. */
const look = async ({ keeper, seen }: Awaited<ReturnType<typeof openKeeper>>) => {
  await keeper.start();
  const isServed = keeper.current() !== undefined;
  const { kept, failure: keptFailure } = { ...seen };
  const outcome = await keeper.refresh();
  return {
    ...(outcome.kind === 'failed' ? { failure: { code: outcome.code, detail: outcome.detail } } : {}),
    ...(keptFailure === undefined ? {} : { keptFailure }),
    ...(kept === undefined
      ? {}
      : { kept: { acceptedAtUtcMs: kept.acceptedAtUtcMs, confirmedAtUtcMs: kept.confirmedAtUtcMs, isServed } }),
  };
};

/** @throws trust/ca-*: the authorities cannot be used */
export const lookAtWhitelist = async (setting: TrustSetting, ports: LookPorts): Promise<WhitelistFacts> => {
  const revocation = openRevocation(setting, ports);
  try {
    const opened = await openKeeper(setting, ports, revocation);
    const seen = await look(opened);
    const current = opened.keeper.current();
    await opened.keeper.stop();
    const own = await readOwnCertificates(setting);
    return {
      place: placeOf(setting.trust.whitelist),
      ...seen,
      ...(current === undefined ? {} : { inForce: inForceOf(current) }),
      ours:
        current === undefined ? [] : own.map((one) => ({ name: one.name, standing: standingOf(one, current.list) })),
    };
  } finally {
    revocation.stop();
  }
};
