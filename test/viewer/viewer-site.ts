/** A real Orthanc, the stand-in for the listener and a browser: what a test of the whole viewer needs. */
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { request } from 'undici';
import type { Browser, Frame, Page } from 'playwright-core';
import { isOrthancHere, startOrthanc, type OrthancPeer } from '../peers/orthanc/index.ts';
import type { InventedInstance } from '../fixtures/dicom/index.ts';
import { isChromiumHere, launchChromium } from './chromium.ts';
import { distFolder, grant, startStandInServer, type StandInServer } from './stand-in-server.ts';

const screens = resolve(import.meta.dirname, '../../.cache/screens');

/** Says what is missing, or `undefined`. */
export const findMissing = (): string | undefined => {
  if (!existsSync(join(distFolder, 'served.json'))) return 'viewer/dist is not built: node scripts/viewer-setup.ts';
  if (!isOrthancHere('1.10')) return 'Orthanc is not installed';
  return isChromiumHere() ? undefined : 'Chromium is not installed';
};

export interface OpenPage {
  readonly page: Page;
  readonly ohif: Frame;
  /** Errors of the console, refusals by the policy, requests to other hosts. */
  readonly complaints: string[];
}

export interface ViewerSite {
  readonly server: StandInServer;
  /** @param prepare  before the page is asked for: lines that break, a clock */
  open(
    size?: { readonly width: number; readonly height: number },
    prepare?: (page: Page) => Promise<unknown>,
  ): Promise<OpenPage>;
  close(): Promise<void>;
}

const renderMiddle = async (
  orthanc: OrthancPeer,
  instances: readonly InventedInstance[],
  series: string,
): Promise<Uint8Array> => {
  const members = instances.filter(({ seriesInstanceUid }) => seriesInstanceUid === series);
  const middle = members[members.length >> 1];
  const path = `studies/${middle?.studyInstanceUid}/series/${series}/instances/${middle?.sopInstanceUid}/rendered`;
  const { body } = await request(`${orthanc.url}/dicom-web/${path}`);
  return new Uint8Array(await body.arrayBuffer());
};

const watchPage = (page: Page, url: string): string[] => {
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('request', (asked) => {
    if (!asked.url().startsWith(url) && !/^(data|blob):/.test(asked.url())) complaints.push(`outside: ${asked.url()}`);
  });
  return complaints;
};

/** @param description  what the page is told of these instances, or what tells it at each call */
export const startViewerSite = async (
  instances: readonly InventedInstance[],
  description: unknown,
): Promise<ViewerSite> => {
  mkdirSync(screens, { recursive: true });
  const orthanc = await startOrthanc({ dicomWeb: true });
  await orthanc.storeFiles(instances.map(({ bytes }) => bytes));
  const server = await startStandInServer({
    orthancUrl: orthanc.url,
    description: typeof description === 'function' ? () => description() as unknown : () => description,
    preview: (series) => renderMiddle(orthanc, instances, series),
  });
  const browser: Browser = await launchChromium();
  return {
    server,
    open: async (size = { width: 1280, height: 800 }, prepare = async () => undefined) => {
      const isPhone = size.width < 500;
      const context = await browser.newContext({
        viewport: size,
        isMobile: isPhone,
        hasTouch: isPhone,
        locale: 'fr-FR',
      });
      const page = await context.newPage();
      const complaints = watchPage(page, server.url);
      await prepare(page);
      await page.goto(`${server.url}/examen/${grant}`);
      // Not in sight before its first image.
      await page.waitForSelector('iframe.ohif', { timeout: 30_000, state: 'attached' });
      const ohif = page.frames().find((frame) => frame !== page.mainFrame());
      if (ohif === undefined) throw new Error('no frame for OHIF');
      return { page, ohif, complaints };
    },
    close: async () => {
      await browser.close();
      await server.close();
      await orthanc.discard();
    },
  };
};

export const waitForFirstImage = async ({ page }: OpenPage): Promise<void> => {
  await page.waitForSelector('.stand-in', { state: 'detached', timeout: 90_000 });
};

export const saveScreen = async ({ page }: OpenPage, name: string): Promise<void> => {
  await page.screenshot({ path: join(screens, `${name}.png`) });
};

export interface CanvasLook {
  /** How many grey values it shows. */
  readonly greys: number;
  /** Same word, same picture. */
  readonly word: string;
}

// Expressions of the browser are text: the types of its world are not those of the tests.
const lookAtCanvases = `[...document.querySelectorAll('canvas.cornerstone-canvas')].map((canvas) => {
  const copy = document.createElement('canvas');
  copy.width = 64;
  copy.height = 64;
  const context = copy.getContext('2d');
  context.drawImage(canvas, 0, 0, 64, 64);
  const pixels = context.getImageData(0, 0, 64, 64).data;
  const greys = new Set();
  let word = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    greys.add(pixels[at]);
    word = (Math.imul(word, 31) + pixels[at]) | 0;
  }
  return { greys: greys.size, word: word.toString(16) };
})`;

export const readCanvases = ({ ohif }: OpenPage): Promise<readonly CanvasLook[]> => ohif.evaluate(lookAtCanvases);

export const readOverlay = ({ ohif }: OpenPage): Promise<string> =>
  ohif.evaluate(`document.querySelector('[data-cy="viewport-pane"]')?.textContent ?? ''`);
