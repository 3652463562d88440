/** Cookies, tokens of forms and where a request comes from (issue "viewer", entry 5). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildClearCookie,
  buildCsrfToken,
  buildSetCookie,
  CookieName,
  encodeSecret,
  isCsrfToken,
  isOwnOrigin,
  isSecret,
  parseCookie,
} from '../../plugin/sign-in/index.ts';
import { digestOf, openContent, sealContent } from '../../plugin/sign-in/sealed-content.ts';

const bytes = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (first + at * 37) % 256);
const secret = encodeSecret(bytes(1));
const other = encodeSecret(bytes(2));
const { session, browser } = CookieName;

describe('a cookie', () => {
  test('is of this host alone, over TLS, hidden from scripts, and comes back from the provider (Lax)', () => {
    expect(buildSetCookie(session, secret)).toBe(`__Host-drimbox=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax`);
    expect(buildSetCookie(browser, secret)).toMatch(/^__Host-drimbox-browser=/);
    expect(buildClearCookie(session)).toBe('__Host-drimbox=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax');
  });

  test('holds a secret of 32 bytes and nothing else', () => {
    expect(() => buildSetCookie(session, 'x; Domain=exemple.fr')).toThrow(TypeError);
    expect(() => encodeSecret(new Uint8Array(31))).toThrow(TypeError);
    expect(() => encodeSecret(new Uint8Array(33))).toThrow(TypeError);
  });

  test('is read from among others, whatever the spaces', () => {
    for (const header of [
      `${session}=${secret}`,
      `a=b; ${session}=${secret}`,
      `a=b;${session}=${secret};c`,
      `\t${session}=${secret} ; ${browser}=${other}`,
      `${browser}=${other}; ${session}=${secret}; ; =`,
    ])
      expect([header, parseCookie(header, session)]).toEqual([header, secret]);
    expect(parseCookie(`${browser}=${other}; ${session}=${secret}`, browser)).toBe(other);
  });

  test.each<[string, string | undefined]>([
    ['none', undefined],
    ['empty', ''],
    ['no value', `${session}=`],
    ['another name', `drimbox=${secret}`],
    ['a name that ends so', `x${session}=${secret}`],
    ['a name in other letters', `__host-drimbox=${secret}`],
    ['quotes', `${session}="${secret}"`],
    ['spaces around the sign', `${session} =${secret}`],
    ['a space before the value', `${session}= ${secret}`],
    ['one character less', `${session}=${secret.slice(1)}`],
    ['one character more', `${session}=${secret}A`],
    ['base64 that is not of addresses', `${session}=${secret.slice(0, -2)}+/`],
    ['percent signs', `${session}=%41${secret.slice(3)}`],
    ['bits that no secret has', `${session}=${secret.slice(0, -1)}B`],
    ['a line end', `${session}=${secret}\n`],
    ['twice', `${session}=${secret}; ${session}=${other}`],
    ['twice the same', `${session}=${secret}; ${session}=${secret}`],
    ['twice, one without form', `${session}=x; ${session}=${secret}`],
    ['a header without end', `${session}=${secret}; ${'a'.repeat(16_384)}`],
  ])('is not read from %s', (_case, header) => {
    expect(parseCookie(header, session)).toBeUndefined();
  });

  test('whatever the header, what is read is a secret, and writing and reading give the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (text, random) => {
        const value = parseCookie(`${text}${session}=${secret}${text}`, session);
        expect(value === undefined || isSecret(value)).toBe(true);
        const written = encodeSecret(random);
        expect(parseCookie(buildSetCookie(session, written), session)).toBe(written);
      }),
    );
  });
});

describe('the token of a form', () => {
  let drawn = 0;
  const random = (size: number): Uint8Array => {
    drawn += 1;
    return bytes(drawn).subarray(0, size);
  };

  test('is good with the cookie it was made for, and with no other one', () => {
    const token = buildCsrfToken(secret, random);
    expect(isCsrfToken(secret, token)).toBe(true);
    expect([isCsrfToken(other, token), isCsrfToken(undefined, token), isCsrfToken('', token)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('is another text at each page, does not hold the cookie, and is good again', () => {
    const tokens = Array.from({ length: 5 }, () => buildCsrfToken(secret, random));
    expect(new Set(tokens).size).toBe(5);
    expect(tokens.every((token) => isCsrfToken(secret, token) && !token.includes(secret))).toBe(true);
  });

  test.each([undefined, null, '', 7, [], {}, 'A'.repeat(86), 'A'.repeat(85), secret, ['x']])('is not %j', (token) => {
    expect(isCsrfToken(secret, token)).toBe(false);
  });

  test('made for a cookie that is none of ours is none: whoever plants a cookie can make its token', () => {
    for (const planted of ['x', 'A'.repeat(44), `${secret}=`, secret.slice(1)]) {
      expect([planted, isCsrfToken(planted, buildCsrfToken(planted, random))]).toEqual([planted, false]);
    }
  });

  test('altered anywhere is none', () => {
    const token = buildCsrfToken(secret, random);
    for (let at = 0; at < token.length - 1; at += 1) {
      const letter = token[at] === 'A' ? 'B' : 'A';
      expect(isCsrfToken(secret, token.slice(0, at) + letter + token.slice(at + 1))).toBe(false);
    }
    expect([isCsrfToken(secret, `${token}A`), isCsrfToken(secret, token.slice(1))]).toEqual([false, false]);
  });
});

describe('a request that changes something', () => {
  const own = 'https://vi1.exemple.fr';
  test.each<[string, { fetchSite?: string; origin?: string }, boolean]>([
    ['a page of ours', { fetchSite: 'same-origin', origin: own }, true],
    ['a page of ours without referrer', { fetchSite: 'same-origin', origin: 'null' }, true],
    ['a page of ours, no Origin', { fetchSite: 'same-origin' }, true],
    ['a page of ours, an old browser', { origin: own }, true],
    ['another host of the domain', { fetchSite: 'same-site', origin: 'https://vi2.exemple.fr' }, false],
    ['another site', { fetchSite: 'cross-site', origin: 'https://mechant.exemple.org' }, false],
    ['another site, an old browser', { origin: 'https://mechant.exemple.org' }, false],
    ['another site that writes our Origin', { fetchSite: 'cross-site', origin: own }, false],
    ['our own page, but of another Origin', { fetchSite: 'same-origin', origin: 'https://mechant.exemple.org' }, false],
    ['the address bar', { fetchSite: 'none' }, false],
    ['a sandboxed frame, an old browser', { origin: 'null' }, false],
    ['nobody knows', {}, false],
    ['the same host without TLS', { origin: 'http://vi1.exemple.fr' }, false],
    ['the same host, another port', { origin: 'https://vi1.exemple.fr:8443' }, false],
    ['a host that begins like ours', { origin: 'https://vi1.exemple.fr.mechant.org' }, false],
    ['an empty Origin', { origin: '' }, false],
    ['two values', { fetchSite: 'same-origin, cross-site', origin: own }, false],
  ])('from %s: %j is %s', (_case, source, expected) => {
    expect(isOwnOrigin(source, own)).toBe(expected);
  });
});

test('a digest is of a list: where one text ends and the next begins counts', () => {
  const lists = [['a', 'b c'], ['a b', 'c'], ['a b c'], ['a', 'b', 'c'], ['', 'a b c'], ['a","b c'], ['a', 'b c', '']];
  expect(new Set(lists.map((list) => digestOf(...list))).size).toBe(lists.length);
});

describe('sealed content', () => {
  const nonce = new Uint8Array(12);
  const content = { name: 'EXEMPLE', list: [1, null, 'é'] };
  const sealed = sealContent(secret, 'row 1', content, nonce);

  test('opens with its secret for its row', () => {
    expect(openContent(secret, 'row 1', sealed)).toEqual(content);
    expect(openContent(secret, 'row 1', new Uint8Array(sealed))).toEqual(content);
  });

  test('opens with no other secret and for no other row, and shows nothing', () => {
    expect([openContent(other, 'row 1', sealed), openContent(secret, 'row 2', sealed)]).toEqual([undefined, undefined]);
    expect(sealed.toString('latin1')).not.toContain('EXEMPLE');
  });

  test('altered or cut anywhere does not open', () => {
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(openContent(secret, 'row 1', altered)).toBeUndefined();
      expect(openContent(secret, 'row 1', sealed.subarray(0, at))).toBeUndefined();
    }
  });
});
