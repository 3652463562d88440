/** Requests that somebody may write by hand to come to what is another's: paths, cookies, hosts, methods, conditions. */
import { describe, expect, it } from 'vitest';
import { askHttp2, sendRaw, type VisitAnswer } from '../peers/visitors/index.ts';
import { entryRows, examinationRows } from '../viewer-access/product-routes.ts';
import { expectNothingTold, expectOnlyOf, expectWalls } from './isolation-judge.ts';
import { type IsolationSite, type Role, type RoleName, studies } from './isolation-site.ts';

/** The patient, what she opened, and what her sister opened. */
interface Scene {
  readonly origin: string;
  readonly camille: Role;
  readonly twin: Role;
  readonly own: string;
  readonly other: string;
}

const sceneOf = ({ roles, visitors }: IsolationSite): Scene => {
  const [camille, twin] = (['the patient', 'the twin sister'] satisfies RoleName[]).map((name) => roles.get(name));
  const [own, other] = [camille?.grants.get('own'), twin?.grants.get('twins')];
  if (camille === undefined || twin === undefined || own === undefined || other === undefined)
    throw new Error('nobody');
  return { origin: visitors.origin, camille, twin, own, other };
};

/** Written by Camille, to come to what her sister opened. */
const pathsTo = ({ origin, own, other }: Scene): readonly string[] => [
  ...['..', '%2e%2e', '%2E%2E', '.%2e', '..;', '%252e%252e', '..%00', '....'].flatMap((up) => [
    `/examen/${own}/${up}/${other}/description`,
    `/examen/${own}/dicomweb/${up}/${up}/${other}/description`,
    `/visionneuse/${up}/examen/${other}/description`,
    `/pages/${up}/examen/${other}/description`,
    `/visionneuse/${up}/${up}/package.json`,
  ]),
  ...['%2f', '%2F', '%252f', '%5c', '\\', '%00', ';', ',', '?/', '#/', '%3f', '%23'].flatMap((mark) => [
    `/examen/${own}${mark}..${mark}${other}/description`,
    `/examen/${own}${mark}${other}/description`,
    `/examen/${other}${mark}description`,
    `/examen/${own}/apercu/..${mark}..${mark}${other}${mark}apercu${mark}1.jpg`,
  ]),
  `//examen/${other}/description`,
  `/./examen/${other}/description`,
  `/examen//${other}/description`,
  `/EXAMEN/${other}/description`,
  `/examen/${other}/DESCRIPTION`,
  `/examen/${other}/description/`,
  `/examen/${other}/description.json`,
  `/examen/${own}?grant=${other}`,
  `/examen/${own}/description?grant=${other}&examen=${other}`,
  `/examen/${own}/images.zip?serie=${studies.own.seriesUid}&serie=${studies.twins.seriesUid}`,
  `/examen/${own}/images.zip?SERIE=${studies.twins.seriesUid}`,
  `/examen/${own}/images.zip?serie=${studies.twins.seriesUid}`,
  `/examen/${own}/apercu/${studies.twins.seriesUid}.jpg`,
  `/examen/${own}/apercu/${studies.twins.seriesUid}%2ejpg`,
  `/examen/${own}/apercu/0.jpg`,
  `/examen/${own}/apercu/-1.jpg`,
  `/examen/${own}/apercu/99999.jpg`,
  `/examen/${own}/apercu/1.jpg/../../../${other}/apercu/1.jpg`,
  `${origin}/examen/${other}/description`,
  `https://mechant.exemple/examen/${other}/description`,
  `${origin}/examen/${own}/../${other}/description`,
];

/** Something of one's own, or a refusal; never anything of the other. */
const judge = (path: string, answer: VisitAnswer): void => {
  expectWalls(answer);
  if (answer.status === 200) {
    expect([path, answer.body.includes('CHARLOTTE')]).toEqual([path, false]);
    return expectOnlyOf('own', answer);
  }
  expect([path, answer.status]).toEqual([path, expect.toBeOneOf([400, 401, 404, 405, 421])]);
  return expectNothingTold(answer);
};

const describePaths = (siteOf: () => IsolationSite): void => {
  describe('a path', () => {
    it('never leads out of the own examination, over HTTP/1.1', async () => {
      const scene = sceneOf(siteOf());
      for (const path of pathsTo(scene)) judge(path, await scene.camille.visitor.ask(path));
    });

    it('nor over HTTP/2', async () => {
      const scene = sceneOf(siteOf());
      const cookie = scene.camille.cookies ?? '';
      for (const path of pathsTo(scene).filter((one) => one.startsWith('/'))) {
        judge(path, await askHttp2(scene.origin, { ':path': path, cookie, accept: 'text/html' }));
      }
      // HTTP/2 knows no absolute form: the connection itself refuses.
      const absolute = { ':path': `${scene.origin}/examen/${scene.other}/description`, cookie };
      await expect(askHttp2(scene.origin, absolute)).rejects.toThrow(/PROTOCOL_ERROR/);
      const right = await askHttp2(scene.origin, { ':path': `/examen/${scene.own}/description`, cookie });
      expect([right.status, right.body.includes('CAMILLE')]).toEqual([200, true]);
    });
  });
};

const describeCookies = (siteOf: () => IsolationSite): void => {
  describe('a cookie', () => {
    const name = '__Host-drimbox';
    it('counts only as we set it: once, by its whole name, in its own header', async () => {
      const { origin, camille, twin, own } = sceneOf(siteOf());
      const [hers, others] = [camille, twin].map(({ visitor }) => visitor.cookie(name) ?? '');
      const target = `/examen/${own}/description`;
      const wrong = [
        `${name}=${hers}; ${name}=${others}`,
        `${name}=${others}; ${name}=${hers}`,
        `${name}=${hers}; ${name}=${hers}`,
        `${name}=${hers}; ${name}=`,
        `${name}=${hers},${name}=${others}`,
        `${name}="${hers}"`,
        `${name} =${hers}`,
        `${name}= ${hers}`,
        `=${name}=${hers}`,
        `__host-drimbox=${hers}`,
        `__HOST-DRIMBOX=${hers}`,
        `__Secure-drimbox=${hers}`,
        `drimbox=${hers}`,
        `x${name}=${hers}`,
        `${name}-browser=${hers}`,
        `${name}=${hers?.toLowerCase()}`,
        `${name}=${encodeURIComponent(hers ?? '')}%00`,
        `${name}=${hers}; ${'a'.repeat(17_000)}=b`,
      ];
      for (const cookies of wrong) {
        const answer = await camille.visitor.ask(target, { cookies });
        expect([cookies, answer.status]).toEqual([cookies, 401]);
        expectNothingTold(answer);
      }
      // In two fields: Node joins those of HTTP/1.1, HTTP/2 sends one a field.
      const twice = await askHttp2(origin, { ':path': target, cookie: [`${name}=${hers}`, `${name}=${others}`] });
      expect(twice.status).toBe(401);
      const elsewhere = [
        { headers: { Authorization: `Bearer ${hers}` } },
        { headers: { 'X-Cookie': `${name}=${hers}`, 'Set-Cookie': `${name}=${hers}` } },
        { headers: { 'X-Session': hers ?? '' } },
      ];
      for (const order of elsewhere) {
        expect((await camille.visitor.ask(target, { cookies: null, ...order })).status).toBe(401);
      }
      const query = `${target}?${name}=${hers}`;
      expect((await camille.visitor.ask(query, { cookies: null })).status).toBe(401);
      const right = await camille.visitor.ask(target, { cookies: `a=b; ${name}=${hers}; c="d e"` });
      expect(right.status).toBe(200);
    });
  });
};

const describeHosts = (siteOf: () => IsolationSite): void => {
  describe('a host', () => {
    it('must be ours, once, and the same wherever it is said', async () => {
      const { origin, camille, own } = sceneOf(siteOf());
      const { host } = new URL(origin);
      const target = `/examen/${own}/description`;
      const strangers = [
        'mechant.exemple',
        `${host}.mechant.exemple`,
        `mechant.exemple@${host}`,
        '',
        '127.0.0.1',
        `${host}, x`,
      ];
      for (const Host of strangers) {
        const answer = await camille.visitor.ask(target, { headers: { Host } });
        expect([Host, answer.status]).toEqual([Host, 421]);
        expectNothingTold(answer);
      }
      const http2 = { ':path': target, cookie: camille.cookies ?? '' };
      const mixtures = [
        { ':authority': 'mechant.exemple' },
        { ':authority': host, host: 'mechant.exemple' },
        { ':authority': 'mechant.exemple', host },
      ];
      for (const headers of mixtures) {
        const answer = await askHttp2(origin, { ...headers, ...http2 });
        expect([headers, answer.status]).toEqual([headers, 421]);
        expectNothingTold(answer);
      }
      const lines = (hosts: string): string =>
        `GET ${target} HTTP/1.1\r\n${hosts}Cookie: ${camille.cookies}\r\nConnection: close\r\n\r\n`;
      const two = [`Host: ${host}\r\nHost: mechant.exemple\r\n`, `Host: mechant.exemple\r\nHost: ${host}\r\n`, ''];
      for (const hosts of two) {
        expect([hosts, await sendRaw(origin, lines(hosts))]).toEqual([
          hosts,
          expect.stringMatching(/^HTTP\/1\.1 4(00|21) /),
        ]);
      }
      expect(await sendRaw(origin, lines(`Host: ${host}\r\n`))).toMatch(/^HTTP\/1\.1 200 /);
    });

    it('that something before us is said to have had is not believed', async () => {
      const { origin, camille, own, other } = sceneOf(siteOf());
      const forwarded = {
        'X-Forwarded-Host': 'mechant.exemple',
        'X-Forwarded-For': '203.0.113.7',
        'X-Forwarded-Proto': 'http',
        'X-Forwarded-Prefix': `/examen/${other}`,
        'X-Original-URL': `/examen/${other}/description`,
        'X-Rewrite-URL': `/examen/${other}/description`,
        'X-HTTP-Method-Override': 'DELETE',
        Forwarded: 'host=mechant.exemple;proto=http',
      };
      const answer = await camille.visitor.ask(`/examen/${own}/description`, { headers: forwarded });
      expect(answer.status).toBe(200);
      expectOnlyOf('own', answer);
      const link = await camille.visitor.ask(studies.own.link, { headers: forwarded, cookies: null });
      expect(link.body.toString()).not.toContain('mechant');
      const lent = camille.visitor;
      const departure = await lent.ask('/deconnexion', { headers: forwarded, cookies: null });
      expect([departure.status, departure.body.includes('mechant')]).toEqual([200, false]);
      expect(origin).toContain('localhost');
    });

    it('of a request within a request is not answered (smuggling)', async () => {
      const { origin, camille, twin, own, other } = sceneOf(siteOf());
      const { host } = new URL(origin);
      const inner = `GET /examen/${other}/description HTTP/1.1\r\nHost: ${host}\r\nCookie: ${twin.cookies}\r\n\r\n`;
      const head = `POST /acces HTTP/1.1\r\nHost: ${host}\r\nCookie: ${camille.cookies}\r\n`;
      const smuggled = [
        `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
        `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
        `${head}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
        `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
        `GET /examen/${own}\r\n HTTP/1.1\r\nHost: ${host}\r\n\r\n${inner}`,
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${inner}`,
      ];
      for (const bytes of smuggled) {
        const text = await sendRaw(origin, bytes);
        expect([bytes.slice(0, 200), text.includes('CHARLOTTE'), text.split('HTTP/1.1 ').length]).toEqual([
          bytes.slice(0, 200),
          false,
          2,
        ]);
        expect(text).toMatch(/^HTTP\/1\.1 400 /);
      }
    });
  });
};

const methods = ['HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'SEARCH'];

const describeMethods = (siteOf: () => IsolationSite): void => {
  describe('a method', () => {
    it('of whatever name tells the sister and nobody nothing of an examination', async () => {
      const { camille, twin, own } = sceneOf(siteOf());
      const uids = {
        study: studies.own.studyUid,
        series: studies.own.seriesUid,
        instance: `${studies.own.seriesUid}.1`,
      };
      const paths = Object.values(examinationRows).flatMap((row) => row(uids));
      for (const method of methods) {
        for (const path of paths) {
          for (const cookies of [twin.cookies, null]) {
            const answer = await twin.visitor.ask(`/examen/${own}${path}`, { method, cookies });
            const expected = method === 'HEAD' ? [401] : [405];
            expect([method, path, answer.status]).toEqual([method, path, expect.toBeOneOf(expected)]);
            expectNothingTold(answer);
            expectWalls(answer);
          }
          if (method === 'HEAD') continue;
          const answer = await camille.visitor.ask(`/examen/${own}${path}`, { method });
          expect([method, path, answer.status]).toEqual([method, path, 405]);
          expect(answer.headers['allow'] ?? '').not.toContain('TRACE');
        }
      }
    });

    it('other than its own is refused at every way in and out', async () => {
      const { camille } = sceneOf(siteOf());
      for (const [row, path] of Object.entries(entryRows)) {
        const others = [...methods, 'GET'].filter((method) => {
          const isReading = method === 'GET' || method === 'HEAD';
          return isReading ? entryRows[`GET ${row.slice(row.indexOf(' ') + 1)}`] === undefined : method !== 'POST';
        });
        for (const method of others) {
          const answer = await camille.visitor.ask(path, { method, cookies: null });
          expect([row, method, answer.status]).toEqual([row, method, expect.toBeOneOf([404, 405])]);
          expectWalls(answer);
          expectNothingTold(answer);
        }
      }
    });
  });
};

const describeConditions = (siteOf: () => IsolationSite): void => {
  describe('a condition', () => {
    it('is looked at after the grant: what the patient has is no 304, no part, for anybody else', async () => {
      const { camille, twin, own } = sceneOf(siteOf());
      const uids = {
        study: studies.own.studyUid,
        series: studies.own.seriesUid,
        instance: `${studies.own.seriesUid}.1`,
      };
      let known = 0;
      for (const path of Object.values(examinationRows).flatMap((row) => row(uids))) {
        const target = `/examen/${own}${path}`;
        const { headers } = await camille.visitor.ask(target);
        const etag = String(headers.etag ?? '"none"');
        if (headers.etag !== undefined) {
          const again = await camille.visitor.ask(target, { headers: { 'If-None-Match': etag } });
          // The copy has a tag for going on (If-Range), not for keeping.
          known += again.status === 304 ? 1 : 0;
        }
        const conditions = [
          { 'If-None-Match': etag },
          { 'If-None-Match': '*' },
          { 'If-Match': etag },
          { 'If-Modified-Since': new Date().toUTCString() },
          { Range: 'bytes=0-9', 'If-Range': etag },
          { Range: 'bytes=0-' },
          { Range: 'bytes=-1' },
          { Range: 'bytes=999999999-' },
        ];
        for (const condition of conditions) {
          for (const cookies of [twin.cookies, null]) {
            const answer = await twin.visitor.ask(target, { cookies, headers: condition });
            expect([path, condition, answer.status]).toEqual([path, condition, 401]);
            expectNothingTold(answer);
          }
        }
      }
      expect(known).toBeGreaterThanOrEqual(10);
    });

    it('does not keep open what was hidden since: the tag that the professional has is nothing to the patient (E5)', async () => {
      const site = siteOf();
      const { camille } = sceneOf(site);
      const doctor = site.roles.get('the professional');
      const { studyUid, seriesUid } = studies.hidden;
      const path = `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${seriesUid}.1/frames/1`;
      const { status, headers } = await (doctor as Role).visitor.ask(`/examen/${doctor?.grants.get('hidden')}${path}`);
      expect([status, headers.etag]).toEqual([200, expect.stringMatching(/^"/)]);
      const hidden = `/examen/${camille.grants.get('hidden')}${path}`;
      const answer = await camille.visitor.ask(hidden, { headers: { 'If-None-Match': String(headers.etag) } });
      expect(answer.status).toBe(404);
      expectNothingTold(answer);
    });
  });
};

/** @param siteOf  once it has started */
export const describeRequests = (siteOf: () => IsolationSite): void => {
  describePaths(siteOf);
  describeCookies(siteOf);
  describeHosts(siteOf);
  describeMethods(siteOf);
  describeConditions(siteOf);
};
