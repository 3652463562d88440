/** The header of a request and the memory of tokens: what needs no Pro Santé Connect. Tokens are invented. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBearerCredentials } from '../../plugin/trust/bearer-credentials.ts';
import { PscKeys } from '../../plugin/trust/psc-keys.ts';
import { TokenCache } from '../../plugin/trust/token-cache.ts';
import { parseRoles, readTokenFacts } from '../../plugin/trust/token-facts.ts';
import { precheckToken } from '../../plugin/trust/token-precheck.ts';

const limit = 16_384;
const missing = { kind: 'refused', code: 'trust/token-missing' };
const malformed = { kind: 'refused', code: 'trust/token-malformed' };

describe('the Authorization header (RFC 6750)', () => {
  test.each([['Bearer abc.def-_~+/='], ['bearer abc.def-_~+/='], ['BEARER   abc.def-_~+/= ']])(
    '%j carries a token, whatever the case of the scheme',
    (header) => {
      expect(parseBearerCredentials(header, limit)).toMatchObject({ kind: 'token', token: 'abc.def-_~+/=' });
      expect(parseBearerCredentials([header], limit)).toMatchObject({ kind: 'token' });
    },
  );

  test.each([[undefined], [[]], [''], ['Basic YTpi'], ['Digest x'], ['Bearerabc'], ['abc']])(
    '%j has no token',
    (header) => {
      expect(parseBearerCredentials(header, limit)).toEqual(missing);
    },
  );

  test.each([
    ['Bearer'],
    ['Bearer '],
    ['Bearer a b'],
    ['Bearer a, Bearer b'],
    ['Bearer\ta'],
    ['Bearer é'],
    ['Bearer a=b'],
    ['Bearer "a"'],
    [['Bearer a', 'Bearer b']],
    [['Bearer a', 'Bearer a']],
    [`Bearer ${'a'.repeat(limit + 1)}`],
    [`Bearer ${' '.repeat(100_000)}a`],
  ])('%j is malformed: one header, one token, nothing beside it', (header) => {
    expect(parseBearerCredentials(header, limit)).toEqual(malformed);
  });

  test('a token as long as allowed passes, and its hash tells tokens apart', () => {
    const token = 'a'.repeat(limit);
    const [first, second] = [token, `b${token.slice(1)}`].map((text) =>
      parseBearerCredentials(`Bearer ${text}`, limit),
    );
    expect(first).toMatchObject({ kind: 'token', hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(second).not.toEqual(first);
  });
});

describe('memory', () => {
  test('is bounded: the least recently used goes', () => {
    const cache = new TokenCache<number>(3);
    for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index, 0, 100);
    expect(cache.get('a', 1)).toBe(0);
    cache.set('d', 3, 1, 100);
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key, 2))).toEqual([0, undefined, 2, 3]);
    expect(cache.size).toBe(3);
  });

  test('ends at its time, not after; what is past is not kept', () => {
    const cache = new TokenCache<string>(3);
    cache.set('a', 'x', 10, 20);
    expect(cache.get('a', 19)).toBe('x');
    expect(cache.get('a', 20)).toBeUndefined();
    expect(cache.size).toBe(0);
    cache.set('b', 'y', 10, 10);
    expect(cache.size).toBe(0);
  });
});

/** Keys that are never there. */
const noKeys = (): PscKeys =>
  new PscKeys(
    { url: 'https://psc.exemple/certs', timeoutMs: 1000, refreshMs: 60_000, maxAgeMs: 60_000 },
    () => Promise.reject(new Error('no network here')),
    () => 0,
  );
const options = {
  issuer: 'https://psc.exemple',
  algorithms: ['RS256'],
  clockToleranceMs: 0,
  allowOpaqueTokens: false,
  allowInsecureMissingKeys: false,
};

describe('the check before introspection', () => {
  test('never throws, whatever stands in a token, and accepts none without its keys', async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.record({ alg: fc.anything(), kid: fc.anything(), typ: fc.anything(), crit: fc.anything() }).map(encode),
      fc
        .record({
          iss: fc.constantFrom('https://psc.exemple', 7),
          exp: fc.oneof(fc.double(), fc.string()),
          typ: fc.anything(),
        })
        .map(encode),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const verdict = await precheckToken(parts.join('.'), noKeys(), options, 0);
        expect(['refused', 'unavailable']).toContain(verdict.kind);
      }),
    );
  });

  test('an encrypted token (five parts) is malformed', async () => {
    expect(await precheckToken('a.b.c.d.e', noKeys(), { ...options, allowOpaqueTokens: true }, 0)).toEqual(malformed);
  });
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');

describe('the answer of introspection', () => {
  const expected = { issuer: 'https://psc.exemple', clockToleranceMs: 0 };
  const good = { active: true, exp: 100, azp: 'exemple', SubjectNameID: '899000000011' };

  test('SubjectNameID goes before preferred_username (facts/identity.md 1.8)', () => {
    const answer = { ...good, preferred_username: '899000000029' };
    expect(readTokenFacts(answer, undefined, expected, 0)).toMatchObject({ nationalId: '899000000011' });
    expect(readTokenFacts({ ...answer, SubjectNameID: null }, undefined, expected, 0)).toMatchObject({
      nationalId: '899000000029',
    });
  });

  test.each([[''], ['  '], ['8990\n'], ['a b'], ['x'.repeat(65)], [7], [{}], ['<script>']])(
    'an identity like %j is none',
    (identity) => {
      expect(readTokenFacts({ ...good, SubjectNameID: identity }, undefined, expected, 0)).toEqual({
        kind: 'refused',
        code: 'trust/token-no-identity',
      });
    },
  );

  test('an answer about another token, without end or without software is no answer', () => {
    const claims = { iss: 'https://psc.exemple', exp: 100, jti: '1', azp: 'exemple', sub: 's' };
    const wrong = [
      { ...good, jti: '2' },
      { ...good, azp: 'autre' },
      { ...good, sub: 't' },
    ];
    for (const answer of wrong) {
      expect(readTokenFacts(answer, claims, expected, 0)).toMatchObject({ code: 'trust/psc-answer-invalid' });
    }
    expect(readTokenFacts({ ...good, exp: null }, undefined, expected, 0)).toMatchObject({ detail: 'no exp' });
    expect(readTokenFacts({ ...good, azp: null }, undefined, expected, 0)).toMatchObject({ detail: 'no azp' });
  });

  test.each([
    [{ exp: 1 }, 'trust/token-expired'],
    [{ nbf: 50 }, 'trust/token-not-yet-valid'],
    [{ typ: 'Refresh' }, 'trust/token-kind-refused'],
    [{ iss: 'https://autre.exemple' }, 'trust/token-issuer-unknown'],
    [{ active: false }, 'trust/token-inactive'],
  ])('%j: %s, although PSC may say active', (change, code) => {
    expect(readTokenFacts({ ...good, ...change }, undefined, expected, 10_000)).toEqual({ kind: 'refused', code });
  });

  test('roles are a code and its table; anything else is left out', () => {
    expect(parseRoles(['10^1.2.250.1.213.1.1.5.5', '10', 7, '<^1', '21^1.2'])).toEqual([
      '10^1.2.250.1.213.1.1.5.5',
      '21^1.2',
    ]);
    expect(parseRoles('10^1.2')).toEqual(['10^1.2']);
    expect(parseRoles(undefined)).toEqual([]);
  });
});
