/** The realm `esante-wallet`: oidc-provider dressed as PSC, its keys, and the tokens it gave. */
import { createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import type { Agent } from 'undici';
import {
  AccessTokens,
  type IssuedToken,
  makeSigningKey,
  privateJwk,
  type SigningKey,
  type TokenShape,
} from './access-tokens.ts';
import { answerAsPsc, buildAccessClaims } from './answers.ts';
import { exampleClients, type PscClientOrder } from './clients.ts';
import type { FaultOrders } from './fault-orders.ts';
import { serveLoginPage } from './login-page.ts';
import { type Persona, subjectOf } from './personas.ts';
import { buildProviderConfiguration, grantedScope, makeGrant, pscRoutes } from './provider-settings.ts';
import { forwardRequest } from './request-path.ts';
import { type ForgeryOrder, installTokenForgery } from './token-forgery.ts';

export interface RealmOrder {
  readonly issuer: string;
  readonly clients: readonly PscClientOrder[];
  readonly accessTokenSeconds: number;
  readonly agent: Agent;
  readonly faults: FaultOrders;
}

export interface MintOptions extends TokenShape {
  /** [drimbox-conso-exemple] */
  readonly clientId?: string;
  readonly expiresInSeconds?: number;
  /** Replace those of the token; `cnf` and `typ` are told by introspection too. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

const publicJwk = async (key: SigningKey) => ({
  ...(await exportJWK(createPublicKey(key.privateKey))),
  ...{ kid: key.kid, alg: 'RS256', use: 'sig' },
});

export class Realm {
  readonly #order: RealmOrder;
  readonly #tokens = new AccessTokens();
  readonly #issuedOf = new WeakMap<IncomingMessage, IssuedToken>();
  /** Of identity tokens; stays. */
  readonly #identityKey: SigningKey;
  /** Of access tokens; may be rotated. */
  #accessKey: SigningKey;
  /** What is wrong with the tokens that are made from now on. */
  forgery: ForgeryOrder | undefined;
  readonly #provider: Provider;
  readonly #callback: ReturnType<Provider['callback']>;

  static async open(order: RealmOrder): Promise<Realm> {
    const identityKey = makeSigningKey(randomUUID());
    return new Realm(order, identityKey, await privateJwk(identityKey));
  }

  private constructor(order: RealmOrder, identityKey: SigningKey, identityJwk: Awaited<ReturnType<typeof privateJwk>>) {
    this.#order = order;
    this.#identityKey = identityKey;
    this.#accessKey = makeSigningKey(randomUUID());
    this.#provider = new Provider(
      order.issuer,
      buildProviderConfiguration({
        ...order,
        keys: [identityJwk],
        cookieSecret: randomBytes(16).toString('hex'),
        providerOf: () => this.#provider,
      }),
    );
    const entitled = new Set(
      order.clients.flatMap((client) => (client.mayIntrospect === true ? [client.clientId] : [])),
    );
    answerAsPsc({
      ...{ provider: this.#provider, tokens: this.#tokens, faults: order.faults },
      signingKey: () => this.#accessKey,
      mayIntrospect: (clientId) => entitled.has(clientId),
      issuedOf: (ctx) => this.#issuedOf.get(ctx.req),
    });
    installTokenForgery(this.#provider, {
      order: () => this.forgery,
      key: () => ({ ...this.#identityKey, alg: 'RS256' }),
      isRotated: () => false,
    });
    this.#callback = this.#provider.callback();
  }

  get accessKey(): SigningKey {
    return this.#accessKey;
  }

  /** Any token by the key of identity and logout tokens: good ones, and bad ones that only their reader can tell. */
  async signToken(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    const { kid, privateKey } = this.#identityKey;
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(privateKey);
  }

  rotateKeys(): void {
    this.#accessKey = makeSigningKey(randomUUID());
  }

  /** @param path  inside the realm */
  async serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (path.startsWith('/interaction/')) {
      await serveLoginPage(this.#provider, request, response);
    } else if (path === pscRoutes.jwks) {
      const keys = await Promise.all([this.#identityKey, this.#accessKey].map(publicJwk));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys }));
    } else {
      const forwarded = await forwardRequest(request, path, this.#tokens);
      if (forwarded.issued !== undefined) this.#issuedOf.set(forwarded.request, forwarded.issued);
      await this.#callback(forwarded.request, response);
    }
  }

  async mintToken(persona: Persona, options: MintOptions = {}): Promise<string> {
    const clientId = options.clientId ?? exampleClients.consumer.clientId;
    const client = await this.#provider.Client.find(clientId);
    if (client === undefined) throw new Error(`no client ${clientId}`);
    const accountId = subjectOf(persona);
    const grant = await makeGrant(this.#provider, clientId, accountId);
    const expiresIn = options.expiresInSeconds ?? this.#order.accessTokenSeconds;
    const stored = new this.#provider.AccessToken({
      ...{ client, accountId, grantId: grant.jti, scope: grantedScope, gty: 'authorization_code', expiresIn },
    });
    const opaque = await stored.save();
    const exp = Math.floor(Date.now() / 1000) + expiresIn;
    const claims = { ...buildAccessClaims(this.#order.issuer, stored), exp, jti: randomUUID(), ...options.claims };
    return this.#tokens.issue(opaque, claims, this.#accessKey, options);
  }

  async revoke(token: string): Promise<void> {
    const stored = await this.#provider.AccessToken.find(this.#tokens.find(token)?.opaque ?? token);
    await stored?.destroy();
  }
}
