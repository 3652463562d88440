/**
 * The code for tokens, at the token endpoint.
 *
 * openid-client does the exchange and its own checks of the identity token; it looks at no signature of it (the token comes
 * over TLS from the service itself) and reads the system's clock: signed-token.ts checks all again.
 *
 * @see RFC 6749 §4.1.3 · OpenID Connect Core 1.0 §3.1.3 · RFC 8705 §2.1 · facts/identity.md 7.1
 */
import {
  authorizationCodeGrant,
  type ClientAuth,
  ClientError,
  type ClientMetadata,
  clockTolerance,
  Configuration,
  customFetch,
  enableDecryptingResponses,
  ResponseBodyError,
} from 'openid-client';
import type { ProviderFetch } from '../trust/index.ts';
import type { SignInAttempt } from './attempt.ts';
import type { DecryptionKeys } from './decryption-keys.ts';
import { classifyFailure, type ProviderUnavailable, refuse, type SignInRefused } from './provider-failure.ts';
import type { KnownProvider } from './provider-metadata.ts';

export interface CodeExchange {
  readonly provider: KnownProvider;
  readonly attempt: SignInAttempt;
  readonly authentication: ClientAuth;
  readonly usesMutualTls: boolean;
  readonly algorithms: readonly string[];
  readonly decryption?: DecryptionKeys;
  readonly clockToleranceMs: number;
  readonly timeoutMs: number;
  readonly fetch: ProviderFetch;
}

export interface ExchangedTokens {
  readonly kind: 'tokens';
  /** As it came: encrypted where the service encrypts. */
  readonly idToken: string;
  readonly accessToken: string;
}

const configure = (exchange: CodeExchange): Configuration => {
  const { document } = exchange.provider;
  const { mtls_endpoint_aliases: aliases, ...endpoints } = document;
  const metadata: Partial<ClientMetadata> = {
    [clockTolerance]: exchange.clockToleranceMs / 1000,
    use_mtls_endpoint_aliases: exchange.usesMutualTls && aliases !== undefined,
  };
  const server = {
    issuer: endpoints.issuer,
    token_endpoint: endpoints.token_endpoint,
    id_token_signing_alg_values_supported: [...exchange.algorithms],
    authorization_response_iss_parameter_supported: endpoints.authorization_response_iss_parameter_supported === true,
    ...(aliases?.token_endpoint === undefined
      ? {}
      : { mtls_endpoint_aliases: { token_endpoint: aliases.token_endpoint } }),
  };
  const configuration = new Configuration(server, exchange.attempt.clientId, metadata, exchange.authentication);
  configuration.timeout = exchange.timeoutMs / 1000;
  configuration[customFetch] = (url, init) => exchange.fetch(url, { ...init, body: init.body ?? null });
  if (exchange.decryption !== undefined) {
    const { contentEncryption, keys } = exchange.decryption;
    enableDecryptingResponses(configuration, [...contentEncryption], ...keys.map(({ key, kid }) => ({ key, kid })));
  }
  return configuration;
};

/** What the checks of openid-client mean: the answer came, and the identity token in it is not good. */
const tokenFaults: Readonly<Record<string, SignInRefused>> = {
  OAUTH_DECRYPTION_FAILED: refuse('sign-in/token-not-encrypted', 'not encrypted for us'),
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: refuse('sign-in/token-expired', 'by the clock of the system'),
  OAUTH_JWT_CLAIM_COMPARISON_FAILED: refuse('sign-in/token-mismatch', 'a claim is of another sign-in'),
  OAUTH_INVALID_RESPONSE: refuse('sign-in/token-invalid', 'answer of other types, or token of another algorithm'),
  OAUTH_UNSUPPORTED_OPERATION: refuse('sign-in/token-invalid', 'token of another kind'),
};

const readFailure = (failure: unknown): SignInRefused | ProviderUnavailable => {
  if (failure instanceof ResponseBodyError && failure.error === 'invalid_grant') {
    return refuse('sign-in/code-refused', 'invalid_grant');
  }
  const fault = failure instanceof ClientError ? tokenFaults[failure.code ?? ''] : undefined;
  return fault ?? classifyFailure(failure);
};

/** @param currentUrl  already checked by `checkAnswer` */
export const exchangeCode = async (
  currentUrl: URL,
  exchange: CodeExchange,
): Promise<ExchangedTokens | SignInRefused | ProviderUnavailable> => {
  const { redirectUri, state, nonce, codeVerifier } = exchange.attempt;
  // The address as it was registered: a proxy before us may have changed how ours looks.
  const answered = new URL(redirectUri);
  answered.search = currentUrl.search;
  try {
    const tokens = await authorizationCodeGrant(configure(exchange), answered, {
      ...(codeVerifier === undefined ? {} : { pkceCodeVerifier: codeVerifier }),
      ...{ expectedState: state, expectedNonce: nonce, idTokenExpected: true },
    });
    const { id_token: idToken, access_token: accessToken, token_type: type } = tokens;
    if (idToken === undefined || type !== 'bearer') return refuse('sign-in/token-invalid', 'tokens of another kind');
    return { kind: 'tokens', idToken, accessToken };
  } catch (failure) {
    return readFailure(failure);
  }
};
