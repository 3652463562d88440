/** Forms and call-backs that an attacker sends through somebody else's browser, or through one's own a second time. */
import { describe, expect, it } from 'vitest';
import { fieldsOf, type VisitAnswer, Visitor } from '../peers/visitors/index.ts';
import { expectNothingTold, expectWalls } from './isolation-judge.ts';
import { type IsolationSite, studies } from './isolation-site.ts';

const { link } = studies.own;

const withVisitors = async (
  { visitors }: IsolationSite,
  work: (...visitors: readonly [Visitor, Visitor]) => Promise<void>,
): Promise<void> => {
  const both = [new Visitor(visitors.origin), new Visitor(visitors.origin)] as const;
  try {
    await work(...both);
  } finally {
    for (const visitor of both) visitor.close();
  }
};

const refused = (answer: VisitAnswer, status: number): void => {
  expect(answer.status).toBe(status);
  expectNothingTold(answer);
  expectWalls(answer);
};

const sessionName = '__Host-drimbox';

const describeCallBacks = (siteOf: () => IsolationSite): void => {
  describe('the way back from signing in', () => {
    it('is good for the browser that went, and for it alone (login CSRF)', () =>
      withVisitors(siteOf(), async (attacker, victim) => {
        const opened = await victim.comeAs('franceconnect', 'camille', link);
        const before = victim.cookies;
        const back = await attacker.signInElsewhere('psc', 'doctor', link);
        // The attacker's own answer, opened in the victim's browser: she stays who she is.
        refused(await victim.ask(back.pathname + back.search), 403);
        expect(victim.cookies).toBe(before);
        const { body } = await victim.ask(`${opened.headers.location}/description`);
        expect((JSON.parse(body.toString()) as { person: object }).person).toEqual({ kind: 'patient' });
        // It was not used up: whoever went can still come back.
        expect((await attacker.ask(back.pathname + back.search)).status).toBe(303);
      }));

    it('is good once: again it is refused, and the session stays', () =>
      withVisitors(siteOf(), async (visitor) => {
        const back = await visitor.signInElsewhere('franceconnect', 'camille', link);
        const first = await visitor.ask(back.pathname + back.search);
        expect(first.status).toBe(303);
        const cookies = visitor.cookies;
        refused(await visitor.ask(back.pathname + back.search), 403);
        expect(visitor.cookies).toBe(cookies);
        expect((await visitor.ask(`${first.headers.location}`)).status).toBe(200);
      }));

    it('with the code of another, under the own state, signs in nobody', () =>
      withVisitors(siteOf(), async (attacker, victim) => {
        const stolen = await victim.signInElsewhere('franceconnect', 'camille', link);
        const mine = await attacker.signInElsewhere('franceconnect', 'twin', link);
        mine.searchParams.set('code', stolen.searchParams.get('code') ?? '');
        refused(await attacker.ask(mine.pathname + mine.search), 403);
        expect(attacker.cookie(sessionName)).toBeUndefined();
      }));

    it('with state and code of two sign-ins in one browser mixed, signs in nobody (state swap)', () =>
      withVisitors(siteOf(), async (visitor) => {
        const first = await visitor.signInElsewhere('psc', 'doctor', link);
        const second = await visitor.signInElsewhere('psc', 'radiologist', link);
        const code = first.searchParams.get('code') ?? '';
        second.searchParams.set('code', code);
        refused(await visitor.ask(second.pathname + second.search), 403);
        expect(visitor.cookie(sessionName)).toBeUndefined();
      }));

    it('at the address of the other service signs in nobody (mix-up)', () =>
      withVisitors(siteOf(), async (visitor) => {
        const back = await visitor.signInElsewhere('psc', 'doctor', link);
        refused(await visitor.ask(`/connexion/franceconnect/retour${back.search}`), 403);
        expect(visitor.cookie(sessionName)).toBeUndefined();
      }));

    it('leads to the link it began with, whatever the address says', () =>
      withVisitors(siteOf(), async (visitor) => {
        const back = await visitor.signInElsewhere('franceconnect', 'camille', link);
        const more = new URLSearchParams({ lien: studies.twins.link, redirect_uri: 'https://mechant.exemple' });
        const answer = await visitor.ask(`${back.pathname}${back.search}&${more.toString()}`);
        expect([answer.status, answer.headers.location]).toEqual([303, expect.stringMatching(/^\/examen\/[\w-]{43}$/)]);
        const { body } = await visitor.ask(`${answer.headers.location}/description`);
        expect(body.includes(studies.own.studyUid)).toBe(true);
      }));

    it('comes with a new secret: one that was planted before opens nothing (session fixation)', () =>
      withVisitors(siteOf(), async (attacker, victim) => {
        await attacker.ask(link);
        const planted = attacker.cookie('__Host-drimbox-browser') ?? '';
        const back = await victim.signInElsewhere('franceconnect', 'camille', link);
        const cookies = `${victim.cookies}; ${sessionName}=${planted}`;
        const answer = await victim.ask(back.pathname + back.search, { cookies });
        expect(answer.status).toBe(303);
        expect(answer.headers['set-cookie']?.join(' ')).not.toContain(planted);
        const location = String(answer.headers.location);
        refused(await attacker.ask(`${location}/description`, { cookies: `${sessionName}=${planted}` }), 401);
      }));
  });
};

const forgeries = [
  ['from another site', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://mechant.exemple' }],
  ['from another host of the domain', { 'Sec-Fetch-Site': 'same-site', Origin: 'https://vi2.localhost' }],
  ['from another site in an old browser', { 'Sec-Fetch-Site': [], Origin: 'https://mechant.exemple' }],
  ['from nowhere', { 'Sec-Fetch-Site': 'none', Origin: 'null' }],
  ['without TLS', { 'Sec-Fetch-Site': [], Origin: 'http://localhost' }],
] as const;

const describeForms = (siteOf: () => IsolationSite): void => {
  describe('a form', () => {
    const routes = ['/acces', '/situation', '/deconnexion', '/connexion/psc', '/connexion/franceconnect'] as const;

    it.each(routes)('%s that is not of our own page, in this browser, does nothing', (route) =>
      withVisitors(siteOf(), async (visitor, stranger) => {
        const opened = await visitor.comeAs('franceconnect', 'camille', link);
        const fields = fieldsOf((await visitor.ask(link)).body);
        for (const [, headers] of forgeries) refused(await visitor.submit(route, fields, { headers }), 403);
        const theirs = fieldsOf((await stranger.ask(link)).body);
        const wrong = [theirs, { lien: fields['lien'] ?? '' }, { ...fields, jeton: '' }, { ...fields, jeton: 'x' }];
        for (const given of wrong) refused(await visitor.submit(route, given), 403);
        const twice = `${new URLSearchParams(fields).toString()}&jeton=x`;
        refused(await visitor.submit(route, fields, { body: twice }), 400);
        const untyped = await visitor.submit(route, fields, { headers: { 'Content-Type': 'text/plain' } });
        refused(untyped, 400);
        expect(untyped.body.toString()).toContain('viewer-access/form-invalid');
        expect((await visitor.ask(`${opened.headers.location}/description`)).status).toBe(200);
      }),
    );

    it('that asks for the images of the sister in the own session is refused like any other', () =>
      withVisitors(siteOf(), async (visitor) => {
        await visitor.comeAs('franceconnect', 'camille', link);
        const fields = fieldsOf((await visitor.ask(link)).body);
        const { lien = '' } = fieldsOf((await visitor.ask(studies.twins.link)).body);
        refused(await visitor.submit('/acces', { ...fields, lien }), 404);
        refused(await visitor.submit('/situation', { ...fields, lien, situation: '0' }), 404);
      }));
  });
};

/** @param siteOf  once it has started */
export const describeForgeries = (siteOf: () => IsolationSite): void => {
  describeCallBacks(siteOf);
  describeForms(siteOf);
};
