/**
 * What stands behind a grant, of one study and of several: each study asked for and checked by itself (fakes behind the entry).
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { ask, cookieOf, type FakedWorld, grantOf, linkOf, makeWorld, studyOf } from './faked-entry.ts';
import { playEntryForFile } from './played-entry.ts';

const world: FakedWorld = makeWorld();
const openAll = world.checkGrant;
const entry = playEntryForFile(world);
beforeEach(() => {
  world.shown.length = 0;
  world.linkPaths.length = 0;
  world.checkGrant = openAll;
});

const askFor = (rest: string) => ask(entry.port, `/examen/${grantOf(5)}${rest}`, { cookies: cookieOf('famille') });
/** Those of the numbers are closed. */
const close = (...numbers: readonly number[]): void => {
  world.checkGrant = (study) =>
    numbers.some((number) => studyOf(number) === study)
      ? { kind: 'refused', reason: 'viewer-access/hidden-from-patient' }
      : openAll(study);
};
const shownStudies = (): readonly string[] => world.shown.map(({ study }) => study);

describe('a link that opens several studies', () => {
  test('describes them all under one grant, with the link itself to sign in again', async () => {
    expect((await askFor('/description')).status).toBe(200);
    expect(shownStudies().toSorted()).toEqual([5, 6, 7].map(studyOf));
    expect(world.linkPaths).toEqual([`/IHEInvokeImageDisplay?${linkOf(5)}`]);
  });

  test.each([
    [`/dicomweb/studies/${studyOf(5)}/series`, 5],
    [`/dicomweb/studies/${studyOf(6)}/series`, 6],
    [`/dicomweb/studies?StudyInstanceUID=${studyOf(7)}&limit=1`, 7],
    [`/dicomweb/studies?0020000D=${studyOf(7)}`, 7],
    // Nothing of the grant: whoever answers for the first one finds nothing.
    [`/dicomweb/studies/${studyOf(1)}/series`, 5],
    ['/dicomweb/studies', 5],
    ['/apercu/1.jpg', 5],
    ['/apercu/1.jpg?examen=2', 6],
    ['/images.zip?examen=3', 7],
    ['/images.zip?serie=1.2&examen=1', 5],
  ])('%s is asked of study %i', async (rest, number) => {
    expect((await askFor(rest)).status).toBe(200);
    expect(shownStudies()).toEqual([studyOf(number)]);
  });

  test.each(['/images.zip?examen=4', '/images.zip?examen=0', '/apercu/1.jpg?examen=-1', '/images.zip?examen=1e0'])(
    '%s names none of its studies: refused',
    async (rest) => {
      expect((await askFor(rest)).status).toBe(404);
      expect(shownStudies()).toEqual([]);
    },
  );

  test('of which one is closed shows the others; the closed one is refused (E5)', async () => {
    close(5);
    expect((await askFor('/description')).status).toBe(200);
    expect(shownStudies().toSorted()).toEqual([6, 7].map(studyOf));
    world.shown.length = 0;
    for (const rest of [
      `/dicomweb/studies/${studyOf(5)}/series`,
      '/dicomweb/studies',
      '/images.zip',
      '/apercu/1.jpg',
    ]) {
      expect((await askFor(rest)).status).toBe(404);
    }
    expect(shownStudies()).toEqual([]);
    expect((await askFor(`/dicomweb/studies/${studyOf(6)}/series`)).status).toBe(200);
  });

  test.each([
    ['/etat', 'looked-at'],
    ['/etat?utilise=1', 'used'],
    ['/etat?utilise=0', 'looked-at'],
    ['/description', 'used'],
    ['', 'used'],
    ['/dicomweb/studies', 'used'],
    ['/images.zip', 'used'],
  ])('%s: the session is %s', async (rest, use) => {
    world.uses.length = 0;
    expect((await askFor(rest)).status).toBe(200);
    expect(world.uses).toEqual([use]);
  });

  test('of which all are closed shows nothing', async () => {
    close(5, 6, 7);
    for (const rest of ['', '/description', '/images.zip?examen=2']) expect((await askFor(rest)).status).toBe(404);
    expect(shownStudies()).toEqual([]);
  });
});

describe('an open examination', () => {
  const cookies = cookieOf('camille');
  test.each([
    ['', 'shell', '/'],
    ['/description', 'description', '/description'],
    ['/dicomweb/studies?limit=1', 'dicomweb', '/studies?limit=1'],
    ['/dicomweb/studies/1.2/series/1.3/metadata', 'dicomweb', '/studies/1.2/series/1.3/metadata'],
    ['/apercu/1.2.3.jpg', 'preview', '/1.2.3.jpg'],
    ['/images.zip?serie=1.2', 'archive', '/images.zip?serie=1.2'],
  ])('%s is answered by its part, with what stands behind the grant', async (rest, what, url) => {
    const { status, body } = await ask(entry.port, `/examen/${grantOf(1)}${rest}`, { cookies });
    expect([status, body]).toEqual([200, `${what} ${studyOf(1)} ${url}`]);
  });

  test('closes at once when the archive no longer gives it; a program gets a code, a person a page (E5)', async () => {
    world.checkGrant = () => ({ kind: 'refused', reason: 'viewer-access/hidden-from-patient' });
    const page = await ask(entry.port, `/examen/${grantOf(1)}`, {
      cookies,
      headers: { 'Sec-Fetch-Dest': 'document' },
    });
    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    const fetched = await ask(entry.port, `/examen/${grantOf(1)}/description`, {
      cookies,
      headers: { 'Sec-Fetch-Dest': 'empty' },
    });
    expect(JSON.parse(fetched.body)).toEqual({
      code: 'viewer-access/link-refused',
      message: expect.stringContaining('ne peuvent pas être affichées'),
      reference: expect.stringMatching(/^REF-/),
    });
    expect(world.shown).toEqual([]);
    expect(world.logged).toContainEqual(expect.objectContaining({ code: 'viewer-access/hidden-from-patient' }));
  });
});
