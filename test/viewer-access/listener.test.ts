/** The entry over real TLS: link, sign-in, situation, examination, ends; nothing tells what exists. */
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { ask, cookieOf, grantOf, linkOf, pathOf, people, studyOf, submit, tokenOf } from './faked-entry.ts';
import { playEntryForEach } from './played-entry.ts';

const entry = playEntryForEach();

const withoutReference = (body: string): string => body.replaceAll(/REF-\d+/g, 'REF');

describe('before anybody signs in (E6)', () => {
  test('every well-formed link gets the same page, whatever it names', async () => {
    const pages = await Promise.all(
      [1, 2, 777].map(async (number) => {
        const { status, body } = await ask(entry.port, pathOf(number));
        expect(status).toBe(200);
        const shown = linkOf(number).replaceAll('&', '&amp;');
        expect(body).toContain(shown);
        return body.replaceAll(shown, 'LINK');
      }),
    );
    expect(new Set(pages).size).toBe(1);
    expect(pages[0]).toContain('Vous êtes le patient');
    expect([entry.world.records, entry.world.openings]).toEqual([[], []]);
  });

  test('a malformed link says so, with its code (viewer-access/link-malformed)', async () => {
    for (const path of ['/IHEInvokeImageDisplay', `${pathOf(1)}&studyUID=1.2`, '/IHEInvokeImageDisplay?studyUID=%']) {
      const { status, body } = await ask(entry.port, path);
      expect([status, body]).toEqual([400, expect.stringContaining('viewer-access/link-malformed')]);
    }
  });

  test('the link may stand under another path', async () => {
    await entry.restart({ linkPath: '/images/voir' });
    expect((await ask(entry.port, `/images/voir?${linkOf(1)}`)).status).toBe(200);
    expect((await ask(entry.port, pathOf(1))).status).toBe(404);
  });

  test.each(['psc', 'franceconnect'])(
    'a choice keeps the link and sends the browser to %s by a page',
    async (service) => {
      const { status, body, headers } = await submit(entry.port, `/connexion/${service}`, { lien: linkOf(1) });
      expect(status).toBe(200);
      expect(body).toContain('content="0; url=https://identity.example.test/authorize?state=x&amp;nonce=y"');
      expect(headers['set-cookie']).toEqual([expect.stringContaining('__Host-drimbox-browser=b')]);
      expect(entry.world.begun).toEqual([{ service, link: linkOf(1) }]);
    },
  );
});

describe('once signed in', () => {
  test.each([
    ['/connexion/franceconnect/retour?code=c&state=s', 'camille', 1],
    ['/connexion/psc/retour?code=c&state=s', 'docteur', 3],
  ])('%s opens the examination by an opaque address, and writes it down first', async (path, name, number) => {
    entry.world.signedInAs = people[name]?.session;
    const { status, headers } = await ask(entry.port, path);
    expect([status, headers.location]).toEqual([303, `/examen/${grantOf(number)}`]);
    expect(headers['set-cookie']?.[0]).toContain(cookieOf(name));
    expect([entry.world.openings, entry.world.records]).toEqual([[{ studies: [studyOf(number)], told: 'opened' }], []]);
  });

  test('a refused sign-in is a page with its code', async () => {
    const { status, body } = await ask(entry.port, '/connexion/psc/retour?error=access_denied');
    expect([status, body]).toEqual([401, expect.stringContaining('viewer-access/session-ended')]);
  });

  test('a professional with several situations chooses one, of those offered', async () => {
    const several = { ...people['docteur']!.session, situationsToChoose: [{ key: 's0', label: 'Cabinet <A>' }] };
    entry.world.signedInAs = several;
    const chosen = await ask(entry.port, '/connexion/psc/retour?code=c');
    expect([chosen.status, chosen.body]).toEqual([200, expect.stringContaining('Cabinet &lt;A&gt;')]);
    expect(chosen.body).toContain('name="jeton" value="fresh"');
    expect([entry.world.records, entry.world.openings]).toEqual([[], []]);
  });

  test('another link in the same browser needs no second sign-in, and is decided anew', async () => {
    const cookies = cookieOf('camille');
    expect((await ask(entry.port, pathOf(1), { cookies })).body).toContain('Vous êtes déjà connecté');
    const own = await submit(entry.port, '/acces', { lien: linkOf(1) }, cookies);
    expect([own.status, own.headers.location]).toEqual([303, `/examen/${grantOf(1)}`]);
    expect((await submit(entry.port, '/acces', { lien: linkOf(2) }, cookies)).status).toBe(404);
  });

  test('a situation that is none of those offered is asked for again', async () => {
    const cookies = cookieOf('docteur');
    const { session, study } = people['docteur']!;
    Object.assign(people, {
      docteur: { study, session: { ...session, situationsToChoose: [{ key: 's0', label: 'A' }] } },
    });
    try {
      const wrong = await submit(entry.port, '/situation', { lien: linkOf(3), situation: 's9' }, cookies);
      expect([wrong.status, wrong.body]).toEqual([400, expect.stringContaining('Choisissez une situation')]);
      const asked = await submit(entry.port, '/acces', { lien: linkOf(3) }, cookies);
      expect([asked.status, asked.body]).toEqual([200, expect.stringContaining('Choisir votre situation')]);
    } finally {
      Object.assign(people, { docteur: { study, session } });
    }
  });

  test('signing out ends both sessions: the cookie goes, the browser is sent to the service', async () => {
    const { status, body, headers } = await submit(entry.port, '/deconnexion', {}, cookieOf('camille'));
    expect(headers['clear-site-data']).toBe('"cache", "storage"');
    expect([status, headers['set-cookie']?.[0]]).toEqual([200, expect.stringContaining('Max-Age=0')]);
    expect(body).toContain('url=https://psc.example.test/logout?a=1&amp;b=2');
    expect((await ask(entry.port, '/deconnexion?state=x')).body).toContain('Vous êtes déconnecté');
  });

  test('Pro Santé Connect ends a session from behind, without cookies or token', async () => {
    const end = (body: string) => ask(entry.port, '/connexion/psc/fin', { method: 'POST', body });
    expect((await end('logout_token=a.b.c')).status).toBe(200);
    expect((await end('other=1')).status).toBe(400);
  });

  test('FranceConnect+ reads our public keys', async () => {
    const { body, headers } = await ask(entry.port, '/connexion/franceconnect/jwks');
    expect(JSON.parse(body)).toEqual({ keys: [{ kty: 'EC', use: 'enc' }] });
    expect(headers['cache-control']).toBe('public, max-age=300');
  });
});

describe('a link that is refused (viewer-access/link-refused)', () => {
  const reasons = [
    'viewer-access/report-unknown',
    'viewer-access/report-gone',
    'viewer-access/accession-mismatch',
    'viewer-access/accession-unknown',
    'viewer-access/series-unknown',
    'viewer-access/not-published',
    'viewer-access/study-held',
    'viewer-access/other-patient',
    'viewer-access/hidden-from-patient',
    'viewer-access/masked',
    'viewer-access/identity-mismatch',
    'viewer-access/identity-throttled',
  ] as const;

  test('looks the same and takes the same time, whatever the reason; only the audit knows', async () => {
    const answers = [];
    for (const [at, reason] of reasons.entries()) {
      entry.world.decide = () => {
        entry.world.nowMs += at * 40;
        return { kind: 'refused', reason };
      };
      const { status, body, headers } = await submit(entry.port, '/acces', { lien: linkOf(2) }, cookieOf('camille'));
      const { date: _, ...others } = headers;
      answers.push(
        JSON.stringify([status, withoutReference(body).length, withoutReference(body), others['content-type']]),
      );
      expect(entry.world.waits.at(-1)).toBe(500 - at * 40);
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).not.toMatch(new RegExp(reasons.join('|')));
    expect(entry.world.records.map(({ reason }) => reason)).toEqual(reasons);
  });

  test('for the identity says in audit and log which trait differs, by name', async () => {
    entry.world.decide = () => ({
      kind: 'refused',
      reason: 'viewer-access/identity-mismatch',
      mismatches: ['sex-differs'],
    });
    const { body } = await submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    expect(body).not.toContain('sex-differs');
    expect(entry.world.records).toMatchObject([
      { reason: 'viewer-access/identity-mismatch', mismatches: ['sex-differs'] },
    ]);
    expect(entry.world.logged).toMatchObject([{ code: 'viewer-access/identity-mismatch', mismatches: 'sex-differs' }]);
  });

  test('that took longer than one step waits for the end of the next', async () => {
    entry.world.decide = () => {
      entry.world.nowMs += 1_234;
      return { kind: 'refused', reason: 'viewer-access/masked' };
    };
    await submit(entry.port, '/acces', { lien: linkOf(2) }, cookieOf('camille'));
    expect(entry.world.waits).toEqual([266]);
  });

  test('because reading the archive failed looks the same: a broken manifest is a study that exists', async () => {
    const refused = await submit(entry.port, '/acces', { lien: linkOf(2) }, cookieOf('camille'));
    entry.world.decide = () => new DrimboxError('general/internal');
    const failed = await submit(entry.port, '/acces', { lien: linkOf(2) }, cookieOf('camille'));
    expect([failed.status, withoutReference(failed.body)]).toEqual([refused.status, withoutReference(refused.body)]);
    expect(entry.world.records.at(-1)).toMatchObject({ outcome: 'failed', reason: 'general/internal' });
  });

  test('while the database is away says that, for every link', async () => {
    entry.world.decide = () => new DrimboxError('store/unavailable');
    const { status, headers, body } = await submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    expect([status, headers['retry-after']]).toEqual([503, '60']);
    expect(body).toContain('store/unavailable');
  });

  test('too often is not looked up again, looks the same, and passes with time though somebody goes on trying', async () => {
    await entry.restart({ throttle: { refusalsPerHour: 2 } });
    const follow = () => submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    const { decide } = entry.world;
    entry.world.decide = () => ({ kind: 'refused', reason: 'viewer-access/report-gone' });
    const first = await follow();
    await follow();
    entry.world.decide = () => {
      throw new Error('must not be asked');
    };
    for (const sinceMs of [0, 900_001]) {
      entry.world.nowMs += sinceMs;
      const { status, body } = await follow();
      expect([status, withoutReference(body)]).toEqual([first.status, withoutReference(first.body)]);
      expect(entry.world.records.at(-1)).toMatchObject({
        outcome: 'failed',
        reason: 'viewer-access/too-many-requests',
      });
    }
    entry.world.decide = decide;
    entry.world.nowMs += 900_001;
    expect((await follow()).status).toBe(303);
  });

  test('nothing opens without a trace', async () => {
    entry.world.recordFails = true;
    const { status, headers } = await submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    expect([status, headers.location]).toEqual([503, undefined]);
  });

  test.each([
    ['sign-in/grants-too-many', 429],
    ['viewer-access/session-ended', 401],
  ] as const)('what could not be opened (%s) is not written down as opened', async (code, httpStatus) => {
    entry.world.grantFails = code;
    const { status, headers, body } = await submit(entry.port, '/acces', { lien: linkOf(1) }, cookieOf('camille'));
    expect([status, headers.location]).toEqual([httpStatus, undefined]);
    expect(body).toContain(code);
    expect(entry.world.openings).toEqual([{ studies: [studyOf(1)], told: code }]);
  });
});

describe('what a form must bring (viewer-access/form-refused)', () => {
  const forms = ['/connexion/psc', '/connexion/franceconnect', '/acces', '/situation', '/deconnexion'];
  const cookies = cookieOf('camille');
  const body = (jeton: string): string => new URLSearchParams({ lien: linkOf(1), jeton }).toString();

  test.each(forms)('%s takes no form of another site, and none without the token', async (path) => {
    const own = { Origin: `https://localhost:${entry.port}`, 'Sec-Fetch-Site': 'same-origin' };
    const cases = [
      { headers: own, body: body('wrong') },
      { headers: own, body: new URLSearchParams({ lien: linkOf(1) }).toString() },
      {
        headers: { Origin: 'https://evil.example.test', 'Sec-Fetch-Site': 'cross-site' },
        body: body(tokenOf(cookies)),
      },
      { headers: {}, body: body(tokenOf(cookies)) },
    ];
    for (const one of cases) {
      const answered = await ask(entry.port, path, { method: 'POST', cookies, ...one });
      expect([answered.status, answered.body]).toEqual([403, expect.stringContaining('viewer-access/form-refused')]);
    }
    expect(entry.world.begun).toEqual([]);
    expect([entry.world.records, entry.world.openings]).toEqual([[], []]);
  });

  test.each([...forms, '/connexion/psc/fin'])(
    '%s reads only a small form (viewer-access/form-invalid)',
    async (path) => {
      const post = (headers: Readonly<Record<string, string>>, sent: string) =>
        ask(entry.port, path, { method: 'POST', cookies, headers, body: sent });
      expect((await post({ 'Content-Type': 'application/json' }, '{}')).status).toBe(400);
      expect((await post({}, `a=${'x'.repeat(20_000)}`)).status).toBe(400);
      expect((await post({ 'Transfer-Encoding': 'chunked' }, `a=${'x'.repeat(20_000)}`)).status).toBe(400);
      if (path !== '/connexion/psc/fin') expect((await post({}, 'lien=a&lien=b')).status).toBe(400);
    },
  );

  test('a session that ended is told, and nothing else (viewer-access/session-ended)', async () => {
    for (const path of ['/acces', '/situation']) {
      const { status, body: page } = await submit(entry.port, path, { lien: linkOf(1) });
      expect([status, page]).toEqual([401, expect.stringContaining('viewer-access/session-ended')]);
    }
    expect((await ask(entry.port, '/session-terminee')).status).toBe(401);
  });
});

describe('what is asked for', () => {
  test.each(['/', '/examen', `/examen/${grantOf(1)}/`, '/IHEinvokeimagedisplay', '/connexion', '/admin', '//'])(
    '%s is no page (viewer-access/page-unknown)',
    async (path) => {
      const { status, body } = await ask(entry.port, path, { cookies: cookieOf('camille') });
      expect([status, body]).toEqual([404, expect.stringContaining('viewer-access/page-unknown')]);
    },
  );

  test.each([
    ['POST', '/IHEInvokeImageDisplay'],
    ['DELETE', `/examen/${grantOf(1)}`],
    ['PUT', `/examen/${grantOf(1)}/dicomweb/studies`],
    ['GET', '/acces'],
    ['GET', '/situation'],
    ['GET', '/connexion/psc'],
    ['OPTIONS', '/deconnexion'],
    ['POST', '/q/health'],
    ['POST', '/visionneuse/index.html'],
  ])('%s %s is not allowed (viewer-access/method-not-allowed)', async (method, path) => {
    const { status, body } = await ask(entry.port, path, { method, cookies: cookieOf('camille') });
    expect([status, body]).toEqual([405, expect.stringContaining('viewer-access/method-not-allowed')]);
  });

  test.each(['evil.example.test', 'localhost.evil.example.test', '127.0.0.1', 'localhost@evil.test', ''])(
    'the host %j is not served (viewer-access/host-unknown)',
    async (Host) => {
      for (const path of [pathOf(1), '/visionneuse/index.html', '/nowhere', `/examen/${grantOf(1)}`]) {
        const { status } = await ask(entry.port, path, { headers: { Host }, cookies: cookieOf('camille') });
        // An empty Host never reaches us: Node refuses it.
        expect([421, 400]).toContain(status);
      }
    },
  );

  test('the host may be written in capitals, with a final dot, with its port', async () => {
    for (const Host of ['LOCALHOST', 'localhost.', `Localhost:${entry.port}`]) {
      expect((await ask(entry.port, pathOf(1), { headers: { Host } })).status).toBe(200);
    }
  });

  test('a machine that knocks too often waits (viewer-access/too-many-requests)', async () => {
    await entry.restart({ throttle: { requestsPerMinute: 5 } });
    for (let number = 1; number <= 5; number += 1) expect((await ask(entry.port, pathOf(number))).status).toBe(200);
    const { status, headers } = await ask(entry.port, pathOf(6));
    expect([status, headers['retry-after']]).toEqual([429, '60']);
    // Images are not counted: a series has thousands.
    expect((await ask(entry.port, `/examen/${grantOf(1)}`, { cookies: cookieOf('camille') })).status).toBe(200);
    entry.world.nowMs += 12_000;
    expect((await ask(entry.port, pathOf(6))).status).toBe(200);
    expect((await ask(entry.port, pathOf(6))).status).toBe(429);
  });

  test('the state of the service is told to anybody, under any name', async () => {
    const state = await ask(entry.port, '/q/health', { headers: { Host: '10.0.0.1' } });
    expect([state.status, JSON.parse(state.body)]).toEqual([200, { status: 'UP' }]);
    entry.world.status = 'DOWN';
    expect((await ask(entry.port, '/q/health')).status).toBe(503);
  });
});
