/**
 * The services where visitors of the viewer sign in, as the service meets them: the document that says who they are, their keys,
 * and the exchange of an invented code by each of our clients: only who knows us says that the code is wrong.
 *
 * @see facts/identity.md 1.1–1.3, 3.1, 3.2 · OpenID Connect Discovery 1.0 §4 · RFC 6749 §5.2 · decision G4
 */
import { z } from 'zod';
import {
  asProviderUnavailable,
  classifyAnswer,
  classifyFailure,
  type FranceConnect,
  franceConnectAddress,
  type FranceConnectOptions,
  lackingTraits,
  openFranceConnect,
  openProSanteConnect,
  type ProviderAddress,
  pscAddress,
  type PscSignInOptions,
  type SignInService,
} from '../sign-in/index.ts';
import { openProviderConnection, type ProviderConnection, PscKeys } from '../trust/index.ts';
import { registeredPaths, type ViewerAccessOptions } from '../viewer-access/index.ts';
import { type DiscoveryDocument, shortcomingsOfFranceConnect, shortcomingsOfPsc } from './discovery-shortcomings.ts';
import type { PscQuestion } from './trust-facts.ts';
import { type LookPorts, patienceMs } from './trust-setting.ts';
import type { FranceConnectFacts, PublishedKeysFacts, SignInClientFacts, SignInFacts } from './viewer-facts.ts';
import { askListener, networkWord, type ViewerSetting } from './viewer-setting.ts';

const discoveryDocument = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

/** It is one of nobody. */
const inventedCode = 'drimbox-doctor';

interface Read {
  readonly discovery: SignInFacts['discovery'];
  readonly document?: DiscoveryDocument;
  readonly keysUrl?: string;
}

const readDiscovery = async (
  { issuer, discoveryUrl }: ProviderAddress,
  { fetch }: ProviderConnection,
  timeoutMs: number,
): Promise<Read> => {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(discoveryUrl, { headers: { accept: 'application/json' }, signal });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      return { discovery: classifyAnswer(answer.status) };
    }
    const document = discoveryDocument.parse(JSON.parse(await answer.text()));
    if (document.issuer !== issuer) return { discovery: { kind: 'other-issuer', issuer: document.issuer } };
    return { discovery: { kind: 'good' }, document, keysUrl: document.jwks_uri };
  } catch (failure) {
    const isNonsense = failure instanceof SyntaxError || failure instanceof z.ZodError;
    if (!isNonsense) return { discovery: classifyFailure(failure) };
    const detail = 'not a discovery document';
    return { discovery: { kind: 'unavailable', code: 'sign-in/provider-answer-invalid', detail } };
  }
};

interface Patience {
  readonly timeoutMs: number;
  readonly metadataRefreshMs: number;
  readonly metadataMaxAgeMs: number;
}

const readKeys = async (
  { keysUrl: url, discovery }: Read,
  { timeoutMs, metadataRefreshMs: refreshMs, metadataMaxAgeMs: maxAgeMs }: Patience,
  { fetch }: ProviderConnection,
  clock: () => number,
): Promise<PscQuestion> => {
  if (url === undefined) {
    if (discovery.kind === 'unavailable') return discovery;
    return { kind: 'unavailable', code: 'sign-in/provider-answer-invalid', detail: 'no address of keys' };
  }
  const keys = await new PscKeys({ url, timeoutMs, refreshMs, maxAgeMs }, fetch, clock).load();
  return keys.kind === 'keys' ? { kind: 'good' } : asProviderUnavailable(keys);
};

/** A whole sign-in with a code that nobody was given. */
const exchangeInventedCode = async (
  service: SignInService,
  issuer: string,
  redirectUri: string,
  clock: () => number,
): Promise<SignInClientFacts['exchange']> => {
  const begun = await service.begin(clock(), redirectUri);
  if (begun.kind !== 'begun') return begun;
  const back = new URL(redirectUri);
  back.search = new URLSearchParams({ code: inventedCode, state: begun.attempt.state, iss: issuer }).toString();
  const result = await service.finish(back, begun.attempt);
  if (result.kind === 'signed-in') return { kind: 'believes-anything' };
  if (result.code === 'sign-in/code-refused') return { kind: 'good' };
  return { kind: 'unavailable', code: result.code, detail: result.detail };
};

interface Client {
  readonly hosts: readonly string[];
  readonly redirectUri: string;
}

const lookAtService = async (
  address: ProviderAddress,
  options: Patience,
  opened: { readonly connection: ProviderConnection; readonly service: SignInService },
  clients: readonly Client[],
  clock: () => number,
): Promise<{ facts: Omit<SignInFacts, 'shortcomings'>; document?: DiscoveryDocument }> => {
  const { connection, service } = opened;
  const { issuer } = address;
  const read = await readDiscovery(address, connection, options.timeoutMs);
  const dateUtcMs = connection.lastDateUtcMs();
  const clockDifference = dateUtcMs === undefined ? {} : { clockDifferenceMs: clock() - dateUtcMs };
  const [keys, exchanges] = await Promise.all([
    readKeys(read, options, connection, clock),
    Promise.all(
      clients.map(async ({ hosts, redirectUri }) => ({
        hosts,
        exchange: await exchangeInventedCode(service, issuer, redirectUri, clock),
      })),
    ),
  ]);
  return {
    facts: { issuer, discovery: read.discovery, keys, clients: exchanges, ...clockDifference },
    ...(read.document === undefined ? {} : { document: read.document }),
  };
};

const cutPatience = <Options extends { readonly timeoutMs: number; readonly connectTimeoutMs: number }>(
  options: Options,
  ports: LookPorts,
): Options => ({
  ...options,
  timeoutMs: patienceMs(options.timeoutMs, ports),
  connectTimeoutMs: patienceMs(options.connectTimeoutMs, ports),
});

/** @throws config/unreadable, config/invalid: secret, certificate, key or authorities of the section */
export const lookAtProSanteConnect = async (
  ofService: PscSignInOptions,
  { viewer }: ViewerSetting,
  ports: LookPorts,
): Promise<SignInFacts> => {
  const options = cutPatience(ofService, ports);
  const hosts = viewer.certificates.map(({ name }) => name);
  const connection = openProviderConnection(options, 'SignIn.ProSanteConnect');
  const service = openProSanteConnect(options, ports);
  try {
    const redirectUri = `https://${hosts[0] ?? ''}${registeredPaths.callback.psc}`;
    const opened = { connection, service };
    const client = { hosts, redirectUri };
    const { facts, document } = await lookAtService(pscAddress(options), options, opened, [client], ports.clock);
    return { ...facts, shortcomings: document === undefined ? [] : shortcomingsOfPsc(document, options) };
  } finally {
    await Promise.all([connection.close(), service.close()]);
  }
};

type PublicKeys = ReturnType<FranceConnect['jwks']>;

const publishedShape = z.object({ keys: z.array(z.looseObject({ kid: z.string().optional() })) });
/** @see RFC 7518 §6.2.2, §6.3.2 */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'];

const judgePublished = (text: string, ours: PublicKeys): PublishedKeysFacts['published'] => {
  const { keys } = publishedShape.parse(JSON.parse(text));
  if (keys.some((key) => privateMembers.some((member) => member in key))) return { kind: 'private' };
  const kids = (set: readonly { readonly kid?: string | undefined }[]) => set.map(({ kid }) => kid ?? '').join(' ');
  return { kind: kids(keys) === kids(ours.keys) ? 'ours' : 'others' };
};

const askOwnKeys = async (
  viewer: ViewerAccessOptions,
  name: string,
  ours: PublicKeys,
  ports: LookPorts,
): Promise<PublishedKeysFacts['published']> => {
  const timeoutMs = patienceMs(Number.MAX_SAFE_INTEGER, ports);
  try {
    const { status, text } = await askListener(viewer, { name, path: registeredPaths.encryptionKeys, timeoutMs });
    if (status !== 200) return { kind: 'silent', detail: `HTTP ${status}` };
    return judgePublished(text, ours);
  } catch (failure) {
    const isNonsense = failure instanceof SyntaxError || failure instanceof z.ZodError;
    return { kind: 'silent', detail: isNonsense ? 'not a key set' : networkWord(failure) };
  }
};

/** @throws config/unreadable, config/invalid: a secret, our keys or the authorities of the section */
export const lookAtFranceConnect = async (
  ofService: FranceConnectOptions,
  { viewer }: ViewerSetting,
  ports: LookPorts,
): Promise<FranceConnectFacts> => {
  const options = cutPatience(ofService, ports);
  const connection = openProviderConnection(options, 'SignIn.FranceConnect');
  const service = await openFranceConnect(options, ports).catch(async (error: unknown) => {
    await connection.close();
    throw error;
  });
  try {
    const ours = service.jwks();
    const clients = options.clients.map(({ hosts }) => ({
      hosts,
      redirectUri: `https://${hosts[0] ?? ''}${registeredPaths.callback.franceconnect}`,
    }));
    const names = new Set(viewer.certificates.map(({ name }) => name));
    const [{ facts, document }, keysAt] = await Promise.all([
      lookAtService(franceConnectAddress(options), options, { connection, service }, clients, ports.clock),
      Promise.all(
        options.clients
          .flatMap(({ hosts }) => hosts)
          .filter((host) => names.has(host))
          .map(async (host) => ({ host, published: await askOwnKeys(viewer, host, ours, ports) })),
      ),
    ]);
    const ourKeys = ours.keys.map(({ alg, kid }) => ({ algorithm: alg ?? '', kid: kid ?? '' }));
    const algorithms = ourKeys.map(({ algorithm }) => algorithm);
    return {
      ...facts,
      shortcomings: document === undefined ? [] : shortcomingsOfFranceConnect(document, options, algorithms),
      lackingTraits: lackingTraits(options.scope, options.claims),
      ourKeys,
      keysAt,
    };
  } finally {
    await Promise.all([connection.close(), service.close()]);
  }
};
