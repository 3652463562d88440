/** The whole viewer in Debian's Chromium, on images of a real Orthanc. Screens are kept in .cache/screens to be looked at. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers } from './axe.ts';
import { buildPhantom, describePhantom } from './invented-examination.ts';
import {
  findMissing,
  readCanvases,
  readOverlay,
  saveScreen,
  startViewerSite,
  waitForFirstImage,
  type OpenPage,
  type ViewerSite,
} from './viewer-site.ts';

const missing = findMissing();
if (missing !== undefined) console.warn(`viewer in a browser: skipped, ${missing}`);

describe.skipIf(missing !== undefined)('viewer in a browser', { timeout: 120_000 }, () => {
  const instances = buildPhantom();
  const description = describePhantom(instances);
  let site: ViewerSite;
  let opened: OpenPage;
  beforeAll(async () => {
    site = await startViewerSite(instances, description);
    opened = await site.open();
  }, 120_000);
  afterAll(async () => site?.close(), 60_000);

  it('shows the server-made picture first, then the image itself, under a policy without inline script and eval', async () => {
    expect(await opened.page.locator('.stand-in img').getAttribute('alt')).toContain('Fenêtre médiastinale');
    await saveScreen(opened, 'desktop-preview');
    await waitForFirstImage(opened);
    await expect.poll(() => readOverlay(opened), { timeout: 20_000 }).toContain('15/01/2024');
    await expect.poll(async () => (await readCanvases(opened))[0]?.greys, { timeout: 20_000 }).toBeGreaterThan(3);
    await saveScreen(opened, 'desktop-ready');
    expect(opened.complaints).toEqual([]);
  });

  it('opens a series at its middle image, the one the picture showed', async () => {
    expect(await readOverlay(opened)).toContain('(16/30)');
  });

  it('names nobody and no study in the address of the frame, and asks for nothing but this examination', async () => {
    expect(await opened.ohif.evaluate('location.pathname + location.search')).toMatch(
      /^\/visionneuse\/ohif-[0-9a-f]{12}\/viewer\.html$/,
    );
    expect(site.server.requests.filter((asked) => !/^GET \/(visionneuse|examen)\//.test(asked))).toEqual([]);
    expect(await opened.page.evaluate('crossOriginIsolated')).toBe(true);
  });

  it('scrolls through the series with the wheel', async () => {
    const before = (await readCanvases(opened))[0]?.word;
    const box = await opened.page.locator('iframe.ohif').boundingBox();
    await opened.page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2);
    for (let step = 0; step < 4; step += 1) {
      await opened.page.mouse.wheel(0, 100);
      await opened.page.waitForTimeout(150);
    }
    await expect.poll(() => readOverlay(opened), { timeout: 10_000 }).not.toContain('(16/30)');
    await expect.poll(async () => (await readCanvases(opened))[0]?.word, { timeout: 10_000 }).not.toBe(before);
  });

  it('changes the window by dragging', async () => {
    expect(await readOverlay(opened)).toContain('W:400');
    await opened.page.mouse.down();
    await opened.page.mouse.move(900, 300, { steps: 8 });
    await opened.page.mouse.up();
    await expect.poll(() => readOverlay(opened), { timeout: 10_000 }).not.toContain('W:400');
  });

  it('changes the series from the list of the page', async () => {
    await opened.page.getByRole('button', { name: /Fenêtre parenchymateuse/ }).click();
    await expect.poll(() => readOverlay(opened), { timeout: 20_000 }).toContain('Série CT 2');
    expect(
      await opened.page.getByRole('button', { name: /Fenêtre parenchymateuse/ }).getAttribute('aria-pressed'),
    ).toBe('true');
  });

  it('has no serious finding of axe, in the page and in OHIF (RGAA)', async () => {
    await opened.page.waitForTimeout(400);
    expect(await findBarriers(opened.page.mainFrame())).toEqual([]);
    expect(await findBarriers(opened.ohif)).toEqual([]);
  });

  it('renders three planes (MPR), each another picture', async () => {
    await opened.ohif.locator('[data-cy="layout-button"]').click();
    await opened.ohif.getByText('MPR', { exact: true }).click();
    await expect
      .poll(async () => (await readCanvases(opened)).filter(({ greys }) => greys > 3).length, { timeout: 60_000 })
      .toBe(3);
    const words = (await readCanvases(opened)).map(({ word }) => word);
    expect(new Set(words).size).toBe(3);
    await saveScreen(opened, 'desktop-mpr');
    expect(opened.complaints).toEqual([]);
  });

  it('shows the other traits on demand, and reaches everything by keyboard', async () => {
    await opened.page.getByText('Autres traits').click();
    expect(await opened.page.getByText('EXEMPLE-DUPONT').isVisible()).toBe(true);
    const { page } = await site.open();
    const reached: string[] = [];
    for (let step = 0; step < 8; step += 1) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate<string>("document.activeElement?.textContent?.trim().slice(0, 24) ?? ''"));
    }
    expect(reached.join('|')).toMatch(/Aller aux images/);
    expect(reached.join('|')).toMatch(/Se déconnecter/);
    expect(reached.join('|')).toMatch(/Fenêtre médiastinale/);
    await page.context().close();
  });

  it('is usable on a phone of 390 px: no horizontal scroll, one viewport, identity in sight', async () => {
    const phone = await site.open({ width: 390, height: 844 });
    await waitForFirstImage(phone);
    await expect.poll(async () => (await readCanvases(phone))[0]?.greys, { timeout: 20_000 }).toBeGreaterThan(3);
    await phone.page.waitForTimeout(500);
    for (const frame of [phone.page.mainFrame(), phone.ohif]) {
      expect(await frame.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    }
    expect(await readCanvases(phone)).toHaveLength(1);
    expect(await phone.page.getByText('EXEMPLE', { exact: true }).isVisible()).toBe(true);
    expect(await phone.page.getByText('Non destiné au diagnostic').isVisible()).toBe(true);
    expect(await findBarriers(phone.page.mainFrame())).toEqual([]);
    await saveScreen(phone, 'phone-ready');
    await phone.page.context().close();
  });

  it('takes the images away when the session has ended, and offers to sign in again', async () => {
    site.server.endSession();
    await opened.ohif.evaluate('fetch(`${drimboxExamination.root}/studies`)');
    await opened.page.getByRole('heading', { name: 'Votre session a pris fin' }).waitFor({ timeout: 20_000 });
    expect(await opened.page.locator('iframe').count()).toBe(0);
    expect(await opened.page.locator('img').count()).toBe(0);
    expect(await opened.page.getByRole('link', { name: 'Se reconnecter' }).getAttribute('href')).toBe(
      '/IHEInvokeImageDisplay?invented=yes',
    );
    expect(await opened.page.getByText('sign-in/session-ended').isVisible()).toBe(true);
    expect(await opened.page.title()).not.toContain('EXEMPLE');
    await saveScreen(opened, 'session-ended');
  });
});
