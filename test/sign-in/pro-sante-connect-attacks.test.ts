/** What an attacker, a mistaken client or a broken service may send at the end of a sign-in with Pro Santé Connect. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import type { ProSanteConnect, SignInAttempt } from '../../plugin/sign-in/index.ts';
import { choosePersona } from '../fixtures/sign-in/browser.ts';
import {
  openPscSignInSetting,
  otherClient,
  type PscSignInSetting,
  viewerClient,
} from '../fixtures/sign-in/psc-sign-in-setting.ts';
import { type ForgeryOrder, personas, subjectOf } from '../peers/psc/index.ts';

let setting: PscSignInSetting;
let service: ProSanteConnect;
beforeAll(async () => {
  setting = await openPscSignInSetting();
  service = setting.open();
}, 60_000);
afterAll(() => setting.stop());
afterEach(async () => {
  setting.psc.forge(undefined);
  await setting.psc.faults.clear();
});

/** A good answer, not yet given to us. */
const answered = async (persona = 'doctor'): Promise<{ back: URL; attempt: SignInAttempt }> => {
  const { url, attempt } = await setting.begin(service);
  return { back: await choosePersona(setting.browser(), url, persona), attempt };
};
const changed = (url: URL, changes: Readonly<Record<string, string | undefined>>): URL => {
  const copy = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) copy.searchParams.delete(name);
    else copy.searchParams.set(name, value);
  }
  return copy;
};
const appended = (url: URL, name: string, value: string): URL => {
  const copy = new URL(url);
  copy.searchParams.append(name, value);
  return copy;
};

describe('the answer in the address', () => {
  const asksNothing = async (back: URL, attempt: SignInAttempt, code: string): Promise<void> => {
    const asked = setting.psc.log.filter(({ endpoint }) => endpoint === 'token').length;
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code });
    expect(setting.psc.log.filter(({ endpoint }) => endpoint === 'token').length).toBe(asked);
  };

  test('is good as it is: the attacks below differ by one thing each', async () => {
    const { back, attempt } = await answered();
    expect(back.searchParams.get('iss')).toBe(setting.psc.issuer);
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'signed-in' });
  });

  test.each([
    ['another state', { state: 'x'.repeat(43) }],
    ['no state', { state: undefined }],
    ['an empty state', { state: '' }],
  ])('with %s sends its code nowhere: sign-in/state-mismatch', async (_, changes) => {
    const { back, attempt } = await answered();
    await asksNothing(changed(back, changes), attempt, 'sign-in/state-mismatch');
  });

  test('with two states, one of them ours, sends its code nowhere', async () => {
    const { back, attempt } = await answered();
    await asksNothing(appended(back, 'state', 'x'), attempt, 'sign-in/state-mismatch');
  });

  test.each([
    ['of another issuer (mix-up, RFC 9207)', { iss: 'https://autre.exemple' }],
    ['without issuer, where the service always names itself', { iss: undefined }],
  ])('%s sends its code nowhere: sign-in/issuer-mismatch', async (_, changes) => {
    const { back, attempt } = await answered();
    await asksNothing(changed(back, changes), attempt, 'sign-in/issuer-mismatch');
  });

  test('at the call-back of another service sends its code nowhere (mix-up, RFC 9700 §4.4)', async () => {
    const { back, attempt } = await answered();
    const elsewhere = new URL(back);
    elsewhere.pathname = '/connexion/franceconnect/retour';
    await asksNothing(elsewhere, attempt, 'sign-in/issuer-mismatch');
    const otherHost = new URL(back);
    otherHost.host = 'vi2.exemple';
    await asksNothing(otherHost, attempt, 'sign-in/issuer-mismatch');
  });

  test.each([
    ['of the other service', { provider: 'franceconnect' as const }],
    ['at another issuer', { issuer: 'https://autre.exemple' }],
    ['as another client', { clientId: otherClient.clientId }],
  ])('with an attempt %s sends its code nowhere', async (_, changes) => {
    const { back, attempt } = await answered();
    await asksNothing(back, { ...attempt, ...changes }, 'sign-in/issuer-mismatch');
  });

  test('comes too late after ten minutes: sign-in/attempt-expired', async () => {
    const { back, attempt } = await answered();
    const startedAtUtcMs = attempt.startedAtUtcMs - 600_000;
    await asksNothing(back, { ...attempt, startedAtUtcMs }, 'sign-in/attempt-expired');
    // A clock that went back by an hour does not give it another hour.
    const fromTheFuture = attempt.startedAtUtcMs + 3_600_000;
    await asksNothing(back, { ...attempt, startedAtUtcMs: fromTheFuture }, 'sign-in/attempt-expired');
    const almost = { ...attempt, startedAtUtcMs: attempt.startedAtUtcMs - 500_000 };
    expect(await service.finish(back, almost)).toMatchObject({ kind: 'signed-in' });
  });

  test.each([
    ['access_denied', 'refused', 'sign-in/given-up'],
    ['server_error', 'unavailable', 'sign-in/provider-unreachable'],
    ['temporarily_unavailable', 'unavailable', 'sign-in/provider-unreachable'],
    ['unmet_authentication_requirements', 'refused', 'sign-in/level-too-low'],
    ['invalid_scope', 'unavailable', 'sign-in/provider-refused-us'],
    ['<script>EXEMPLE</script>', 'unavailable', 'sign-in/provider-refused-us'],
  ])('that is the error %s is %s (%s), and never repeats what it does not know', async (error, kind, code) => {
    const { back, attempt } = await answered();
    const result = await service.finish(changed(back, { error, error_description: 'EXEMPLE' }), attempt);
    expect(result).toMatchObject({ kind, code });
    expect(JSON.stringify(result)).not.toContain('EXEMPLE');
  });

  test('without a code, or with two, is refused: sign-in/code-refused', async () => {
    const { back, attempt } = await answered();
    await asksNothing(changed(back, { code: undefined }), attempt, 'sign-in/code-refused');
    await asksNothing(appended(back, 'code', 'x'), attempt, 'sign-in/code-refused');
  });
});

describe('a code', () => {
  test('serves once: replayed with the same attempt it is refused (sign-in/code-refused)', async () => {
    const { back, attempt } = await answered();
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'signed-in' });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('of somebody else, put into my answer, is refused by PKCE (code injection)', async () => {
    const victim = await answered();
    const mine = await answered('pharmacist');
    const injected = changed(mine.back, { code: victim.back.searchParams.get('code') ?? '' });
    expect(await service.finish(injected, mine.attempt)).toMatchObject({ code: 'sign-in/code-refused' });
  });

  test('and verifier of somebody else are stopped by the nonce: sign-in/token-mismatch', async () => {
    const victim = await answered();
    const mine = await answered('pharmacist');
    const injected = changed(mine.back, { code: victim.back.searchParams.get('code') ?? '' });
    const { codeVerifier } = victim.attempt;
    expect(await service.finish(injected, { ...mine.attempt, codeVerifier })).toMatchObject({
      code: 'sign-in/token-mismatch',
    });
  });

  test.each(['', 'x', '%00', 'é'.repeat(2000)])('that is nonsense (%#) is refused', async (code) => {
    const { back, attempt } = await answered();
    expect(await service.finish(changed(back, { code }), attempt)).toMatchObject({ code: 'sign-in/code-refused' });
  });
});

const seconds = (): number => Math.floor(Date.now() / 1000);

describe('an identity token', () => {
  const rows: readonly (readonly [string, Omit<ForgeryOrder, 'use'>, string])[] = [
    ['unsigned (alg none)', { signature: 'none' }, 'token-invalid'],
    ['signed by our secret (HS256)', { signature: 'hs256-secret' }, 'token-invalid'],
    ['signed by their public key (HS256)', { signature: 'hs256-public' }, 'token-invalid'],
    ['signed by a stranger under their kid', { signature: 'stranger' }, 'token-invalid'],
    ['of an unknown key', { header: { kid: 'inconnu' }, signature: 'stranger' }, 'token-invalid'],
    ['that brings its own key', { header: { jwk: { kty: 'oct' } }, signature: 'stranger' }, 'token-invalid'],
    ['of another issuer', { claims: { iss: 'https://autre.exemple' } }, 'token-mismatch'],
    ['for another client', { claims: { aud: otherClient.clientId } }, 'token-mismatch'],
    ['for several, without azp', { claims: { aud: [viewerClient.clientId, 'autre'] } }, 'token-mismatch'],
    [
      'for several, given to another',
      { claims: { aud: [viewerClient.clientId, 'autre'], azp: otherClient.clientId } },
      'token-mismatch',
    ],
    ['for us, given to another', { claims: { azp: otherClient.clientId } }, 'token-mismatch'],
    ['expired', { claims: { exp: seconds() - 3600, iat: seconds() - 3700 } }, 'token-expired'],
    ['that never expires', { claims: { exp: undefined } }, 'token-'],
    ['not yet good', { claims: { nbf: seconds() + 3600 } }, 'token-expired'],
    ['of next week', { claims: { iat: seconds() + 600_000 } }, 'token-expired'],
    ['of last week', { claims: { iat: seconds() - 600_000 } }, 'token-expired'],
    ['of another nonce', { claims: { nonce: 'x'.repeat(43) } }, 'token-'],
    ['without nonce', { claims: { nonce: undefined } }, 'token-'],
    ['without subject', { claims: { sub: undefined } }, 'token-'],
    ['of an empty subject', { claims: { sub: '' } }, 'token-'],
    ['of a level that is not asked for', { claims: { acr: '0' } }, 'level-too-low'],
    ['without level', { claims: { acr: undefined } }, 'level-too-low'],
    ['that is an access token', { claims: { typ: 'Bearer' } }, 'token-invalid'],
    ['that is a logout token', { header: { typ: 'logout+jwt' } }, 'token-invalid'],
    ['with an extension that must be understood', { header: { crit: ['exemple'], exemple: 1 } }, 'token-invalid'],
  ];
  test.each(rows)('%s lets nobody in', async (_, order, code) => {
    const { back, attempt } = await answered();
    setting.psc.forge({ use: 'idtoken', ...order });
    const result = await service.finish(back, attempt);
    expect(result.kind).toBe('refused');
    expect(result).toMatchObject({ code: expect.stringContaining(`sign-in/${code}`) });
    expect(JSON.stringify(result)).not.toMatch(/EXEMPLE|899000000011|eyJ/);
  });

  test.each([
    ['for several, given to us', { aud: [viewerClient.clientId, 'autre'], azp: viewerClient.clientId }],
    ['of a higher level', { acr: 'eidas3' }],
    ['of Keycloak', { typ: 'ID', azp: viewerClient.clientId }],
  ])('%s lets in: the rows above fail for their own reason', async (_, claims) => {
    const { back, attempt } = await answered();
    setting.psc.forge({ use: 'idtoken', claims });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'signed-in' });
  });

  test('is judged by our clock: sign-in/token-expired when it is two minutes fast and more', async () => {
    const { back, attempt } = await answered();
    setting.advance(200_000);
    const result = await service.finish(back, attempt);
    setting.advance(-200_000);
    expect(result).toMatchObject({ kind: 'refused', code: 'sign-in/token-expired' });
  });
});

describe('userinfo', () => {
  test('of another subject lets nobody in: sign-in/subject-mismatch', async () => {
    const { back, attempt } = await answered();
    await setting.psc.faults.order({ kind: 'other-subject', endpoints: ['userinfo'] });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/subject-mismatch' });
  });
});

describe('discovery', () => {
  test('of another issuer is not believed: sign-in/provider-answer-invalid', async () => {
    const stranger = setting.open({ issuer: `${setting.psc.url}/auth/realms/autre` });
    expect(await stranger.begin(Date.now(), 'https://vi1.exemple/connexion/psc/retour')).toMatchObject({
      code: 'sign-in/provider-answer-invalid',
      detail: 'discovery document of another issuer',
    });
  });
});

describe('a logout token', () => {
  const good = () => ({
    iss: setting.psc.issuer,
    aud: viewerClient.clientId,
    iat: seconds(),
    exp: seconds() + 120,
    jti: crypto.randomUUID(),
    sid: 'session-exemple',
    sub: subjectOf(personas.doctor),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  });
  const header = { typ: 'logout+jwt' };
  /** Refused ones must end nothing. */
  const receiveLogout = async (token: string) => {
    let ended = 0;
    const verdict = await service.receiveLogout(token, () => Promise.resolve((ended += 1)));
    expect(ended).toBe(verdict.kind === 'logout' ? 1 : 0);
    return verdict;
  };

  test('is believed once: sign-in/logout-token-replayed', async () => {
    const token = await setting.psc.signToken(good(), header);
    expect(await receiveLogout(token)).toEqual({
      ...{
        kind: 'logout',
        provider: 'psc',
        issuer: setting.psc.issuer,
        sid: 'session-exemple',
        subject: subjectOf(personas.doctor),
      },
    });
    expect(await receiveLogout(token)).toMatchObject({ code: 'sign-in/logout-token-replayed' });
  });

  test('whose sessions could not be ended is not seen yet: the service sends it again, and then they are', async () => {
    const token = await setting.psc.signToken(good(), header);
    const away = () => Promise.reject(new DrimboxError('store/unavailable'));
    await expect(service.receiveLogout(token, away)).rejects.toMatchObject({ code: 'store/unavailable' });
    const ended: unknown[] = [];
    const verdict = await service.receiveLogout(token, (order) => Promise.resolve(ended.push(order)));
    expect(verdict).toMatchObject({ kind: 'logout', sid: 'session-exemple' });
    expect(ended).toEqual([verdict]);
    expect(await receiveLogout(token)).toMatchObject({ code: 'sign-in/logout-token-replayed' });
  });

  test('may name the person alone, or the session alone, and have the type JWT or none', async () => {
    const { sid: _, ...ofPerson } = good();
    const { sub: __, ...ofSession } = good();
    expect(await receiveLogout(await setting.psc.signToken(ofPerson, { typ: 'JWT' }))).toEqual({
      ...{ kind: 'logout', provider: 'psc', issuer: setting.psc.issuer, subject: subjectOf(personas.doctor) },
    });
    expect(await receiveLogout(await setting.psc.signToken(ofSession))).toEqual({
      ...{ kind: 'logout', provider: 'psc', issuer: setting.psc.issuer, sid: 'session-exemple' },
    });
  });

  const rows: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['of another issuer', { iss: 'https://autre.exemple' }],
    ['for another client', { aud: otherClient.clientId }],
    ['with a nonce (it is an identity token)', { nonce: 'x' }],
    ['without events', { events: undefined }],
    ['of another event', { events: { autre: {} } }],
    ['whose event is no object', { events: { 'http://schemas.openid.net/event/backchannel-logout': true } }],
    ['of nobody', { sid: undefined, sub: undefined }],
    ['without jti', { jti: undefined }],
    ['without iat', { iat: undefined }],
    ['of seven minutes ago', { iat: seconds() - 420, exp: undefined }],
    ['of more than 16 kB', { padding: 'x'.repeat(16_384) }],
    ['of an hour ago', { iat: seconds() - 3600, exp: undefined }],
    ['of tomorrow', { iat: seconds() + 86_400, exp: seconds() + 90_000 }],
    ['expired', { exp: seconds() - 60 }],
  ];
  test.each(rows)('%s ends nothing: sign-in/logout-token-invalid', async (_, changes) => {
    const token = await setting.psc.signToken({ ...good(), ...changes }, header);
    expect(await receiveLogout(token)).toMatchObject({ kind: 'refused', code: 'sign-in/logout-token-invalid' });
  });

  test.each([
    ['unsigned', (token: string) => `${token.split('.').slice(0, 2).join('.')}.`],
    ['changed', (token: string) => token.replace(/^[^.]+\.[^.]+/, (text) => `${text}A`)],
    ['empty', () => ''],
    ['no token', () => 'logout'],
    ['enormous', (token: string) => token + 'A'.repeat(100_000)],
  ])('%s ends nothing', async (_, spoil) => {
    const token = spoil(await setting.psc.signToken(good(), header));
    expect(await receiveLogout(token)).toMatchObject({ kind: 'refused', code: 'sign-in/logout-token-invalid' });
  });

  test('cannot be an access token of the same service', async () => {
    const token = await setting.psc.mintToken(personas.doctor, { clientId: viewerClient.clientId });
    expect(await receiveLogout(token)).toMatchObject({ kind: 'refused', code: 'sign-in/logout-token-invalid' });
  });

  test('whose keys cannot be had is to be sent again: the service is unavailable', async () => {
    const token = await setting.psc.signToken(good(), header);
    await setting.psc.faults.order({ kind: 'error' });
    const fresh = setting.open();
    expect(await fresh.receiveLogout(token, () => Promise.reject(new Error('ended')))).toMatchObject({
      kind: 'unavailable',
    });
  });
});
