/**
 * Who sees what, and until when: two patients and several links in one browser and in two, leaving, the back button, the end of
 * a session. The patients are twins of one name; the images say whose they are.
 */
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { isChromiumHere } from '../viewer/chromium.ts';
import {
  readShown,
  saveScreen,
  showsImage,
  startViewerWorld,
  type ViewerWorld,
  waitForViewer,
  type WorldPatient,
} from './viewer-world.ts';

/** What of an examination is on a page: must be nothing once its person has left. */
const remains = `[
  ...[...document.querySelectorAll('iframe, canvas, img')].map(({ tagName }) => tagName),
  ...(document.body.innerText.replace(/Session ouverte au nom de .*/, '').match(/CAMILLE|CHARLOTTE|21\\/03\\/1985|Scanner thoracique/g) ?? []),
  ...(document.title.match(/EXEMPLE/g) ?? []),
]`;
const readRemains = (page: Page): Promise<readonly string[]> => page.evaluate(remains);

const statusOf = async (context: BrowserContext, address: string): Promise<number> =>
  (await context.request.get(address)).status();

/** Everything that one grant opens. */
const pathsOf = ({ examination: { studyInstanceUid } }: WorldPatient): readonly string[] => [
  '',
  '/description',
  '/apercu/1.jpg',
  '/images.zip',
  '/dicomweb/studies',
  `/dicomweb/studies/${studyInstanceUid}/series`,
  `/dicomweb/studies/${studyInstanceUid}/series/${studyInstanceUid}.1/metadata`,
  `/dicomweb/studies/${studyInstanceUid}/series/${studyInstanceUid}.1/instances/${studyInstanceUid}.1.5/frames/1`,
];

/** Studies that a page asks images of. */
const watchStudies = (page: Page): ReadonlySet<string> => {
  const studies = new Set<string>();
  page.on('request', (request) => {
    const [, study] = /\/dicomweb\/studies\/([\d.]+)/.exec(request.url()) ?? [];
    if (study !== undefined) studies.add(study);
  });
  return studies;
};

describe.skipIf(!isChromiumHere())('sessions of the viewer', { timeout: 120_000 }, () => {
  let world: ViewerWorld;
  beforeAll(async () => {
    world = await startViewerWorld();
  }, 180_000);
  afterAll(async () => world?.stop(), 60_000);
  afterEach(async () => world.closeContexts());

  const expectOpen = async (context: BrowserContext, address: string, patient: WorldPatient): Promise<void> => {
    for (const path of pathsOf(patient)) expect([path, await statusOf(context, address + path)]).toEqual([path, 200]);
  };
  const expectClosed = async (context: BrowserContext, address: string, patient: WorldPatient): Promise<void> => {
    for (const path of pathsOf(patient)) expect([path, await statusOf(context, address + path)]).toEqual([path, 401]);
  };
  const closesItself = async (page: Page, title = 'Votre session a pris fin', timeout = 30_000): Promise<void> => {
    await page.getByRole('heading', { level: 1, name: title }).waitFor({ timeout });
    expect(await readRemains(page)).toEqual([]);
  };

  /**
   * Presses the back button until that page, and looks at each page of ours on the way. Asks the browser itself: what a page
   * kept for the back button shows is told to nobody else.
   *
   * @returns what was come by
   */
  const goBackTo = async (page: Page, address: string): Promise<readonly string[]> => {
    // A session of its own for each question: the page it was attached to may be one that is kept meanwhile.
    const inBrowser = async <Result>(question: (browser: CDPSession) => Promise<Result>): Promise<Result> => {
      const browser = await page.context().newCDPSession(page);
      try {
        return await question(browser);
      } finally {
        await browser.detach().catch(() => undefined);
      }
    };
    const here = async (): Promise<{ readonly at: number; readonly url: string }> => {
      const { currentIndex: at, entries } = await inBrowser((browser) => browser.send('Page.getNavigationHistory'));
      return { at, url: entries[at]?.url ?? '' };
    };
    const ask = (expression: string): Promise<unknown> =>
      inBrowser(async (browser) => {
        const { result } = await browser.send('Runtime.evaluate', { expression, returnByValue: true });
        return result.value as unknown;
      });
    const seen: string[] = [];
    while (seen.at(-1) !== address && (await here()).at > 0) {
      const { at } = await here();
      await ask('history.back()');
      await expect.poll(async () => (await here()).at, { timeout: 20_000 }).toBeLessThan(at);
      const { url } = await here();
      seen.push(url);
      // The stand-ins of the services answer nothing to one who comes back to a sign-in that is over.
      if (!url.startsWith(world.visitors.origin)) continue;
      await expect.poll(() => ask("document.querySelector('h1')?.checkVisibility()"), { timeout: 20_000 }).toBe(true);
      expect([url, await ask(remains)]).toEqual([url, []]);
    }
    return seen;
  };

  it('two patients in two tabs of a professional: identity, pixels and bytes are never mixed', async () => {
    const context = await world.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    const [ofFirst, ofSecond] = [watchStudies(first), watchStudies(second)];
    const camille = await world.openAs(first, 'psc', 'doctor', world.camille);
    await second.goto(world.visitors.origin + world.charlotte.linkPath);
    await second.getByRole('button', { name: 'Continuer avec cette session' }).click();
    const charlotte = await waitForViewer(second);
    for (const series of [2, 1, 2]) {
      await first.getByRole('button', { name: `Série CT ${series}` }).click();
      await second.getByRole('button', { name: `Série CT ${3 - series}` }).click();
      await showsImage(charlotte.ohif, { patient: 2, series: 3 - series });
      await showsImage(camille.ohif, { patient: 1, series });
    }
    await saveScreen(first, 'tab-of-camille');
    await saveScreen(second, 'tab-of-charlotte');
    for (const [page, own, other] of [
      [first, 'CAMILLE', 'CHARLOTTE'],
      [second, 'CHARLOTTE', 'CAMILLE'],
    ] as const) {
      // The history of a browser keeps titles.
      expect(await page.title()).toMatch(/^Images de l’examen du \d\d\/\d\d\/\d{4}$/);
      const banner = await page.getByRole('region', { name: 'Identité du patient' }).textContent();
      expect(banner).toContain(own);
      expect(banner).not.toContain(other);
    }
    expect([...ofFirst]).toEqual([world.camille.examination.studyInstanceUid]);
    expect([...ofSecond]).toEqual([world.charlotte.examination.studyInstanceUid]);
    // One session has both grants, yet a grant gives its own study only.
    await expectOpen(context, first.url(), world.camille);
    await expectOpen(context, second.url(), world.charlotte);
    for (const [page, other] of [
      [first, world.charlotte],
      [second, world.camille],
    ] as const) {
      const paths = pathsOf(other).filter((path) => path.includes(other.examination.studyInstanceUid));
      expect(paths).toHaveLength(3);
      for (const path of paths) expect(await statusOf(context, page.url() + path)).toBe(404);
    }
  });

  it('two patients in two browsers: what one has open is nothing to the other', async () => {
    const [hers, others] = [await world.newContext(), await world.newContext()];
    const [first, second] = [await hers.newPage(), await others.newPage()];
    const [camille, charlotte] = await Promise.all([
      world.openAs(first, 'franceconnect', 'camille', world.camille),
      world.openAs(second, 'franceconnect', 'twin', world.charlotte),
    ]);
    expect((await readShown(camille.ohif))?.patient).toBe(1);
    expect((await readShown(charlotte.ohif))?.patient).toBe(2);
    await expectOpen(hers, first.url(), world.camille);
    await expectOpen(others, second.url(), world.charlotte);
    await expectClosed(hers, second.url(), world.charlotte);
    await expectClosed(others, first.url(), world.camille);
    // Nor does she get in by the link of her twin, signed in as she is.
    await first.goto(world.visitors.origin + world.charlotte.linkPath);
    await first.getByRole('button', { name: 'Continuer avec cette session' }).click();
    await first.getByText('viewer-access/link-refused').waitFor();
    expect(await readRemains(first)).toEqual([]);
  });

  it('several links opened before anybody has signed in: each leads to its own examination, and leaving one closes all', async () => {
    const context = await world.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    const { origin } = world.visitors;
    await first.goto(origin + world.camille.linkPath);
    await second.goto(origin + world.charlotte.linkPath);
    for (const page of [first, second]) await page.locator('form[action$="/connexion/psc"] button').click();
    for (const page of [second, first]) await page.locator('button[name="persona"][value="doctor"]').click();
    const [camille, charlotte] = [await waitForViewer(first), await waitForViewer(second)];
    expect((await readShown(camille.ohif))?.patient).toBe(1);
    expect((await readShown(charlotte.ohif))?.patient).toBe(2);
    const [ofCamille, ofCharlotte] = [first.url(), second.url()];
    await expectOpen(context, ofCamille, world.camille);
    await expectOpen(context, ofCharlotte, world.charlotte);
    // The tab that was open before the other one signed in can still leave.
    await world.leave(second);
    await closesItself(first);
    await saveScreen(first, 'left-in-another-tab');
    await expectClosed(context, ofCamille, world.camille);
    await expectClosed(context, ofCharlotte, world.charlotte);
  });

  it('another person who signs in at the same browser ends what the first one had open', async () => {
    const context = await world.newContext();
    const [first, second] = [await context.newPage(), await context.newPage()];
    await world.openAs(first, 'franceconnect', 'camille', world.camille);
    const address = first.url();
    await second.goto(world.visitors.origin + world.charlotte.linkPath);
    expect(await second.textContent('main')).toContain('Vous êtes déjà connecté');
    await saveScreen(second, 'choice-signed-in');
    // As on a shared computer: without FranceConnect+ ending the session of the first one.
    const charlotte = await world.openAs(second, 'psc', 'doctor', world.charlotte);
    expect((await readShown(charlotte.ohif))?.patient).toBe(2);
    await expectClosed(context, address, world.camille);
    await closesItself(first);
    await first.reload();
    await first.getByRole('heading', { level: 1 }).waitFor();
    expect(await readRemains(first)).toEqual([]);
    await expectOpen(context, second.url(), world.charlotte);
  });

  it('the back button and a reload show nothing after leaving', async () => {
    const page = await world.newPage();
    await world.openAs(page, 'psc', 'doctor', world.camille);
    const address = page.url();
    await world.leave(page);
    await saveScreen(page, 'signed-out');
    const seen = await goBackTo(page, address);
    expect(seen.at(-1)).toBe(address);
    await saveScreen(page, 'back-after-leaving');
    await page.goto(address);
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await readRemains(page)).toEqual([]);
    expect(await page.textContent('body')).toContain('viewer-access/session-ended');
  });

  it('the back button and a reload show nothing after a refusal, nor of what was closed meanwhile (E5)', async () => {
    /** Her own images in one tab; the link of the examination in another, by the same session. */
    const openInSecondTab = async (persona: string, own: WorldPatient): Promise<Page> => {
      const context = await world.newContext();
      await world.comeAs(await context.newPage(), 'franceconnect', persona, own);
      const page = await context.newPage();
      await page.goto('about:blank');
      await page.goto(link);
      await page.getByRole('button', { name: 'Continuer avec cette session' }).click();
      return page;
    };
    const link = world.visitors.origin + world.charlotte.linkPath;
    const refused = await openInSecondTab('camille', world.camille);
    await refused.getByText('viewer-access/link-refused').waitFor();
    expect(await goBackTo(refused, link)).toEqual([link]);

    const hers = await openInSecondTab('twin', world.charlotte);
    await waitForViewer(hers);
    const { documentId } = world.charlotte.examination;
    const hidden = buildExamination({
      number: 2,
      ...world.charlotte.report,
      cda: {
        ...world.charlotte.report.cda,
        documentId: { root: `${documentId}.2` },
        replaces: [{ root: documentId }],
      },
      message: {
        ...world.charlotte.report.message,
        action: 'replace',
        controlId: 'EX-HIDE-2',
        flags: { INVISIBLE_PATIENT: 'Y' },
      },
    });
    await world.flow.accepts(hidden.message);
    // Its next call: images of the series that was not looked at yet.
    await hers.getByRole('button', { name: 'Série CT 2' }).click();
    await closesItself(hers, 'Les images ne peuvent pas être affichées');
    await saveScreen(hers, 'closed-meanwhile');
    await hers.reload();
    await hers.getByRole('heading', { level: 1 }).waitFor();
    expect(await readRemains(hers)).toEqual([]);
    expect(await goBackTo(hers, link)).toEqual([link]);
  });

  it('a session ends by itself, unused and in any case: the images leave the screen and no call is answered', async () => {
    const limit = (keys: Readonly<Record<string, number>>) =>
      world.flow.reconfigure((section) => {
        section['SignIn'] = { ...section['SignIn'], Sessions: keys };
      });
    await limit({ LifetimeMinutes: 1 });
    const [used, unused] = [await world.newContext(), await world.newContext()];
    const [working, idle] = [await used.newPage(), await unused.newPage()];
    const { ohif } = await world.openAs(working, 'psc', 'doctor', world.camille);
    const beganAtMs = Date.now();
    await limit({ IdleMinutes: 1 });
    await world.openAs(idle, 'psc', 'radiologist', world.camille);
    // Somebody works to the last second: it ends all the same, by itself.
    const over = working.getByRole('heading', { level: 1, name: 'Votre session a pris fin' });
    expect((await readShown(ohif))?.patient).toBe(1);
    let answers = 0;
    while (!(await over.isVisible()) && Date.now() - beganAtMs < 90_000) {
      await working.mouse.move(700 + (answers % 2) * 20, 400);
      await working.mouse.wheel(0, answers % 2 === 0 ? 100 : -100);
      if ((await statusOf(used, `${working.url()}/description`)) === 200) answers += 1;
      await working.waitForTimeout(2_000);
    }
    expect(answers).toBeGreaterThan(2);
    await closesItself(working);
    await saveScreen(working, 'session-over');
    await expectClosed(used, working.url(), world.camille);
    // Nobody works here: the page asks, and closes as soon as the session is over.
    await closesItself(idle);
    await expectClosed(unused, idle.url(), world.camille);
  }, 180_000);
});
