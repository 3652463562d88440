/**
 * One sign-in under way: what must come back exactly, and the secrets that show it is ours.
 *
 * It stays on the server, is found again by the browser's own cookie, and is taken out when the answer comes: once.
 *
 * @see OpenID Connect Core 1.0 §3.1.2 · RFC 7636 · RFC 9207 · RFC 9700 (mix-up) · facts/identity.md 1.2, 3.2
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { KnownProvider } from './provider-metadata.ts';
import { type ProviderUnavailable, refuse, type SignInRefused, unavailable } from './provider-failure.ts';
import { IdentityProvider } from './signed-in.ts';

export const signInAttempt = z.strictObject({
  provider: z.enum(Object.values(IdentityProvider)),
  issuer: z.string(),
  clientId: z.string(),
  redirectUri: z.string(),
  state: z.string(),
  nonce: z.string(),
  /** Absent where PKCE is not used. */
  codeVerifier: z.string().optional(),
  startedAtUtcMs: z.number(),
});
/** Serialisable. `state`, `nonce` and `codeVerifier` are secrets of 256 bits. */
export type SignInAttempt = z.output<typeof signInAttempt>;

export interface AttemptOrder {
  readonly provider: SignInAttempt['provider'];
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly pkce: boolean;
  readonly nowUtcMs: number;
  readonly randomBytes: (size: number) => Uint8Array;
}

export const makeAttempt = ({ pkce, nowUtcMs, randomBytes, ...order }: AttemptOrder): SignInAttempt => {
  const secret = (): string => Buffer.from(randomBytes(32)).toString('base64url');
  return {
    ...order,
    state: secret(),
    nonce: secret(),
    ...(pkce ? { codeVerifier: secret() } : {}),
    startedAtUtcMs: nowUtcMs,
  };
};

/** S256. */
export const codeChallengeOf = (codeVerifier: string): string =>
  createHash('sha256').update(codeVerifier).digest('base64url');

/** How long a person may take to sign in. */
export const attemptMs = 600_000;

export interface AttemptRules {
  readonly provider: SignInAttempt['provider'];
  readonly issuer: string;
  readonly clientId: string;
  readonly nowUtcMs: number;
}

/** Whether this attempt is of this service and this client, and still young; before anybody is asked. */
export const checkAttempt = (attempt: SignInAttempt, rules: AttemptRules): SignInRefused | undefined => {
  if (attempt.provider !== rules.provider || attempt.issuer !== rules.issuer) {
    return refuse('sign-in/issuer-mismatch', 'attempt at another service');
  }
  if (attempt.clientId !== rules.clientId) return refuse('sign-in/issuer-mismatch', 'attempt as another client');
  const ageMs = rules.nowUtcMs - attempt.startedAtUtcMs;
  // A clock that went back does not make an attempt young for ever.
  if (ageMs >= attemptMs || ageMs < -attemptMs) return refuse('sign-in/attempt-expired', 'too old');
  return undefined;
};

/** What a service may say instead of giving a code (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). */
const providerErrors: ReadonlySet<string> = new Set([
  ...['invalid_request', 'unauthorized_client', 'access_denied', 'unsupported_response_type', 'invalid_scope'],
  ...['server_error', 'temporarily_unavailable', 'interaction_required', 'login_required', 'consent_required'],
  ...[
    'account_selection_required',
    'request_not_supported',
    'invalid_request_object',
    'unmet_authentication_requirements',
  ],
]);

const readError = (error: string): SignInRefused | ProviderUnavailable => {
  // Anybody can write this word in the address: only known ones are repeated.
  const word = providerErrors.has(error) ? error : 'unknown error';
  switch (word) {
    case 'access_denied':
      return refuse('sign-in/given-up', word);
    case 'unmet_authentication_requirements':
      return refuse('sign-in/level-too-low', word);
    case 'server_error':
    case 'temporarily_unavailable':
      return unavailable('sign-in/provider-unreachable', word);
    default:
      return unavailable('sign-in/provider-refused-us', word);
  }
};

const hasOneAtMost = (parameters: URLSearchParams, name: string): boolean => parameters.getAll(name).length <= 1;

const placeOf = ({ origin, pathname }: URL): string => origin + pathname;

/**
 * What the browser brought back, against what was asked; before the code goes anywhere.
 *
 * @returns undefined when there is a code, and it may be exchanged
 */
export const checkAnswer = (
  currentUrl: URL,
  attempt: SignInAttempt,
  { document }: KnownProvider,
): SignInRefused | ProviderUnavailable | undefined => {
  const { searchParams } = currentUrl;
  if (placeOf(currentUrl) !== placeOf(new URL(attempt.redirectUri))) {
    return refuse('sign-in/issuer-mismatch', 'answer at the address of another service');
  }
  if (!hasOneAtMost(searchParams, 'state') || searchParams.get('state') !== attempt.state) {
    return refuse('sign-in/state-mismatch', 'state is not ours');
  }
  const issuer = searchParams.get('iss');
  const mustName = document.authorization_response_iss_parameter_supported === true;
  if (!hasOneAtMost(searchParams, 'iss') || (issuer === null ? mustName : issuer !== attempt.issuer)) {
    return refuse('sign-in/issuer-mismatch', 'iss is not the service that was asked');
  }
  const error = searchParams.get('error');
  if (error !== null) return readError(error);
  const codes = searchParams.getAll('code');
  return codes.length === 1 && codes[0] !== '' ? undefined : refuse('sign-in/code-refused', 'no code');
};
