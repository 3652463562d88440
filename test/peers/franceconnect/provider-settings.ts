/** oidc-provider set as the instance `core-fcp-high` of FranceConnect+ is (facts/identity.md 3.2, 3.3). */
import { createHash } from 'node:crypto';
import type { JWK } from 'jose';
import type { Provider, ProviderContext } from 'oidc-provider';
import { type Agent, fetch } from 'undici';
import { createMemoryAdapter } from '../psc/memory-adapter.ts';
import { buildFranceConnectMetadata, type FranceConnectClientOrder } from './clients.ts';
import { civilClaimsOf, civilPersonaOf } from './personas.ts';

export const platformPath = '/api/v2';

/** Paths under the platform's. */
export const franceConnectRoutes = {
  authorization: '/authorize',
  token: '/token',
  userinfo: '/userinfo',
  jwks: '/jwks',
  end_session: '/session/end',
  revocation: '/token/revocation',
} as const;

const pivot = ['given_name', 'family_name', 'birthdate', 'gender', 'birthplace', 'birthcountry'];
const rnipp = [
  ...['rnipp_given_name', 'rnipp_given_name_array', 'rnipp_family_name', 'rnipp_gender', 'rnipp_birthdate'],
  ...['rnipp_birthplace', 'rnipp_birthcountry'],
];

/** Scope → claims. */
const claims = {
  acr: null,
  amr: null,
  openid: ['sub'],
  profile: ['given_name', 'family_name', 'birthdate', 'gender', 'preferred_username'],
  birth: ['birthplace', 'birthcountry'],
  identite_pivot: pivot,
  email: ['email'],
  preferred_username: ['preferred_username'],
  rnipp_identite_pivot: rnipp,
};

export const makeCivilGrant = async (provider: Provider, clientId: string, accountId: string) => {
  const grant = new provider.Grant({ clientId, accountId });
  grant.addOIDCScope(Object.keys(claims).join(' '));
  await grant.save();
  return grant;
};

const encryption = { algs: ['RSA-OAEP-256', 'ECDH-ES'], encs: ['A256GCM', 'A128GCM'] };

export interface PlatformSettings {
  readonly clients: readonly FranceConnectClientOrder[];
  readonly keys: readonly JWK[];
  readonly cookieSecret: string;
  /** To read the keys of the structures: trusts the test authority. */
  readonly agent: Agent;
  readonly providerOf: () => Provider;
}

export const buildPlatformConfiguration = (settings: PlatformSettings): Readonly<Record<string, unknown>> => ({
  adapter: createMemoryAdapter(),
  clients: settings.clients.map(buildFranceConnectMetadata),
  jwks: { keys: settings.keys },
  cookies: { keys: [settings.cookieSecret] },
  scopes: Object.keys(claims).filter((name) => name !== 'acr' && name !== 'amr'),
  claims,
  acrValues: ['eidas2', 'eidas3'],
  subjectTypes: ['pairwise'],
  pairwiseIdentifier: (_: unknown, accountId: string, client: { readonly clientId: string }) =>
    Promise.resolve(`${createHash('sha256').update(`${client.clientId} ${accountId}`).digest('hex')}v1`),
  responseTypes: ['code'],
  clientAuthMethods: ['client_secret_post'],
  conformIdTokenClaims: true,
  enabledJWA: {
    idTokenSigningAlgValues: ['ES256'],
    idTokenEncryptionAlgValues: encryption.algs,
    idTokenEncryptionEncValues: encryption.encs,
    userinfoSigningAlgValues: ['ES256'],
    userinfoEncryptionAlgValues: encryption.algs,
    userinfoEncryptionEncValues: encryption.encs,
  },
  routes: franceConnectRoutes,
  extraParams: ['idp_hint'],
  pkce: { required: () => false },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    resourceIndicators: { enabled: false },
    encryption: { enabled: true },
    jwtUserinfo: { enabled: true },
    claimsParameter: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx: ProviderContext, form: string) => {
        ctx.body = `<!doctype html><html lang="fr"><title>Déconnexion</title>${form}<p>Se déconnecter de FranceConnect+ (EXEMPLE) ?
          <button form="op.logoutForm" name="logout" value="yes">Oui</button></p></html>`;
      },
    },
  },
  ttl: { AccessToken: 60, IdToken: 60, AuthorizationCode: 30, Grant: 600, Interaction: 600, Session: 600 },
  renderError: (ctx: ProviderContext, out: Readonly<Record<string, unknown>>) => {
    ctx.type = 'application/json';
    ctx.body = out;
  },
  findAccount: (_: unknown, accountId: string) => {
    const persona = civilPersonaOf(accountId);
    if (persona === undefined) return undefined;
    return { accountId, claims: () => Promise.resolve({ sub: accountId, ...civilClaimsOf(persona) }) };
  },
  loadExistingGrant: async ({ oidc }: ProviderContext) => {
    const { session, client, result } = oidc ?? {};
    if (client === undefined || session?.accountId === undefined) return undefined;
    const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    if (known !== undefined) return settings.providerOf().Grant.find(known);
    return makeCivilGrant(settings.providerOf(), client.clientId, session.accountId);
  },
  interactions: {
    url: (_: unknown, interaction: { readonly uid: string }) => `${platformPath}/interaction/${interaction.uid}`,
  },
  fetch: (url: string, options: Readonly<Record<string, unknown>>) =>
    fetch(url, { ...options, dispatcher: settings.agent }),
});
