/**
 * Pro Santé Connect as the service meets it: the document that says who it is, its keys, and its answer about an invented
 * token, which it gives to nobody but the software that it knows.
 *
 * @see facts/identity.md 1.1 (name of the document), 1.6, 1.8 · RFC 7662 §2.2 · RFC 8414 §3
 */
import { z } from 'zod';
import {
  buildPscEndpoints,
  classifyPscFailure,
  classifyStatus,
  createPscClient,
  openProviderConnection,
  type ProviderConnection,
  type PscEndpoints,
  PscKeys,
  type PscOptions,
} from '../trust/index.ts';
import type { PscFacts, PscQuestion } from './trust-facts.ts';
import { type LookPorts, patienceMs } from './trust-setting.ts';

/** Pro Santé Connect has the first; other servers of OpenID Connect have the second. */
const documentNames = ['wallet-openid-configuration', 'openid-configuration'] as const;

const address = z.string().optional();
const discoveryDocument = z.looseObject({
  issuer: z.string(),
  introspection_endpoint: address,
  userinfo_endpoint: address,
  jwks_uri: address,
  mtls_endpoint_aliases: z.looseObject({ introspection_endpoint: address, userinfo_endpoint: address }).optional(),
});
type DiscoveryDocument = z.infer<typeof discoveryDocument>;

/** It is one to nobody: not a JWT, and too short. */
const inventedToken = 'drimbox-doctor';

const differs = (configured: string, ...published: readonly (string | undefined)[]): boolean => {
  const named = published.filter((one) => one !== undefined);
  return named.length > 0 && !named.includes(configured);
};

/** Keys of the configuration whose address is not the published one. */
const otherAddresses = (endpoints: PscEndpoints, document: DiscoveryDocument): readonly string[] => {
  const aliases = document.mtls_endpoint_aliases;
  const { introspection_endpoint: introspection, userinfo_endpoint: userinfo, jwks_uri: keys } = document;
  return [
    ...(differs(endpoints.introspectionUrl, introspection, aliases?.introspection_endpoint)
      ? ['IntrospectionUrl']
      : []),
    ...(differs(endpoints.userinfoUrl, userinfo, aliases?.userinfo_endpoint) ? ['UserinfoUrl'] : []),
    ...(differs(endpoints.keysUrl, keys) ? ['KeysUrl'] : []),
  ];
};

const judgeDocument = (text: string, endpoints: PscEndpoints): PscFacts['discovery'] => {
  const document = discoveryDocument.parse(JSON.parse(text));
  if (document.issuer !== endpoints.issuer) return { kind: 'other-issuer', issuer: document.issuer };
  const addresses = otherAddresses(endpoints, document);
  return addresses.length === 0 ? { kind: 'good' } : { kind: 'other-addresses', addresses };
};

const readDiscovery = async (
  endpoints: PscEndpoints,
  { fetch }: ProviderConnection,
  timeoutMs: number,
): Promise<PscFacts['discovery']> => {
  const signal = AbortSignal.timeout(timeoutMs);
  let status = 404;
  try {
    for (const name of documentNames) {
      const answer = await fetch(`${endpoints.issuer.replace(/\/$/, '')}/.well-known/${name}`, {
        headers: { accept: 'application/json' },
        signal,
      });
      if (answer.status === 200) return judgeDocument(await answer.text(), endpoints);
      await answer.body?.cancel();
      ({ status } = answer);
      if (status !== 404) break;
    }
    return classifyStatus(status);
  } catch (failure) {
    const isNonsense = failure instanceof SyntaxError || failure instanceof z.ZodError;
    if (!isNonsense) return classifyPscFailure(failure);
    return { kind: 'unavailable', code: 'trust/psc-answer-invalid', detail: 'not a discovery document' };
  }
};

const readKeys = async (
  { keysUrl: url }: PscEndpoints,
  options: PscOptions,
  connection: ProviderConnection,
  clock: () => number,
): Promise<PscQuestion> => {
  const { timeoutMs, keysRefreshMs: refreshMs, keysMaxAgeMs: maxAgeMs } = options;
  const keys = await new PscKeys({ url, timeoutMs, refreshMs, maxAgeMs }, connection.fetch, clock).load();
  return keys.kind === 'keys' ? { kind: 'good' } : keys;
};

const introspect = async (
  options: PscOptions,
  endpoints: PscEndpoints,
  connection: ProviderConnection,
): Promise<PscFacts['introspection']> => {
  const asked = await createPscClient(options, endpoints, connection).introspect(inventedToken);
  if (asked.kind === 'unavailable') return asked;
  return asked.answer.active ? { kind: 'believes-anything' } : { kind: 'good' };
};

const askAll = async (
  options: PscOptions,
  endpoints: PscEndpoints,
  connection: ProviderConnection,
  { clock }: LookPorts,
): Promise<PscFacts> => {
  const [discovery, keys, introspection] = await Promise.all([
    readDiscovery(endpoints, connection, options.timeoutMs),
    readKeys(endpoints, options, connection, clock),
    introspect(options, endpoints, connection),
  ]);
  const dateUtcMs = connection.lastDateUtcMs();
  return {
    issuer: endpoints.issuer,
    discovery,
    keys,
    mayLackKeys: options.allowInsecureMissingKeys,
    introspection,
    ...(dateUtcMs === undefined ? {} : { clockDifferenceMs: clock() - dateUtcMs }),
  };
};

/** @throws config/unreadable, config/invalid: secret, certificate, key or authorities of Trust.Psc */
export const lookAtPsc = async (ofService: PscOptions, ports: LookPorts): Promise<PscFacts> => {
  const options = {
    ...ofService,
    timeoutMs: patienceMs(ofService.timeoutMs, ports),
    connectTimeoutMs: patienceMs(ofService.connectTimeoutMs, ports),
  };
  const endpoints = buildPscEndpoints(options);
  const connection = openProviderConnection(options, 'Trust.Psc');
  try {
    return await askAll(options, endpoints, connection, ports);
  } finally {
    await connection.close();
  }
};
