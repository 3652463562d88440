/** oidc-provider dressed as FranceConnect+: its keys, its pages, its refusals. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, type JWK } from 'jose';
import { Provider } from 'oidc-provider';
import type { Agent } from 'undici';
import { type ForgeryKey, type ForgeryOrder, installTokenForgery } from '../psc/token-forgery.ts';
import { faultOfAuthorization } from './authorization-request.ts';
import type { FranceConnectClientOrder } from './clients.ts';
import { serveCivilLogin } from './login-page.ts';
import { buildPlatformConfiguration, franceConnectRoutes, platformPath } from './provider-settings.ts';

export interface PlatformOrder {
  readonly issuer: string;
  readonly clients: readonly FranceConnectClientOrder[];
  readonly agent: Agent;
}

const makeKey = (): ForgeryKey => ({
  kid: randomUUID(),
  alg: 'ES256',
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
});

const jwkOf = async (key: ForgeryKey, side: 'privateKey' | 'publicKey'): Promise<JWK> => ({
  ...(await exportJWK(key[side])),
  ...{ kid: key.kid, alg: 'ES256', use: 'sig' },
});

const answerFault = (response: ServerResponse, fault: string): void => {
  response.writeHead(400, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><html lang="fr"><title>Erreur</title><h1>Y000400</h1><p>${fault}</p></html>`);
};

export class Platform {
  readonly #firstKey: ForgeryKey;
  #key: ForgeryKey;
  /** What is wrong with the tokens that are made from now on. */
  forgery: ForgeryOrder | undefined;
  /** Some versions may take PKCE; the strictest refuses what it does not know. */
  takesPkce = false;
  readonly #provider: Provider;
  readonly #callback: ReturnType<Provider['callback']>;

  static async open(order: PlatformOrder): Promise<Platform> {
    const key = makeKey();
    return new Platform(order, key, await jwkOf(key, 'privateKey'));
  }

  private constructor(order: PlatformOrder, key: ForgeryKey, jwk: JWK) {
    this.#firstKey = key;
    this.#key = key;
    const cookieSecret = randomBytes(16).toString('hex');
    this.#provider = new Provider(
      order.issuer,
      buildPlatformConfiguration({ ...order, keys: [jwk], cookieSecret, providerOf: () => this.#provider }),
    );
    installTokenForgery(this.#provider, {
      order: () => this.forgery,
      key: () => this.#key,
      isRotated: () => this.#key !== this.#firstKey,
    });
    this.#callback = this.#provider.callback();
  }

  /** Another key signs from now on; the old one is published no more. */
  rotateKeys(): void {
    this.#key = makeKey();
  }

  /** @param path  inside the platform, with its query */
  async serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const url = new URL(path, 'https://platform');
    if (url.pathname.startsWith('/interaction/')) {
      await serveCivilLogin(this.#provider, request, response);
      return;
    }
    if (url.pathname === franceConnectRoutes.jwks) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys: [await jwkOf(this.#key, 'publicKey')] }));
      return;
    }
    if (url.pathname === franceConnectRoutes.authorization) {
      const fault = faultOfAuthorization(url.searchParams, this.takesPkce);
      if (fault !== undefined) {
        answerFault(response, fault);
        return;
      }
    }
    // The provider takes what stands before its own path for its mount point.
    Object.assign(request, { url: path, originalUrl: platformPath + path });
    await this.#callback(request, response);
  }
}
