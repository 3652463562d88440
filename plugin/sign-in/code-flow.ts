/**
 * The authorization code flow as both services have it: the address to send the browser to, and what is made of the answer.
 *
 * The order is that of the risks: our own attempt, the answer against it, only then the code; the token; its level.
 *
 * @see OpenID Connect Core 1.0 §3.1 · RFC 9700 · facts/identity.md 1.2, 3.2
 */
import type { JWTPayload } from 'jose';
import type { ClientAuth } from 'openid-client';
import type { ProviderFetch } from '../trust/index.ts';
import {
  attemptMs,
  type AttemptRules,
  checkAnswer,
  checkAttempt,
  codeChallengeOf,
  makeAttempt,
  type SignInAttempt,
} from './attempt.ts';
import { exchangeCode } from './code-exchange.ts';
import type { DecryptionKeys } from './decryption-keys.ts';
import { type ProviderUnavailable, refuse, type SignInRefused } from './provider-failure.ts';
import type { KnownProvider } from './provider-metadata.ts';
import type { IdentityProvider } from './signed-in.ts';
import { type TokenRules, verifyToken } from './signed-token.ts';

/** What differs from one service, and one client, to another. */
export interface CodeFlow {
  readonly provider: IdentityProvider;
  readonly issuer: string;
  readonly clientId: string;
  readonly authentication: ClientAuth;
  readonly usesMutualTls: boolean;
  readonly pkce: boolean;
  /** Of the authorization request, besides those that every one has. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly algorithms: readonly string[];
  /** Values of `acr` that let in. */
  readonly acceptedLevels: readonly string[];
  readonly decryption?: DecryptionKeys;
  readonly clockToleranceMs: number;
  readonly timeoutMs: number;
  readonly fetch: ProviderFetch;
}

export interface BegunSignIn {
  readonly kind: 'begun';
  /** Where the browser goes; it holds no identity. */
  readonly url: string;
  /** Kept on the server. */
  readonly attempt: SignInAttempt;
}

export const beginCodeFlow = (
  flow: CodeFlow,
  { document }: KnownProvider,
  redirectUri: string,
  ports: { readonly nowUtcMs: number; readonly randomBytes: (size: number) => Uint8Array },
): BegunSignIn => {
  const { provider, issuer, clientId, pkce } = flow;
  const attempt = makeAttempt({ provider, issuer, clientId, redirectUri, pkce, ...ports });
  const { state, nonce, codeVerifier } = attempt;
  const url = new URL(document.authorization_endpoint);
  const parameters = {
    ...{ response_type: 'code', client_id: clientId, redirect_uri: redirectUri, state, nonce },
    ...flow.parameters,
    ...(codeVerifier === undefined
      ? {}
      : { code_challenge: codeChallengeOf(codeVerifier), code_challenge_method: 'S256' }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { kind: 'begun', url: url.href, attempt };
};

/** What tokens of this client must be; `types`, `requiredClaims` and ages are those of the identity token. */
export const tokenRules = (flow: CodeFlow, known: KnownProvider, nowUtcMs: number): TokenRules => ({
  issuer: flow.issuer,
  clientId: flow.clientId,
  algorithms: flow.algorithms,
  keys: known.keys,
  ...(flow.decryption === undefined ? {} : { decryption: flow.decryption }),
  types: ['jwt'],
  requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce'],
  maxAgeMs: attemptMs,
  clockToleranceMs: flow.clockToleranceMs,
  nowUtcMs,
});

export interface Identified {
  readonly kind: 'identified';
  readonly subject: string;
  readonly claims: JWTPayload;
  /** The signed token, not encrypted. */
  readonly idToken: string;
  readonly accessToken: string;
}

/** Keycloak names the kind of a token in a claim too; an access token is no identity token. */
const isIdentityToken = ({ typ }: JWTPayload): boolean => typ === undefined || typ === 'ID';

export const finishCodeFlow = async (
  flow: CodeFlow,
  known: KnownProvider,
  currentUrl: URL,
  attempt: SignInAttempt,
  clock: () => number,
): Promise<Identified | SignInRefused | ProviderUnavailable> => {
  const rules: AttemptRules = { ...flow, nowUtcMs: clock() };
  const fault = checkAttempt(attempt, rules) ?? checkAnswer(currentUrl, attempt, known);
  if (fault !== undefined) return fault;
  const tokens = await exchangeCode(currentUrl, { ...flow, provider: known, attempt });
  if (tokens.kind !== 'tokens') return tokens;
  const token = await verifyToken(tokens.idToken, tokenRules(flow, known, clock()));
  if (token.kind !== 'verified') return token;
  const { claims, jws } = token;
  if (!isIdentityToken(claims)) return refuse('sign-in/token-invalid', 'token of another kind');
  if (claims['nonce'] !== attempt.nonce) return refuse('sign-in/token-mismatch', 'nonce is not ours');
  // Asking for a level is not having it: the service may answer with another.
  if (!flow.acceptedLevels.includes(String(claims['acr']))) return refuse('sign-in/level-too-low', 'acr');
  const subject = claims.sub ?? '';
  if (subject === '') return refuse('sign-in/token-mismatch', 'no subject');
  return { kind: 'identified', subject, claims, idToken: jws, accessToken: tokens.accessToken };
};
