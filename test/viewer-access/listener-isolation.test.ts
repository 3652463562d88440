/** Every route under a grant × every person × every examination: one's own, and nothing else (fakes behind the entry). */
import { describe, expect, test } from 'vitest';
import { askHttp2, sendRaw } from '../peers/visitors/index.ts';
import { ask, cookieOf, type FakedWorld, grantOf, linkOf, makeWorld, people, studyOf, submit } from './faked-entry.ts';
import { playEntryForFile } from './played-entry.ts';

const world: FakedWorld = makeWorld();
const entry = playEntryForFile(world);

const routes = [
  '',
  '/description',
  '/etat',
  '/dicomweb/studies',
  '/dicomweb/x/../y',
  '/apercu/1.2.jpg',
  '/images.zip',
  '/images.zip?serie=1',
];
const persons = Object.keys(people).filter((name) => people[name]?.others === undefined);
const grants = [1, 2, 3, 4];
const cells = routes.flatMap((route) =>
  persons.flatMap((person) => grants.map((number) => [route, person, number] as const)),
);

describe('an examination under its grant', () => {
  test.each(cells)('route %j, %s, examination %i', async (route, person, number) => {
    world.shown.length = 0;
    const { status, body } = await ask(entry.port, `/examen/${grantOf(number)}${route}`, {
      cookies: cookieOf(person),
    });
    if (people[person]?.study === number) {
      expect(status).toBe(200);
      expect(world.shown).toMatchObject([{ study: studyOf(number) }]);
      return;
    }
    expect(status).toBe(401);
    expect(world.shown).toEqual([]);
    expect(body).not.toContain(studyOf(number));
  });

  test.each(routes)('route %j opens to nobody without a session, nor with a made-up grant', async (route) => {
    world.shown.length = 0;
    const tries = [
      [grantOf(1), undefined],
      [grantOf(1), cookieOf('nobody')],
      ['made-up-grant-of-some-length', cookieOf('camille')],
      ['x', cookieOf('camille')],
      ['x'.repeat(500), cookieOf('camille')],
      [`${grantOf(1)}%00`, cookieOf('camille')],
      [`${grantOf(1).slice(0, -1)}%31`, cookieOf('camille')],
      [`${grantOf(2)}%2f..%2f${grantOf(1)}`, cookieOf('camille')],
    ] as const;
    const answers = new Set<string>();
    for (const [grant, cookies] of tries) {
      const given = cookies === undefined ? {} : { cookies };
      const { status, body } = await ask(entry.port, `/examen/${grant}${route}`, given);
      answers.add(`${status} ${body.replaceAll(/REF-\d+/g, '')}`);
    }
    // One answer for all: none tells a grant that exists from one that does not.
    expect([...answers].map((answer) => answer.slice(0, 3))).toEqual(['401']);
    expect(world.shown).toEqual([]);
  });
});

describe('a link, once signed in', () => {
  test.each(persons.flatMap((person) => grants.map((number) => [person, number] as const)))(
    '%s, link of examination %i',
    async (person, number) => {
      const { status, headers } = await submit(entry.port, '/acces', { lien: linkOf(number) }, cookieOf(person));
      const own = people[person]?.study === number;
      expect([status, headers.location]).toEqual(own ? [303, `/examen/${grantOf(number)}`] : [404, undefined]);
    },
  );
});

describe('two patients in two tabs', () => {
  test('at the same time are never mixed', async () => {
    world.shown.length = 0;
    const both = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? 'camille' : 'alex'));
    const answers = await Promise.all(
      both.map((person) =>
        ask(entry.port, `/examen/${grantOf(people[person]?.study ?? 0)}/description`, { cookies: cookieOf(person) }),
      ),
    );
    for (const [at, { body }] of answers.entries()) {
      expect(body).toContain(studyOf(people[both[at] ?? '']?.study ?? 0));
    }
  });
});

describe('the host of a request', () => {
  const target = `/examen/${grantOf(1)}/description`;
  const statusOf = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await askHttp2(`https://localhost:${entry.port}`, { ':path': target, cookie: cookieOf('camille'), ...headers }))
      .status;

  test('over HTTP/2 is that of :authority, and of Host where it is there too (RFC 9113 §8.3.1)', async () => {
    const own = `localhost:${entry.port}`;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ ':authority': own, host: own })).toBe(200);
    expect(await statusOf({ ':authority': own, host: own.toUpperCase() })).toBe(200);
    world.shown.length = 0;
    expect(await statusOf({ ':authority': 'evil.example.test', host: own })).toBe(421);
    expect(await statusOf({ ':authority': own, host: 'evil.example.test' })).toBe(421);
    expect(await statusOf({ ':authority': 'evil.example.test' })).toBe(421);
    expect(world.shown).toEqual([]);
  });

  test.each<readonly [string, readonly string[], number]>([
    ['once', ['localhost'], 200],
    ['twice', ['localhost', 'evil.example.test'], 421],
    ['twice, ours last', ['evil.example.test', 'localhost'], 421],
    ['twice the same', ['localhost', 'localhost'], 421],
    ['never', [], 400],
  ])('over HTTP/1.1 is said %s (RFC 9112 §3.2)', async (_, hosts, status) => {
    world.shown.length = 0;
    const lines = hosts.map((host) => `Host: ${host}\r\n`).join('');
    const request = `GET ${target} HTTP/1.1\r\n${lines}Cookie: ${cookieOf('camille')}\r\nConnection: close\r\n\r\n`;
    const answer = await sendRaw(`https://localhost:${entry.port}`, request);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.includes('viewer-access/host-unknown')).toBe(status === 421);
    expect(world.shown).toHaveLength(status === 200 ? 1 : 0);
  });
});
