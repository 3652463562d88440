/** One person's visit to an invented examination: from its link to what the page lists and what the viewer shows. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { expect } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { type KindExamination, kindNumbers } from '../fixtures/viewer-access/kinds/index.ts';
import { type PictureShape, readPicture, readViewport, type SeenQuadrants } from '../viewer/seen-colours.ts';
import { asInFrance, comeAs, linkPathOf, saveScreen } from './visited-site.ts';

/** Loaded machines are slow: a condition that never comes is waited for so long. */
export const shown = { timeout: 30_000, interval: 150 } as const;

export interface KindVisit {
  readonly page: Page;
  readonly ohif: Frame;
  /** Errors and refusals that the browser told of. */
  readonly complaints: string[];
  /** Title and words of each series, as listed. */
  rows(): Promise<readonly string[]>;
  /** What the parts of the chosen series are called. */
  parts(): Promise<readonly string[]>;
  /** Chooses the series of that place, from 1. */
  choose(series: number): Promise<void>;
  /** Of one series that is seen in several parts. */
  choosePart(part: number): Promise<void>;
  preview(series: number): Promise<SeenQuadrants | number>;
  /** What stands in the viewport: window, place in the series, marks of orientation… */
  words(): Promise<readonly string[]>;
  screen(name: string): Promise<void>;
  /** Objects that the DICOMDIR of the download names. */
  countDownloaded(): Promise<number>;
  close(): Promise<void>;
}

/** Numbers keep to their words by a space that does not break. */
const readable = (text: string): string => text.replaceAll('\u00a0', ' ').trim();

/** What OHIF and Chromium say without meaning anything. */
const isNoise = (text: string): boolean =>
  /willReadFrequently|scriptToView|dataSource=|initialCamera|reference viewable|SUV (bsa|lbm)|already has a value/.test(
    text,
  ) ||
  // A surface of contours is wanted by nobody here, and not served.
  /polySeg|is not in state yet/.test(text);

const watch = (page: Page): string[] => {
  const complaints: string[] = [];
  const add = (text: string): void => {
    if (!isNoise(text)) complaints.push(text.slice(0, 300));
  };
  page.on('console', (message) => message.type() === 'error' && add(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => add(error.message));
  return complaints;
};

const countInDirectory = (zip: Buffer): number => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-kinds-'));
  try {
    writeFileSync(join(folder, 'images.zip'), zip);
    execFileSync('unzip', ['-q', 'images.zip', '-d', 'images'], { cwd: folder });
    const directory = execFileSync('dcmdump', [join(folder, 'images', 'DICOMDIR')]).toString();
    return directory.match(/ReferencedFileID/g)?.length ?? 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

export const openKinds = async (
  chromium: Browser,
  origin: string,
  name: KindExamination,
  viewport = { width: 1280, height: 800 },
): Promise<KindVisit> => {
  const number = kindNumbers[name];
  const { documentId } = buildExamination({ number });
  const context = await chromium.newContext({ ...asInFrance, viewport });
  const page = await context.newPage();
  await comeAs(page, origin + linkPathOf({ number, documentId }), 'psc', 'doctor');
  await page.waitForURL(/\/examen\//);
  const complaints = watch(page);
  await page.waitForSelector('iframe.ohif');
  await page.waitForSelector('.stand-in', { state: 'detached', timeout: 60_000 });
  const ohif = page.frames().find((frame) => frame.url().includes('/visionneuse/'));
  if (ohif === undefined) throw new Error('no viewer in the page');
  const base = new URL(page.url()).pathname;
  const buttons = page.locator('button.series');
  return {
    page,
    ohif,
    complaints,
    rows: async () =>
      (await page.locator('button.series .series-words').allInnerTexts()).map((text) =>
        readable(text).replace('\n', ' · '),
      ),
    parts: async () => (await page.locator('.series-parts button').allInnerTexts()).map(readable),
    choose: (series) => buttons.nth(series - 1).click(),
    choosePart: (part) =>
      page
        .locator('.series-parts button')
        .nth(part - 1)
        .click(),
    preview: (series) => readPicture(page, `${base}/apercu/${series}.jpg`),
    words: async () =>
      (await ohif.locator('[data-cy="viewport-pane"]').first().innerText()).split('\n').map((line) => line.trim()),
    screen: (part) => saveScreen(page, `kinds-${name}-${part}`),
    countDownloaded: async () => {
      const answer = await page.request.get(`${origin}${base}/images.zip`);
      expect(answer.status()).toBe(200);
      return countInDirectory(await answer.body());
    },
    close: () => context.close(),
  };
};

/** Waits until the viewport shows these colours. @param within  of 255 */
export const expectShown = async (
  { ohif }: KindVisit,
  shape: PictureShape,
  expected: SeenQuadrants,
  within = 2,
): Promise<void> => {
  await expect.poll(async () => farthest(await readViewport(ohif, shape), expected), shown).toBeLessThanOrEqual(within);
};

/** JPEG changes colours a little. */
export const expectPreview = async (visit: KindVisit, series: number, expected: SeenQuadrants): Promise<void> => {
  const seen = await visit.preview(series);
  expect(typeof seen === 'number' ? seen : farthest(seen, expected), `preview ${series}`).toBeLessThanOrEqual(4);
};

/** The largest difference of any sample. */
const farthest = (seen: SeenQuadrants | undefined, expected: SeenQuadrants): number =>
  Math.max(
    ...expected.flatMap((colour, at) =>
      colour.map((sample, of) => Math.abs(sample - (seen?.[at]?.[of] ?? Number.NaN))),
    ),
  );

/** Follows a loop that plays until it has shown so many different pictures. */
export const expectPlaying = async ({ ohif }: KindVisit, shape: PictureShape, pictures: number): Promise<void> => {
  const seen = new Set<string>();
  await ohif.locator('[data-cy="cine-player-play-pause"]').click();
  await expect
    .poll(async () => seen.add(JSON.stringify(await readViewport(ohif, shape))).size, { timeout: 30_000, interval: 60 })
    .toBeGreaterThanOrEqual(pictures);
  await ohif.locator('[data-cy="cine-player-play-pause"]').click();
};
