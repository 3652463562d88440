/**
 * What a session keeps of the service a person came from: to end that one too, and to be ended by it.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 §2 · facts/identity.md 1.4, 3.2
 */
import { z } from 'zod';
import { type ProviderUnavailable, unavailable } from './provider-failure.ts';
import type { ProviderDocument } from './provider-metadata.ts';
import { IdentityProvider } from './signed-in.ts';

export const providerSession = z.strictObject({
  provider: z.enum(Object.values(IdentityProvider)),
  issuer: z.string(),
  clientId: z.string(),
  subject: z.string(),
  /** Of the session there; absent when the service does not say. */
  sid: z.string().optional(),
  /** Signed, not encrypted. It names the person: sealed with the session, in no log. */
  idToken: z.string(),
});
/** Serialisable. */
export type ProviderSession = z.output<typeof providerSession>;

export interface LogoutOrder {
  readonly session: ProviderSession;
  /** Registered at the service. */
  readonly postLogoutRedirectUri: string;
  readonly state?: string;
}

export type LogoutRequest =
  | {
      readonly kind: 'logout';
      /**
       * For one redirection (303, no-store), never written down: it holds the identity token. A form would be better, but
       * the software behind FranceConnect+ may refuse POST here.
       */
      readonly url: string;
    }
  | ProviderUnavailable;

export const buildLogoutRequest = (document: ProviderDocument, order: LogoutOrder): LogoutRequest => {
  const { end_session_endpoint: endpoint, issuer } = document;
  if (endpoint === undefined) return unavailable('sign-in/provider-answer-invalid', 'no end_session_endpoint');
  if (order.session.issuer !== issuer) return unavailable('sign-in/provider-refused-us', 'session of another service');
  const url = new URL(endpoint);
  url.searchParams.set('id_token_hint', order.session.idToken);
  url.searchParams.set('post_logout_redirect_uri', order.postLogoutRedirectUri);
  if (order.state !== undefined) url.searchParams.set('state', order.state);
  return { kind: 'logout', url: url.href };
};
