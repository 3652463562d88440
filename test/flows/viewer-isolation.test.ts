/**
 * One's own examination and nothing else: every route of the product × everybody who may come × every study that there is, on
 * the joined service with a real Orthanc, real sign-ins and a real database.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldsOf, type VisitAnswer, type VisitRequest } from '../peers/visitors/index.ts';
import { isSiteHere } from './flow-site.ts';
import { describeForgeries } from './isolation-forms.ts';
import { describeRequests } from './isolation-requests.ts';
import { expectNothingTold, expectOnlyOf, expectStrictCookies, expectWalls, lookOf } from './isolation-judge.ts';
import {
  entryRows,
  examinationRows,
  fillShape,
  findRegisteredRoutes,
  findResourceShapes,
  type Uids,
} from '../viewer-access/product-routes.ts';
import {
  isOpenTo,
  type IsolationSite,
  refusalMs,
  type Role,
  type RoleName,
  roleNames,
  startIsolationSite,
  studies,
  type StudyName,
  studyNames,
} from './isolation-site.ts';

/** Of the last object of the first series: nothing was done to it. */
const uidsOf = (name: StudyName): Uids => {
  const { studyUid, seriesUid, instances } = studies[name];
  const ofSeries = instances.filter(({ seriesInstanceUid }) => seriesInstanceUid === seriesUid);
  return { study: studyUid, series: seriesUid, instance: ofSeries.at(-1)?.sopInstanceUid ?? '' };
};
const unknownUids: Uids = { study: '2.25.404', series: '2.25.404.1', instance: '2.25.404.1.1' };

/** Some at once, as a browser does. */
const inTurns = async <One>(list: readonly One[], work: (one: One) => Promise<unknown>): Promise<void> => {
  const rest = [...list];
  const lane = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: 6 }, lane));
};

describe.skipIf(!isSiteHere)('an examination is open to whom it was opened, and to nobody else', () => {
  let site: IsolationSite;
  beforeAll(async () => {
    site = await startIsolationSite();
  }, 240_000);
  afterAll(() => site.stop());

  const roleOf = (name: RoleName): Role => {
    const role = site.roles.get(name);
    if (role === undefined) throw new Error(`nobody came as ${name}`);
    return role;
  };
  /** As that role, in its own browser. */
  const askAs = ({ visitor, cookies }: Role, target: string, order: VisitRequest = {}): Promise<VisitAnswer> =>
    visitor.ask(target, { cookies, ...order });
  /** Every grant that anybody was ever given. */
  const allGrants = (): readonly { readonly owner: RoleName; readonly study: StudyName; readonly value: string }[] =>
    [...site.roles].flatMap(([owner, { grants }]) => [...grants].map(([study, value]) => ({ owner, study, value })));

  it('no route of the product is forgotten here', () => {
    const rows = [...Object.keys(examinationRows), ...Object.keys(entryRows)];
    const registered = findRegisteredRoutes();
    expect(registered.filter((route) => !route.startsWith('ANY '))).toEqual(rows.toSorted());
    // Of every method: refusals of a wrong one, and the state of the service.
    const paths = new Set([...rows.map((row) => row.replace(/^[A-Z]+ /, '')), '/q/health']);
    const refused = registered.filter((route) => route.startsWith('ANY ')).map((route) => route.slice(4));
    expect(new Set(refused)).toEqual(paths);
    expect(findResourceShapes()).toHaveLength(18);
    expect([...site.roles.keys()].toSorted()).toEqual(roleNames.toSorted());
  });

  describe.each(Object.keys(examinationRows))('%s', (route) => {
    it.each(roleNames)(
      '%s: what was opened in this session, while it is open; else one refusal for all',
      async (name) => {
        const role = roleOf(name);
        const refusals = new Map<number, Set<string>>();
        const asked = allGrants().flatMap((grant) =>
          (examinationRows[route]?.(uidsOf(grant.study)) ?? []).map((path) => ({ ...grant, path })),
        );
        await inTurns(asked, async ({ owner, study, value, path }) => {
          const answer = await askAs(role, `/examen/${value}${path}`);
          const isOwn = role.isAlive && owner === name;
          const status = isOwn ? (isOpenTo(study, role) ? 200 : 404) : 401;
          expect([owner, study, path, answer.status]).toEqual([owner, study, path, status]);
          expectWalls(answer);
          expectStrictCookies(answer);
          if (status === 200) return expectOnlyOf(study, answer);
          expectNothingTold(answer);
          return refusals.set(status, (refusals.get(status) ?? new Set()).add(lookOf(answer)));
        });
        for (const [status, looks] of refusals) expect([status, [...looks]]).toEqual([status, [[...looks][0]]]);
      },
    );
  });

  it('all refusals look alike: without session, over, of another, made up, and in whatever words', async () => {
    const grants = [...allGrants().map(({ value }) => value), 'x', 'A'.repeat(43), '1'.repeat(200), '%00', '..', 'é'];
    const looks = new Set<string>();
    for (const name of roleNames) {
      const own = new Set(roleOf(name).grants.values());
      for (const value of grants.filter((one) => !own.has(one) || !roleOf(name).isAlive)) {
        looks.add(lookOf(await askAs(roleOf(name), `/examen/${encodeURIComponent(value)}/description`)));
      }
    }
    expect([...looks]).toHaveLength(1);
  });

  describe.each(['the patient', 'the professional'] as const)('under a grant of %s', (name) => {
    /** Parts of a foreign address and of the own one, in every mixture that names something foreign. */
    const foreignPaths = (own: Uids, foreign: Uids): readonly string[] => {
      const mixed = [
        foreign,
        { ...own, study: foreign.study },
        { ...own, series: foreign.series },
        { ...own, instance: foreign.instance },
        { ...foreign, study: own.study },
      ];
      const paths = findResourceShapes().flatMap((shape) => {
        const right = fillShape(shape, own);
        return mixed.map((uids) => fillShape(shape, uids)).filter((path) => path !== right);
      });
      return [...new Set(paths)];
    };

    it.each([...studyNames.filter((one) => one !== 'own'), 'unknown'] as const)(
      'images of another study (%s) are not found, by any resource or mixture of UIDs',
      async (other) => {
        const role = roleOf(name);
        const foreign = other === 'unknown' ? unknownUids : uidsOf(other);
        const paths = foreignPaths(uidsOf('own'), foreign).map((path) => `/dicomweb${path}`);
        const looks = new Set<string>();
        for (const path of paths) {
          const answer = await askAs(role, `/examen/${role.grants.get('own')}${path}`);
          expect([path, answer.status]).toEqual([path, 404]);
          expectNothingTold(answer);
          looks.add(lookOf(answer));
        }
        expect([paths.length > 30, looks.size]).toEqual([true, 1]);
        for (const path of [`/apercu/${foreign.series}.jpg`, `/images.zip?serie=${foreign.series}`]) {
          const answer = await askAs(role, `/examen/${role.grants.get('own')}${path}`);
          expect([path, answer.status]).toEqual([path, 404]);
          expectNothingTold(answer);
        }
      },
    );

    it('a rejected image is nowhere: not by name, not in lists, not in the copy (C3)', async () => {
      const role = roleOf(name);
      const { instances, studyUid, seriesUid } = studies.rejected;
      const [wrong, right] = instances;
      const uids = { study: studyUid, series: seriesUid };
      const base = `/examen/${role.grants.get('rejected')}`;
      const ofInstance = findResourceShapes().filter((shape) => shape.includes('{instance}'));
      for (const shape of ofInstance) {
        const path = fillShape(shape, { ...uids, instance: wrong?.sopInstanceUid ?? '' });
        const answer = await askAs(role, `${base}/dicomweb${path}`);
        expect([path, answer.status]).toEqual([path, 404]);
        expectNothingTold(answer);
      }
      const whole = ['/description', '/images.zip', `/images.zip?serie=${seriesUid}`];
      const lists = findResourceShapes().filter(
        (shape) => !shape.includes('{instance}') && !/rendered|thumb/.test(shape),
      );
      const told = lists.map((shape) => `/dicomweb${fillShape(shape, { ...uids, instance: '' })}`);
      for (const path of [...whole, ...told]) {
        const answer = await askAs(role, base + path);
        expect([path, answer.status]).toEqual([path, 200]);
        expect([path, answer.body.includes(`${wrong?.sopInstanceUid}`)]).toEqual([path, false]);
      }
      const list = await askAs(role, `${base}/dicomweb/studies/${studyUid}/instances`);
      expect(list.body.includes(right?.sopInstanceUid ?? 'none')).toBe(true);
    });

    it.each([
      'StudyInstanceUID=OTHER',
      'StudyInstanceUID=OWN&StudyInstanceUID=OTHER',
      'StudyInstanceUID=OWN,OTHER',
      'StudyInstanceUID=OWN%5COTHER',
      '0020000D=OTHER',
      'StudyInstanceUID=*',
      'PatientID=IPP-0077',
      'PatientName=*&fuzzymatching=true',
      'PatientName=EXEMPLE*',
      'AccessionNumber=ACN2',
      'includefield=all&limit=1000&offset=0',
      'limit=-1&offset=-1',
      'StudyInstanceUID[]=OTHER&StudyInstanceUID[$ne]=OWN',
    ])('a search by ?%s finds the own study, or nothing', async (query) => {
      const role = roleOf(name);
      const own = studies.own.studyUid;
      for (const level of ['/studies', `/studies/${own}/series`, `/studies/${own}/instances`]) {
        for (const other of studyNames.filter((one) => one !== 'own')) {
          const asked = query.replaceAll('OTHER', studies[other].studyUid).replaceAll('OWN', own);
          const answer = await askAs(role, `/examen/${role.grants.get('own')}/dicomweb${level}?${asked}`);
          expect([asked, answer.status]).toEqual([asked, 200]);
          expectOnlyOf('own', answer);
          const found = JSON.parse(answer.body.toString()) as Record<string, { Value?: string[] }>[];
          expect(found.every((one) => one['0020000D']?.Value?.[0] === own)).toBe(true);
        }
      }
    });
  });

  describe('a link', () => {
    const links = {
      ...Object.fromEntries(studyNames.map((name) => [name, studies[name].link])),
      'of no study': studies.own.link.replace(studies.own.studyUid, unknownUids.study),
      'of another report': studies.own.link.replace(studies.own.documentId, studies.unopened.documentId),
      'of another order': studies.own.link.replace(/accessionNumber=[^&]*/, 'accessionNumber=ACN999'),
      'of a report of nobody': studies.own.link.replace(studies.own.documentId, '1.2.250.1.999999.20.404'),
    };

    it.each(roleNames)('shows %s the same page whatever study it names (E6)', async (name) => {
      const pages = new Set<string>();
      for (const link of Object.values(links)) {
        const answer = await askAs(roleOf(name), link);
        expectWalls(answer);
        expectStrictCookies(answer);
        const page = lookOf(answer)
          .replaceAll(/name="(lien|jeton)" value="[^"]*"/g, '')
          .replaceAll(/__Host-drimbox-browser=[^;]*/g, '')
          .replaceAll(/content-length: \d+/g, '');
        pages.add(page);
      }
      expect([...pages]).toHaveLength(1);
    });

    const opened = (who: Role, name: string): boolean => {
      if (!who.isAlive || !(studyNames as string[]).includes(name)) return false;
      const study = name as StudyName;
      const isOwn = who.kind === 'professional' || (study === 'twins') === isTwin(who);
      return isOwn && isOpenTo(study, who);
    };
    const isTwin = (who: Role): boolean => who.grants.has('twins') && who.kind === 'patient';

    it.each(roleNames.filter((name) => name !== 'a professional who has not chosen a situation'))(
      'followed by %s opens what is theirs; all else is one refusal, of one time',
      async (name) => {
        const role = roleOf(name);
        const looks = new Set<string>();
        const form = async (link: string): Promise<VisitAnswer> => {
          const page = await askAs(role, link);
          const cookies = page.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; ');
          return role.visitor.submit('/acces', fieldsOf(page.body), { cookies: role.cookies ?? cookies ?? null });
        };
        for (const [what, link] of Object.entries(links)) {
          const answer = await form(link);
          const isOpen = opened(role, what);
          expect([what, answer.status]).toEqual([what, isOpen ? 303 : role.isAlive ? 404 : 401]);
          expectWalls(answer);
          if (isOpen) continue;
          expectNothingTold(answer);
          looks.add(lookOf(answer));
          if (role.isAlive) expect(answer.tookMs).toBeGreaterThanOrEqual(refusalMs - 1);
        }
        expect(looks.size).toBeLessThanOrEqual(1);
      },
    );
  });

  describeRequests(() => site);
  describeForgeries(() => site);

  it('afterwards neither log nor sessions hold a name, a cookie, a grant or a token (A6)', async () => {
    const log = site.flow.site.sidecar().log();
    const rows = await site.flow.postgres?.run(
      `SELECT s::text AS row FROM viewer_session s UNION ALL SELECT a::text FROM sign_in_attempt a
       UNION ALL SELECT sealed::text FROM viewer_grant UNION ALL SELECT t::text FROM viewer_tally t`,
      'drimbox',
    );
    const kept = JSON.stringify(rows);
    expect(rows?.length).toBeGreaterThan(20);
    const secrets = [...site.roles.values()].flatMap(({ cookies, grants }) => [
      ...(cookies ?? '').split('; ').map((pair) => pair.slice(pair.indexOf('=') + 1)),
      ...grants.values(),
    ]);
    const told = [...secrets.filter((one) => one !== ''), 'CAMILLE', 'CHARLOTTE', 'Camille', '8990000000', 'eyJ'];
    for (const [name, text] of [
      ['log', log],
      ['database', kept],
    ] as const) {
      expect([name, told.filter((one) => text.includes(one))]).toEqual([name, []]);
    }
    expect(log).toContain('viewer-access/session-ended');
  });
});
