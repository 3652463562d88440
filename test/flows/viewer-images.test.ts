/**
 * What a person sees in the viewer is what the PACS holds: read back from the pixels of the screen, through the whole service, a
 * real Orthanc and a browser. Screens are kept in .cache/screens.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  blockValues,
  comparePlane,
  greyOf,
  type GreyWindow,
  type Plane,
  readBlocks,
  usualWindow,
} from '../viewer/calibration-volume.ts';
import { isChromiumHere } from '../viewer/chromium.ts';
import {
  type OpenedViewer,
  readOverlay,
  readPictures,
  readShown,
  saveScreen,
  showsImage,
  startViewerWorld,
  type ViewerWorld,
} from './viewer-world.ts';

/** The window that the viewer says it shows. */
const readWindow = async (ohif: Frame): Promise<GreyWindow> => {
  const [, width, center] = /W:(\d+)L:(-?\d+)/.exec(await readOverlay(ohif)) ?? [];
  return { width: Number(width), center: Number(center) };
};

/** Greys of the three tissues as that window makes them; the viewer rounds what it says of a window, so one unit may differ. */
const expectBlocks = async (ohif: Frame, window: GreyWindow): Promise<void> => {
  const wanted = Object.entries(blockValues).map(([block, value]) => [block, greyOf(value, window)] as const);
  await expect
    .poll(
      async () => {
        const [picture] = await readPictures(ohif);
        if (picture === undefined) return ['no picture'];
        const blocks = readBlocks(picture);
        return wanted.flatMap(([block, grey]) => {
          const seen = blocks[block as keyof typeof blocks];
          return Math.abs(seen - grey) <= 2 ? [] : [`${block}: ${seen} instead of ${grey}`];
        });
      },
      { timeout: 10_000 },
    )
    .toEqual([]);
};

const middleOf = async (page: Page): Promise<{ readonly x: number; readonly y: number }> => {
  const box = await page.locator('iframe.ohif').boundingBox();
  if (box === null) throw new Error('the viewer has no place in the page');
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
};

describe.skipIf(!isChromiumHere())('images of a link', { timeout: 120_000 }, () => {
  let world: ViewerWorld;
  let opened: OpenedViewer;
  beforeAll(async () => {
    world = await startViewerWorld();
  }, 180_000);
  afterAll(async () => world?.stop(), 60_000);
  afterEach(async () => world.closeContexts());

  const open = async (): Promise<OpenedViewer> => {
    opened = await world.openAs(await world.newPage(), 'psc', 'doctor', world.camille);
    return opened;
  };

  it('opens the first series of the patient of the link, at its middle image, grey for grey', async () => {
    const { page, ohif } = await open();
    expect(await readShown(ohif)).toEqual({ patient: 1, series: 1, slice: 16 });
    await expectBlocks(ohif, usualWindow);
    expect(await readWindow(ohif)).toEqual(usualWindow);
    await saveScreen(page, 'first-image');
  });

  it('scrolls image by image, and to both ends: the pixels are those of the image that the viewer names', async () => {
    const { page, ohif } = await open();
    const { x, y } = await middleOf(page);
    await page.mouse.move(x, y);
    const seen: number[] = [];
    const scroll = async (step: number, slice: number): Promise<void> => {
      await page.mouse.wheel(0, step);
      await showsImage(ohif, { patient: 1, series: 1, slice });
      await expect.poll(() => readOverlay(ohif), { timeout: 10_000 }).toContain(`I:${slice} (${32 - slice}/31)`);
      seen.push(slice);
    };
    // Towards the feet, one image a notch, and back.
    for (let slice = 15; slice >= 11; slice -= 1) await scroll(100, slice);
    await scroll(-100, 12);
    expect(seen).toEqual([15, 14, 13, 12, 11, 12]);
    // By keyboard, once the viewer has the focus: first, next, last.
    await page.mouse.click(x, y);
    await page.keyboard.press('Home');
    await showsImage(ohif, { slice: 31 });
    await page.keyboard.press('ArrowDown');
    await showsImage(ohif, { slice: 30 });
    await page.keyboard.press('End');
    await showsImage(ohif, { slice: 1 });
    // Beyond the last one there is nothing.
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    await showsImage(ohif, { slice: 2 });
  });

  it('changes the window by dragging: width to the side, centre up and down, and the greys with it', async () => {
    const { page, ohif } = await open();
    const { x, y } = await middleOf(page);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 120, y, { steps: 8 });
    await page.mouse.up();
    await expect
      .poll(async () => (await readWindow(ohif)).width, { timeout: 10_000 })
      .toBeGreaterThan(usualWindow.width);
    const wider = await readWindow(ohif);
    expect(wider.center).toBe(usualWindow.center);
    await expectBlocks(ohif, wider);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, y + 80, { steps: 8 });
    await page.mouse.up();
    await expect.poll(async () => (await readWindow(ohif)).center, { timeout: 10_000 }).not.toBe(wider.center);
    const darker = await readWindow(ohif);
    expect(darker.width).toBe(wider.width);
    await expectBlocks(ohif, darker);
  });

  it('changes the window by the presets of the menu and of the keyboard', async () => {
    const { page, ohif } = await open();
    await ohif.locator('[data-cy="windowLevelMenu-btn"]').click();
    await ohif.getByText('Préréglages de fenêtre par modalité').click();
    await saveScreen(page, 'window-presets');
    await ohif.getByText('1500 / -600').click();
    await expect.poll(() => readWindow(ohif), { timeout: 10_000 }).toEqual({ width: 1500, center: -600 });
    await expectBlocks(ohif, { width: 1500, center: -600 });
    await page.keyboard.press('Escape');
    const { x, y } = await middleOf(page);
    await page.mouse.move(x, y);
    await page.keyboard.press('1');
    await expect.poll(() => readWindow(ohif), { timeout: 10_000 }).toEqual(usualWindow);
    await expectBlocks(ohif, usualWindow);
  });

  it('changes the series from the list of the page: its pixels, not only its name', async () => {
    const { page, ohif } = await open();
    await page.getByRole('button', { name: /Série CT 2/ }).click();
    await showsImage(ohif, { patient: 1, series: 2 });
    await expect.poll(() => readOverlay(ohif)).toContain('Série CT 2');
    await page.getByRole('button', { name: /Série CT 1/ }).click();
    await showsImage(ohif, { patient: 1, series: 1 });
  });

  it('renders the three planes through the middle of the volume (MPR), each where it must be and none mirrored', async () => {
    const { page, ohif } = await open();
    await ohif.locator('[data-cy="layout-button"]').click();
    await ohif.getByText('MPR', { exact: true }).click();
    const planes: readonly Plane[] = ['axial', 'sagittal', 'coronal'];
    const likeness = async (): Promise<readonly number[]> => {
      const pictures = await readPictures(ohif);
      return pictures.map((picture, at) => comparePlane(picture, planes[at] ?? 'axial'));
    };
    const areAlike = async (): Promise<boolean> => {
      const shares = await likeness();
      return shares.length === 3 && shares.every((share) => share > 0.98);
    };
    await expect.poll(areAlike, { timeout: 60_000, interval: 500 }).toBe(true);
    await saveScreen(page, 'mpr');
    // The measure tells planes apart: none of the pictures passes for another plane, nor for itself mirrored.
    const pictures = await readPictures(ohif);
    for (const [at, picture] of pictures.entries()) {
      for (const plane of planes.filter((_, other) => other !== at))
        expect(comparePlane(picture, plane)).toBeLessThan(0.9);
      const rows = Array.from({ length: picture.height }, (_, row) =>
        picture.greys.slice(row * picture.width, (row + 1) * picture.width),
      );
      const mirrored = { ...picture, greys: rows.flatMap((row) => row.toReversed()) };
      const upsideDown = { ...picture, greys: rows.toReversed().flat() };
      for (const wrong of [mirrored, upsideDown]) expect(comparePlane(wrong, planes[at] ?? 'axial')).toBeLessThan(0.9);
    }
  });

  describe('download', () => {
    // A test that fails must not leave the others without a line.
    afterEach(() => world.line.open());
    /** All images that the viewer wanted are here: the line is the download's alone. */
    const whenQuiet = (page: Page): Promise<void> =>
      page.locator('.progress.unseen').waitFor({ state: 'attached', timeout: 30_000 });

    /** The choice of a file is the browser's own window, which no test can click: what is written is kept in the page. */
    const keepFile = `window.showSaveFilePicker = async ({ suggestedName }) => ({
      createWritable: async () => {
        window.kept = { name: suggestedName, pieces: [], isClosed: false };
        return {
          write: async (bytes) => void window.kept.pieces.push(bytes.slice()),
          close: async () => void (window.kept.isClosed = true),
          abort: async () => void (window.kept.isAborted = true),
        };
      },
    })`;
    const readKept = async (page: Page): Promise<Buffer> => {
      const text = await page.evaluate<string>(`new Blob(window.kept.pieces).arrayBuffer().then((buffer) => {
        let text = '';
        for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
        return btoa(text);
      })`);
      return Buffer.from(text, 'base64');
    };
    const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

    /** What others make of the file. */
    const openCopy = (bytes: Uint8Array): { readonly directory: string; readonly images: readonly string[] } => {
      const folder = mkdtempSync(join(tmpdir(), 'drimbox-copy-'));
      try {
        const file = join(folder, 'copy.zip');
        writeFileSync(file, bytes);
        execFileSync('unzip', ['-tq', file]);
        execFileSync('unzip', ['-q', file, '-d', join(folder, 'copy')]);
        const directory = execFileSync('dcmdump', [join(folder, 'copy', 'DICOMDIR')]).toString();
        const names = readdirSync(join(folder, 'copy'), { recursive: true, withFileTypes: true });
        const images = names
          .filter((entry) => entry.isFile() && !/DICOMDIR|\.txt$/i.test(entry.name))
          .map((entry) => digest(readFileSync(join(entry.parentPath, entry.name))));
        return { directory, images };
      } finally {
        rmSync(folder, { recursive: true });
      }
    };

    it('shows how far it is, goes on where the line broke, and the copy is whole', async () => {
      const page = await world.newPage();
      await page.addInitScript(keepFile);
      await world.openAs(page, 'franceconnect', 'camille', world.camille);
      const ranges: (string | undefined)[] = [];
      page.on('request', (request) => {
        if (request.url().endsWith('/images.zip')) ranges.push(request.headers()['range']);
      });
      const bar = page.getByRole('progressbar', { name: 'Téléchargement' });
      const isAt = async (): Promise<number> => Number(await bar.getAttribute('value'));
      const cutAfter = 900_000;
      await whenQuiet(page);
      world.line.shutAfter(cutAfter);
      await page.getByRole('link', { name: /Télécharger les images/ }).click();
      await expect.poll(() => world.line.isShut, { timeout: 20_000 }).toBe(true);
      await expect.poll(isAt, { timeout: 20_000 }).toBeGreaterThan(cutAfter / 2);
      expect(await isAt()).toBeLessThanOrEqual(cutAfter);
      expect(Number(await bar.getAttribute('max'))).toBeGreaterThan(2_000_000);
      expect(await page.getByRole('button', { name: 'Annuler', exact: true }).isVisible()).toBe(true);
      await saveScreen(page, 'download-broken-line');
      await world.line.open();
      await page.getByText('Téléchargement terminé.').waitFor({ timeout: 90_000 });
      await saveScreen(page, 'download-done');
      expect(ranges).toEqual([undefined, ...ranges.slice(1).map(() => expect.stringMatching(/^bytes=[1-9]\d+-$/))]);
      expect(ranges.length).toBeGreaterThan(1);
      const { directory, images } = openCopy(await readKept(page));
      expect(directory.match(/DirectoryRecordType/g)).toHaveLength(1 + 1 + 2 + 2 * 31);
      expect(new Set(images).size).toBe(2 * 31);
    });

    it('is given up when the person says so, and nothing half is called a copy', async () => {
      const page = await world.newPage();
      await page.addInitScript(keepFile);
      await world.openAs(page, 'franceconnect', 'camille', world.camille);
      await whenQuiet(page);
      world.line.shutAfter(300_000);
      await page.getByRole('link', { name: /Télécharger les images/ }).click();
      await page.getByRole('button', { name: 'Annuler', exact: true }).click();
      await page.getByText('Téléchargement annulé.').waitFor();
      expect(await page.evaluate('[window.kept.isClosed, window.kept.isAborted]')).toEqual([false, true]);
      await world.line.open();
    });

    it('is the browser’s own download where a page cannot write files, of the same length as announced', async () => {
      const page = await world.newPage({ acceptDownloads: true });
      await page.addInitScript('delete window.showSaveFilePicker; delete Window.prototype.showSaveFilePicker;');
      await world.openAs(page, 'franceconnect', 'camille', world.camille);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: /Télécharger les images/ }).click(),
      ]);
      expect(download.suggestedFilename()).toBe('examen-imagerie.zip');
      const { images } = openCopy(readFileSync(await download.path()));
      expect(new Set(images).size).toBe(2 * 31);
    });
  });
});
