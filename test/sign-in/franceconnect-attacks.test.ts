/** What an attacker, a mistaken client or a broken service may send at the end of a sign-in with FranceConnect+. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FranceConnect, SignInAttempt } from '../../plugin/sign-in/index.ts';
import { choosePersona } from '../fixtures/sign-in/browser.ts';
import {
  civilClients,
  type FranceConnectSetting,
  openFranceConnectSetting,
  otherRedirectUri,
} from '../fixtures/sign-in/france-connect-setting.ts';
import type { CivilPersonaKey } from '../peers/franceconnect/index.ts';
import type { ForgeryOrder } from '../peers/psc/index.ts';

let setting: FranceConnectSetting;
let service: FranceConnect;
beforeAll(async () => {
  setting = await openFranceConnectSetting();
  service = await setting.open();
}, 60_000);
afterAll(() => setting.stop());
afterEach(async () => {
  setting.standIn.forge(undefined);
  await setting.standIn.faults.clear();
});

const answered = async (persona: CivilPersonaKey = 'camille'): Promise<{ back: URL; attempt: SignInAttempt }> => {
  const { url, attempt } = await setting.begin(service);
  return { back: await choosePersona(setting.browser(), url, persona), attempt };
};
const withParameter = (url: URL, name: string, value: string): URL => {
  const copy = new URL(url);
  copy.searchParams.set(name, value);
  return copy;
};
const seconds = (): number => Math.floor(Date.now() / 1000);
const { clientId } = civilClients.first;
const otherClientId = civilClients.second.clientId;

describe('the answer', () => {
  test.each([
    ['state', 'x'.repeat(43), 'sign-in/state-mismatch'],
    ['iss', 'https://auth.autre.exemple/api/v2', 'sign-in/issuer-mismatch'],
    ['code', 'x'.repeat(43), 'sign-in/code-refused'],
    ['error', 'access_denied', 'sign-in/given-up'],
  ])('with another %s lets nobody in (%3$s)', async (name, value, code) => {
    const { back, attempt } = await answered();
    expect(await service.finish(withParameter(back, name, value), attempt)).toMatchObject({ kind: 'refused', code });
  });

  test.each([
    ['two states', 'state'],
    ['two issuers', 'iss'],
  ] as const)('with %s, the first of them right, sends its code nowhere', async (_, name) => {
    const { back, attempt } = await answered();
    back.searchParams.append(name, 'https://autre.exemple');
    const asked = setting.standIn.log.filter(({ endpoint }) => endpoint === 'token').length;
    expect(await service.finish(back, attempt)).toMatchObject({
      kind: 'refused',
      code: expect.stringMatching(/mismatch$/),
    });
    expect(setting.standIn.log.filter(({ endpoint }) => endpoint === 'token').length).toBe(asked);
  });

  test('with two codes sends neither anywhere: sign-in/code-refused', async () => {
    const { back, attempt } = await answered();
    back.searchParams.append('code', 'x');
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('of the level eidas2 lets nobody in where eidas3 is asked for: sign-in/level-too-low', async () => {
    const strict = await setting.open({ level: 'eidas3' });
    expect(await setting.signIn(strict, 'camille')).toMatchObject({ kind: 'refused', code: 'sign-in/level-too-low' });
    expect(await setting.signIn(strict, 'camilleMarried')).toMatchObject({ kind: 'signed-in' });
    // Somebody takes the request for the level out of the address.
    const { url, attempt } = await setting.begin(strict);
    const lowered = new URL(url);
    lowered.searchParams.set('acr_values', 'eidas2');
    const back = await choosePersona(setting.browser(), lowered.href, 'camille');
    expect(await strict.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/level-too-low' });
  });

  test('to the host of another structure is refused (mix-up between our own clients)', async () => {
    const { back, attempt } = await answered();
    const elsewhere = new URL(otherRedirectUri);
    elsewhere.search = back.search;
    expect(await service.finish(elsewhere, attempt)).toMatchObject({ code: 'sign-in/issuer-mismatch' });
    const moved = { ...attempt, redirectUri: otherRedirectUri };
    expect(await service.finish(elsewhere, moved)).toMatchObject({ code: 'sign-in/issuer-mismatch' });
    const nowhere = { ...attempt, redirectUri: 'https://vi9.exemple/retour' };
    expect(await service.finish(back, nowhere)).toMatchObject({ code: 'sign-in/issuer-mismatch' });
  });

  test('with an attempt of Pro Santé Connect is refused', async () => {
    const { back, attempt } = await answered();
    expect(await service.finish(back, { ...attempt, provider: 'psc' })).toMatchObject({
      code: 'sign-in/issuer-mismatch',
    });
  });

  test('after ten minutes is refused: sign-in/attempt-expired', async () => {
    const { back, attempt } = await answered();
    const old = { ...attempt, startedAtUtcMs: attempt.startedAtUtcMs - 600_000 };
    expect(await service.finish(back, old)).toMatchObject({ code: 'sign-in/attempt-expired' });
  });

  test('given twice with the same attempt lets in once: sign-in/code-refused', async () => {
    const { back, attempt } = await answered();
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'signed-in' });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('with the code of somebody else is stopped by the nonce: sign-in/token-mismatch', async () => {
    const victim = await answered('twin');
    const mine = await answered();
    const injected = withParameter(mine.back, 'code', victim.back.searchParams.get('code') ?? '');
    expect(await service.finish(injected, mine.attempt)).toMatchObject({
      kind: 'refused',
      code: 'sign-in/token-mismatch',
    });
  });
});

type Row = readonly [string, Omit<ForgeryOrder, 'use'>, string];

const refusesForged = async (order: ForgeryOrder, code: string): Promise<void> => {
  const { back, attempt } = await answered();
  setting.standIn.forge(order);
  const result = await service.finish(back, attempt);
  expect(result).toMatchObject({ kind: 'refused', code: expect.stringContaining(`sign-in/${code}`) });
  expect(JSON.stringify(result)).not.toMatch(/EXEMPLE|CAMILLE|1985|eyJ/i);
};

/** Of both the identity token and userinfo. */
const forged: readonly Row[] = [
  ['unsigned (alg none)', { signature: 'none' }, 'token-invalid'],
  ['signed by our secret (HS256)', { signature: 'hs256-secret' }, 'token-invalid'],
  ['signed by their public key (HS256)', { signature: 'hs256-public' }, 'token-invalid'],
  ['signed by a stranger under their kid', { signature: 'stranger' }, 'token-invalid'],
  ['signed by a stranger under no kid', { signature: 'stranger', header: { kid: undefined } }, 'token-invalid'],
  ['not encrypted', { encryption: 'none' }, 'token-not-encrypted'],
  ['encrypted for another', { encryption: 'stranger' }, 'token-not-encrypted'],
  ['encrypted by another algorithm (A128GCM)', { encryption: 'short' }, 'token-not-encrypted'],
  ['encrypted to a key that is a path', { encryption: 'kid-path' }, 'token-not-encrypted'],
  ['encrypted twice', { encryption: 'twice' }, 'token-'],
  ['encrypted, but unsigned', { encryption: 'good', signature: 'none' }, 'token-invalid'],
  ['of another issuer', { claims: { iss: 'https://auth.autre.exemple/api/v2' } }, 'token-mismatch'],
  ['for another client', { claims: { aud: otherClientId } }, 'token-mismatch'],
  [
    'for several, given to another',
    { claims: { aud: [clientId, otherClientId], azp: otherClientId } },
    'token-mismatch',
  ],
  ['for us, given to another', { claims: { azp: otherClientId } }, 'token-mismatch'],
  ['expired', { claims: { exp: seconds() - 3600 } }, 'token-expired'],
  ['of another type', { header: { typ: 'logout+jwt' } }, 'token-invalid'],
  [
    'of a stranger under a kid that is a path',
    { signature: 'stranger', header: { kid: '../../dev/null' } },
    'token-invalid',
  ],
  ['of a stranger under a kid that is SQL', { signature: 'stranger', header: { kid: "' OR 1=1 --" } }, 'token-invalid'],
  [
    'of a stranger who says where the key is',
    { signature: 'stranger', header: { jku: 'https://mechant.exemple' } },
    'token-invalid',
  ],
  ['with an extension that must be understood', { header: { crit: ['exemple'], exemple: 1 } }, 'token-invalid'],
  ['of the issuer with a slash', { claims: { iss: 'https://127.0.0.1/api/v2/' } }, 'token-mismatch'],
  ['for a client that begins like us', { claims: { aud: `${clientId}-autre` } }, 'token-mismatch'],
  ['for everybody', { claims: { aud: '*' } }, 'token-mismatch'],
];

describe.each(['idtoken', 'userinfo'] as const)('without the name of our key, %s', (use) => {
  test('is opened where one key fits, and refused where several may (sign-in/token-not-encrypted)', async () => {
    setting.standIn.forge({ use, encryption: 'without-kid' });
    expect(await setting.signIn(service, 'camille')).toMatchObject({ kind: 'signed-in' });
    const { ec, olderEc } = setting.keyFiles;
    const rotated = await setting.open({ encryptionKeyFiles: [ec, olderEc] });
    expect(await setting.signIn(rotated, 'camille')).toMatchObject({ code: 'sign-in/token-not-encrypted' });
    setting.publish(service.jwks());
  });
});

describe('an identity token', () => {
  test.each(forged)('%s lets nobody in', (_, order, code) => refusesForged({ use: 'idtoken', ...order }, code));

  const own: readonly Row[] = [
    ['of another nonce', { claims: { nonce: 'x'.repeat(43) } }, 'token-mismatch'],
    ['of a lower level', { claims: { acr: 'eidas1' } }, 'level-too-low'],
    ['without level', { claims: { acr: undefined } }, 'level-too-low'],
    ['of a list of levels', { claims: { acr: ['eidas2', 'eidas1'] } }, 'level-too-low'],
    ['of a level in other letters', { claims: { acr: 'EIDAS2' } }, 'level-too-low'],
    ['without nonce', { claims: { nonce: undefined } }, 'token-'],
    ['without end', { claims: { exp: undefined } }, 'token-'],
    ['whose subject is a number', { claims: { sub: 5 } }, 'token-'],
    ['of last week', { claims: { iat: seconds() - 600_000 } }, 'token-expired'],
    ['of next week', { claims: { iat: seconds() + 600_000 } }, 'token-expired'],
  ];
  test.each(own)('%s lets nobody in', (_, order, code) => refusesForged({ use: 'idtoken', ...order }, code));

  test('is judged by our clock: sign-in/token-expired', async () => {
    const { back, attempt } = await answered();
    setting.advance(120_000);
    const result = await service.finish(back, attempt);
    setting.advance(-120_000);
    expect(result).toMatchObject({ kind: 'refused', code: 'sign-in/token-expired' });
  });
});

describe('userinfo', () => {
  test.each(forged)('%s lets nobody in', (_, order, code) => refusesForged({ use: 'userinfo', ...order }, code));

  const own: readonly Row[] = [
    ['of another subject', { claims: { sub: `${'0'.repeat(64)}v1` } }, 'subject-mismatch'],
    ['of no subject', { claims: { sub: undefined } }, 'token-mismatch'],
    ['for nobody', { claims: { aud: undefined } }, 'token-mismatch'],
    ['of no issuer', { claims: { iss: undefined } }, 'token-mismatch'],
  ];
  test.each(own)('%s lets nobody in', (_, order, code) => refusesForged({ use: 'userinfo', ...order }, code));

  test('in plain JSON lets nobody in: sign-in/provider-answer-invalid', async () => {
    const { back, attempt } = await answered();
    await setting.standIn.faults.order({ kind: 'nonsense-json', endpoints: ['userinfo'], body: { sub: 'x' } });
    expect(await service.finish(back, attempt)).toMatchObject({ code: 'sign-in/provider-answer-invalid' });
  });

  test('whose claims are of other types gives no trait to match, and does not throw', async () => {
    const { back, attempt } = await answered();
    const claims = {
      rnipp_family_name: 5,
      family_name: { a: 1 },
      rnipp_gender: 'x',
      gender: 'x',
      rnipp_given_name_array: 'x',
    };
    setting.standIn.forge({ use: 'userinfo', claims });
    const result = await service.finish(back, attempt);
    expect(result).toMatchObject({ who: { traits: { birthName: '', gender: 'unspecified' } } });
    expect(JSON.stringify(result)).not.toContain('firstGivenName');
  });
});
