/** oidc-provider set as Pro Santé Connect's realm is. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { JWK } from 'jose';
import { errors, type ProviderContext, type Provider } from 'oidc-provider';
import type { Agent } from 'undici';
import { fetch } from 'undici';
import { buildClientMetadata, normaliseSubject, type PscClientOrder } from './clients.ts';
import { createMemoryAdapter } from './memory-adapter.ts';
import { claimsOf, personaOfSubject, personas, type Persona, subjectOf } from './personas.ts';

export const realmPath = '/auth/realms/esante-wallet';
const protocol = '/protocol/openid-connect';

/** Paths under the realm. */
export const pscRoutes = {
  authorization: `${protocol}/auth`,
  token: `${protocol}/token`,
  userinfo: `${protocol}/userinfo`,
  introspection: `${protocol}/token/introspect`,
  revocation: `${protocol}/revoke`,
  jwks: `${protocol}/certs`,
  end_session: `${protocol}/logout`,
  backchannel_authentication: `${protocol}/ext/ciba/auth`,
  pushed_authorization_request: `${protocol}/ext/par/request`,
} as const;

const scopes = ['openid', 'scope_all', 'rpps', 'identity'];
export const grantedScope = 'openid scope_all';

export const certificateOf = (ctx: ProviderContext): X509Certificate | undefined =>
  (ctx.req.socket as TLSSocket).getPeerX509Certificate();

/** PSC asks nobody for consent: signing in is consenting. */
export const makeGrant = async (provider: Provider, clientId: string, accountId: string) => {
  const grant = new provider.Grant({ clientId, accountId });
  grant.addOIDCScope(scopes.join(' '));
  await grant.save();
  return grant;
};

const findAccount = (_: unknown, subject: string) => {
  const persona = personaOfSubject(subject);
  if (persona === undefined) return undefined;
  return {
    accountId: subject,
    claims: () => Promise.resolve({ sub: subject, ...claimsOf(persona) }),
  };
};

const personaOfNationalId = (nationalId: string): Persona | undefined =>
  Object.values<Persona>(personas).find((persona) => persona.nationalId === nationalId);

/** CIBA: the professional has a card or a phone in hand, and says yes at once. */
const ciba = (providerOf: () => Provider) => ({
  enabled: true,
  deliveryModes: ['poll'],
  processLoginHint: (_: unknown, hint: string) => {
    const persona = personaOfNationalId(hint);
    return Promise.resolve(persona === undefined ? undefined : subjectOf(persona));
  },
  validateBindingMessage: (_: unknown, message: string | undefined) => {
    if (message === undefined || !/^[0-9]{2}$/.test(message)) {
      throw new errors.InvalidBindingMessage('binding_message is two digits');
    }
  },
  validateRequestContext: () => Promise.resolve(),
  verifyUserCode: () => Promise.resolve(),
  triggerAuthenticationDevice: async (
    _: unknown,
    request: unknown,
    account: { accountId: string },
    client: { clientId: string },
  ) => {
    const grant = await makeGrant(providerOf(), client.clientId, account.accountId);
    await providerOf().backchannelResult(request, grant, { acr: 'eidas1', amr: ['CARD'] });
  },
});

const mutualTls = {
  enabled: true,
  tlsClientAuth: true,
  certificateBoundAccessTokens: true,
  getCertificate: (ctx: ProviderContext) => certificateOf(ctx)?.toString(),
  certificateAuthorized: (ctx: ProviderContext) => (ctx.req.socket as TLSSocket).authorized,
  certificateSubjectMatches: (ctx: ProviderContext, property: string, expected: string) =>
    property === 'tls_client_auth_subject_dn' &&
    normaliseSubject(certificateOf(ctx)?.subject ?? '') === normaliseSubject(expected),
};

const hour = 3600;

export interface ProviderSettings {
  readonly clients: readonly PscClientOrder[];
  readonly keys: readonly JWK[];
  readonly cookieSecret: string;
  /** For back-channel logout: trusts the test authority. */
  readonly agent: Agent;
  readonly accessTokenSeconds: number;
  readonly providerOf: () => Provider;
}

export const buildProviderConfiguration = (settings: ProviderSettings): Readonly<Record<string, unknown>> => ({
  adapter: createMemoryAdapter(),
  clients: settings.clients.map(buildClientMetadata),
  jwks: { keys: settings.keys },
  cookies: { keys: [settings.cookieSecret] },
  scopes,
  claims: {
    acr: null,
    auth_time: null,
    sid: null,
    openid: ['sub'],
    scope_all: Object.keys(claimsOf(personas.doctor)),
  },
  acrValues: ['eidas1', 'eidas2', 'eidas3'],
  clientAuthMethods: ['client_secret_basic', 'tls_client_auth'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256'] },
  extraParams: ['channel', 'kc_idp_hint'],
  routes: pscRoutes,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    resourceIndicators: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx: ProviderContext, form: string) => {
        ctx.body = `<!doctype html><title>Déconnexion</title>${form}<p>Se déconnecter de Pro Santé Connect (EXEMPLE) ?
          <button form="op.logoutForm" name="logout" value="yes">Oui</button></p>`;
      },
    },
    mTLS: mutualTls,
    ciba: ciba(settings.providerOf),
  },
  ttl: {
    AccessToken: settings.accessTokenSeconds,
    IdToken: settings.accessTokenSeconds,
    AuthorizationCode: 60,
    RefreshToken: hour / 2,
    BackchannelAuthenticationRequest: 120,
    Grant: 4 * hour,
    Interaction: hour / 4,
    Session: 4 * hour,
  },
  renderError: (ctx: ProviderContext, out: Readonly<Record<string, unknown>>) => {
    ctx.type = 'application/json';
    ctx.body = out;
  },
  issueRefreshToken: () => Promise.resolve(true),
  rotateRefreshToken: true,
  findAccount,
  loadExistingGrant: async ({ oidc }: ProviderContext) => {
    const { session, client, result } = oidc ?? {};
    if (client === undefined || session?.accountId === undefined) return undefined;
    const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    if (known !== undefined) return settings.providerOf().Grant.find(known);
    return makeGrant(settings.providerOf(), client.clientId, session.accountId);
  },
  interactions: {
    url: (_: unknown, interaction: { readonly uid: string }) => `${realmPath}/interaction/${interaction.uid}`,
  },
  fetch: (url: string, options: Readonly<Record<string, unknown>>) =>
    fetch(url, { ...options, dispatcher: settings.agent }),
});
