/**
 * Identity tokens made by hand, each good but for one thing, and what an attacker may change on the way there: the signature
 * under other names, keys that come with the token, the challenge of PKCE, tokens in the address.
 *
 * @see RFC 8725 (JSON Web Token best practices) · RFC 9700 §2.1.1, §4.5, §4.8
 */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ProSanteConnect, SignInAttempt } from '../../plugin/sign-in/index.ts';
import { choosePersona } from '../fixtures/sign-in/browser.ts';
import { openPscSignInSetting, type PscSignInSetting, viewerClient } from '../fixtures/sign-in/psc-sign-in-setting.ts';
import { personas, subjectOf } from '../peers/psc/index.ts';

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

const answered = async (
  by: ProSanteConnect = service,
  change: (url: URL) => void = () => undefined,
): Promise<{ back: URL; attempt: SignInAttempt }> => {
  const { url, attempt } = await setting.begin(by);
  const changed = new URL(url);
  change(changed);
  return { back: await choosePersona(setting.browser(), changed.href, 'doctor'), attempt };
};

const encode = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');
const seconds = (): number => Math.floor(Date.now() / 1000);

const claimsFor = (attempt: SignInAttempt): object => ({
  iss: setting.psc.issuer,
  aud: viewerClient.clientId,
  sub: subjectOf(personas.doctor),
  nonce: attempt.nonce,
  acr: 'eidas1',
  iat: seconds(),
  exp: seconds() + 60,
});

type Header = Readonly<Record<string, unknown>>;
type Maker = (attempt: SignInAttempt) => string | Promise<string>;

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const strangerJwk = stranger.publicKey.export({ format: 'jwk' });

const make = (header: Header, attempt: SignInAttempt, signWith: (input: string) => Buffer): string => {
  const input = `${encode(header)}.${encode(claimsFor(attempt))}`;
  return `${input}.${signWith(input).toString('base64url')}`;
};
const byStranger =
  (header: Header, key: KeyObject = stranger.privateKey): Maker =>
  (attempt) =>
    make({ alg: 'RS256', ...header }, attempt, (input) => sign('sha256', Buffer.from(input), key));
const byHmac =
  (header: Header, secret: () => string | Buffer | Promise<string | Buffer>): Maker =>
  async (attempt) => {
    const key = await secret();
    return make({ alg: 'HS256', ...header }, attempt, (input) => createHmac('sha256', key).update(input).digest());
  };
const unsigned =
  (header: Header): Maker =>
  (attempt) =>
    make(header, attempt, () => Buffer.alloc(0));

/** What the service publishes: its first key, as the attacker has it too. */
const publishedKey = async (): Promise<Readonly<Record<string, string>>> => {
  const { text } = await setting.browser()(`${setting.psc.issuer}/protocol/openid-connect/certs`);
  const [key] = (JSON.parse(text) as { keys: Record<string, string>[] }).keys;
  if (key === undefined) throw new Error('no key is published');
  return key;
};

/** The token endpoint gives this token, whatever code it gets. */
const giveToken = async (attempt: SignInAttempt, maker: Maker, by = service, back?: URL) => {
  const idToken = await maker(attempt);
  const body = { access_token: 'invented', token_type: 'Bearer', id_token: idToken };
  await setting.psc.faults.order({ kind: 'nonsense-json', endpoints: ['token'], body });
  const result = await by.finish(back ?? new URL('https://nowhere.exemple'), attempt);
  expect(JSON.stringify(result)).not.toMatch(/EXEMPLE|899000000011|eyJ/);
  return result;
};

describe('a token made by hand', () => {
  test('of the key of the service, whose claims are as below, is believed: the rows fail for their own reason', async () => {
    const { back, attempt } = await answered();
    const good: Maker = () => setting.psc.signToken({ ...claimsFor(attempt) });
    // The access token beside it is invented: that is found out at userinfo, later than any identity token.
    const result = await giveToken(attempt, good, service, back);
    expect(result).toMatchObject({ kind: 'unavailable', code: 'sign-in/provider-refused-us' });
  });

  const rows: readonly (readonly [string, Maker])[] = [
    ...['none', 'None', 'NONE', 'nOnE', '', 'null'].map((alg) => [`unsigned (alg ${alg})`, unsigned({ alg })] as const),
    ['unsigned, without alg', unsigned({})],
    ['unsigned, of a list of algorithms', unsigned({ alg: ['RS256', 'none'] })],
    ['that says RS256 and has no signature', unsigned({ alg: 'RS256' })],
    ['of a stranger under an empty kid', byStranger({ kid: '' })],
    ['of a stranger under a kid that is a path', byStranger({ kid: '../../../../dev/null' })],
    ['of a stranger under a kid that is SQL', byStranger({ kid: "x' OR '1'='1" })],
    ['of a stranger under a kid that is an address', byStranger({ kid: 'https://mechant.exemple/jwks' })],
    ['of a stranger under a kid that is a prototype', byStranger({ kid: '__proto__' })],
    ['of a stranger under a kid that is no text', byStranger({ kid: { $ne: null } })],
    ['of a stranger who brings the key', byStranger({ jwk: strangerJwk })],
    ['of a stranger who says where the key is (jku)', byStranger({ jku: 'https://mechant.exemple/jwks', kid: 'x' })],
    ['of a stranger who says where the certificate is (x5u)', byStranger({ x5u: 'https://mechant.exemple/cert.pem' })],
    ['of a stranger who brings a certificate (x5c)', byStranger({ x5c: ['MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A'] })],
    ['signed by nothing (HS256 of an empty key)', byHmac({}, () => '')],
    ['signed by their public key, as JWK', byHmac({}, async () => JSON.stringify(await publishedKey()))],
    [
      'signed by the modulus of their key',
      byHmac({}, async () => Buffer.from((await publishedKey())['n'] ?? '', 'base64url')),
    ],
    ['signed by our secret, under their kid', byHmac({ kid: 'x' }, () => viewerClient.secret)],
    ['of another algorithm by the right family', byStranger({ alg: 'RS512' })],
    ['of PSS by the right family', byStranger({ alg: 'PS256' })],
    ['in JSON, not compact', (attempt) => JSON.stringify({ payload: encode(claimsFor(attempt)), signatures: [] })],
    [
      'detached',
      async (attempt) => (await byStranger({ b64: false, crit: ['b64'] })(attempt)).replace(/\.[^.]+\./, '..'),
    ],
  ];
  test.each(rows)('%s lets nobody in: sign-in/token-invalid', async (_, maker) => {
    const { back, attempt } = await answered();
    const result = await giveToken(attempt, maker, service, back);
    expect(result).toMatchObject({ kind: 'refused', code: 'sign-in/token-invalid' });
  });

  const published: readonly (readonly [string, () => object, Maker])[] = [
    [
      'a secret (oct), as if it signed',
      () => ({ kty: 'oct', k: encode('0123456789'), kid: 'oct', alg: 'HS256' }),
      byHmac({ kid: 'oct' }, () => Buffer.from(encode('0123456789'), 'base64url')),
    ],
    [
      'a key for encryption',
      () => ({ ...strangerJwk, kid: 'enc', use: 'enc', alg: 'RSA-OAEP-256' }),
      byStranger({ kid: 'enc' }),
    ],
    [
      'a key of another algorithm',
      () => ({ ...strangerJwk, kid: 'ps', use: 'sig', alg: 'PS512' }),
      byStranger({ kid: 'ps' }),
    ],
  ];
  test.each(published)('is not believed by what is published as %s', async (_, key, maker) => {
    const fresh = setting.open();
    const { back, attempt } = await answered(fresh);
    const idToken = await maker(attempt);
    await setting.psc.faults.order({
      kind: 'nonsense-json',
      endpoints: ['token', 'keys'],
      // One body for both: each reads its own fields.
      body: { keys: [key()], access_token: 'invented', token_type: 'Bearer', id_token: idToken },
    });
    expect(await fresh.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/token-invalid' });
  });

  const tokens: readonly (readonly [string, object])[] = [
    ['without an identity token', { access_token: 'invented', token_type: 'Bearer' }],
    ['whose identity token is an object', { access_token: 'invented', token_type: 'Bearer', id_token: {} }],
    ['of another kind (DPoP)', { access_token: 'invented', token_type: 'DPoP', id_token: 'a.b.c' }],
    ['without a kind', { access_token: 'invented', id_token: 'a.b.c' }],
    ['that say nothing', {}],
  ];
  test.each(tokens)('tokens %s let nobody in', async (_, body) => {
    const { back, attempt } = await answered();
    await setting.psc.faults.order({ kind: 'nonsense-json', endpoints: ['token'], body });
    expect(await service.finish(back, attempt)).toMatchObject({
      code: expect.stringMatching(/^sign-in\/(token-invalid|provider-answer-invalid|provider-refused-us)$/),
    });
  });
});

describe('claims that are almost right', () => {
  const issuer = (change: (issuer: string) => string) => () => ({ iss: change(setting.psc.issuer) });
  const rows: readonly (readonly [string, () => Readonly<Record<string, unknown>>])[] = [
    ['of the issuer with a slash', issuer((text) => `${text}/`)],
    ['of the issuer in capitals', issuer((text) => text.toUpperCase())],
    ['of the issuer without TLS', issuer((text) => text.replace('https:', 'http:'))],
    ['of several issuers', () => ({ iss: [setting.psc.issuer] })],
    ['for a client that begins like us', () => ({ aud: `${viewerClient.clientId}-autre` })],
    ['for nobody in particular', () => ({ aud: [] })],
    ['for everybody', () => ({ aud: '*' })],
    ['with a nonce of another type', () => ({ nonce: ['x'] })],
    ['whose subject is a number', () => ({ sub: 899000000011 })],
    ['whose level is a list', () => ({ acr: ['eidas1', 'eidas0'] })],
    ['whose level is the one above in other letters', () => ({ acr: 'EIDAS3' })],
    ['whose end is a text', () => ({ exp: '9999999999' })],
  ];
  test.each(rows)('%s let nobody in', async (_, claims) => {
    const { back, attempt } = await answered();
    setting.psc.forge({ use: 'idtoken', claims: claims() });
    const result = await service.finish(back, attempt);
    expect(result.kind).toBe('refused');
    expect(JSON.stringify(result)).not.toMatch(/EXEMPLE|899000000011|eyJ/);
  });
});

describe('the way there', () => {
  test.each([
    ['without the challenge', ['code_challenge', 'code_challenge_method'], {}],
    ['with the challenge in clear', [], { code_challenge_method: 'plain' }],
  ] as const)('%s (PKCE downgrade) ends at the service, and what it says lets nobody in', async (_, gone, changes) => {
    const { url, attempt } = await setting.begin(service);
    const changed = new URL(url);
    for (const name of gone) changed.searchParams.delete(name);
    for (const [name, value] of Object.entries(changes)) changed.searchParams.set(name, value);
    const { location } = await setting.browser()(changed);
    expect(await service.finish(new URL(location), attempt)).toMatchObject({ code: 'sign-in/provider-refused-us' });
    const withCode = new URL(location);
    withCode.searchParams.delete('error');
    withCode.searchParams.set('code', 'x'.repeat(43));
    expect(await service.finish(withCode, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('with another challenge gives a code that our verifier does not open', async () => {
    const { back, attempt } = await answered(service, ({ searchParams }) => {
      searchParams.set('code_challenge', 'x'.repeat(43));
    });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('without verifier the code is worth nothing: an attempt that lost it lets nobody in', async () => {
    const { back, attempt } = await answered();
    const { codeVerifier: _, ...rest } = attempt;
    expect(await service.finish(back, rest)).toMatchObject({ kind: 'refused', code: 'sign-in/code-refused' });
  });

  test('with a lower level asked for is found out by the level of the token', async () => {
    const { back, attempt } = await answered(service, ({ searchParams }) => {
      searchParams.delete('acr_values');
    });
    setting.psc.forge({ use: 'idtoken', claims: { acr: '1' } });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/level-too-low' });
  });

  test('with another nonce is found out by the nonce of the token', async () => {
    const { back, attempt } = await answered(service, ({ searchParams }) => {
      searchParams.set('nonce', 'x'.repeat(43));
    });
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/token-mismatch' });
  });
});

describe('the way back', () => {
  test('with our own iss, and another one behind it, sends its code nowhere', async () => {
    const { back, attempt } = await answered();
    back.searchParams.append('iss', 'https://autre.exemple');
    expect(await service.finish(back, attempt)).toMatchObject({ kind: 'refused', code: 'sign-in/issuer-mismatch' });
  });

  test.each(['id_token', 'access_token', 'token_type', 'response'])(
    'with a %s in the address signs in nobody but who signed in there',
    async (name) => {
      const { back, attempt } = await answered();
      back.searchParams.set(name, await unsigned({ alg: 'none' })({ ...attempt, nonce: 'x' }));
      const result = await service.finish(back, attempt);
      if (result.kind === 'signed-in') expect(result.who).toMatchObject({ nationalId: personas.doctor.nationalId });
      else expect(result.code).toMatch(/^sign-in\//);
    },
  );
});
