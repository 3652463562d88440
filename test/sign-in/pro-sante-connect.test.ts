/** A professional signs in at a Pro Santé Connect over real TLS, on oidc-provider (facts/identity.md 1). */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { signInAttempt } from '../../plugin/sign-in/index.ts';
import { makeCa } from '../peers/ca/make-ca.ts';
import { personas, subjectOf } from '../peers/psc/index.ts';
import { choosePersona, confirmLogout } from '../fixtures/sign-in/browser.ts';
import {
  mutualClient,
  openPscSignInSetting,
  pscPostLogoutUri,
  pscRedirectUri,
  type PscSignInSetting,
  viewerClient,
} from '../fixtures/sign-in/psc-sign-in-setting.ts';

let setting: PscSignInSetting;
let relying: Server;
/** What Pro Santé Connect posted to the back channel. */
const logoutTokens: string[] = [];

beforeAll(async () => {
  const ca = await makeCa('.cache/ca-psc');
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
  setting = await openPscSignInSetting(`https://127.0.0.1:${(relying.address() as AddressInfo).port}/fin`);
}, 60_000);
afterAll(async () => {
  await setting.stop();
  relying.close();
  relying.closeAllConnections();
});
afterEach(() => setting.psc.faults.clear());

describe('the way to Pro Santé Connect', () => {
  test('asks for eidas1, scope_all, PKCE S256 and fresh secrets of 256 bits, and names nobody', async () => {
    const service = setting.open();
    const { url, attempt } = await setting.begin(service);
    const other = await setting.begin(service);
    const query = Object.fromEntries(new URL(url).searchParams);
    expect(query).toMatchObject({
      ...{ response_type: 'code', client_id: viewerClient.clientId, redirect_uri: pscRedirectUri },
      ...{ scope: 'openid scope_all', acr_values: 'eidas1', code_challenge_method: 'S256' },
      ...{ state: attempt.state, nonce: attempt.nonce },
    });
    expect(query['code_challenge']).not.toBe(attempt.codeVerifier);
    const secrets = [attempt, other.attempt].flatMap(({ state, nonce, codeVerifier }) => [state, nonce, codeVerifier]);
    expect(new Set(secrets).size).toBe(6);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('the attempt goes to the database and back as JSON', async () => {
    const { attempt } = await setting.begin(setting.open());
    expect(signInAttempt.parse(JSON.parse(JSON.stringify(attempt)))).toEqual(attempt);
  });
});

describe('a professional', () => {
  test('is signed in with national identifier, names and situation', async () => {
    const result = await setting.signIn(setting.open(), 'doctor');
    expect(result).toMatchObject({
      kind: 'signed-in',
      who: { kind: 'professional', nationalId: '899000000011', familyName: 'EXEMPLE', givenName: 'Camille' },
      providerSession: {
        ...{ provider: 'psc', issuer: setting.psc.issuer, clientId: viewerClient.clientId },
        ...{ subject: subjectOf(personas.doctor), sid: expect.stringMatching(/.+/) },
      },
    });
  });

  test('may stay four hours after signing in there, however long the session there has been (facts/identity.md 1.4)', async () => {
    const service = setting.open();
    const fourHoursMs = 14_400_000;
    const hoursAgo = Math.floor(Date.now() / 1000) - 3 * 3600;
    setting.psc.forge({ use: 'idtoken', claims: { auth_time: hoursAgo } });
    expect(await setting.signIn(service, 'doctor')).toMatchObject({ notAfterUtcMs: hoursAgo * 1000 + fourHoursMs });
    setting.psc.forge({ use: 'idtoken', claims: { auth_time: undefined } });
    expect(await setting.signIn(service, 'doctor')).not.toHaveProperty('notAfterUtcMs');
    setting.psc.forge(undefined);
  });

  test('of several situations has them all to choose from', async () => {
    const result = await setting.signIn(setting.open(), 'several');
    const situations = result.kind === 'signed-in' && result.who.kind === 'professional' ? result.who.situations : [];
    expect(situations).toHaveLength(3);
    expect(situations.map(({ professionCode, knowHowCode }) => [professionCode, knowHowCode])).toEqual([
      ['10', undefined],
      ['10', 'SM44'],
      ['21', undefined],
    ]);
  });

  test('by a test identity of EDIT, or without any role, is signed in too', async () => {
    const service = setting.open();
    expect(await setting.signIn(service, 'edit')).toMatchObject({ who: { nationalId: 'ANS20990101000001' } });
    expect(await setting.signIn(service, 'withoutRole')).toMatchObject({ who: { situations: [] } });
  });

  test('without a national identifier is nobody: sign-in/identity-incomplete', async () => {
    expect(await setting.signIn(setting.open(), 'withoutIdentity')).toMatchObject({
      kind: 'refused',
      code: 'sign-in/identity-incomplete',
    });
  });

  test('who gives up is told so: sign-in/given-up', async () => {
    expect(await setting.signIn(setting.open(), '')).toMatchObject({ kind: 'refused', code: 'sign-in/given-up' });
  });

  test('signs in with our certificate where there is no secret (RFC 8705, trust space)', async () => {
    const { certificateFile, keyFile } = setting.ca.structures['1990000001']?.authCli ?? setting.ca.server;
    const service = setting.open({ clientId: mutualClient.clientId, certificateFile, keyFile });
    expect(await setting.signIn(service, 'radiologist')).toMatchObject({ who: { familyName: 'EXEMPLE-RADIO' } });
  });
});

describe('signing out', () => {
  test('ends the session there by the identity token, and the back channel tells us of it', async () => {
    const service = setting.open();
    const browse = setting.browser();
    const { url, attempt } = await setting.begin(service);
    const result = await service.finish(await choosePersona(browse, url, 'doctor'), attempt);
    if (result.kind !== 'signed-in') throw new Error(result.code);
    const { providerSession: session } = result;
    const order = { session, postLogoutRedirectUri: pscPostLogoutUri, state: 'etat-exemple' };
    const logout = await service.buildLogout(order);
    if (logout.kind !== 'logout') throw new Error(logout.code);
    const page = await browse(logout.url);
    expect(await confirmLogout(browse, page)).toBe(`${pscPostLogoutUri}?state=etat-exemple`);
    expect(logoutTokens).toHaveLength(1);
    expect(await service.receiveLogout(logoutTokens[0] ?? '', () => Promise.resolve())).toEqual({
      ...{ kind: 'logout', provider: 'psc', issuer: setting.psc.issuer, sid: session.sid, subject: session.subject },
    });
  });
});

describe('a service that fails', () => {
  test.each([
    ['down', { kind: 'down' as const }, 'sign-in/provider-unreachable'],
    ['an error', { kind: 'error' as const }, 'sign-in/provider-unreachable'],
    ['a page of a proxy', { kind: 'nonsense' as const }, 'sign-in/provider-answer-invalid'],
    ['too much', { kind: 'huge' as const }, 'sign-in/provider-answer-invalid'],
    ['a cut connection', { kind: 'cut' as const }, 'sign-in/provider-unreachable'],
    ['a redirection', { kind: 'redirect' as const }, 'sign-in/provider-answer-invalid'],
  ])('%s lets nobody begin', async (_, fault, code) => {
    const service = setting.open();
    await setting.psc.faults.order(fault);
    expect(await service.begin(Date.now(), pscRedirectUri)).toMatchObject({ kind: 'unavailable', code });
  });

  test.each([
    ['token', 'error', 'sign-in/provider-unreachable'],
    ['token', 'nonsense', 'sign-in/provider-answer-invalid'],
    ['token', 'huge', 'sign-in/provider-answer-invalid'],
    ['token', 'cut', 'sign-in/provider-unreachable'],
    ['token', 'redirect', 'sign-in/provider-answer-invalid'],
    ['token', 'refuse-client', 'sign-in/provider-refused-us'],
    ['keys', 'error', 'sign-in/provider-unreachable'],
    ['keys', 'huge', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'error', 'sign-in/provider-unreachable'],
    ['userinfo', 'nonsense', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'nonsense-json', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'huge', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'redirect', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'refuse-client', 'sign-in/provider-refused-us'],
  ] as const)('%s: %s lets nobody in (%s)', async (endpoint, kind, code) => {
    const service = setting.open();
    const { url, attempt } = await setting.begin(service);
    const back = await choosePersona(setting.browser(), url, 'doctor');
    await setting.psc.faults.order({ kind, endpoints: [endpoint] });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'unavailable', code });
  });

  test('that is slow is left: sign-in/provider-timeout', async () => {
    const service = setting.open({ timeoutMs: 300 });
    const { url, attempt } = await setting.begin(service);
    const back = await choosePersona(setting.browser(), url, 'doctor');
    await setting.psc.faults.order({ kind: 'slow', endpoints: ['token'], delayMs: 20_000 });
    expect(await service.finish(back, attempt)).toMatchObject({ code: 'sign-in/provider-timeout' });
  });

  test('of another authority is not believed: sign-in/provider-tls-refused', async () => {
    const service = setting.open({ caFile: setting.ca.negative.rogueRootCertificateFile });
    expect(await service.begin(Date.now(), pscRedirectUri)).toMatchObject({ code: 'sign-in/provider-tls-refused' });
  });

  test('that answers again serves the next person at once', async () => {
    const service = setting.open();
    await setting.psc.faults.order({ kind: 'down' });
    expect(await service.begin(Date.now(), pscRedirectUri)).toMatchObject({ kind: 'unavailable' });
    await setting.psc.faults.clear();
    expect(await setting.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
  });
});

describe('our secret', () => {
  test('is read again on demand; one that cannot be read leaves the former (config/unreadable, config/invalid)', async () => {
    const file = join(setting.folder, 'renewed');
    writeFileSync(file, 'secret-perime-0123456789');
    const service = setting.open({ clientSecretFile: file });
    expect(await setting.signIn(service, 'doctor')).toMatchObject({ code: 'sign-in/provider-refused-us' });
    writeFileSync(file, viewerClient.secret);
    await service.reload();
    expect(await setting.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
    writeFileSync(file, '');
    await expect(service.reload()).rejects.toMatchObject({ code: 'config/invalid' });
    expect(await setting.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
    expect(() => setting.open({ clientSecretFile: join(setting.folder, 'absent') })).toThrow('config/unreadable');
  });
});
