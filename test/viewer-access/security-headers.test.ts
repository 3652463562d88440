/** Every route of the listener, every kind of answer: the same walls (CSP, isolation, HSTS), and no way around them. */
import { afterEach, describe, expect, test } from 'vitest';
import { DrimboxError, type ErrorCode, errorTable } from '../../plugin/errors.ts';
import {
  type Answered,
  ask,
  type Asked,
  cookieOf,
  grantOf,
  linkOf,
  makeWorld,
  pathOf,
  people,
  tokenOf,
} from './faked-entry.ts';
import { playEntryForFile } from './played-entry.ts';
import { findRegisteredRoutes } from './product-routes.ts';

const world = { ...makeWorld(), signedInAs: people['camille']?.session };
const entry = playEntryForFile(world);

const cookies = cookieOf('camille');
const form = (): Asked => ({
  method: 'POST',
  cookies,
  headers: { 'Sec-Fetch-Site': 'same-origin' },
  body: new URLSearchParams({ lien: linkOf(1), jeton: tokenOf(cookies) }).toString(),
});
const examination = `/examen/${grantOf(1)}`;
type Row = readonly [name: string, path: string, asked: () => Asked, status: number];
const get = (): Asked => ({ cookies });
const stranger = (): Asked => ({});

const pageRoutes: readonly Row[] = [
  ['the link', pathOf(1), get, 200],
  ['a malformed link', '/IHEInvokeImageDisplay?x', get, 400],
  ['to Pro Santé Connect', '/connexion/psc', form, 200],
  ['to FranceConnect+', '/connexion/franceconnect', form, 200],
  ['a forged form', '/connexion/psc', () => ({ ...form(), headers: {} }), 403],
  ['back from Pro Santé Connect', '/connexion/psc/retour?code=c', get, 404],
  ['back from FranceConnect+', '/connexion/franceconnect/retour?code=c', get, 303],
  ['back-channel logout', '/connexion/psc/fin', () => ({ method: 'POST', body: 'logout_token=x' }), 200],
  ['our keys', '/connexion/franceconnect/jwks', get, 200],
  ['a link in an open session', '/acces', form, 303],
  ['the situation', '/situation', form, 303],
  ['signing out', '/deconnexion', form, 200],
  ['signed out', '/deconnexion', get, 200],
  ['the session ended', '/session-terminee', get, 401],
  ['no page', '/nowhere', get, 404],
  ['another method', '/acces', get, 405],
  ['another host', '/', () => ({ headers: { Host: 'evil.example.test' } }), 421],
  ['the state', '/q/health', stranger, 200],
  ['a path that cannot be read', '/visionneuse/%E0%A4%A', stranger, 404],
];
const viewerRoutes: readonly Row[] = [
  ['the shell', examination, get, 200],
  ['the shell of a stranger', examination, stranger, 401],
  ['the description', `${examination}/description`, get, 200],
  ['DICOMweb', `${examination}/dicomweb/studies`, get, 200],
  ['the state of a page', `${examination}/etat`, get, 200],
  ['a preview', `${examination}/apercu/1.2.jpg`, get, 200],
  ['the download', `${examination}/images.zip`, get, 200],
  ['the viewer', '/visionneuse/index.html', stranger, 200],
  ['a script', '/visionneuse/ohif/app.bundle.0123456789abcdef.js', stranger, 200],
];

/** Its name is made of its content: read from a page. */
const styleRow: Row = ['the style', '/pages/style', stranger, 200];

const policyOf = ({ headers }: Answered): ReadonlyMap<string, readonly string[]> =>
  new Map(
    String(headers['content-security-policy'])
      .split(';')
      .map((directive) => directive.trim().split(' '))
      .map(([name = '', ...values]) => [name, values]),
  );

const expectWalls = ({ headers }: Answered): void => {
  expect(headers).toMatchObject({
    'strict-transport-security': 'max-age=63072000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'permissions-policy': expect.stringMatching(/camera=\(\), .*geolocation=\(\), .*fullscreen=\(self\)$/),
  });
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
  expect(headers).not.toHaveProperty('access-control-allow-origin');
};

const expectClosed = (policy: ReadonlyMap<string, readonly string[]>): void => {
  expect(policy.get('default-src')).toEqual(["'none'"]);
  expect(policy.get('base-uri')).toEqual(["'none'"]);
  expect(policy.get('form-action')).toEqual(["'self'"]);
  expect(policy.get('frame-ancestors')).toEqual(["'self'"]);
  const sources = [...policy.values()].flat();
  // Nothing from elsewhere: no host, no scheme but what the page itself made.
  const known = ["'self'", "'none'", "'unsafe-inline'", "'wasm-unsafe-eval'", 'data:', 'blob:'];
  expect(sources.filter((source) => !known.includes(source))).toEqual([]);
};

test('no route of the product is without a row below', () => {
  const asked = [...pageRoutes, ...viewerRoutes, styleRow].map(([, path, order]) => {
    const { method = 'GET' } = order();
    return `${method} ${path.split('?')[0]}`;
  });
  const routes = findRegisteredRoutes().filter((route) => !route.startsWith('ANY '));
  const forms = routes.map((route) => new RegExp(`^${route.replaceAll(/:[a-z]+/g, '[^/]+').replace('*path', '.+')}$`));
  expect(routes.length).toBeGreaterThan(15);
  expect(routes.filter((_, at) => !asked.some((one) => forms[at]?.test(one)))).toEqual([]);
});

describe('headers of our pages', () => {
  test.each(pageRoutes)('%s (%s)', async (_, path, asked, status) => {
    const answered = await ask(entry.port, path, asked());
    expect(answered.status).toBe(status);
    expectWalls(answered);
    const policy = policyOf(answered);
    expectClosed(policy);
    expect(policy.get('script-src')).toEqual(["'none'"]);
    expect(policy.get('style-src')).toEqual(["'self'"]);
    expect(answered.headers['referrer-policy']).toBe('same-origin');
    if (path !== '/connexion/franceconnect/jwks') expect(answered.headers['cache-control']).toBe('no-store');
  });
});

test('headers of the style and the drawings of our pages: as of the pages, but kept for good', async () => {
  const { body } = await ask(entry.port, pathOf(1), styleRow[2]());
  const path = /href="(\/pages\/style[^"]*)"/.exec(body)?.[1] ?? '';
  const answered = await ask(entry.port, path, styleRow[2]());
  expect(answered.status).toBe(styleRow[3]);
  expectWalls(answered);
  expectClosed(policyOf(answered));
  expect(answered.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(answered.headers['set-cookie']).toBeUndefined();
});

describe('headers of the viewer', () => {
  test.each(viewerRoutes)('%s (%s)', async (_, path, asked, status) => {
    const answered = await ask(entry.port, path, asked());
    expect(answered.status).toBe(status);
    expectWalls(answered);
    const policy = policyOf(answered);
    expectClosed(policy);
    // Scripts are files of ours: neither inline, nor evaluated, nor made of data.
    expect(policy.get('script-src')).toEqual(["'self'", "'wasm-unsafe-eval'"]);
    expect(policy.get('script-src-attr')).toEqual(["'none'"]);
    expect(policy.get('worker-src')).toEqual(["'self'", 'blob:']);
    expect(answered.headers['referrer-policy']).toBe('no-referrer');
    if (!path.startsWith('/visionneuse')) expect(answered.headers['cache-control']).toBe('no-store');
  });
});

describe('an error of whatever code', () => {
  const codes = Object.keys(errorTable) as ErrorCode[];
  const secret = 'EXEMPLE CAMILLE 1.2.250.1.999999.2.1 /srv/secret';
  const thrown = (code: ErrorCode): DrimboxError =>
    new DrimboxError(code, { detail: secret, cause: new Error(secret), context: { patient: secret } });
  const usual = world.checkGrant;
  afterEach(() => {
    world.checkGrant = usual;
  });

  test('has the same walls, and tells its code alone', { timeout: 60_000 }, async () => {
    for (const [at, code] of codes.entries()) {
      const accept = at % 2 === 0 ? 'text/html' : 'application/json';
      world.checkGrant = () => {
        throw thrown(code);
      };
      const answered = await ask(entry.port, examination, { cookies, headers: { Accept: accept } });
      const { httpStatus } = errorTable[code];
      expect([code, answered.status]).toEqual([code, httpStatus]);
      expectWalls(answered);
      expectClosed(policyOf(answered));
      expect(answered.headers['cache-control']).toBe('no-store');
      expect(answered.body).toContain(code);
      expect(JSON.stringify(answered)).not.toMatch(/EXEMPLE|CAMILLE|999999|srv/);
    }
  });

  test('that is none of ours is told as general/internal', async () => {
    world.checkGrant = () => {
      throw new TypeError(secret);
    };
    const answered = await ask(entry.port, examination, { cookies });
    expect([answered.status, answered.body.includes('general/internal')]).toEqual([500, true]);
    expectWalls(answered);
    expect(JSON.stringify(answered)).not.toMatch(/EXEMPLE|CAMILLE|999999|srv/);
  });
});

describe('what is set besides', () => {
  test('no answer repeats what a stranger wrote but escaped: header lines cannot be split', async () => {
    const { status, headers } = await ask(entry.port, '/nowhere?%0d%0aSet-Cookie:%20a=b', get());
    expect([status, headers['set-cookie']]).toEqual([404, undefined]);
  });

  test('the host of a request never stands in an answer', async () => {
    const { body } = await ask(entry.port, pathOf(1), { headers: { Host: 'localhost:1' } });
    expect(body).not.toContain('localhost');
  });
});
