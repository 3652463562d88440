/**
 * A patient signs in with FranceConnect+: tokens and userinfo signed by it, then encrypted for us.
 *
 * One client for each structure behind this listener: the host of the call-back address says which.
 *
 * @see OpenID Connect Core 1.0 · RFC 7516 · facts/identity.md 3.1–3.3, 3.5 · requirement DB.VI-SO.114
 */
import { ClientSecretPost } from 'openid-client';
import { openProviderConnection, readCredential } from '../trust/index.ts';
import type { SignInAttempt } from './attempt.ts';
import { parseCivilTraits } from './civil-claims.ts';
import { beginCodeFlow, type CodeFlow, finishCodeFlow, type Identified, tokenRules } from './code-flow.ts';
import { type DecryptionKeys, loadDecryptionKeys } from './decryption-keys.ts';
import { franceConnectAddress, type FranceConnectOptions } from './options.ts';
import { type ProviderUnavailable, refuse, type SignInRefused, unavailable } from './provider-failure.ts';
import { type KnownProvider, ProviderMetadata } from './provider-metadata.ts';
import { buildLogoutRequest } from './provider-session.ts';
import type { SignInPorts, SignInService } from './sign-in-service.ts';
import { IdentityProvider, type SignedInPatient } from './signed-in.ts';
import { verifyToken } from './signed-token.ts';
import { queryUserinfo } from './userinfo.ts';

export interface FranceConnect extends SignInService<SignedInPatient> {
  /** What this site publishes for FranceConnect+: its encryption keys. */
  readonly jwks: () => DecryptionKeys['jwks'];
}

/** Of the configuration. */
const section = 'SignIn.FranceConnect';

interface OurSide {
  /** By host. */
  readonly clients: ReadonlyMap<string, { readonly clientId: string; readonly secret: string }>;
  readonly decryption: DecryptionKeys;
}

/** @throws config/unreadable, config/invalid */
const readOurSide = async (options: FranceConnectOptions): Promise<OurSide> => {
  const clients = options.clients.flatMap(({ hosts, clientId, clientSecretFile }) => {
    const secret = readCredential(clientSecretFile, section);
    return hosts.map((host) => [host, { clientId, secret }] as const);
  });
  return { clients: new Map(clients), decryption: await loadDecryptionKeys(options.encryptionKeyFiles) };
};

/** Level asked for → `acr` that let in. */
const acceptedLevels = { eidas2: ['eidas2', 'eidas3'], eidas3: ['eidas3'] } as const;

type PatientAnswer =
  | { readonly kind: 'patient'; readonly patient: SignedInPatient }
  | SignInRefused
  | ProviderUnavailable;

const queryPatient = async (
  flow: CodeFlow,
  known: KnownProvider,
  { subject, accessToken }: Identified,
  clock: () => number,
): Promise<PatientAnswer> => {
  const { timeoutMs, fetch } = flow;
  const url = known.document.userinfo_endpoint;
  const answer = await queryUserinfo({ url, accessToken, timeoutMs, mediaType: 'application/jwt', fetch });
  if (answer.kind !== 'text') return answer;
  const { maxAgeMs: _, ...rules } = tokenRules(flow, known, clock());
  const token = await verifyToken(answer.text, { ...rules, requiredClaims: ['iss', 'aud', 'sub'] });
  if (token.kind !== 'verified') return token;
  if (token.claims.sub !== subject) return refuse('sign-in/subject-mismatch', 'userinfo of another subject');
  return { kind: 'patient', patient: { kind: 'patient', subject, traits: parseCivilTraits(token.claims) } };
};

/** @throws config/unreadable, config/invalid */
export const openFranceConnect = async (
  options: FranceConnectOptions,
  { clock, randomBytes }: SignInPorts,
): Promise<FranceConnect> => {
  const address = franceConnectAddress(options);
  let ours = await readOurSide(options);
  const connection = openProviderConnection(options, section);
  const metadata = new ProviderMetadata({ ...options, ...address }, connection.fetch, clock);
  const flowOf = (redirectUri: string): CodeFlow | undefined => {
    const client = ours.clients.get(new URL(redirectUri).hostname);
    if (client === undefined) return undefined;
    return {
      provider: IdentityProvider.franceConnect,
      issuer: address.issuer,
      clientId: client.clientId,
      authentication: ClientSecretPost(client.secret),
      usesMutualTls: false,
      pkce: options.pkce,
      parameters: {
        ...{ scope: options.scope, acr_values: options.level },
        ...(options.claims === undefined ? {} : { claims: options.claims }),
      },
      algorithms: ['ES256'],
      acceptedLevels: acceptedLevels[options.level],
      decryption: ours.decryption,
      clockToleranceMs: options.clockToleranceMs,
      timeoutMs: options.timeoutMs,
      fetch: connection.fetch,
    };
  };
  const finish = async (flow: CodeFlow, currentUrl: URL, attempt: SignInAttempt) => {
    const known = await metadata.load();
    if (known.kind !== 'known') return known;
    const identified = await finishCodeFlow(flow, known, currentUrl, attempt, clock);
    if (identified.kind !== 'identified') return identified;
    const answer = await queryPatient(flow, known, identified, clock);
    if (answer.kind !== 'patient') return answer;
    const { provider, issuer, clientId } = flow;
    const { subject, idToken } = identified;
    return {
      kind: 'signed-in' as const,
      who: answer.patient,
      providerSession: { provider, issuer, clientId, subject, idToken },
    };
  };
  return {
    begin: async (nowUtcMs, redirectUri) => {
      const flow = flowOf(redirectUri);
      if (flow === undefined) return unavailable('sign-in/provider-refused-us', 'no client for this host');
      const known = await metadata.load();
      return known.kind === 'known' ? beginCodeFlow(flow, known, redirectUri, { nowUtcMs, randomBytes }) : known;
    },
    finish: async (currentUrl, attempt) => {
      const flow = flowOf(attempt.redirectUri);
      if (flow === undefined) return refuse('sign-in/issuer-mismatch', 'no client for the host of the attempt');
      return finish(flow, currentUrl, attempt);
    },
    buildLogout: async (order) => {
      const known = await metadata.load();
      return known.kind === 'known' ? buildLogoutRequest(known.document, order) : known;
    },
    reload: async () => {
      const read = await readOurSide(options);
      connection.reload();
      ours = read;
    },
    jwks: () => ours.decryption.jwks,
    close: () => connection.close(),
  };
};
