/** Turns what oidc-provider answers into what PSC answers: JWT access tokens, Keycloak's claims, its own discovery. */
import type { Provider, ProviderContext, StoredToken } from 'oidc-provider';
import type { AccessTokens, IssuedToken, SigningKey } from './access-tokens.ts';
import type { FaultOrders } from './fault-orders.ts';
import { personaOfSubject } from './personas.ts';

type Claims = Readonly<Record<string, unknown>>;

/** What Keycloak writes in an access token. */
export const buildAccessClaims = (issuer: string, token: StoredToken): Claims => {
  const nationalId = personaOfSubject(token.accountId)?.nationalId;
  const session = token.sessionUid ?? token.grantId ?? token.jti;
  const issuedAt = token.iat ?? Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: token.accountId,
    typ: 'Bearer',
    azp: token.clientId,
    ...{ iat: issuedAt, auth_time: issuedAt, exp: token.exp, jti: token.jti },
    ...{ session_state: session, sid: session, acr: 'eidas1', scope: token.scope },
    ...(nationalId === undefined ? {} : { preferred_username: nationalId }),
    ...token.extra,
  };
};

/** @param issued  the access token asked about; absent for a refresh token */
const introspectionOf = (body: Claims, issued: IssuedToken | undefined): Claims => {
  const persona = personaOfSubject(String(body['sub']));
  const nationalId = persona?.nationalId;
  const identity = nationalId === undefined ? {} : { preferred_username: nationalId, username: nationalId };
  const { cnf, typ } = issued?.claims ?? {};
  return {
    ...body,
    ...{ typ: typ ?? (issued === undefined ? 'Refresh' : 'Bearer'), azp: body['client_id'], acr: 'eidas1' },
    ...{ session_state: issued?.claims['session_state'], email_verified: false, auth_time: body['iat'] },
    ...identity,
    ...(issued === undefined || nationalId === undefined ? {} : { SubjectNameID: nationalId }),
    ...(cnf === undefined ? {} : { cnf }),
    ...(issued === undefined ? {} : { jti: issued.claims['jti'] }),
  };
};

interface Realm {
  readonly provider: Provider;
  readonly tokens: AccessTokens;
  readonly signingKey: () => SigningKey;
  readonly faults: FaultOrders;
  readonly mayIntrospect: (clientId: string) => boolean;
  /** The access token that came with a request, before it was replaced by the provider's own. */
  readonly issuedOf: (ctx: ProviderContext) => IssuedToken | undefined;
}

const isRecord = (value: unknown): value is Claims => typeof value === 'object' && value !== null;

const answerIntrospection = (ctx: ProviderContext, realm: Realm): void => {
  const { body } = ctx;
  if (ctx.status !== 200 || !isRecord(body)) return;
  if (!realm.mayIntrospect(ctx.oidc?.client?.clientId ?? '')) {
    ctx.status = 403;
    ctx.body = { error: 'access_denied', error_description: 'Client not allowed.' };
    return;
  }
  if (body['active'] !== true) return;
  const answer = introspectionOf(body, realm.issuedOf(ctx));
  const fault = realm.faults.at('introspection')?.kind;
  ctx.body =
    fault === 'inactive'
      ? { active: false }
      : {
          ...answer,
          ...(fault === 'other-issuer' ? { iss: 'https://autre.exemple/auth/realms/esante-wallet' } : {}),
          ...(fault === 'other-subject' ? { sub: 'f:autre:899000000099' } : {}),
        };
};

const answerToken = async (ctx: ProviderContext, realm: Realm): Promise<void> => {
  const { body } = ctx;
  if (ctx.status !== 200 || !isRecord(body) || typeof body['access_token'] !== 'string') return;
  const opaque = body['access_token'];
  const stored = await realm.provider.AccessToken.find(opaque);
  if (stored === undefined) return;
  const claims = buildAccessClaims(realm.provider.issuer, stored);
  const token = await realm.tokens.issue(opaque, claims, realm.signingKey());
  ctx.body = { ...body, access_token: token, refresh_expires_in: 1800, session_state: claims['session_state'] };
};

const answerUserinfo = (ctx: ProviderContext, realm: Realm): void => {
  if (ctx.status === 200 && isRecord(ctx.body) && realm.faults.at('userinfo')?.kind === 'other-subject') {
    ctx.body = { ...ctx.body, sub: 'f:autre:899000000099' };
  }
};

/** Installs the middleware. */
export const answerAsPsc = (realm: Realm): void =>
  realm.provider.use(async (ctx, next) => {
    await next();
    const route = ctx.oidc?.route;
    if (route === 'introspection') answerIntrospection(ctx, realm);
    if (route === 'token') await answerToken(ctx, realm);
    if (route === 'userinfo') answerUserinfo(ctx, realm);
    if (route === 'discovery' && isRecord(ctx.body)) ctx.body = { ...ctx.body, acr_values_supported: ['0', '0'] };
  });
