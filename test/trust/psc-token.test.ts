import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TokenVerdict, TokenVerifier } from '../../plugin/trust/index.ts';
import { openPscSetting, type PscSetting } from '../fixtures/trust/psc-setting.ts';
import { exampleClients, makeSigningKey, personas, type MintOptions, type Persona } from '../peers/psc/index.ts';

let setting: PscSetting;
const bearer = (token: string): string => `Bearer ${token}`;
const introspections = (): number => setting.psc.log.filter(({ endpoint }) => endpoint === 'introspection').length;
const mint = (persona: Persona = personas.doctor, options: MintOptions = {}): Promise<string> =>
  setting.psc.mintToken(persona, options);
const verify = (verifier: TokenVerifier, token: string): Promise<TokenVerdict> =>
  verifier.verify({ authorization: bearer(token) });

beforeAll(async () => {
  setting = await openPscSetting();
});
afterEach(() => setting.psc.faults.clear());
afterAll(() => setting.stop());

describe('a token of Pro Santé Connect', () => {
  test('is accepted when introspection calls it active; the audit gets identity and azp (E4, DB.SO.34)', async () => {
    const token = await mint();
    const verdict = await verify(setting.verifier(), token);
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
    expect(verdict).toEqual({
      kind: 'accepted',
      professional: {
        nationalId: personas.doctor.nationalId,
        clientId: exampleClients.consumer.clientId,
        expiresAtUtcMs: exp * 1000,
      },
      binding: 'absent',
    });
  });

  test('names a test identity too (facts/identity.md 1.5)', async () => {
    expect(await verify(setting.verifier(), await mint(personas.edit))).toMatchObject({
      kind: 'accepted',
      professional: { nationalId: personas.edit.nationalId },
    });
  });

  test('is accepted with tls_client_auth, the only way of the trust space (facts/identity.md 1.3)', async () => {
    const { certificateFile, keyFile } = setting.ca.structures['1990000001']?.authCli ?? {
      certificateFile: '',
      keyFile: '',
    };
    const verifier = setting.verifier({ clientId: 'drimbox-mtls-exemple', certificateFile, keyFile });
    expect(await verify(verifier, await mint())).toMatchObject({ kind: 'accepted' });
  });
});

describe('a token that is refused', () => {
  const other = makeSigningKey('autre');
  const rows: readonly (readonly [string, () => MintOptions, string])[] = [
    [
      'another issuer, signed with the right key,',
      () => ({ claims: { iss: 'https://autre.exemple/realm' } }),
      'trust/token-issuer-unknown',
    ],
    [
      'the issuer with a slash more (it is pinned to the letter)',
      () => ({ claims: { iss: `${setting.psc.issuer}/` } }),
      'trust/token-issuer-unknown',
    ],
    ['expired', () => ({ claims: { exp: 1_000_000_000 } }), 'trust/token-expired'],
    ['not valid yet', () => ({ claims: { nbf: 9_999_999_999 } }), 'trust/token-not-yet-valid'],
    ['an identity token', () => ({ claims: { typ: 'ID' } }), 'trust/token-kind-refused'],
    ['a refresh token', () => ({ claims: { typ: 'Refresh' } }), 'trust/token-kind-refused'],
    ['a logout token by its header', () => ({ header: { typ: 'logout+jwt' } }), 'trust/token-kind-refused'],
    ['a key that PSC does not have', () => ({ signingKey: other }), 'trust/token-signature-invalid'],
    ['without kid where several keys fit', () => ({ header: { kid: undefined } }), 'trust/token-signature-invalid'],
    ['exp that is no number', () => ({ claims: { exp: 'demain' } }), 'trust/token-malformed'],
    ['no exp', () => ({ claims: { exp: undefined } }), 'trust/token-malformed'],
  ];
  test.each(rows)('%s is refused before PSC is asked', async (_, options, code) => {
    const before = introspections();
    expect(await verify(setting.verifier(), await mint(personas.doctor, options()))).toEqual({ kind: 'refused', code });
    expect(introspections()).toBe(before);
  });

  const parts = async (): Promise<readonly [string, string, string]> => {
    const [header = '', payload = '', signature = ''] = (await mint()).split('.');
    return [header, payload, signature];
  };
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('cut anywhere, a token is refused before PSC is asked', async () => {
    const verifier = setting.verifier();
    const token = await mint();
    const before = introspections();
    for (let length = 1; length < token.length; length += 1) {
      const verdict = await verify(verifier, token.slice(0, length));
      expect(verdict).toMatchObject({ kind: 'refused', code: expect.stringMatching(/malformed|signature-invalid/) });
    }
    expect(introspections()).toBe(before);
  });

  test('an unknown critical header is refused (RFC 7515 4.1.11)', async () => {
    const [, payload, signature] = await parts();
    const { kid } = setting.psc.publicKey();
    const header = { alg: 'RS256', typ: 'JWT', kid, crit: ['exemple'], exemple: 1 };
    const token = [encode(header), payload, signature].join('.');
    expect(await verify(setting.verifier(), token)).toEqual({ kind: 'refused', code: 'trust/token-signature-invalid' });
  });

  test('expiry is tolerated for as long as clocks may differ, and no longer', async () => {
    const exp = Math.floor(setting.now() / 1000) - 20;
    const token = await mint(personas.doctor, { claims: { exp } });
    // PSC, whose clock is ours here, gives its own later `exp`: the earlier one of the two counts.
    expect(await verify(setting.verifier(), token)).toMatchObject({ kind: 'accepted' });
    expect(await verify(setting.verifier({ clockToleranceMs: 10_000 }), token)).toEqual({
      kind: 'refused',
      code: 'trust/token-expired',
    });
  });

  test('alg none is refused, with or without a signature (RFC 8725)', async () => {
    const [, payload, signature] = await parts();
    for (const tail of ['', signature]) {
      const token = [encode({ alg: 'none', typ: 'JWT' }), payload, tail].join('.');
      expect(await verify(setting.verifier(), token)).toEqual({
        kind: 'refused',
        code: 'trust/token-signature-invalid',
      });
    }
  });

  test('HS256 keyed with the public key of PSC is refused (RFC 8725 2.1)', async () => {
    const [, payload] = await parts();
    const { pem, kid } = setting.psc.publicKey();
    for (const header of [
      { alg: 'HS256', typ: 'JWT', kid },
      { alg: 'HS256', typ: 'JWT' },
    ]) {
      const signed = `${encode(header)}.${payload}`;
      const token = `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
      expect(await verify(setting.verifier(), token)).toEqual({
        kind: 'refused',
        code: 'trust/token-signature-invalid',
      });
    }
  });

  test('changed claims under the old signature are refused', async () => {
    const [header, payload, signature] = await parts();
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const token = [header, encode({ ...claims, preferred_username: '899000000099' }), signature].join('.');
    expect(await verify(setting.verifier(), token)).toEqual({ kind: 'refused', code: 'trust/token-signature-invalid' });
  });

  test('well made but ended by PSC: inactive', async () => {
    const token = await mint();
    await setting.psc.revoke(token);
    expect(await verify(setting.verifier(), token)).toEqual({ kind: 'refused', code: 'trust/token-inactive' });
  });

  test('an account without national identity is refused: the audit must name somebody (E4)', async () => {
    const token = await mint(personas.withoutIdentity);
    expect(await verify(setting.verifier(), token)).toEqual({ kind: 'refused', code: 'trust/token-no-identity' });
  });

  test('an opaque token is malformed unless the option lets PSC judge it', async () => {
    const opaque = 'jeton-opaque-exemple';
    expect(await verify(setting.verifier(), opaque)).toEqual({ kind: 'refused', code: 'trust/token-malformed' });
    const lenient = setting.verifier({ allowOpaqueTokens: true });
    expect(await verify(lenient, opaque)).toEqual({ kind: 'refused', code: 'trust/token-inactive' });
  });

  test('introspection that names another issuer is refused', async () => {
    await setting.psc.faults.order({ kind: 'other-issuer' });
    expect(await verify(setting.verifier(), await mint())).toEqual({
      kind: 'refused',
      code: 'trust/token-issuer-unknown',
    });
  });
});

describe('memory of tokens', () => {
  test('a revoked token is served until the cache ends, not after (facts/identity.md 1.8)', async () => {
    const verifier = setting.verifier({ cacheMs: 30_000 });
    const token = await mint();
    expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted' });
    await setting.psc.revoke(token);
    setting.advance(29_000);
    expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted' });
    setting.advance(2_000);
    expect(await verify(verifier, token)).toEqual({ kind: 'refused', code: 'trust/token-inactive' });
    setting.advance(-31_000);
  });

  test('a token that ends sooner than the cache is asked again at its end', async () => {
    const verifier = setting.verifier({ clockToleranceMs: 0 });
    const token = await mint(personas.doctor, { expiresInSeconds: 10 });
    expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted' });
    setting.advance(11_000);
    expect(await verify(verifier, token)).toEqual({ kind: 'refused', code: 'trust/token-expired' });
    setting.advance(-11_000);
  });

  test('a clock that goes backwards does not prolong it', async () => {
    const verifier = setting.verifier();
    const token = await mint();
    await verify(verifier, token);
    const before = introspections();
    setting.advance(-5_000);
    expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted' });
    expect(introspections()).toBe(before + 1);
    setting.advance(5_000);
  });

  test('a hundred requests with one token ask once; with none remembered, each asks', async () => {
    const verifier = setting.verifier();
    const token = await mint();
    const before = introspections();
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => verify(verifier, token)));
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['accepted']));
    expect(introspections()).toBe(before + 1);
    const forgetful = setting.verifier({ cacheMs: 0 });
    await verify(forgetful, token);
    await verify(forgetful, token);
    expect(introspections()).toBe(before + 3);
  });

  test('a flood of one bad token asks PSC once in two seconds', async () => {
    const verifier = setting.verifier();
    const token = await mint();
    await setting.psc.revoke(token);
    const before = introspections();
    for (let time = 0; time < 20; time += 1) await verify(verifier, token);
    expect(introspections()).toBe(before + 1);
    setting.advance(2_500);
    await verify(verifier, token);
    expect(introspections()).toBe(before + 2);
    setting.advance(-2_500);
  });
});

test('a token that another key of the trust space signed is worth nothing, whatever it says', async () => {
  const { privateKey, kid } = makeSigningKey(setting.psc.publicKey().kid);
  const token = await new SignJWT({ iss: setting.psc.issuer, sub: 'x', typ: 'Bearer', azp: 'x', exp: 9_999_999_999 })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(privateKey);
  expect(await verify(setting.verifier(), token)).toEqual({ kind: 'refused', code: 'trust/token-signature-invalid' });
});
