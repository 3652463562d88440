/** The structures that FranceConnect+ knows, and the keys it encrypts to. */
import { z } from 'zod';

const clientsShape = z.array(
  z.strictObject({
    clientId: z.string(),
    secret: z.string(),
    redirectUris: z.array(z.url()).min(1),
    postLogoutRedirectUris: z.array(z.url()).default([]),
    jwksUri: z.url(),
    encryptionAlgorithm: z.enum(['ECDH-ES', 'RSA-OAEP-256']).default('ECDH-ES'),
  }),
);

/** A file of orders, as JSON: each with `jwksUri`. @throws SyntaxError, ZodError */
export const parseFranceConnectClients = (text: string): readonly FranceConnectClientOrder[] =>
  clientsShape.parse(JSON.parse(text));

export interface FranceConnectClientOrder {
  readonly clientId: string;
  /** client_secret_post. */
  readonly secret: string;
  /** All of one host: subjects are pairwise. */
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Where the structure publishes its keys; or the keys themselves. */
  readonly jwksUri?: string;
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /** [ECDH-ES] */
  readonly encryptionAlgorithm?: 'ECDH-ES' | 'RSA-OAEP-256';
}

/** Metadata as OpenID Connect Dynamic Client Registration names it. */
export const buildFranceConnectMetadata = (order: FranceConnectClientOrder): Readonly<Record<string, unknown>> => {
  const alg = order.encryptionAlgorithm ?? 'ECDH-ES';
  return {
    client_id: order.clientId,
    client_secret: order.secret,
    token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: [...order.redirectUris],
    post_logout_redirect_uris: [...(order.postLogoutRedirectUris ?? [])],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    subject_type: 'pairwise',
    id_token_signed_response_alg: 'ES256',
    id_token_encrypted_response_alg: alg,
    id_token_encrypted_response_enc: 'A256GCM',
    userinfo_signed_response_alg: 'ES256',
    userinfo_encrypted_response_alg: alg,
    userinfo_encrypted_response_enc: 'A256GCM',
    ...(order.jwksUri === undefined ? {} : { jwks_uri: order.jwksUri }),
    ...(order.jwks === undefined ? {} : { jwks: order.jwks }),
  };
};
