/** The stand-in is only worth what it refuses: driven by requests that are not made by plugin/. */
import { spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactDecrypt, createLocalJWKSet, exportJWK, type JSONWebKeySet, jwtVerify } from 'jose';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, choosePersona, createBrowser } from '../fixtures/sign-in/browser.ts';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { civilPersonas, type FranceConnectStandIn, startFranceConnect } from '../peers/franceconnect/index.ts';

const redirectUri = 'https://structure.exemple/retour';
const client = { clientId: 'structure-exemple', secret: 'secret-exemple-structure-0123456789' };

let ca: TestCa;
let standIn: FranceConnectStandIn;
let agent: Agent;
let decryptionKey: KeyObject;
beforeAll(async () => {
  ca = await makeCa('.cache/ca-psc');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  decryptionKey = privateKey;
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), use: 'enc', alg: 'ECDH-ES', kid: 'exemple' }] };
  standIn = await startFranceConnect({ ca, clients: [{ ...client, redirectUris: [redirectUri], jwks }] });
  agent = new Agent({ connect: { ca: readFileSync(ca.chainFile) } });
}, 60_000);
afterAll(async () => {
  await standIn.stop();
  await agent.destroy();
});

const browser = (): Browser => createBrowser(standIn.url, agent);
const request = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const parameters = {
    ...{ client_id: client.clientId, redirect_uri: redirectUri, response_type: 'code' },
    ...{ scope: 'openid identite_pivot', acr_values: 'eidas2', state: 'etat', nonce: 'n'.repeat(22) },
    ...changes,
  };
  const kept = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${standIn.issuer}/authorize?${new URLSearchParams(kept).toString()}`;
};
const askToken = async (code: string, secret: string = client.secret) => {
  const answer = await fetch(`${standIn.issuer}/token`, {
    method: 'POST',
    dispatcher: agent,
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri },
      ...{ client_id: client.clientId, client_secret: secret },
    }),
  });
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, string>> };
};
const codeOf = async (url = request(), persona = 'camille'): Promise<string> =>
  (await choosePersona(browser(), url, persona)).searchParams.get('code') ?? '';
const open = async (token: string) => {
  const jws = Buffer.from((await compactDecrypt(token, decryptionKey)).plaintext).toString();
  const keys = await fetch(`${standIn.issuer}/jwks`, { dispatcher: agent });
  const options = { issuer: standIn.issuer, audience: client.clientId, algorithms: ['ES256'] };
  return { jws, ...(await jwtVerify(jws, createLocalJWKSet((await keys.json()) as JSONWebKeySet), options)) };
};

describe('the profile of FranceConnect+ (facts/identity.md 3.2, 3.3)', () => {
  test('a page in French lets choose among invented people', async () => {
    const browse = browser();
    const page = await browse((await browse(request())).location);
    expect(page.status).toBe(200);
    expect(page.text).toContain('<html lang="fr">');
    for (const persona of Object.values(civilPersonas)) expect(page.text).toContain(`value="${persona.key}"`);
  });

  test('tokens and userinfo are ES256 in ECDH-ES, of 60 seconds, with the claims of the scopes', async () => {
    const { body } = await askToken(await codeOf(request({ scope: 'openid rnipp_identite_pivot' })));
    const { payload, protectedHeader } = await open(body['id_token'] ?? '');
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({ acr: 'eidas2', nonce: 'n'.repeat(22) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    expect(payload).not.toHaveProperty('given_name');
    const userinfo = await fetch(`${standIn.issuer}/userinfo`, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${body['access_token']}` },
    });
    expect(userinfo.headers.get('content-type')).toMatch(/^application\/jwt/);
    const claims = (await open(await userinfo.text())).payload;
    expect(claims).toMatchObject({ sub: payload.sub, rnipp_given_name_array: ['CAMILLE', 'INÈS'] });
    expect(claims).not.toHaveProperty('family_name');
  });

  test('the claims parameter gives amr in the identity token', async () => {
    const claims = '{"id_token":{"amr":{"essential":true}}}';
    const { body } = await askToken(await codeOf(request({ claims })));
    expect((await open(body['id_token'] ?? '')).payload).toMatchObject({ amr: ['pwd', 'mfa'] });
  });

  test.each([
    ['PKCE, which it does not document', { code_challenge: 'x', code_challenge_method: 'S256' }],
    ['a parameter nobody knows', { exemple: 'x' }],
    ['no level', { acr_values: undefined }],
    ['a low level', { acr_values: 'eidas1' }],
    ['no state', { state: undefined }],
    ['no nonce', { nonce: undefined }],
    ['a nonce of 21 characters', { nonce: 'n'.repeat(21) }],
    ['another redirect URI', { redirect_uri: 'https://ailleurs.exemple/retour' }],
    ['an unknown structure', { client_id: 'inconnue' }],
  ])('%s is refused on its own page', async (_, changes) => {
    const answer = await browser()(request(changes));
    expect(answer).toMatchObject({ status: 400, location: '' });
  });

  test('a code is good once, and a wrong secret gets nothing', async () => {
    expect((await askToken(await codeOf(), 'un autre secret')).status).toBe(401);
    const code = await codeOf();
    expect((await askToken(code)).status).toBe(200);
    expect(await askToken(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  test('signing out wants the signed token: the encrypted one is refused', async () => {
    const { body } = await askToken(await codeOf());
    const encrypted = body['id_token'] ?? '';
    const { jws } = await open(encrypted);
    const statusOf = async (hint: string): Promise<number> =>
      (await browser()(`${standIn.issuer}/session/end?${new URLSearchParams({ id_token_hint: hint }).toString()}`))
        .status;
    expect(await statusOf(encrypted)).toBe(400);
    expect(await statusOf(jws)).toBe(200);
  });
});

test('runs as its own process, driven over a loopback port', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-fc-process-'));
  const clients = join(folder, 'clients.json');
  writeFileSync(
    clients,
    JSON.stringify([{ ...client, redirectUris: [redirectUri], jwksUri: 'https://localhost/jwks' }]),
  );
  const main = ['test/peers/franceconnect/main.ts', '--ca', '.cache/ca-psc', '--clients', clients];
  const child = spawn(process.execPath, main, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { discoveryUrl, controlUrl } = JSON.parse(line.toString()) as Readonly<Record<string, string>>;
    const discover = async () => (await fetch(discoveryUrl ?? '', { dispatcher: agent })).status;
    const call = async (method: string, path: string, content?: object) =>
      (
        await fetch(`${controlUrl}${path}`, {
          method,
          ...(content === undefined ? {} : { body: JSON.stringify(content) }),
        })
      ).status;
    expect(await discover()).toBe(200);
    expect(await call('POST', '/faults', { kind: 'error', status: 502 })).toBe(200);
    expect(await discover()).toBe(502);
    expect(await call('DELETE', '/faults')).toBe(200);
    expect(await discover()).toBe(200);
    expect(await call('POST', '/forgery', { use: 'userinfo', signature: 'none' })).toBe(200);
    expect(await call('DELETE', '/forgery')).toBe(200);
    expect(await call('POST', '/rotate')).toBe(200);
    expect(await call('POST', '/faults', { kind: 'autre' })).toBe(400);
    expect(await call('GET', '/ailleurs')).toBe(404);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
});
