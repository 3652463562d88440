/** A patient signs in at a FranceConnect+ over real TLS, on oidc-provider (facts/identity.md 3; DB.VI-SO.114). */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type FranceConnect, signInAttempt } from '../../plugin/sign-in/index.ts';
import { choosePersona, confirmLogout } from '../fixtures/sign-in/browser.ts';
import {
  civilClients,
  civilPostLogoutUri,
  civilRedirectUri,
  type FranceConnectSetting,
  openFranceConnectSetting,
  otherRedirectUri,
} from '../fixtures/sign-in/france-connect-setting.ts';

let setting: FranceConnectSetting;
let service: FranceConnect;
beforeAll(async () => {
  setting = await openFranceConnectSetting();
  service = await setting.open();
}, 60_000);
afterAll(() => setting.stop());
afterEach(async () => {
  setting.publish(service.jwks());
  await setting.standIn.faults.clear();
});

const kidOf = async (file: string): Promise<string> =>
  calculateJwkThumbprint(await exportJWK(createPublicKey(readFileSync(file, 'utf8'))));

describe('the way to FranceConnect+', () => {
  test('asks for eidas2, the identity of the RNIPP and a nonce of at least 22 characters; nothing it does not know', async () => {
    const { url, attempt } = await setting.begin(service);
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      ...{ response_type: 'code', client_id: civilClients.first.clientId, redirect_uri: civilRedirectUri },
      ...{ scope: 'openid rnipp_identite_pivot identite_pivot', acr_values: 'eidas2' },
      ...{ state: attempt.state, nonce: attempt.nonce },
    });
    expect(attempt.nonce.length).toBeGreaterThanOrEqual(22);
    expect(signInAttempt.parse(JSON.parse(JSON.stringify(attempt)))).toEqual(attempt);
  });

  test('takes scope, claims, level and PKCE from the configuration', async () => {
    const claims = '{"id_token":{"amr":{"essential":true}}}';
    const other = await setting.open({ scope: 'openid birth profile', claims, level: 'eidas3', pkce: true });
    const { url, attempt } = await setting.begin(other);
    expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
      ...{ scope: 'openid birth profile', claims, acr_values: 'eidas3', code_challenge_method: 'S256' },
    });
    expect(attempt.codeVerifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    // The strictest platform refuses parameters it does not know; one that takes them checks them.
    expect((await setting.browser()(url)).status).toBe(400);
    setting.standIn.takePkce(true);
    expect(await setting.signIn(other, 'camilleMarried')).toMatchObject({ kind: 'signed-in' });
    setting.standIn.takePkce(false);
  });

  test('is the client of the structure whose host is visited; a host of nobody goes nowhere', async () => {
    const { attempt } = await setting.begin(service, otherRedirectUri);
    expect(attempt.clientId).toBe(civilClients.second.clientId);
    expect(await service.begin(Date.now(), 'https://vi9.exemple/retour')).toMatchObject({
      ...{ kind: 'unavailable', code: 'sign-in/provider-refused-us' },
    });
  });
});

describe('a patient', () => {
  test('is signed in with the traits of the RNIPP, first given name exact, and a subject of this structure alone', async () => {
    const result = await setting.signIn(service, 'camille');
    expect(result).toMatchObject({
      kind: 'signed-in',
      who: {
        kind: 'patient',
        traits: {
          birthName: 'EXEMPLE',
          givenNames: 'CAMILLE INÈS',
          firstGivenName: 'CAMILLE',
          birthDate: '1985-03-21',
          gender: 'female',
          birthPlace: '75112',
          birthCountry: '99100',
        },
      },
      providerSession: { provider: 'franceconnect', issuer: setting.standIn.issuer },
    });
    const other = await setting.signIn(service, 'camille', otherRedirectUri);
    const subjectOf = (signedIn: typeof result) =>
      signedIn.kind === 'signed-in' && signedIn.who.kind === 'patient' ? signedIn.who.subject : '';
    expect(subjectOf(other)).toMatch(/^[0-9a-f]{64}v1$/);
    expect(subjectOf(other)).not.toBe(subjectOf(result));
  });

  test('is who the RNIPP says, where the identity provider says otherwise (E7)', async () => {
    expect(await setting.signIn(service, 'camilleRectified')).toMatchObject({
      who: { traits: { birthName: 'EXEMPLE', birthDate: '1985-03-21', birthPlace: '75112' } },
    });
  });

  test('without claims of the RNIPP has the plain ones, and no exact first given name', async () => {
    const result = await setting.signIn(service, 'camilleWithoutRnipp');
    expect(result).toMatchObject({ who: { traits: { birthName: 'EXEMPLE', givenNames: 'Camille Inès' } } });
    expect(JSON.stringify(result)).not.toContain('firstGivenName');
  });

  test('is never known by the used name', async () => {
    const withUsedName = await setting.open({ scope: 'openid identite_pivot preferred_username rnipp_identite_pivot' });
    expect(JSON.stringify(await setting.signIn(withUsedName, 'camilleMarried'))).not.toContain('MODÈLE');
  });

  test('born abroad has a country and no commune', async () => {
    expect(await setting.signIn(service, 'bornAbroad')).toMatchObject({
      who: { traits: { birthPlace: '', birthCountry: '99109' } },
    });
  });

  test('with a higher level is let in, with a lower one not: sign-in/level-too-low', async () => {
    expect(await setting.signIn(service, 'camilleMarried')).toMatchObject({ kind: 'signed-in' });
    const strict = await setting.open({ level: 'eidas3' });
    expect(await setting.signIn(strict, 'camilleMarried')).toMatchObject({ kind: 'signed-in' });
    setting.standIn.forge({ use: 'idtoken', claims: { acr: 'eidas2' } });
    expect(await setting.signIn(strict, 'camille')).toMatchObject({ code: 'sign-in/level-too-low' });
    setting.standIn.forge(undefined);
  });

  test('who gives up is told so: sign-in/given-up', async () => {
    expect(await setting.signIn(service, '')).toMatchObject({ kind: 'refused', code: 'sign-in/given-up' });
  });
});

describe('signing out', () => {
  test('shows FranceConnect+ the inner token: the encrypted one would be refused (facts/identity.md 3.2)', async () => {
    const browse = setting.browser();
    const { url, attempt } = await setting.begin(service);
    const result = await service.finish(await choosePersona(browse, url, 'camille'), attempt);
    if (result.kind !== 'signed-in') throw new Error(result.code);
    const session = result.providerSession;
    expect(session.idToken.split('.')).toHaveLength(3);
    const logout = await service.buildLogout({ session, postLogoutRedirectUri: civilPostLogoutUri, state: 'etat' });
    if (logout.kind !== 'logout') throw new Error(logout.code);
    const page = await browse(logout.url);
    expect(await confirmLogout(browse, page)).toBe(`${civilPostLogoutUri}?state=etat`);
  });

  test('of a session of another service is refused', async () => {
    const session = {
      provider: 'psc',
      issuer: 'https://autre.exemple',
      clientId: 'x',
      subject: 'x',
      idToken: 'x',
    } as const;
    expect(await service.buildLogout({ session, postLogoutRedirectUri: civilPostLogoutUri })).toMatchObject({
      kind: 'unavailable',
    });
  });
});

describe('our encryption keys', () => {
  test('are published without their private part, the newest of each algorithm', async () => {
    const { ec, olderEc, rsa } = setting.keyFiles;
    const rotated = await setting.open({ encryptionKeyFiles: [ec, olderEc, rsa] });
    const { keys } = rotated.jwks();
    expect(keys.map(({ kid, alg, use }) => ({ kid, alg, use }))).toEqual([
      { kid: await kidOf(ec), alg: 'ECDH-ES', use: 'enc' },
      { kid: await kidOf(rsa), alg: 'RSA-OAEP-256', use: 'enc' },
    ]);
    for (const key of keys)
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(key).not.toHaveProperty(secret);
  });

  test.each([
    ['ECDH-ES', civilRedirectUri],
    ['RSA-OAEP-256', otherRedirectUri],
  ])('decrypt by %s what was encrypted to what is published', async (_, redirectUri) => {
    expect(await setting.signIn(service, 'camille', redirectUri)).toMatchObject({ kind: 'signed-in' });
  });

  test('that were replaced still decrypt, while FranceConnect+ has not read the new ones', async () => {
    const { ec, olderEc, rsa } = setting.keyFiles;
    const before = await setting.open({ encryptionKeyFiles: [olderEc, rsa] });
    const after = await setting.open({ encryptionKeyFiles: [ec, olderEc, rsa] });
    setting.publish(before.jwks());
    expect(await setting.signIn(after, 'camille')).toMatchObject({ kind: 'signed-in' });
    setting.publish(after.jwks());
    expect(await setting.signIn(after, 'camille')).toMatchObject({ kind: 'signed-in' });
    expect(await setting.signIn(before, 'camille')).toMatchObject({ code: 'sign-in/token-not-encrypted' });
  });

  test('are read again on demand; a file that is no key leaves the former (config/invalid)', async () => {
    const file = join(setting.folder, 'renewed.pem');
    writeFileSync(file, readFileSync(setting.keyFiles.olderEc));
    const renewed = await setting.open({ encryptionKeyFiles: [file, setting.keyFiles.rsa] });
    expect(renewed.jwks().keys[0]?.kid).toBe(await kidOf(setting.keyFiles.olderEc));
    writeFileSync(file, readFileSync(setting.keyFiles.ec));
    await renewed.reload();
    expect(renewed.jwks().keys[0]?.kid).toBe(await kidOf(setting.keyFiles.ec));
    writeFileSync(file, 'secret EXEMPLE');
    await expect(renewed.reload()).rejects.toSatisfy(
      (error: Error) => error.message.startsWith('config/invalid') && !error.message.includes('EXEMPLE'),
    );
    expect(await setting.signIn(renewed, 'camille')).toMatchObject({ kind: 'signed-in' });
  });

  test.each([
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
    ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('of %s are refused (config/invalid)', async (_, key) => {
    const file = join(setting.folder, 'unfit.pem');
    writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem' }));
    await expect(setting.open({ encryptionKeyFiles: [file] })).rejects.toMatchObject({ code: 'config/invalid' });
  });

  test('are not there twice, nor absent (config/invalid, config/unreadable)', async () => {
    const { ec } = setting.keyFiles;
    await expect(setting.open({ encryptionKeyFiles: [ec, ec] })).rejects.toMatchObject({ code: 'config/invalid' });
    const absent = join(setting.folder, 'absent.pem');
    await expect(setting.open({ encryptionKeyFiles: [absent] })).rejects.toMatchObject({ code: 'config/unreadable' });
  });
});

describe('a platform that fails', () => {
  test.each([
    ['discovery', 'error', 'sign-in/provider-unreachable'],
    ['discovery', 'nonsense', 'sign-in/provider-answer-invalid'],
    ['discovery', 'nonsense-json', 'sign-in/provider-answer-invalid'],
  ] as const)('%s: %s lets nobody begin (%s)', async (endpoint, kind, code) => {
    const fresh = await setting.open();
    await setting.standIn.faults.order({ kind, endpoints: [endpoint] });
    expect(await fresh.begin(Date.now(), civilRedirectUri)).toMatchObject({ kind: 'unavailable', code });
  });

  test.each([
    ['token', 'error', 'sign-in/provider-unreachable'],
    ['token', 'huge', 'sign-in/provider-answer-invalid'],
    ['token', 'cut', 'sign-in/provider-unreachable'],
    ['token', 'refuse-client', 'sign-in/provider-refused-us'],
    ['userinfo', 'error', 'sign-in/provider-unreachable'],
    ['userinfo', 'huge', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'nonsense-json', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'redirect', 'sign-in/provider-answer-invalid'],
    ['userinfo', 'refuse-client', 'sign-in/provider-refused-us'],
  ] as const)('%s: %s lets nobody in (%s)', async (endpoint, kind, code) => {
    const { url, attempt } = await setting.begin(service);
    const back = await choosePersona(setting.browser(), url, 'camille');
    await setting.standIn.faults.order({ kind, endpoints: [endpoint] });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'unavailable', code });
  });

  test.each(['token', 'userinfo'] as const)('%s that is slow is left: sign-in/provider-timeout', async (endpoint) => {
    const hasty = await setting.open({ timeoutMs: 300 });
    const { url, attempt } = await setting.begin(hasty);
    const back = await choosePersona(setting.browser(), url, 'camille');
    expect(await setting.signIn(hasty, 'camille')).toMatchObject({ kind: 'signed-in' });
    await setting.standIn.faults.order({ kind: 'slow', endpoints: [endpoint], delayMs: 20_000 });
    expect(await hasty.finish(back, attempt)).toMatchObject({ code: 'sign-in/provider-timeout' });
  });
});

test('keys that FranceConnect+ changed are fetched again, once, when a signature is unknown', async () => {
  // Our clock runs fast here, so that the minute between two fetches is over: the tokens of the stand-in live by the real one.
  const patient = await setting.open({ clockToleranceMs: 300_000 });
  expect(await setting.signIn(patient, 'camille')).toMatchObject({ kind: 'signed-in' });
  setting.standIn.rotateKeys();
  setting.advance(61_000);
  const fetched = () => setting.standIn.log.filter(({ endpoint }) => endpoint === 'keys').length;
  const before = fetched();
  expect(await setting.signIn(patient, 'camille')).toMatchObject({ kind: 'signed-in' });
  expect(fetched()).toBe(before + 1);
  setting.standIn.forge({ use: 'idtoken', signature: 'stranger' });
  expect(await setting.signIn(patient, 'camille')).toMatchObject({ code: 'sign-in/token-invalid' });
  expect(fetched()).toBe(before + 1);
  setting.standIn.forge(undefined);
  setting.advance(-61_000);
});
