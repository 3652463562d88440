/** Sessions, grants and sign-ins as the entry of the viewer gets them; the services are played. All persons are invented. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type FranceConnect,
  type ProSanteConnect,
  type SessionOptions,
  sessionOptions,
} from '../plugin/sign-in/index.ts';
import { parseInsIdentifier } from '../plugin/standards/index.ts';
import type { GrantedStudy, LinkOpening, SignInService } from '../plugin/viewer-access/index.ts';
import { createViewerSignIn, type ViewerSignIn } from '../plugin/viewer-sign-in.ts';
import { choosePersona } from './fixtures/sign-in/browser.ts';
import { openPscSignInSetting } from './fixtures/sign-in/psc-sign-in-setting.ts';
import {
  createBrowser,
  origin,
  playFranceConnect,
  playPsc,
  type TestBrowser,
} from './fixtures/sign-in/played-services.ts';
import { doctor, fcIssuer, minuteMs, patient, situation, startUtcMs } from './fixtures/sign-in/session-room.ts';
import { openTestStore, type TestStore } from './fixtures/store/index.ts';

let opened: TestStore;
let nowUtcMs = startUtcMs;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  nowUtcMs = startUtcMs;
});

const adapter = (
  services: { readonly proSanteConnect?: ProSanteConnect; readonly franceConnect?: FranceConnect } = {
    proSanteConnect: playPsc(),
    franceConnect: playFranceConnect(),
  },
  options: Partial<SessionOptions> = {},
): ViewerSignIn =>
  createViewerSignIn(
    { store: opened.store, clock: () => nowUtcMs, randomBytes, ...services },
    { ...sessionOptions.parse({}), ...options },
  );

const returnUrl = (service: SignInService, departure: string): URL =>
  new URL(`${origin}/connexion/${service}/retour?code=c&state=${new URL(departure).searchParams.get('state') ?? ''}`);

const depart = async (ports: ViewerSignIn, browser: TestBrowser, service: SignInService = 'psc', link = 'link-1') => {
  const start = await ports.signIns.begin(service, browser.sees(), link);
  if (start.kind !== 'departure') throw new Error(start.code);
  browser.take(start.setCookies);
  return returnUrl(service, start.url);
};
const comeBack = async (ports: ViewerSignIn, browser: TestBrowser, url: URL, service: SignInService = 'psc') => {
  const end = await ports.signIns.finish(service, browser.sees(), url);
  if (end.kind === 'signed-in') browser.take(end.setCookies);
  return end;
};
const signIn = async (ports: ViewerSignIn, browser: TestBrowser, service: SignInService = 'psc') => {
  const end = await comeBack(ports, browser, await depart(ports, browser, service), service);
  if (end.kind !== 'signed-in') throw new Error(end.code);
  return end;
};

const granted = (number: number): GrantedStudy => ({
  studyInstanceUid: `1.2.250.1.999999.10.${number}`,
  kosSopInstanceUid: `1.2.250.1.999999.30.${number}`,
  ins: parseInsIdentifier('285037512345691', '1.2.250.1.213.1.4.10'),
});

const opening = (number: number): LinkOpening => ({ studies: [granted(number)], link: `link-${number}` });

// ----------------------------------------------------------------------------------------------------------------------

describe('a sign-in', () => {
  test('comes back with the link it began with, under a new cookie', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const end = await signIn(ports, browser);
    expect(end).toMatchObject({
      link: 'link-1',
      session: { viewer: { kind: 'professional', nationalId: '899999999901' }, name: 'Élise RADIO' },
    });
    expect([...browser.cookies.keys()].toSorted()).toEqual(['__Host-drimbox', '__Host-drimbox-browser']);
    expect((await ports.sessions.load(browser.sees()))?.id).toBe(end.session.id);
    const source = { fetchSite: 'same-origin', origin };
    expect(await ports.formTokens.isGenuine(browser.sees(), source, end.token)).toBe(true);
  });

  test('of a patient tells the traits and which platform gave them', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser, 'franceconnect');
    expect(session.viewer).toEqual({ kind: 'patient', traits: { person: patient, issuer: fcIssuer } });
    expect(session.name).toBe('CAMILLE INES EXEMPLE');
    expect((await ports.sessions.load(browser.sees()))?.viewer).toEqual(session.viewer);
  });

  test('at a service that is not configured is refused, at the start and at the end', async () => {
    const [ports, browser] = [adapter({}), createBrowser()];
    const refused = { kind: 'refused', code: 'sign-in/provider-not-configured' };
    for (const service of ['psc', 'franceconnect'] as const) {
      expect(await ports.signIns.begin(service, browser.sees(), 'link')).toEqual(refused);
      const url = new URL(`${origin}/connexion/${service}/retour?code=c&state=s`);
      expect(await ports.signIns.finish(service, browser.sees(), url)).toEqual(refused);
    }
    expect(await ports.signIns.endFromService('logout_token=sid-1')).toBe(400);
    expect(await ports.signIns.publicKeys()).toEqual({ keys: [] });
    expect(await opened.store.knex('sign_in_attempt').select()).toEqual([]);
  });

  test('while the service is away, or given up there, says so and opens nothing', async () => {
    const browser = createBrowser();
    const [isAway, givenUp] = [{ isAway: true }, { finishCode: 'sign-in/given-up' } as const];
    expect(await adapter({ proSanteConnect: playPsc(isAway) }).signIns.begin('psc', browser.sees(), 'link')).toEqual({
      ...{ kind: 'refused', code: 'sign-in/provider-unreachable' },
    });
    const ports = adapter({ proSanteConnect: playPsc(givenUp) });
    expect(await comeBack(ports, browser, await depart(ports, browser))).toEqual({
      ...{ kind: 'refused', code: 'sign-in/given-up' },
    });
    expect(browser.cookies.has('__Host-drimbox')).toBe(false);
  });

  test('by two links in one browser: each comes back with its own, in whatever order', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    browser.take((await ports.formTokens.issue(browser.sees())).setCookies);
    const one = await depart(ports, browser, 'psc', 'link-1');
    const two = await depart(ports, browser, 'psc', 'link-2');
    expect(await comeBack(ports, browser, two)).toMatchObject({ kind: 'signed-in', link: 'link-2' });
    expect(await comeBack(ports, browser, one)).toMatchObject({ kind: 'signed-in', link: 'link-1' });
    expect(await opened.store.knex('viewer_session').select()).toHaveLength(1);
  });

  test.each<[string, (url: URL) => [SignInService, URL]]>([
    ['with another state', (url) => ['psc', new URL(url.href.replace('state-psc-1', 'state-psc-2'))]],
    ['without a state', (url) => ['psc', new URL(url.href.replace(/&state=.*/, ''))]],
    ['at the other service', (url) => ['franceconnect', url]],
  ])('that comes back %s was never begun', async (_, change) => {
    const [ports, browser] = [adapter(), createBrowser()];
    const [service, url] = change(await depart(ports, browser));
    const unknown = { kind: 'refused', code: 'sign-in/attempt-unknown' };
    expect(await comeBack(ports, browser, url, service)).toEqual(unknown);
  });

  test('begun in one browser is not finished by another one, nor twice', async () => {
    const [ports, browser, other] = [adapter(), createBrowser(), createBrowser()];
    const url = await depart(ports, browser);
    await depart(ports, other);
    const unknown = { kind: 'refused', code: 'sign-in/attempt-unknown' };
    expect(await comeBack(ports, other, url)).toEqual(unknown);
    expect((await comeBack(ports, browser, url)).kind).toBe('signed-in');
    expect(await comeBack(ports, browser, url)).toEqual(unknown);
  });

  test('of somebody else in the same browser leaves nothing of the former person', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    const grant = await ports.sessions.grant(session, opening(1));
    expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeDefined();
    const before = browser.sees();
    await signIn(ports, browser, 'franceconnect');
    expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeUndefined();
    expect(await ports.sessions.load(before)).toBeUndefined();
  });

  test('lasts no longer than the session at the service', async () => {
    const notAfterUtcMs = startUtcMs + 10 * minuteMs;
    const [ports, browser] = [adapter({ proSanteConnect: playPsc({ notAfterUtcMs }) }), createBrowser()];
    const { session } = await signIn(ports, browser);
    expect(session).toMatchObject({ endsAtUtcMs: notAfterUtcMs, idleEndsAtUtcMs: notAfterUtcMs });
    nowUtcMs = notAfterUtcMs;
    expect(await ports.sessions.load(browser.sees())).toBeUndefined();
  });
});

describe('a professional with several situations', () => {
  test('chooses one of those alone, and keeps it', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    expect(session.situationsToChoose.map(({ key }) => key)).toEqual(['one', 'two']);
    expect(await ports.sessions.chooseSituation(session, 'three')).toBeUndefined();
    const chosen = await ports.sessions.chooseSituation(session, 'two');
    expect(chosen).toMatchObject({ name: 'Élise RADIO – Médecin – two', situationsToChoose: [] });
    expect(await ports.sessions.load(browser.sees())).toEqual(chosen);
    if (chosen === undefined) throw new Error('nobody');
    expect(
      await ports.sessions.loadGrant(browser.sees(), await ports.sessions.grant(chosen, opening(1))),
    ).toBeDefined();
  });

  test('of which there is one has nothing to choose', async () => {
    const who = { ...doctor, situations: [situation('one')] };
    const { session } = await signIn(adapter({ proSanteConnect: playPsc({ who }) }), createBrowser());
    expect(session.situationsToChoose).toEqual([]);
    expect(session.name).toBe('Élise RADIO – Médecin – one');
  });
});

describe('a grant', () => {
  test('opens its study with its own cookie, and with no other one', async () => {
    const [ports, hers, his] = [adapter(), createBrowser(), createBrowser()];
    const { session } = await signIn(ports, hers, 'franceconnect');
    await signIn(ports, his);
    const grant = await ports.sessions.grant(session, opening(1));
    expect(await ports.sessions.loadGrant(hers.sees(), grant)).toMatchObject({
      session: { id: session.id, viewer: { kind: 'patient' } },
      studies: [{ studyInstanceUid: granted(1).studyInstanceUid, ins: granted(1).ins }],
      link: 'link-1',
    });
    for (const browser of [his, createBrowser()]) {
      expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeUndefined();
    }
    expect(await ports.sessions.loadGrant(hers.sees(), 'A'.repeat(43))).toBeUndefined();
  });

  test('of several studies opens them all, and keeps the link and its series', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    const studies = [granted(1), granted(2)] as const;
    const value = await ports.sessions.grant(session, {
      studies,
      link: 'l',
      seriesInstanceUid: '1.2.250.1.999999.2.7',
    });
    const kept = await ports.sessions.loadGrant(browser.sees(), value);
    expect(kept).toMatchObject({ link: 'l', seriesInstanceUid: '1.2.250.1.999999.2.7' });
    expect(kept?.studies).toEqual(studies.map(({ studyInstanceUid, ins }) => ({ studyInstanceUid, ins })));
    const values: string[] = await opened.store.knex('viewer_grant').pluck('value');
    expect(values).toEqual([value]);
  });

  test('of a second link opens beside the first', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    const one = await ports.sessions.grant(session, opening(1));
    const again = await ports.sessions.load(browser.sees());
    if (again === undefined) throw new Error('nobody');
    const two = await ports.sessions.grant(again, opening(2));
    const uids = async (value: string) =>
      (await ports.sessions.loadGrant(browser.sees(), value))?.studies.map(({ studyInstanceUid }) => studyInstanceUid);
    expect(await uids(one)).toEqual([granted(1).studyInstanceUid]);
    expect(await uids(two)).toEqual([granted(2).studyInstanceUid]);
  });

  test('is not given to a session that has ended, nor beyond the limit', async () => {
    const [ports, browser] = [adapter(undefined, { grantsPerSession: 1 }), createBrowser()];
    const { session } = await signIn(ports, browser);
    await ports.sessions.grant(session, opening(1));
    await expect(ports.sessions.grant(session, opening(2))).rejects.toMatchObject({
      code: 'sign-in/grants-too-many',
    });
    await ports.sessions.end(browser.sees());
    await expect(ports.sessions.grant(session, opening(1))).rejects.toMatchObject({
      code: 'viewer-access/session-ended',
    });
    const stranger = { ...session };
    await expect(ports.sessions.grant(stranger, opening(1))).rejects.toMatchObject({
      code: 'viewer-access/session-ended',
    });
  });

  test('that is only looked at does not prolong its session', async () => {
    const [ports, browser, beganUtcMs] = [adapter(), createBrowser(), nowUtcMs];
    const { session } = await signIn(ports, browser);
    const grant = await ports.sessions.grant(session, opening(1));
    nowUtcMs += 20 * minuteMs;
    const endAs = async (use: 'used' | 'looked-at') => {
      const found = await ports.sessions.loadGrant(browser.sees(), grant, use);
      return found?.session.idleEndsAtUtcMs;
    };
    expect(await endAs('looked-at')).toBe(beganUtcMs + 30 * minuteMs);
    expect(await endAs('used')).toBe(nowUtcMs + 30 * minuteMs);
    nowUtcMs += 30 * minuteMs;
    expect(await endAs('looked-at')).toBeUndefined();
  });

  test('ends with the session that nobody uses; one that is looked at goes on', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    const grant = await ports.sessions.grant(session, opening(1));
    for (let minutes = 0; minutes < 60; minutes += 20) {
      nowUtcMs += 20 * minuteMs;
      expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeDefined();
    }
    nowUtcMs += 30 * minuteMs;
    expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeUndefined();
  });
});

describe('the end of a session', () => {
  test('here: nothing opens any more, and the browser goes on to the service', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { session } = await signIn(ports, browser);
    const grant = await ports.sessions.grant(session, opening(1));
    const before = browser.sees();
    const ended = await ports.sessions.end(browser.sees());
    expect(ended.departure).toEqual({ service: 'psc', url: `https://service.exemple/fin?${origin}/deconnexion` });
    browser.take(ended.setCookies);
    expect(browser.cookies.has('__Host-drimbox')).toBe(false);
    expect(await ports.sessions.loadGrant(before, grant)).toBeUndefined();
    for (const table of ['viewer_session', 'viewer_grant']) expect(await opened.store.knex(table).select()).toEqual([]);
  });

  test('here, while the service is away or nobody is signed in: it ends all the same', async () => {
    const browser = createBrowser();
    await signIn(adapter(), browser);
    const ended = await adapter({ proSanteConnect: playPsc({ isAway: true }) }).sessions.end(browser.sees());
    expect(ended).toEqual({ setCookies: [expect.stringContaining('Max-Age=0')] });
    expect(await adapter().sessions.load(browser.sees())).toBeUndefined();
    expect(await adapter().sessions.end(createBrowser().sees())).not.toHaveProperty('departure');
  });

  test('at the service ends ours, and a sign-in that is still to come', async () => {
    const ports = adapter({ proSanteConnect: playPsc({ sid: 'sid-1' }) });
    const browser = createBrowser();
    const { session } = await signIn(ports, browser);
    const grant = await ports.sessions.grant(session, opening(1));
    expect(await ports.signIns.endFromService('logout_token=sid-2')).toBe(200);
    expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeDefined();
    expect(await ports.signIns.endFromService('logout_token=sid-1')).toBe(200);
    expect(await ports.sessions.loadGrant(browser.sees(), grant)).toBeUndefined();
    const late = createBrowser();
    expect(await comeBack(ports, late, await depart(ports, late))).toEqual({
      ...{ kind: 'refused', code: 'viewer-access/session-ended' },
    });
  });

  test.each([
    ['', 400],
    ['logout_token=', 400],
    ['logout_token=away', 503],
  ])('told with %j is answered %i, and nothing ends', async (body, status) => {
    const [ports, browser] = [adapter(), createBrowser()];
    await signIn(ports, browser);
    expect(await ports.signIns.endFromService(body)).toBe(status);
    expect(await ports.sessions.load(browser.sees())).toBeDefined();
  });
});

describe('a form', () => {
  const own = { fetchSite: 'same-origin', origin };

  test('of this browser is genuine, before and after signing in', async () => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { token, setCookies } = await ports.formTokens.issue(browser.sees());
    browser.take(setCookies);
    expect(await ports.formTokens.isGenuine(browser.sees(), own, token)).toBe(true);
    expect((await ports.formTokens.issue(browser.sees())).setCookies).toEqual([]);
    await signIn(ports, browser);
    expect(await ports.formTokens.isGenuine(browser.sees(), own, token)).toBe(true);
    const later = await ports.formTokens.issue(browser.sees());
    expect(await ports.formTokens.isGenuine(browser.sees(), own, later.token)).toBe(true);
  });

  test('of another browser is refused, signed in or not', async () => {
    const [ports, one, two] = [adapter(), createBrowser(), createBrowser()];
    const { token } = await signIn(ports, one);
    const fresh = await ports.formTokens.issue(createBrowser().sees());
    await signIn(ports, two);
    for (const browser of [two, createBrowser()]) {
      for (const foreign of [token, fresh.token, '']) {
        expect(await ports.formTokens.isGenuine(browser.sees(), own, foreign)).toBe(false);
      }
    }
  });

  test.each([
    ['another site', { fetchSite: 'cross-site', origin: 'https://autre.exemple' }],
    ['another host of ours', { fetchSite: 'same-site', origin: 'https://vi2.exemple' }],
    ['nowhere', {}],
  ])('with our token but from %s is refused', async (_, source) => {
    const [ports, browser] = [adapter(), createBrowser()];
    const { token } = await signIn(ports, browser);
    expect(await ports.formTokens.isGenuine(browser.sees(), source, token)).toBe(false);
  });
});

test('the keys that FranceConnect+ encrypts to are published', async () => {
  expect(await adapter().signIns.publicKeys()).toEqual({ keys: [{ kty: 'EC', kid: 'exemple' }] });
});

test('a doctor comes through a Pro Santé Connect of real HTTPS, and out of it again', async () => {
  const setting = await openPscSignInSetting();
  try {
    nowUtcMs = Date.now();
    const [ports, browser] = [adapter({ proSanteConnect: setting.open() }), createBrowser()];
    const start = await ports.signIns.begin('psc', browser.sees(), 'link-1');
    if (start.kind !== 'departure') throw new Error(start.code);
    browser.take(start.setCookies);
    const url = await choosePersona(setting.browser(), start.url, 'doctor');
    const end = await comeBack(ports, browser, url);
    expect(end).toMatchObject({ kind: 'signed-in', link: 'link-1', session: { viewer: { kind: 'professional' } } });
    const { departure } = await ports.sessions.end(browser.sees());
    expect(departure?.url).toContain(encodeURIComponent(`${origin}/deconnexion`));
  } finally {
    await setting.stop();
  }
}, 30_000);
