/**
 * What a person sees when a part of an examination comes late or not at all: never the images of one series under the name of
 * another, and always a way on. Two invented studies on a real Orthanc, in a browser whose lines are held or broken on order.
 */
import type { Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ExaminationDescription } from '../../viewer/src/description.ts';
import { buildPhantom, describePhantom } from './invented-examination.ts';
import { grant } from './stand-in-server.ts';
import {
  findMissing,
  type OpenPage,
  readCanvases,
  readOverlay,
  saveScreen,
  startViewerSite,
  type ViewerSite,
  waitForFirstImage,
} from './viewer-site.ts';

const soon = { timeout: 30_000, interval: 150 } as const;
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

/** Two studies, two series each: A1, A2, B1, B2. */
const titles = ['A1', 'A2', 'B1', 'B2'] as const;
const instances = [1, 2].map((number) => buildPhantom({ images: 5 + number, number }));
const series = instances.flatMap((some) => [...new Set(some.map(({ seriesInstanceUid }) => seriesInstanceUid))]);

const describeBoth = (): ExaminationDescription => {
  const [one, two] = instances.map((some) => describePhantom(some));
  if (one === undefined || two === undefined) throw new Error('no studies');
  const studies = [one, two].flatMap((some, at) =>
    some.studies.map((study) => ({
      ...study,
      downloadPath: at === 0 ? study.downloadPath : `${study.downloadPath}?examen=2`,
      series: study.series.map((listed, place) => ({ ...listed, title: titles[2 * at + place] ?? '' })),
    })),
  );
  return { ...one, studies };
};
let description: ExaminationDescription = describeBoth();

const missing = findMissing();
/** Requests that wait until they are told what becomes of them. */
class HeldLine {
  readonly #routes: Route[] = [];
  #fate: ((route: Route) => Promise<void>) | undefined;

  readonly hold = (route: Route): Promise<void> => {
    if (this.#fate !== undefined) return this.#fate(route);
    this.#routes.push(route);
    return Promise.resolve();
  };

  readonly end = async (fate: (route: Route) => Promise<void>): Promise<void> => {
    this.#fate = fate;
    await Promise.all(this.#routes.map(fate));
  };
}
const goesOn = (route: Route): Promise<void> => route.continue();
const breaks = (route: Route): Promise<void> => route.abort('connectionreset');
const fails = (route: Route): Promise<void> => route.fulfill({ status: 500, body: '' });
const metadataOf = (title: (typeof titles)[number]): RegExp =>
  new RegExp(`/series/${series[titles.indexOf(title)]?.replaceAll('.', '\\.')}/metadata$`);
const framesOf = (title: (typeof titles)[number]): RegExp =>
  new RegExp(`/series/${series[titles.indexOf(title)]?.replaceAll('.', '\\.')}/.*/frames/`);
const button = (page: Page, title: string) => page.getByRole('button', { name: new RegExp(`^${title}`) });
const pressed = (page: Page): Promise<string> =>
  page.locator('button.series[aria-pressed="true"] .series-title').allTextContents().then(String);

describe.skipIf(missing !== undefined)('series that come late or not at all', { timeout: 120_000 }, () => {
  let site: ViewerSite;
  let opened: OpenPage | undefined;
  beforeAll(async () => {
    site = await startViewerSite(instances.flat(), () => description);
  }, 120_000);
  afterAll(async () => site?.close(), 60_000);
  afterEach(async () => {
    await opened?.page.context().close();
    opened = undefined;
    description = describeBoth();
  });
  const open = async (size: typeof desktop, prepare: (page: Page) => Promise<unknown>): Promise<OpenPage> => {
    opened = await site.open(size, prepare);
    return opened;
  };
  const isUsable = (page: Page) =>
    expect.poll(() => button(page, 'A2').getAttribute('aria-disabled'), soon).toBe('false');
  const isShown = async (one: OpenPage, title: (typeof titles)[number]): Promise<void> => {
    await expect.poll(() => readOverlay(one), soon).toContain(`Série CT ${(titles.indexOf(title) % 2) + 1}`);
    await expect.poll(async () => (await readCanvases(one))[0]?.greys, soon).toBeGreaterThan(3);
    await expect.poll(() => pressed(one.page), soon).toBe(title);
  };

  it('shows the first image of the first series before any other series is described, and reads the others then', async () => {
    const line = new HeldLine();
    const asked: string[] = [];
    const one = await open(desktop, async (page) => {
      page.on('request', (request) => asked.push(request.url()));
      for (const title of ['A2', 'B1', 'B2'] as const) await page.route(metadataOf(title), line.hold);
    });
    await waitForFirstImage(one);
    await isShown(one, 'A1');
    const first = asked.findIndex((path) => framesOf('A1').test(path));
    expect(first).toBeGreaterThan(-1);
    await line.end(goesOn);
    for (const title of ['A2', 'B1', 'B2'] as const) {
      await expect.poll(() => asked.findIndex((path) => metadataOf(title).test(path)), soon).toBeGreaterThan(first);
      await button(one.page, title).click();
      await isShown(one, title);
    }
    expect(one.complaints).toEqual([]);
  });

  it('opens on the series that the link names, of the second study too', async () => {
    description = { ...describeBoth(), firstSeriesInstanceUid: series[3] ?? '' };
    const one = await open(desktop, async () => undefined);
    await waitForFirstImage(one);
    await isShown(one, 'B2');
    // A wide window has what needs a mouse.
    expect(await one.ohif.locator('[data-cy="Crosshairs"]').count()).toBe(1);
  });

  it('says that a chosen series is being loaded, and whose images are in sight until it is there', async () => {
    const line = new HeldLine();
    const one = await open(desktop, (page) => page.route(metadataOf('B1'), line.hold));
    await waitForFirstImage(one);
    await isUsable(one.page);
    await button(one.page, 'B1').click();
    const notice = one.page.locator('.awaited');
    await expect.poll(() => notice.innerText(), soon).toContain('La série « B1 » (Scanner) se charge…');
    expect(await notice.innerText()).toContain('les images sont celles de la série « A1 »');
    expect(await button(one.page, 'B1').innerText()).toContain('Chargement…');
    expect(await pressed(one.page)).toBe('A1');
    await saveScreen(one, 'series-awaited');
    await line.end(goesOn);
    await isShown(one, 'B1');
    expect(await notice.count()).toBe(0);
    expect(await button(one.page, 'B1').innerText()).not.toContain('Chargement…');
  });

  it.each([
    ['the line broke', breaks],
    ['the server failed', fails],
  ])('says that a series could not be read when %s, not that it cannot be shown', async (_what, fate) => {
    const line = new HeldLine();
    const one = await open(desktop, (page) => page.route(metadataOf('A2'), line.hold));
    await waitForFirstImage(one);
    await isUsable(one.page);
    await button(one.page, 'A2').click();
    await one.page.locator('.awaited').waitFor();
    await line.end(fate);
    const notice = one.page.locator('.not-shown');
    await expect.poll(() => notice.innerText(), soon).toContain('La série « A2 » (Scanner) n’a pas pu être lue.');
    expect(await notice.innerText()).toContain('visionneuse/serie-illisible');
    expect(await notice.innerText()).not.toContain('téléchargement');
    expect(await pressed(one.page)).toBe('A2');
    expect(await one.page.locator('iframe.ohif').getAttribute('inert')).not.toBeNull();
    await saveScreen(one, 'series-unreadable');
    await button(one.page, 'A1').click();
    await expect.poll(() => notice.count(), soon).toBe(0);
    await isShown(one, 'A1');
    expect(await one.page.locator('iframe.ohif').getAttribute('inert')).toBeNull();
  });

  it('says that the series to begin with could not be read, and shows the others', async () => {
    const one = await open(desktop, (page) => page.route(metadataOf('A1'), breaks));
    await expect
      .poll(() => one.page.locator('.not-shown').innerText(), soon)
      .toContain('La série « A1 » (Scanner) n’a pas pu être lue.');
    await isUsable(one.page);
    expect(await pressed(one.page)).toBe('A1');
    await button(one.page, 'B2').click();
    await isShown(one, 'B2');
    expect(await one.page.locator('.not-shown').count()).toBe(0);
  });

  it('says of a series of which nothing can be made that it is not shown, with no download where there is none', async () => {
    const plain = describeBoth();
    description = {
      ...plain,
      studies: plain.studies.map(({ downloadBytes: _none, ...study }) => study),
    };
    const one = await open(desktop, async (page) => {
      await page.clock.install();
      const body = JSON.stringify([]);
      await page.route(metadataOf('A2'), (route) => route.fulfill({ contentType: 'application/dicom+json', body }));
    });
    await waitForFirstImage(one);
    await isUsable(one.page);
    await button(one.page, 'A2').click();
    await one.page.locator('.awaited').waitFor();
    await one.page.clock.fastForward(20_000);
    const notice = one.page.locator('.not-shown');
    await expect.poll(() => notice.innerText(), soon).toContain('« A2 » (Scanner) ne peut pas être affichée ici');
    expect(await notice.innerText()).not.toContain('téléchargement');
    expect(await one.page.getByRole('link', { name: 'Télécharger cette série' }).count()).toBe(0);
  });

  it.each([
    ['the server fails', fails],
    ['the line breaks', breaks],
  ])('opens the list when %s at the first image: a sound series can be chosen', async (_what, fate) => {
    const one = await open(desktop, (page) => page.route(framesOf('A1'), fate));
    await isUsable(one.page);
    await expect.poll(() => one.page.getByText('visionneuse/image-manquante').count(), soon).toBe(1);
    await button(one.page, 'B1').click();
    await isShown(one, 'B1');
  });

  it('takes the study along, or the series in sight', async () => {
    const one = await open(desktop, async () => undefined);
    await waitForFirstImage(one);
    await isUsable(one.page);
    const link = one.page.getByRole('link', { name: 'Télécharger cette série' });
    const root = `/examen/${grant}/images.zip`;
    expect(await link.getAttribute('href')).toBe(`${root}?serie=${series[0]}`);
    await button(one.page, 'B2').click();
    await isShown(one, 'B2');
    expect(await link.getAttribute('href')).toBe(`${root}?examen=2&serie=${series[3]}`);
    await saveScreen(one, 'series-download');
  });

  it('on a phone the focus goes to the images when the list closes over a choice', async () => {
    const one = await open(phone, async () => undefined);
    await waitForFirstImage(one);
    await one.page.getByText('Séries et téléchargement').click();
    await isUsable(one.page);
    await button(one.page, 'A2').focus();
    await one.page.keyboard.press('Enter');
    await expect.poll(() => one.page.evaluate<string>('document.activeElement?.id'), soon).toBe('images');
    await isShown(one, 'A2');
  });
});

describe.skipIf(missing !== undefined)('a viewer that does not start', { timeout: 120_000 }, () => {
  let site: ViewerSite;
  let opened: OpenPage | undefined;
  beforeAll(async () => {
    site = await startViewerSite(instances.flat(), () => description);
  }, 120_000);
  afterAll(async () => site?.close(), 60_000);
  afterEach(async () => opened?.page.context().close());
  const startProblem = (page: Page) => page.locator('.start-problem');

  it.each([
    ['a script does not come', /\/app\.bundle\.[^/]*\.js$/, breaks],
    ['the search for series fails', /\/series(\?.*)?$/, fails],
    ['its page is an error of the server', /\/viewer\.html$/, fails],
  ])('says so when %s, and starts at the next try', async (_what, path, fate) => {
    opened = await site.open(desktop, (page) => page.route(path, fate));
    const { page } = opened;
    await expect.poll(() => startProblem(page).innerText(), soon).toContain('visionneuse/demarrage-impossible');
    expect(await startProblem(page).innerText()).toContain('n’a pas pu démarrer');
    await saveScreen(opened, 'start-failed');
    await page.unroute(path);
    await page.getByRole('button', { name: 'Réessayer' }).click();
    await page.waitForSelector('iframe.ohif', { state: 'attached' });
    await waitForFirstImage(opened);
    expect(await startProblem(page).count()).toBe(0);
  });

  it('says so after 45 seconds, and takes it back when the first image comes after all', async () => {
    const line = new HeldLine();
    opened = await site.open(desktop, async (page) => {
      await page.clock.install();
      await page.route(metadataOf('A1'), line.hold);
    });
    const { page } = opened;
    await expect.poll(() => startProblem(page).count(), soon).toBe(1);
    expect(await startProblem(page).innerText()).toBe('');
    await page.clock.fastForward(46_000);
    await expect.poll(() => startProblem(page).innerText(), soon).toContain('n’est toujours pas prête');
    await saveScreen(opened, 'start-late');
    const address = await opened.ohif.evaluate<string>('location.href');
    expect(address).toMatch(/\/basic\?lng=fr$/);
    await line.end(goesOn);
    await waitForFirstImage(opened);
    expect(await startProblem(page).count()).toBe(0);
  });

  it('promises no picture where the server has none', async () => {
    opened = await site.open(desktop, async (page) => {
      await page.route(/\/apercu\//, (route) => route.fulfill({ status: 404, body: '' }));
      await page.route(metadataOf('A1'), () => undefined);
    });
    const { page } = opened;
    await expect.poll(() => page.locator('.stand-in').innerText(), soon).toBe('La visionneuse se prépare…');
    expect(await page.locator('.stand-in img').count()).toBe(0);
  });
});
