/** Whatever comes from outside ends in a value, never in an error of a library; what people choose is checked at the start. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAnswer, checkAttempt, makeAttempt } from '../../plugin/sign-in/attempt.ts';
import { parseCivilTraits } from '../../plugin/sign-in/civil-claims.ts';
import { franceConnectAddress, pscAddress } from '../../plugin/sign-in/options.ts';
import { franceConnectOptions, pscSignInOptions, signInOptions } from '../../plugin/sign-in/index.ts';
import { parsePscUserinfo } from '../../plugin/sign-in/psc-identity.ts';
import { verifyToken } from '../../plugin/sign-in/signed-token.ts';
import { PscKeys } from '../../plugin/trust/index.ts';
import { civilClaimsOf, civilPersonas } from '../peers/franceconnect/index.ts';

const issuer = 'https://service.exemple';
const redirectUri = 'https://vi1.exemple/retour';
const randomBytes = (size: number) => Buffer.alloc(size, 7);
const attempt = makeAttempt({
  ...{ provider: 'psc', issuer, clientId: 'exemple', redirectUri, pkce: true, nowUtcMs: 0, randomBytes },
});
const keys = new PscKeys(
  { url: `${issuer}/keys`, timeoutMs: 1000, refreshMs: 60_000, maxAgeMs: 60_000 },
  () => Promise.resolve(new Response('{"keys":[{"kty":"oct","k":"AA","alg":"HS256"}]}')),
  () => 0,
);
const known = {
  kind: 'known' as const,
  keys,
  document: {
    ...{ issuer, authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t` },
    ...{ userinfo_endpoint: `${issuer}/u`, jwks_uri: `${issuer}/k` },
  },
};

test('an attempt is good for ten minutes to the millisecond, before as after', () => {
  const at = (nowUtcMs: number) => checkAttempt(attempt, { provider: 'psc', issuer, clientId: 'exemple', nowUtcMs });
  expect([at(0), at(599_999), at(-600_000)]).toEqual([undefined, undefined, undefined]);
  for (const nowUtcMs of [600_000, 600_001, -600_001]) {
    expect(at(nowUtcMs)).toMatchObject({ kind: 'refused', code: 'sign-in/attempt-expired' });
  }
});

describe('never throws, lets nobody in', () => {
  test('an answer of any parameters, without our state', () => {
    const parameter = fc.tuple(fc.constantFrom('state', 'code', 'iss', 'error', 'response', 'id_token'), fc.string());
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 8 }), (parameters) => {
        const url = new URL(redirectUri);
        for (const [name, value] of parameters) url.searchParams.append(name, value);
        expect(checkAnswer(url, attempt, known)).toMatchObject({ kind: 'refused', code: 'sign-in/state-mismatch' });
      }),
    );
  });

  test('a token of any text', async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        const verdict = await verifyToken(token, {
          ...{ issuer, clientId: 'exemple', algorithms: ['RS256', 'ES256'], keys, types: ['jwt'] },
          ...{ requiredClaims: ['sub'], clockToleranceMs: 0, nowUtcMs: 0 },
        });
        expect(verdict.kind).toBe('refused');
      }),
    );
  });

  test('userinfo of any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parsePscUserinfo(text, 'sujet').kind).not.toBe('professional');
      }),
    );
  });

  test('civil claims of any value', () => {
    const names = Object.keys(civilClaimsOf(civilPersonas.camille));
    const claims = fc.dictionary(fc.constantFrom(...names), fc.anything());
    fc.assert(
      fc.property(fc.oneof(claims, fc.anything()), (value) => {
        const traits = parseCivilTraits(value);
        for (const trait of Object.values(traits)) expect(typeof trait).toBe('string');
      }),
    );
  });
});

describe('civil claims', () => {
  test('of the RNIPP are taken one by one before the plain ones (E7); an empty commune is a value', () => {
    const claims = { birthplace: '75112', rnipp_birthplace: '', family_name: 'PLAIN', birthdate: '1985-03-21' };
    expect(parseCivilTraits(claims)).toEqual({
      ...{ birthName: 'PLAIN', givenNames: '', birthDate: '1985-03-21', gender: 'unspecified' },
      ...{ birthPlace: '', birthCountry: '' },
    });
  });

  test('never come from the used name', () => {
    expect(parseCivilTraits({ preferred_username: 'EXEMPLE' }).birthName).toBe('');
  });
});

describe('userinfo of a professional', () => {
  const good = { sub: 'sujet', SubjectNameID: '899000000011', family_name: 'EXEMPLE', given_name: 'Camille' };
  const read = (changes: object) => parsePscUserinfo(JSON.stringify({ ...good, ...changes }), 'sujet');

  test('names the person by SubjectNameID, else by preferred_username', () => {
    expect(read({ preferred_username: 'autre' })).toMatchObject({ professional: { nationalId: '899000000011' } });
    const { SubjectNameID: _, ...without } = good;
    const text = JSON.stringify({ ...without, preferred_username: '899000000029' });
    expect(parsePscUserinfo(text, 'sujet')).toMatchObject({ professional: { nationalId: '899000000029' } });
  });

  test.each([
    ['no identifier', { SubjectNameID: undefined }],
    ['an identifier that is no identifier', { SubjectNameID: 'a b' }],
    ['an identifier of another type', { SubjectNameID: 899000000011 }],
    ['no family name', { family_name: undefined }],
    ['an invisible family name', { family_name: '\u200B\u202E' }],
  ])('with %s is nobody: sign-in/identity-incomplete', (_, changes) => {
    expect(read(changes)).toMatchObject({ kind: 'refused', code: 'sign-in/identity-incomplete' });
  });

  test('is shown without signs that turn or hide text', () => {
    expect(read({ family_name: ' EX\u202EEMPLE\n ' })).toMatchObject({ professional: { familyName: 'EX EMPLE' } });
  });
});

test('an attempt of a client that the configuration no longer has is refused', () => {
  const rules = { provider: 'psc' as const, issuer, clientId: 'exemple', nowUtcMs: 1000 };
  expect(checkAttempt(attempt, rules)).toBeUndefined();
  expect(checkAttempt(attempt, { ...rules, clientId: 'nouveau' })).toMatchObject({ code: 'sign-in/issuer-mismatch' });
});

describe('options', () => {
  const psc = { environment: 'bas', clientId: 'exemple', clientSecretFile: '/secret' } as const;
  const clients = [{ hosts: ['vi1.exemple'], clientId: 'exemple', clientSecretFile: '/secret' }];
  const civil = { environment: 'integration', clients, encryptionKeyFiles: ['/cle.pem'] } as const;
  const custom = { environment: 'custom', issuer, discoveryUrl: `${issuer}/doc` } as const;

  test('pin the issuers of each environment (facts/identity.md 1.1, 3.1)', () => {
    expect(pscAddress(pscSignInOptions.parse(psc))).toEqual({
      issuer: 'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet',
      discoveryUrl:
        'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet/.well-known/wallet-openid-configuration',
    });
    expect(pscAddress(pscSignInOptions.parse({ ...psc, environment: 'production' })).issuer).toBe(
      'https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet',
    );
    expect(franceConnectAddress(franceConnectOptions.parse(civil))).toEqual({
      issuer: 'https://auth.integ01.dev-franceconnect.fr/api/v2',
      discoveryUrl: 'https://auth.integ01.dev-franceconnect.fr/api/v2/.well-known/openid-configuration',
    });
    expect(franceConnectAddress(franceConnectOptions.parse({ ...civil, environment: 'production' })).issuer).toBe(
      'https://auth.franceconnect.gouv.fr/api/v2',
    );
    expect(franceConnectAddress(franceConnectOptions.parse({ ...civil, ...custom })).issuer).toBe(issuer);
  });

  test('of neither service, one or both are good: who is absent is not offered', () => {
    expect(signInOptions.parse({})).toMatchObject({ sessions: { idleMinutes: 30 } });
    expect(signInOptions.parse({ proSanteConnect: psc, franceConnect: civil })).toHaveProperty(
      'franceConnect.level',
      'eidas2',
    );
  });

  test.each([
    ['an issuer of our own in production', { ...psc, environment: 'production', issuer }],
    ['custom without a document', { ...psc, environment: 'custom', issuer }],
    ['neither secret nor certificate', { ...psc, clientSecretFile: undefined }],
    ['secret and certificate', { ...psc, certificateFile: '/c', keyFile: '/k' }],
    ['a certificate without key', { environment: 'bas', clientId: 'x', certificateFile: '/c' }],
    ['plain HTTP', { ...psc, ...custom, discoveryUrl: 'http://service.exemple/doc' }],
    ['a scope without openid', { ...psc, scope: 'scope_all' }],
    ['symmetric signatures', { ...psc, algorithms: ['HS256'] }],
  ])('of Pro Santé Connect with %s are refused', (_, options) => {
    expect(pscSignInOptions.safeParse(options).success).toBe(false);
  });

  test.each([
    ['a host named twice', { ...civil, clients: [...clients, ...clients] }],
    ['a host with a port', { ...civil, clients: [{ ...clients[0], hosts: ['vi1.exemple:443'] }] }],
    ['no key', { ...civil, encryptionKeyFiles: [] }],
    ['claims that are no JSON', { ...civil, claims: '{' }],
    ['claims that are no object', { ...civil, claims: '[]' }],
    ['a low level', { ...civil, level: 'eidas1' }],
  ])('of FranceConnect+ with %s are refused', (_, options) => {
    expect(franceConnectOptions.safeParse(options).success).toBe(false);
  });
});
