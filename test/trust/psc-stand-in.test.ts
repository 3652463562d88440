/** The stand-in is only worth what it refuses: driven by openid-client, which nobody here wrote. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, customFetch as joseFetch, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { exampleClients, personas, type Psc, type PscClientOrder, startPsc } from '../peers/psc/index.ts';

const { consumer } = exampleClients;
const redirectUri = consumer.redirectUris[0];
const mutual: PscClientOrder = {
  clientId: 'drimbox-conso-mtls-exemple',
  subjectDn: 'C=FR,ST=Paris (75),O=CLINIQUE EXEMPLE,OU=1990000001,CN=drimbox.exemple',
  redirectUris: [redirectUri],
};

let ca: TestCa;
let psc: Psc;
let agent: Agent;
let mutualAgent: Agent;
/** Requests of back-channel logout that the software received. */
const logoutTokens: string[] = [];
let relying: ReturnType<typeof createServer>;

beforeAll(async () => {
  ca = await makeCa('.cache/ca-psc');
  const authorities = readFileSync(ca.chainFile);
  const { certificateFile, keyFile } = ca.structures['1990000001']?.authCli ?? ca.server;
  agent = new Agent({ connect: { ca: authorities } });
  mutualAgent = new Agent({
    connect: { ca: authorities, cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
  });
  relying = createServer(
    { cert: readFileSync(ca.server.certificateFile), key: readFileSync(ca.server.keyFile) },
    (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        logoutTokens.push(new URLSearchParams(body).get('logout_token') ?? '');
        response.end();
      });
    },
  );
  await new Promise<void>((done) => {
    relying.listen(0, '127.0.0.1', done);
  });
  const backchannelLogoutUri = `https://127.0.0.1:${(relying.address() as AddressInfo).port}/adieu`;
  psc = await startPsc({ ca, clients: [exampleClients.source, { ...consumer, backchannelLogoutUri }, mutual] });
});
afterAll(async () => {
  await psc.stop();
  await Promise.all([agent.destroy(), mutualAgent.destroy()]);
  relying.close();
  relying.closeAllConnections();
});

const discover = async (order: PscClientOrder, dispatcher = agent): Promise<client.Configuration> =>
  client.discovery(
    new URL(psc.endpoints.discoveryUrl),
    order.clientId,
    undefined,
    order.secret === undefined ? client.TlsClientAuth() : client.ClientSecretBasic(order.secret),
    { [client.customFetch]: (url, init) => fetch(url, { ...init, body: init.body ?? null, dispatcher }) },
  );

/** A browser of two functions: cookies, and no following of redirects. */
const createBrowser = () => {
  const cookies = new Map<string, string>();
  return async (url: string | URL, init: { method?: string; body?: string } = {}) => {
    const answer = await fetch(new URL(url, psc.url), {
      ...init,
      dispatcher: agent,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      if (/expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return { status: answer.status, location: answer.headers.get('location') ?? '', text: await answer.text() };
  };
};

interface Asked {
  readonly url: URL;
  readonly checks: client.AuthorizationCodeGrantChecks;
}

const ask = async (config: client.Configuration, changes: Readonly<Record<string, string>> = {}): Promise<Asked> => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    ...{ redirect_uri: redirectUri, scope: 'openid scope_all', acr_values: 'eidas1' },
    ...{ state: expectedState, nonce: expectedNonce, code_challenge_method: 'S256' },
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    ...changes,
  });
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
};

const signIn = async (config: client.Configuration, persona: string) => {
  const browse = createBrowser();
  const { url, checks } = await ask(config);
  const toLogin = await browse(url);
  const page = await browse(toLogin.location);
  const toResume = await browse(toLogin.location, { method: 'POST', body: `persona=${persona}` });
  const back = await browse(toResume.location);
  return { browse, page: page.text, back: new URL(back.location), checks };
};

describe('discovery', () => {
  test('is under the name that PSC gives it, and names the issuer and endpoints of the realm', async () => {
    const metadata = (await discover(consumer)).serverMetadata();
    expect(metadata).toMatchObject({
      issuer: psc.issuer,
      introspection_endpoint: psc.endpoints.introspectionUrl,
      userinfo_endpoint: psc.endpoints.userinfoUrl,
      jwks_uri: psc.endpoints.keysUrl,
      token_endpoint: psc.endpoints.tokenUrl,
    });
    expect((await fetch(`${psc.issuer}/.well-known/openid-configuration`, { dispatcher: agent })).status).toBe(404);
  });
});

describe('code flow', () => {
  test('a chosen persona signs in; tokens, userinfo and refresh are as PSC gives them', async () => {
    const config = await discover(consumer);
    const { page, back, checks } = await signIn(config, 'doctor');
    expect(page).toContain('Camille EXEMPLE');
    const tokens = await client.authorizationCodeGrant(config, back, checks);
    expect(tokens.claims()).toMatchObject({ iss: psc.issuer, acr: 'eidas1' });
    const keys = createRemoteJWKSet(new URL(psc.endpoints.keysUrl), {
      [joseFetch]: (url, { signal }) => fetch(url, { signal, dispatcher: agent }),
    });
    const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: psc.issuer });
    expect(payload).toMatchObject({ typ: 'Bearer', azp: consumer.clientId, preferred_username: '899000000011' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
    const claims = await client.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '');
    expect(claims).toMatchObject({ SubjectNameID: '899000000011', SubjectRole: [personas.doctor.role] });
    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(renewed.access_token).not.toBe(tokens.access_token);
    const introspecting = await discover(exampleClients.source);
    expect(await client.tokenIntrospection(introspecting, renewed.access_token)).toMatchObject({
      active: true,
      SubjectNameID: '899000000011',
    });
    const ofRefresh = await client.tokenIntrospection(introspecting, renewed.refresh_token ?? '');
    expect(ofRefresh).toMatchObject({ active: true, typ: 'Refresh' });
    expect(ofRefresh).not.toHaveProperty('SubjectNameID');
  });

  test('works with tls_client_auth', async () => {
    const config = await discover(mutual, mutualAgent);
    const { back, checks } = await signIn(config, 'radiologist');
    expect(await client.authorizationCodeGrant(config, back, checks)).toHaveProperty('access_token');
  });

  test('a code is good once, for its verifier and its software only', async () => {
    const config = await discover(consumer);
    const first = await signIn(config, 'doctor');
    const wrongVerifier = { ...first.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
    await expect(client.authorizationCodeGrant(config, first.back, wrongVerifier)).rejects.toThrow();
    const second = await signIn(config, 'doctor');
    const stranger = await discover(mutual, mutualAgent);
    await expect(client.authorizationCodeGrant(stranger, second.back, second.checks)).rejects.toThrow();
    const third = await signIn(config, 'doctor');
    await client.authorizationCodeGrant(config, third.back, third.checks);
    await expect(client.authorizationCodeGrant(config, third.back, third.checks)).rejects.toThrow();
  });

  test('cancelling comes back as an error', async () => {
    const { back } = await signIn(await discover(consumer), '');
    expect(back.searchParams.get('error')).toBe('access_denied');
  });

  test.each([
    ['another redirect URI', { redirect_uri: 'https://localhost/ailleurs' }, 400, ''],
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 303, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 303, 'invalid_request'],
    ['an unknown software', { client_id: 'inconnu' }, 400, ''],
  ])('%s is refused', async (_, changes, status, error) => {
    const { url } = await ask(await discover(consumer), changes);
    const answer = await createBrowser()(url);
    expect(answer.status).toBe(status);
    expect(answer.location === '' ? '' : new URL(answer.location).searchParams.get('error')).toBe(error);
  });
});

describe('CIBA', () => {
  const start = (config: client.Configuration, changes: Readonly<Record<string, string>> = {}) =>
    client.initiateBackchannelAuthentication(config, {
      ...{ scope: 'openid scope_all', acr_values: 'eidas1', login_hint: personas.doctor.nationalId },
      ...{ binding_message: '42', channel: 'CARD' },
      ...changes,
    });

  test('the professional says yes on the card', async () => {
    const config = await discover(consumer);
    const begun = await start(config);
    const tokens = await client.pollBackchannelAuthenticationGrant(config, { ...begun, interval: 0.01 });
    const claims = await client.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '');
    expect(claims['SubjectNameID']).toBe(personas.doctor.nationalId);
  });

  test.each([
    ['a message that is not two digits', { binding_message: 'bonjour' }],
    ['a professional nobody knows', { login_hint: '899999999999' }],
  ])('%s is refused', async (_, changes) => {
    await expect(start(await discover(consumer), changes)).rejects.toThrow();
  });
});

test('logout ends the session and tells the software on the back channel', async () => {
  const config = await discover(consumer);
  const { browse, back, checks } = await signIn(config, 'doctor');
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  const url = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: consumer.postLogoutRedirectUris[0],
  });
  const page = await browse(url);
  const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const secret = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  await browse(action, { method: 'POST', body: `xsrf=${secret}&logout=yes` });
  expect(logoutTokens).toHaveLength(1);
  const claims = JSON.parse(Buffer.from(logoutTokens[0]?.split('.')[1] ?? '', 'base64url').toString()) as object;
  expect(claims).toMatchObject({ iss: psc.issuer, aud: consumer.clientId, sid: expect.any(String) });
  const introspecting = await discover(exampleClients.source);
  expect(await client.tokenIntrospection(introspecting, tokens.access_token)).toMatchObject({ active: false });
});

test('runs as its own process, driven over a loopback port', async () => {
  const child = spawn(process.execPath, ['test/peers/psc/main.ts', '--ca', '.cache/ca-psc'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { issuer, controlUrl } = JSON.parse(line.toString()) as { issuer: string; controlUrl: string };
    const post = (path: string, content: object) =>
      fetch(controlUrl + path, { method: 'POST', body: JSON.stringify(content) });
    const minted = (await (await post('/mint', { persona: 'doctor' })).json()) as { token: string };
    const introspect = async (): Promise<string> => {
      const { clientId, secret } = exampleClients.source;
      const answer = await fetch(`${issuer}/protocol/openid-connect/token/introspect`, {
        method: 'POST',
        dispatcher: agent,
        headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ token: minted.token }),
      });
      return `${answer.status} ${await answer.text()}`;
    };
    expect(await introspect()).toContain('"active":true');
    expect((await post('/faults', { kind: 'error', status: 502 })).status).toBe(200);
    expect(await introspect()).toMatch(/^502/);
    await fetch(`${controlUrl}/faults`, { method: 'DELETE' });
    expect((await post('/revoke', minted)).status).toBe(200);
    expect(await introspect()).toBe('200 {"active":false}');
    expect((await post('/mint', { persona: 'personne' })).status).toBe(400);
    expect((await fetch(`${controlUrl}/ailleurs`)).status).toBe(404);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});
