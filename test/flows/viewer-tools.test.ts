/**
 * What the tools of the viewer do to an image, read back from the pixels of the screen: zoom, place, rotation, mirror, inversion,
 * measures in millimetres and Hounsfield units, several views. Through the whole service, a real Orthanc and a browser. Screens
 * are kept in .cache/screens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers } from '../viewer/axe.ts';
import {
  blockValues,
  calibration,
  comparePlane,
  findContent,
  greyOf,
  type Picture,
  type PictureBox,
  readBlocks,
} from '../viewer/calibration-volume.ts';
import { isChromiumHere } from '../viewer/chromium.ts';
import { tabTo } from './keyboard-way.ts';
import {
  type OpenedViewer,
  readPictures,
  readShown,
  saveScreen,
  startViewerWorld,
  type ViewerWorld,
} from './viewer-world.ts';

const soon = { timeout: 15_000, interval: 150 } as const;
/** Of the side of an image. */
const millimetres = calibration.size * 0.5;

const pictureOf = async (ohif: Frame): Promise<Picture> => {
  const [picture] = await readPictures(ohif);
  if (picture === undefined) throw new Error('no image on the screen');
  return picture;
};

/** Whether the whole of the middle axial image is on the screen, as it must be once `undone` has taken the tool's work away. */
const isAxial = async (ohif: Frame, undone: (picture: Picture) => Picture = (picture) => picture): Promise<boolean> =>
  comparePlane(undone(await pictureOf(ohif)), 'axial') > 0.98;

const rowsOf = ({ width, height, greys }: Picture): readonly (readonly number[])[] =>
  Array.from({ length: height }, (_, row) => greys.slice(row * width, (row + 1) * width));
const mirror = (picture: Picture): Picture => ({
  ...picture,
  greys: rowsOf(picture).flatMap((row) => row.toReversed()),
});
/** A quarter to the left. */
const turnBack = (picture: Picture): Picture => {
  const rows = rowsOf(picture);
  const columns = Array.from({ length: picture.width }, (_, column) => rows.map((row) => row[column] ?? 0));
  return { width: picture.height, height: picture.width, greys: columns.toReversed().flat() };
};

/** In pixels of the page. */
interface Place {
  readonly x: number;
  readonly y: number;
}

describe.skipIf(!isChromiumHere())('tools of the viewer', { timeout: 120_000 }, () => {
  let world: ViewerWorld;
  beforeAll(async () => {
    world = await startViewerWorld();
  }, 180_000);
  afterAll(async () => world?.stop(), 60_000);
  afterEach(async () => world.closeContexts());

  const open = async (): Promise<OpenedViewer> => world.openAs(await world.newPage(), 'psc', 'doctor', world.camille);
  const choose = (ohif: Frame, name: string): Promise<void> =>
    ohif.getByRole('button', { name, exact: true }).first().click();
  /** One of those behind the arrow beside a button. */
  const chooseBehind = async (ohif: Frame, menu: 'Autres outils' | 'Autres outils de mesure', name: string) => {
    await choose(ohif, menu);
    await ohif.getByText(name, { exact: true }).click();
  };
  const boxOf = async (ohif: Frame): Promise<PictureBox> => findContent(await pictureOf(ohif));
  /** Where the image is once it moves no more. */
  const restOf = async (ohif: Frame): Promise<PictureBox> => {
    let last: PictureBox | undefined;
    for (;;) {
      const box = await boxOf(ohif);
      if (JSON.stringify(box) === JSON.stringify(last)) return box;
      last = box;
      await sleep(300);
    }
  };
  /** Where on the page a place of the image is; 0 to 1, from the left and from above. */
  const placeOf = async ({ page, ohif }: OpenedViewer, right: number, down: number): Promise<Place> => {
    const picture = await pictureOf(ohif);
    const box = findContent(picture);
    const canvas = await ohif.locator('canvas.cornerstone-canvas').first().boundingBox();
    if (canvas === null) throw new Error('the image has no place on the page');
    const scale = canvas.width / picture.width;
    await page.bringToFront();
    return {
      x: canvas.x + (box.left + right * box.width) * scale,
      y: canvas.y + (box.top + down * box.height) * scale,
    };
  };
  const drag = async (page: Page, from: Place, to: Place): Promise<void> => {
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 10 });
    await page.mouse.up();
  };
  /** What stands over the image beside lines and shapes. */
  const readMeasures = (ohif: Frame): Promise<readonly string[]> =>
    ohif.evaluate(`[...document.querySelectorAll('svg.svg-layer text')].map((text) =>
      [...text.querySelectorAll('tspan')].map((line) => line.textContent).join(' | '))`);
  /** All that stands there to be read or said. */
  const readWords = (ohif: Frame): Promise<readonly string[]> =>
    ohif.evaluate(`[...document.querySelectorAll('body *')].flatMap((element) => [
      ...[...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent),
      element.getAttribute('aria-label'), element.getAttribute('title'), element.getAttribute('placeholder'),
    ]).filter((text) => text?.trim())`);
  const marksOf = async (ohif: Frame): Promise<readonly string[]> =>
    ohif.evaluate(`[...document.querySelectorAll('.orientation-marker-value')].map((mark) => mark.textContent)`);

  it('zoom: smaller and larger around the middle, never out of proportion; the view is set back', async () => {
    const opened = await open();
    const { page, ohif } = opened;
    const whole = await boxOf(ohif);
    const middle = await placeOf(opened, 0.5, 0.5);
    await choose(ohif, 'Zoom');
    await drag(page, middle, { x: middle.x, y: middle.y - 60 });
    await expect.poll(async () => (await boxOf(ohif)).width, soon).not.toBe(whole.width);
    const other = await restOf(ohif);
    expect(other.width).toBeLessThan(0.9 * whole.width);
    expect(other.width / other.height).toBeCloseTo(1, 1);
    expect(Math.abs(other.left + other.width / 2 - (whole.left + whole.width / 2))).toBeLessThanOrEqual(3);
    expect(await isAxial(ohif)).toBe(true);
    await saveScreen(page, 'tool-zoom');
    await drag(page, middle, { x: middle.x, y: middle.y + 120 });
    await expect.poll(async () => (await boxOf(ohif)).width, soon).toBeGreaterThan(whole.width);
    await choose(ohif, 'Réinitialiser la vue');
    await expect.poll(() => boxOf(ohif), soon).toEqual(whole);
    expect(await isAxial(ohif)).toBe(true);
  });

  it('moves the image as far as it is dragged', async () => {
    const opened = await open();
    const { page, ohif } = opened;
    const middle = await placeOf(opened, 0.5, 0.5);
    await choose(ohif, 'Zoom');
    await drag(page, middle, { x: middle.x, y: middle.y - 60 });
    await expect.poll(async () => (await boxOf(ohif)).top, soon).toBeGreaterThan(40);
    const before = await restOf(ohif);
    await choose(ohif, 'Déplacer');
    await drag(page, middle, { x: middle.x + 70, y: middle.y - 30 });
    await expect.poll(async () => (await boxOf(ohif)).left, soon).not.toBe(before.left);
    const { left, top, width, height } = await restOf(ohif);
    expect(Math.abs(left - before.left - 70)).toBeLessThanOrEqual(2);
    expect(Math.abs(top - before.top + 30)).toBeLessThanOrEqual(2);
    expect([width, height]).toEqual([before.width, before.height]);
    expect(await isAxial(ohif)).toBe(true);
  });

  it('turns a quarter to the right, and mirrors: the pixels, and the marks of the sides with them', async () => {
    const { page, ohif } = await open();
    const marks = await marksOf(ohif);
    expect(marks).toEqual(expect.arrayContaining(['A', 'R']));
    await chooseBehind(ohif, 'Autres outils', 'Tourner à droite');
    await expect.poll(() => isAxial(ohif, turnBack), soon).toBe(true);
    expect(await isAxial(ohif)).toBe(false);
    expect(await isAxial(ohif, mirror)).toBe(false);
    // What was above is at the right now; what was below, at the left.
    expect(await marksOf(ohif)).toEqual(expect.arrayContaining(['R', 'P']));
    await saveScreen(page, 'tool-rotate');
    await choose(ohif, 'Réinitialiser la vue');
    await expect.poll(() => isAxial(ohif), soon).toBe(true);
    await chooseBehind(ohif, 'Autres outils', 'Retourner horizontalement');
    await expect.poll(() => isAxial(ohif, mirror), soon).toBe(true);
    expect(await isAxial(ohif)).toBe(false);
    expect(await marksOf(ohif)).toEqual(expect.arrayContaining(['A', 'L']));
    await saveScreen(page, 'tool-flip');
    await choose(ohif, 'Réinitialiser la vue');
    await expect.poll(() => isAxial(ohif), soon).toBe(true);
    expect(await marksOf(ohif)).toEqual(marks);
  });

  it('inverts: white is black, and back', async () => {
    const { page, ohif } = await open();
    const greys = Object.fromEntries(Object.entries(blockValues).map(([block, value]) => [block, greyOf(value)]));
    const farthest = async (isInverted: boolean): Promise<number> => {
      const blocks = Object.entries(readBlocks(await pictureOf(ohif)));
      return Math.max(
        ...blocks.map(([block, seen]) =>
          Math.abs(seen - (isInverted ? 255 - (greys[block] ?? 0) : (greys[block] ?? 0))),
        ),
      );
    };
    expect(await farthest(false)).toBeLessThanOrEqual(2);
    await chooseBehind(ohif, 'Autres outils', 'Inverser');
    await expect.poll(() => farthest(true), soon).toBeLessThanOrEqual(2);
    await saveScreen(page, 'tool-invert');
    await chooseBehind(ohif, 'Autres outils', 'Inverser');
    await expect.poll(() => farthest(false), soon).toBeLessThanOrEqual(2);
  });

  it('measures millimetres as the pixels are spaced, at any zoom', async () => {
    const opened = await open();
    const { page, ohif } = opened;
    await choose(ohif, 'Longueur');
    const lengthOf = async (place: number): Promise<number> => {
      const text = (await readMeasures(ohif))[place] ?? '';
      return Number(/([\d.,]+) ?mm/.exec(text)?.[1]?.replace(',', '.'));
    };
    await drag(page, await placeOf(opened, 0.2, 0.85), await placeOf(opened, 0.4, 0.85));
    await expect.poll(() => lengthOf(0), soon).toBeCloseTo(0.2 * millimetres, 0);
    await saveScreen(page, 'tool-length');
    const middle = await placeOf(opened, 0.9, 0.35);
    await choose(ohif, 'Zoom');
    const { width } = await boxOf(ohif);
    await drag(page, middle, { x: middle.x, y: middle.y - 60 });
    await expect.poll(async () => (await boxOf(ohif)).width, soon).toBeLessThan(0.9 * width);
    await choose(ohif, 'Longueur');
    await drag(page, await placeOf(opened, 0.05, 0.3), await placeOf(opened, 0.05, 0.9));
    await expect.poll(() => lengthOf(1), soon).toBeCloseTo(0.6 * millimetres, 0);
    expect(await lengthOf(0)).toBeCloseTo(0.2 * millimetres, 0);
  });

  it('measures what the image holds: Hounsfield units of a surface, not greys of the screen', async () => {
    const opened = await open();
    const { page, ohif } = opened;
    await chooseBehind(ohif, 'Autres outils de mesure', 'Rectangle');
    await drag(page, await placeOf(opened, 0.15, 0.48), await placeOf(opened, 0.35, 0.66));
    const millimetresSquare = 0.2 * 0.18 * millimetres ** 2;
    const surface = async (place: number): Promise<readonly string[]> => {
      const lines = ((await readMeasures(ohif))[place] ?? '').replaceAll('\u00a0', ' ').split(' | ');
      const [, size] = /^Surface : ([\d,]+) mm²$/.exec(lines[0] ?? '') ?? [];
      expect(Math.abs(Number(size?.replace(',', '.')) - millimetresSquare)).toBeLessThan(4);
      return lines.slice(1);
    };
    const told = (value: number) => [
      `Moyenne : ${value} UH`,
      `Max. : ${value} UH`,
      `Min. : ${value} UH`,
      'Écart-type : 0 UH',
    ];
    await expect.poll(() => surface(0), soon).toEqual(told(220));
    // Below what is written beside the first one.
    await drag(page, await placeOf(opened, 0.65, 0.72), await placeOf(opened, 0.85, 0.9));
    await expect.poll(() => surface(1), soon).toEqual(told(-140));
    await saveScreen(page, 'tool-surface');
    await ohif.getByRole('button', { name: 'Mesures : ouvrir ou fermer' }).press(' ');
    await ohif.getByText('Mesures (2)').waitFor();
    const listed = await ohif.locator('[data-cy="data-row-detail-line"]').allInnerTexts();
    expect(listed.map((line) => line.replaceAll('\u00a0', ' '))).toEqual(
      expect.arrayContaining(['Max. : 220 UH', 'Max. : -140 UH']),
    );
    expect(await ohif.getByText('Créer SR').count()).toBe(0);
    await saveScreen(page, 'tool-measures');
    expect(await findBarriers(ohif)).toEqual([]);
  });

  it('opens the three planes by the keyboard alone', async () => {
    const { page, ohif } = await open();
    await tabTo(page, /^Changer la disposition$/, 'viewer');
    await page.keyboard.press('Enter');
    await ohif.getByRole('button', { name: 'MPR', exact: true }).waitFor();
    expect(await findBarriers(ohif)).toEqual([]);
    await tabTo(page, /^MPR$/, 'viewer');
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await readPictures(ohif)).length, soon).toBe(3);
    await expect.poll(() => isAxial(ohif), { timeout: 60_000, interval: 500 }).toBe(true);
    await saveScreen(page, 'tool-mpr-by-keyboard');
  });

  it('speaks French in its menus, panels and windows, and none of them shuts anybody out', async () => {
    const opened = await open();
    const { page, ohif } = opened;
    const english =
      /\b(not|for|with|of|and|the|add|close|cancel|create|delete|file|hide|include|keys?|label|level|measurements?|no|number|save|search|select|series|settings|show|study|window|click)\b/i;
    // An open menu keeps the focus; what is behind it is hidden, and axe does not know that it cannot be reached.
    const barriers = async (): Promise<readonly string[]> =>
      (await findBarriers(ohif)).filter((one) => !one.startsWith('aria-hidden-focus: <div data-aria-hidden="true"'));
    const expectGood = async (name: string): Promise<void> => {
      await saveScreen(page, `french-${name}`);
      // Names are given a quarter of a second after OHIF has changed something.
      await expect.poll(barriers, soon).toEqual([]);
      await expect.poll(async () => (await readWords(ohif)).filter((word) => english.test(word)), soon).toEqual([]);
    };
    const shut = async (): Promise<void> => {
      await page.keyboard.press('Escape');
      await expect.poll(() => ohif.locator('[role="dialog"], [role="menu"]').count(), soon).toBe(0);
    };
    const panel = ohif.getByRole('button', { name: 'Mesures : ouvrir ou fermer' });
    await panel.press('Enter');
    await expectGood('mesures');
    await panel.press('Enter');
    const menus = ['Autres outils', 'Autres outils de mesure', 'Plan de coupe', 'Superposition de séries', 'Capturer'];
    for (const menu of menus) {
      await ohif.getByRole('button', { name: menu, exact: true }).first().press('Enter');
      await ohif.locator('[role="dialog"], [role="menu"]').first().waitFor();
      await expectGood(menu);
      await shut();
    }
    await choose(ohif, 'Longueur');
    const [left, right] = [await placeOf(opened, 0.2, 0.85), await placeOf(opened, 0.4, 0.85)];
    await drag(page, left, right);
    await page.mouse.click((left.x + right.x) / 2, left.y, { button: 'right' });
    await ohif.getByText('Nommer la mesure').click();
    await ohif.locator('[role="dialog"] input').waitFor();
    await expectGood('nommer');
    await shut();
    await ohif.getByRole('button', { name: 'Menu', exact: true }).press('Enter');
    await ohif.getByRole('menuitem', { name: 'Raccourcis clavier' }).press('Enter');
    await ohif.getByText('Préférences utilisateur').waitFor();
    await expectGood('Raccourcis clavier');
  });

  it('shows two series side by side, each with its own pixels', async () => {
    const { page, ohif } = await open();
    await choose(ohif, 'Changer la disposition');
    await choose(ohif, 'Deux vues côte à côte');
    const shown = async () => {
      const series: (number | undefined)[] = [];
      for (const at of [0, 1]) series.push((await readShown(ohif, at))?.series);
      return series;
    };
    await ohif.locator('[data-cy="viewport-pane"]').nth(1).waitFor();
    const second = await ohif.locator('[data-cy="viewport-pane"]').nth(1).boundingBox();
    if (second === null) throw new Error('no second view');
    await page.mouse.click(second.x + second.width / 2, second.y + second.height - 40);
    await page.getByRole('button', { name: /Série CT 2/ }).click();
    await expect.poll(shown, { timeout: 30_000, interval: 250 }).toEqual([1, 2]);
    await saveScreen(page, 'tool-side-by-side');
  });
});
