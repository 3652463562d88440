/**
 * PSC's access tokens are JWT that it can also introspect and revoke; oidc-provider has either kind, not both.
 * So each opaque token of the provider goes out as a JWT, and comes back as the opaque one.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, type JWK, SignJWT } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const makeSigningKey = (kid: string): SigningKey => ({
  kid,
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
});

export const privateJwk = async (key: SigningKey): Promise<JWK> => ({
  ...(await exportJWK(key.privateKey)),
  ...{ kid: key.kid, alg: 'RS256', use: 'sig' },
});

export interface IssuedToken {
  readonly opaque: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface TokenShape {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly signingKey?: SigningKey;
}

export class AccessTokens {
  readonly #issued = new Map<string, IssuedToken>();

  async issue(opaque: string, claims: IssuedToken['claims'], key: SigningKey, shape: TokenShape = {}): Promise<string> {
    const signer = shape.signingKey ?? key;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: signer.kid, ...shape.header })
      .sign(signer.privateKey);
    this.#issued.set(token, { opaque, claims });
    return token;
  }

  find(token: string): IssuedToken | undefined {
    return this.#issued.get(token);
  }
}
