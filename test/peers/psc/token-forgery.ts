/**
 * Identity tokens, userinfo and logout tokens as an attacker, a mistaken client or a broken service would make them.
 *
 * oidc-provider makes only good ones: while a forgery is ordered, what it would have said is changed, signed and encrypted here.
 */
import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CompactEncrypt, SignJWT } from 'jose';
import type { IdTokenDraft, Provider } from 'oidc-provider';

export type ForgedUse = 'idtoken' | 'userinfo' | 'logout';

export interface ForgeryOrder {
  /** Which tokens. */
  readonly use: ForgedUse;
  /** Replace the claims; undefined takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Replaces fields of the header of the signature. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** [good] `hs256-public`: by our public key as a secret; `hs256-secret`: by the client's secret; `stranger`: same `kid`. */
  readonly signature?: 'good' | 'none' | 'hs256-public' | 'hs256-secret' | 'stranger';
  /**
   * [good] `stranger`: to a key of nobody; `short`: A128GCM; `without-kid`: good, but it does not say to which key; `twice`: in
   * an envelope of its own kind; `kid-path`: to a key whose name is a path.
   */
  readonly encryption?: 'good' | 'none' | 'stranger' | 'short' | 'without-kid' | 'twice' | 'kid-path';
}

export interface ForgeryKey {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface ForgeryPorts {
  readonly order: () => ForgeryOrder | undefined;
  readonly key: () => ForgeryKey;
  /** The provider's own key is not the one that signs now. */
  readonly isRotated: () => boolean;
}

/** An extension that a test may name in `crit`: nobody knows it. */
const unheardOf = 'exemple';

const encode = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');

const strangers = (alg: ForgeryKey['alg']) =>
  alg === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });

const claimsOfDraft = async (draft: IdTokenDraft, use: ForgedUse, issuer: string) => {
  const payload = await draft.payload();
  const iat = Math.floor(Date.now() / 1000);
  const { at_hash: _, ...claims } = payload;
  const lifetimes = { idtoken: { exp: iat + 60 }, userinfo: {}, logout: { exp: iat + 120 } };
  return { ...claims, iss: issuer, aud: draft.client.clientId, iat, ...lifetimes[use] };
};

const sign = async (claims: object, key: ForgeryKey, order: ForgeryOrder, secret: string): Promise<string> => {
  const typ = order.use === 'logout' ? { typ: 'logout+jwt' } : {};
  const header = { alg: key.alg, kid: key.kid, ...typ, ...order.header };
  const signBy = (by: KeyObject, alg: string) =>
    new SignJWT(claims as Record<string, unknown>)
      .setProtectedHeader({ ...header, alg })
      .sign(by, { crit: { [unheardOf]: true } });
  switch (order.signature ?? 'good') {
    case 'good':
      return signBy(key.privateKey, key.alg);
    case 'stranger':
      return signBy(strangers(key.alg).privateKey, key.alg);
    case 'none':
      return `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`;
    case 'hs256-secret':
      return signBy(createSecretKey(Buffer.from(secret)), 'HS256');
    case 'hs256-public': {
      const pem = String(key.publicKey.export({ type: 'spki', format: 'pem' }));
      return signBy(createSecretKey(Buffer.from(pem)), 'HS256');
    }
  }
};

const encrypt = async (jws: string, draft: IdTokenDraft, order: ForgeryOrder): Promise<string> => {
  const { client } = draft;
  const isUserinfo = order.use === 'userinfo';
  const alg = isUserinfo ? client.userinfoEncryptedResponseAlg : client.idTokenEncryptedResponseAlg;
  if (alg === undefined || order.encryption === 'none') return jws;
  await client.asymmetricKeyStore.refresh();
  const [jwk] = client.asymmetricKeyStore.selectForEncrypt({ alg, use: 'enc' });
  if (jwk === undefined) throw new Error('the client has no key');
  const other = alg.startsWith('RSA')
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = order.encryption === 'stranger' ? other.publicKey : client.asymmetricKeyStore.getKeyObject(jwk, true);
  const enc = order.encryption === 'short' ? 'A128GCM' : 'A256GCM';
  const name = order.encryption === 'kid-path' ? '../../../../dev/null' : jwk.kid;
  const kid = order.encryption === 'without-kid' || name === undefined ? {} : { kid: name };
  const header = { alg, enc, cty: 'JWT', ...kid };
  const seal = (text: string): Promise<string> =>
    new CompactEncrypt(Buffer.from(text)).setProtectedHeader(header).encrypt(key);
  return order.encryption === 'twice' ? seal(await seal(jws)) : seal(jws);
};

const isForgedUse = (use: string): use is ForgedUse => use === 'idtoken' || use === 'userinfo' || use === 'logout';

/** Before the first token is made. */
export const installTokenForgery = (provider: Provider, ports: ForgeryPorts): void => {
  const { prototype } = provider.IdToken;
  const { issue } = prototype;
  prototype.issue = async function forge(this: IdTokenDraft, options: { use: string }) {
    const { use } = options;
    const asked = ports.order();
    const isAsked = asked !== undefined && asked.use === use;
    if (!isForgedUse(use) || (!isAsked && !ports.isRotated())) return issue.call(this, options);
    const order: ForgeryOrder = isAsked ? asked : { use };
    const claims = { ...(await claimsOfDraft(this, use, provider.issuer)), ...order.claims };
    return encrypt(await sign(claims, ports.key(), order, this.client.clientSecret ?? ''), this, order);
  };
};
