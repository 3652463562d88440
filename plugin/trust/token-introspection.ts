/**
 * Asks Pro Santé Connect whether a token is good, and whose it is.
 *
 * @see RFC 7662 · RFC 8705 §2.1 (tls_client_auth) · facts/identity.md 1.3, 1.5, 1.6, 7.1
 */
import {
  ClientError,
  ClientSecretBasic,
  Configuration,
  customFetch,
  fetchUserInfo,
  ResponseBodyError,
  TlsClientAuth,
  tokenIntrospection,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { z } from 'zod';
import type { ProviderConnection } from './provider-connection.ts';
import { classifyPscFailure, type PscUnavailable } from './psc-failure.ts';
import type { PscEndpoints, PscOptions } from './psc-options.ts';

const text = z.string().nullish();
const instant = z.number().nullish();
const whatever = z.unknown().optional();

/** Times in seconds. `SubjectRole` has been seen as a list; one value is accepted too. */
const answerShape = z.looseObject({
  active: z.boolean(),
  ...{ exp: instant, nbf: instant },
  ...{ iss: text, sub: text, jti: text, typ: text, azp: text, client_id: text },
  ...{ SubjectNameID: whatever, preferred_username: whatever, SubjectRole: whatever, cnf: whatever },
});
export type IntrospectionAnswer = z.output<typeof answerShape>;

export type Introspection = { readonly kind: 'answer'; readonly answer: IntrospectionAnswer } | PscUnavailable;
export type Userinfo =
  | { readonly kind: 'claims'; readonly claims: Readonly<Record<string, unknown>> }
  /** Pro Santé Connect does not give the claims for this token. */
  | { readonly kind: 'refused' }
  | PscUnavailable;

export interface PscClient {
  readonly introspect: (token: string) => Promise<Introspection>;
  /** @param subject  `sub` of the introspection; claims of another subject are no answer */
  readonly queryUserinfo: (token: string, subject: string) => Promise<Userinfo>;
}

const isRefusal = (failure: unknown): boolean =>
  (failure instanceof WWWAuthenticateChallengeError || failure instanceof ResponseBodyError) &&
  (failure.status === 401 || failure.status === 403);

const isStatus = (value: unknown): value is { readonly status: number } =>
  typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'number';

/** Keycloak answers 403 without a body of OAuth where a scope is missing. */
const isBareRefusal = (failure: unknown): boolean =>
  failure instanceof ClientError && isStatus(failure.cause) && [401, 403].includes(failure.cause.status);

export const createPscClient = (
  options: PscOptions,
  endpoints: PscEndpoints,
  connection: ProviderConnection,
): PscClient => {
  const server = {
    issuer: endpoints.issuer,
    introspection_endpoint: endpoints.introspectionUrl,
    userinfo_endpoint: endpoints.userinfoUrl,
    jwks_uri: endpoints.keysUrl,
  };
  // Made at each question: the secret may have been read again.
  const configure = (): Configuration => {
    const secret = connection.clientSecret();
    const authentication = secret === undefined ? TlsClientAuth() : ClientSecretBasic(secret);
    const configuration = new Configuration(server, options.clientId, undefined, authentication);
    configuration.timeout = options.timeoutMs / 1000;
    configuration[customFetch] = (url, init) => connection.fetch(url, { ...init, body: init.body ?? null });
    return configuration;
  };
  return {
    introspect: async (token) => {
      try {
        const parsed = answerShape.safeParse(await tokenIntrospection(configure(), token));
        if (parsed.success) return { kind: 'answer', answer: parsed.data };
        return { kind: 'unavailable', code: 'trust/psc-answer-invalid', detail: 'claims of other types' };
      } catch (failure) {
        return classifyPscFailure(failure);
      }
    },
    queryUserinfo: async (token, subject) => {
      try {
        return { kind: 'claims', claims: await fetchUserInfo(configure(), token, subject) };
      } catch (failure) {
        return isRefusal(failure) || isBareRefusal(failure) ? { kind: 'refused' } : classifyPscFailure(failure);
      }
    },
  };
};
