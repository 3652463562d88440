/** The software that PSC knows, and how it must show who it is. */
import { z } from 'zod';

export interface PscClientOrder {
  readonly clientId: string;
  /** client_secret_basic. */
  readonly secret?: string;
  /** tls_client_auth: the subject as `openssl x509 -subject -nameopt RFC2253` prints it, or as Node does. */
  readonly subjectDn?: string;
  readonly redirectUris?: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly backchannelLogoutUri?: string;
  /** Entitled to introspection. */
  readonly mayIntrospect?: boolean;
  /** May start an authentication on the professional's phone or card. */
  readonly mayUseCiba?: boolean;
}

/** Invented; secrets are worth nothing. */
export const exampleClients = {
  /** A DRIMbox that checks tokens. */
  source: { clientId: 'drimbox-source-exemple', secret: 'secret-exemple-source-0123456789', mayIntrospect: true },
  /** Software of a professional elsewhere. */
  consumer: {
    clientId: 'drimbox-conso-exemple',
    secret: 'secret-exemple-conso-0123456789',
    redirectUris: ['https://localhost/retour'],
    postLogoutRedirectUris: ['https://localhost/adieu'],
    mayUseCiba: true,
  },
  /** Known, not entitled. */
  stranger: { clientId: 'logiciel-sans-droit-exemple', secret: 'secret-exemple-autre-0123456789' },
} as const satisfies Record<string, PscClientOrder>;

const clientsShape = z.array(
  z.strictObject({
    clientId: z.string(),
    secret: z.string(),
    redirectUris: z.array(z.url()).default([]),
    postLogoutRedirectUris: z.array(z.url()).default([]),
    backchannelLogoutUri: z.url().optional(),
  }),
);

/** More software, as JSON. @throws SyntaxError, ZodError */
export const parsePscClients = (text: string): readonly PscClientOrder[] =>
  clientsShape.parse(JSON.parse(text)).map(({ backchannelLogoutUri, ...order }) => ({
    ...order,
    ...(backchannelLogoutUri === undefined ? {} : { backchannelLogoutUri }),
  }));

/** Neither order of parts nor the blanks around them count: OpenSSL and Node print a subject in two orders. */
export const normaliseSubject = (subject: string): string =>
  subject
    .split(/\n|(?<!\\),/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .sort((a, b) => (a < b ? -1 : 1))
    .join('\n');

const grantTypes = (order: PscClientOrder): string[] => {
  const isRelying = (order.redirectUris ?? []).length > 0;
  if (!isRelying) return [];
  return [
    'authorization_code',
    'refresh_token',
    ...(order.mayUseCiba === true ? ['urn:openid:params:grant-type:ciba'] : []),
  ];
};

/** Metadata as OpenID Connect Dynamic Client Registration names it. */
export const buildClientMetadata = (order: PscClientOrder): Readonly<Record<string, unknown>> => {
  const isRelying = (order.redirectUris ?? []).length > 0;
  return {
    client_id: order.clientId,
    ...(order.secret === undefined
      ? { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: order.subjectDn }
      : { token_endpoint_auth_method: 'client_secret_basic', client_secret: order.secret }),
    redirect_uris: [...(order.redirectUris ?? [])],
    response_types: isRelying ? ['code'] : [],
    grant_types: grantTypes(order),
    post_logout_redirect_uris: [...(order.postLogoutRedirectUris ?? [])],
    ...(order.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: order.backchannelLogoutUri, backchannel_logout_session_required: true }),
    ...(order.mayUseCiba === true ? { backchannel_token_delivery_mode: 'poll' } : {}),
  };
};
