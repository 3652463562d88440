/**
 * Every page a person may come to, for everybody: by keyboard alone, by fingers on a phone, and without a serious finding of axe,
 * on a desk and at 390 px. Screens are kept in .cache/screens.
 */
import type { CDPSession, Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers } from '../viewer/axe.ts';
import { cropToContent } from '../viewer/calibration-volume.ts';
import { isChromiumHere } from '../viewer/chromium.ts';
import { type Focused, focused, tabTo } from './keyboard-way.ts';
import {
  readOverlay,
  readPictures,
  readShown,
  saveScreen,
  showsImage,
  startViewerWorld,
  type ViewerWorld,
  waitForViewer,
} from './viewer-world.ts';

const desk = { width: 1280, height: 720 };
const phone = { width: 390, height: 844 };

const isTooWide = (frame: Frame): Promise<boolean> =>
  frame.evaluate('document.documentElement.scrollWidth > innerWidth');

/** Nothing to complain of in any document of the page. */
const expectGood = async (page: Page, name: string): Promise<void> => {
  for (const frame of page.frames()) {
    expect([name, frame.name(), await findBarriers(frame)]).toEqual([name, frame.name(), []]);
    expect([name, await isTooWide(frame)]).toEqual([name, false]);
  }
  await saveScreen(page, name);
};

const expectGoodOnBoth = async (page: Page, name: string): Promise<void> => {
  for (const [device, size] of [
    ['desk', desk],
    ['phone', phone],
  ] as const) {
    await page.setViewportSize(size);
    await expectGood(page, `${name}-${device}`);
  }
};

describe.skipIf(!isChromiumHere())('pages of the viewer', { timeout: 120_000 }, () => {
  let world: ViewerWorld;
  beforeAll(async () => {
    world = await startViewerWorld();
  }, 180_000);
  afterAll(async () => world?.stop(), 60_000);
  afterEach(async () => world.closeContexts());

  const goTo = async (page: Page, path: string): Promise<void> => {
    await page.goto(world.visitors.origin + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };

  it('keyboard alone: from the link to the images, another series, a copy, and out', async () => {
    const page = await world.newPage({ viewport: desk, acceptDownloads: true });
    await page.addInitScript('delete window.showSaveFilePicker; delete Window.prototype.showSaveFilePicker;');
    await goTo(page, world.camille.linkPath);
    expect(await tabTo(page, /Pro Santé Connect/)).toEqual([
      'Aller au contenu',
      'S’identifier avec FranceConnect+',
      'Qu’est-ce que FranceConnect+ ?',
      'S’identifier avec Pro Santé Connect',
    ]);
    await saveScreen(page, 'keyboard-choice');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /EXEMPLE-PLURIEL/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Choisir votre situation d’exercice' }).waitFor();
    expect((await tabTo(page, /./)).at(-1)).toBe('Aller au contenu');
    await tabTo(page, /CLINIQUE EXEMPLE|Médecin/);
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate<Focused>(focused)).toMatchObject({ tag: 'INPUT', isSeen: true });
    await saveScreen(page, 'keyboard-situation');
    expect(await tabTo(page, /^Continuer$/)).toEqual(['Continuer']);
    await page.keyboard.press('Enter');
    const { ohif } = await waitForViewer(page);
    expect(await page.getByText('CABINET EXEMPLE').isVisible()).toBe(true);
    await page.evaluate('document.body.focus()');
    expect(await tabTo(page, /Télécharger les images/)).toEqual([
      'Aller aux images',
      'Autres traits',
      'Se déconnecter',
      'Séries et téléchargement',
      expect.stringMatching(/^Série CT 1/),
      'Télécharger cette série',
      expect.stringMatching(/^Série CT 2/),
      expect.stringMatching(/^Télécharger les images/),
    ]);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    expect(await download.failure()).toBeNull();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await showsImage(ohif, { patient: 1, series: 2 });
    // On into the viewer: its tools can be reached, and the keys move through the images.
    const stops = await tabTo(page, /Mise en page|Disposition|Layout/i, 'viewer');
    await saveScreen(page, 'keyboard-in-viewer');
    expect(stops.length).toBeGreaterThan(5);
    const slice = (await readShown(ohif))?.slice ?? 0;
    await page.keyboard.press('ArrowDown');
    await showsImage(ohif, { patient: 1, series: 2, slice: slice - 1 });
    // And out again: past the viewer's last button, round to the page.
    await tabTo(page, /^Se déconnecter$/);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Oui' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Vous êtes déconnecté' }).waitFor();
  });

  it('axe finds nothing serious on the way in and out, on a desk and on a phone', async () => {
    const page = await world.newPage();
    await goTo(page, world.camille.linkPath);
    await expectGoodOnBoth(page, 'page-choice');
    // The page in between stays where the service of identity has nothing to show.
    const isService = (url: URL): boolean => url.origin === new URL(world.visitors.psc.issuer).origin;
    await page.route(isService, (route) => route.fulfill({ status: 204 }));
    await page.locator('form[action$="/connexion/psc"] button').click({ noWaitAfter: true });
    await page.getByRole('heading', { name: 'Vers Pro Santé Connect' }).waitFor();
    await expectGoodOnBoth(page, 'page-departure');
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await world.comeAs(page, 'psc', 'several', world.camille);
    await page.getByRole('heading', { name: 'Choisir votre situation d’exercice' }).waitFor();
    await expectGoodOnBoth(page, 'page-situation');
    await page.evaluate("for (const radio of document.querySelectorAll('input')) radio.required = false");
    await page.getByRole('button', { name: 'Continuer' }).click();
    await page.getByText('Choisissez une situation d’exercice dans la liste.').waitFor();
    await expectGoodOnBoth(page, 'page-situation-again');
    await goTo(page, world.camille.linkPath);
    await page.getByRole('heading', { name: 'Vous êtes déjà connecté' }).waitFor();
    await expectGoodOnBoth(page, 'page-choice-signed-in');
    for (const [name, path, code] of [
      ['refused-link', world.camille.linkPath.replace(/studyUID=/, 'other='), 'viewer-access/link-malformed'],
      ['session-over', '/session-terminee', 'viewer-access/session-ended'],
      ['unknown', '/nulle-part', 'viewer-access/page-unknown'],
      ['signed-out', '/deconnexion', 'Vous êtes déconnecté'],
    ] as const) {
      await goTo(page, path);
      expect(await page.textContent('main')).toContain(code);
      await expectGoodOnBoth(page, `page-${name}`);
    }
    const stranger = await world.newPage();
    await world.comeAs(stranger, 'franceconnect', 'twin', world.camille);
    await stranger.getByText('viewer-access/link-refused').waitFor();
    await expectGoodOnBoth(stranger, 'page-refused');
  });

  it('axe finds nothing serious in the examination and in what its page says when there are no images', async () => {
    const page = await world.newPage({ viewport: desk });
    await world.openAs(page, 'psc', 'doctor', world.camille);
    await page.getByText('Autres traits').click();
    await expectGood(page, 'page-examination-desk');
    const address = page.url();
    await page.route(`${address}/description`, (route) => route.abort());
    await page.reload();
    await page.getByRole('heading', { name: 'Le serveur ne répond pas' }).waitFor();
    await expectGoodOnBoth(page, 'page-unreachable');
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.setViewportSize(desk);
    await page.getByRole('button', { name: 'Réessayer' }).click();
    await waitForViewer(page);
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Série CT 2' }).click();
    await page.getByRole('heading', { name: 'Votre session a pris fin' }).waitFor();
    await expectGoodOnBoth(page, 'page-ended');
  });

  describe('on a phone of 390 px', () => {
    const touch = async (
      line: CDPSession,
      steps: readonly (readonly { readonly x: number; readonly y: number }[])[],
    ): Promise<void> => {
      const send = (type: string, points: readonly { readonly x: number; readonly y: number }[]): Promise<unknown> =>
        line.send('Input.dispatchTouchEvent', {
          type: type as 'touchStart',
          touchPoints: points.map(({ x, y }, id) => ({ x, y, id })),
        });
      for (const [at, points] of steps.entries()) await send(at === 0 ? 'touchStart' : 'touchMove', points);
      await send('touchEnd', []);
    };

    it('shows one image, whose it is, and moves through the images and into them by fingers', async () => {
      const page = await world.newPage({ viewport: phone, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
      const { ohif } = await world.openAs(page, 'franceconnect', 'camille', world.camille);
      await expectGood(page, 'page-examination-phone');
      expect(await readPictures(ohif)).toHaveLength(1);
      for (const text of ['EXEMPLE', 'CAMILLE', '21/03/1985', 'Non destiné au diagnostic', 'Se déconnecter']) {
        expect([text, await page.getByText(text, { exact: true }).isVisible()]).toEqual([text, true]);
      }
      const box = await page.locator('iframe.ohif').boundingBox();
      const [x, y] = [phone.width / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2 + 20];
      const line = await page.context().newCDPSession(page);
      const draw = (length: number, step: number): Promise<void> =>
        touch(
          line,
          Array.from({ length }, (_, at) => [{ x, y: y + step * at }]),
        );
      // One finger goes through the images, up and down, and leaves the greys alone.
      const sliceNow = async (): Promise<number> => (await readShown(ohif))?.slice ?? 0;
      const middle = await sliceNow();
      await draw(12, -8);
      await expect.poll(sliceNow, { timeout: 20_000 }).not.toBe(middle);
      const further = await sliceNow();
      await draw(24, 8);
      await expect
        .poll(async () => Math.sign((await sliceNow()) - further), { timeout: 20_000 })
        .toBe(Math.sign(middle - further));
      await expect.poll(() => readOverlay(ohif)).toContain(`I:${await sliceNow()} `);
      expect(await readOverlay(ohif)).toContain('W:400L:40');
      await saveScreen(page, 'phone-scrolled');
      // Two fingers go nearer: the square image grows beyond the width of the phone.
      const heightNow = async (): Promise<number> => {
        const [picture] = await readPictures(ohif);
        return picture === undefined ? 0 : cropToContent(picture).height;
      };
      const height = await heightNow();
      await touch(
        line,
        Array.from({ length: 12 }, (_, at) => [
          { x: x - 40 - 6 * at, y },
          { x: x + 40 + 6 * at, y },
        ]),
      );
      await expect.poll(heightNow, { timeout: 20_000 }).toBeGreaterThan(1.15 * height);
      await saveScreen(page, 'phone-pinch');
      // The series and the copy stay out of the way until they are wanted.
      const series = page.getByRole('button', { name: 'Série CT 2' });
      expect(await series.isVisible()).toBe(false);
      await page.getByText('Séries et téléchargement').tap();
      await expectGood(page, 'phone-series');
      expect(await page.getByRole('link', { name: /Télécharger les images/ }).isVisible()).toBe(true);
      await series.tap();
      await expect.poll(() => readOverlay(ohif), { timeout: 20_000 }).toContain('Série CT 2');
      expect(await series.isVisible()).toBe(false);
      await showsImage(ohif, { patient: 1, series: 2 });
    });
  });
});
