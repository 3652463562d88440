/**
 * Every kind of object behind the link of a report: what the page lists, the picture made ahead, what the viewer shows, and that
 * nothing which cannot be shown hides the rest or is passed over in silence. Invented objects on a real Orthanc, in a browser.
 * Screens are kept in .cache/screens.
 */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import * as kinds from '../fixtures/viewer-access/kinds/index.ts';
import { isChromiumHere, launchChromium } from '../viewer/chromium.ts';
import { readLightShare, readPixel, readScreen, type SeenQuadrants } from '../viewer/seen-colours.ts';
import { isSiteHere } from './flow-site.ts';
import { expectPlaying, expectPreview, expectShown, type KindVisit, openKinds, shown } from './kind-visit.ts';
import { startVisitedSite, type VisitedSite } from './visited-site.ts';

const names = Object.keys(kinds.kindNumbers) as kinds.KindExamination[];

type Colours = kinds.Quadrants;
const grey = (value: number): readonly [number, number, number] => [value, value, value];
/** PS3.3 C.11.2.1.2.1 (LINEAR). */
const through = (center: number, width: number, values: Colours, shownAs = (value: number) => value): SeenQuadrants =>
  values.map((value) => {
    const share = (Number(value) - (center - 0.5)) / (width - 1) + 0.5;
    return grey(shownAs(Math.round(255 * Math.min(1, Math.max(0, share)))));
  });
const inverted = (value: number): number => 255 - value;
const asIs = (values: Colours): SeenQuadrants => values.map((one) => (typeof one === 'number' ? grey(one) : one));

describe.skipIf(!isSiteHere || !isChromiumHere())('kinds of objects behind a link', { timeout: 120_000 }, () => {
  let site: VisitedSite;
  let chromium: Browser;
  let visit: KindVisit | undefined;

  beforeAll(async () => {
    site = await startVisitedSite();
    const { flow } = site;
    for (const name of names) {
      await flow.keep(kinds.buildKindExamination(name));
      await flow.accepts(buildExamination({ number: kinds.kindNumbers[name] }).message);
    }
    for (const name of names) {
      await flow.reaches(buildExamination({ number: kinds.kindNumbers[name] }).studyInstanceUid, 'published');
    }
    chromium = await launchChromium();
  }, 180_000);
  afterAll(async () => {
    await chromium?.close();
    await site?.stop();
  });
  afterEach(async () => {
    await visit?.close();
    visit = undefined;
  });

  const open = async (name: kinds.KindExamination, size?: { width: number; height: number }): Promise<KindVisit> => {
    visit = await openKinds(chromium, site.visitors.origin, name, size);
    return visit;
  };
  /** What is downloaded is everything, whatever the viewer shows. */
  const expectAllDownloaded = async (one: KindVisit, name: kinds.KindExamination): Promise<void> => {
    expect(await one.countDownloaded()).toBe(kinds.buildKindExamination(name).length);
  };
  const marksOf = async (one: KindVisit): Promise<readonly string[]> =>
    (await one.words()).filter((word) => /^[ALRPHF]{1,3}$/.test(word));

  it('radiographs and mammograms: grey and inverted, as JPEG lossless and JPEG 2000, each of several in a series', async () => {
    const one = await open('projections');
    expect(await one.rows()).toEqual([
      'Exemple 1 · Radiographie, 2 images',
      'Exemple 2 · Radiographie, 1 image',
      'Exemple 3 · Mammographie, 1 image',
      'Exemple 4 · Mammographie, 1 image',
      'Exemple 5 · Angiographie, 6 images',
    ]);
    const plain = through(2048, 4096, kinds.radiographValues);
    const white = through(2048, 4096, kinds.radiographValues, inverted);
    const square = { rows: 256, columns: 256 };
    await expectPreview(one, 1, white);
    for (const part of [2, 1]) {
      await one.choosePart(part);
      await expect
        .poll(
          () =>
            one.page
              .locator('.series-parts button')
              .nth(part - 1)
              .getAttribute('aria-pressed'),
          shown,
        )
        .toBe('true');
      await expectShown(one, square, white);
      await expect
        .poll(() => one.ohif.locator('svg image[data-id^="image-overlay"]').count(), shown)
        .toBeGreaterThan(0);
      // The overlay lies over the middle, and only there.
      await expect
        .poll(async () => (await readScreen(one.page, 'iframe.ohif', [255, 127, 127])).share, shown)
        .toBeGreaterThan(0.02);
      await one.screen(`1-${part}`);
    }
    const mammogram = { rows: 3328, columns: 2560 };
    for (const [series, shape] of [
      [2, { rows: 300, columns: 240 }],
      [3, mammogram],
      [4, mammogram],
    ] as const) {
      await expectPreview(one, series, plain);
      await one.choose(series);
      await expect.poll(() => one.words(), shown).toContain(`Exemple ${series}`);
      await expectShown(one, shape, plain);
      // No place in space, no marks that would be guessed.
      expect(await marksOf(one)).toEqual([]);
      await one.screen(`${series}`);
    }
    await expectAllDownloaded(one, 'projections');
    expect(one.complaints).toEqual([]);
  });

  it('angiography: the loop begins at its middle image and plays', async () => {
    const one = await open('projections');
    const middle = asIs(kinds.turnedBy(kinds.angiographyValues, kinds.angiographyFrames / 2));
    await expectPreview(one, 5, middle);
    await one.choose(5);
    await expect.poll(() => one.words(), shown).toContain('I:1 (4/6)');
    await expectShown(one, { rows: 200, columns: 200 }, middle);
    await expectPlaying(one, { rows: 200, columns: 200 }, 4);
    expect(one.complaints).toEqual([]);
  });

  it('ultrasound and captures in colour: RGB, YBR, palettes, RLE, JPEG, JPEG-LS, JPEG 2000, by pixel and by plane', async () => {
    const one = await open('colours');
    const rows = await one.rows();
    expect(rows.slice(0, 3)).toEqual([
      'Exemple 1 · Échographie, 6 images',
      'Exemple 2 · Échographie, 6 images',
      'Exemple 3 · Échographie, 1 image',
    ]);
    expect(rows.slice(7)).toEqual([
      'Exemple 8 · Autre, 1 image',
      'Exemple 9 · Autre, 1 image',
      'Exemple 10 · Échographie, 13 images',
    ]);
    const shape = { rows: 160, columns: 240 };
    const middle = asIs(kinds.turnedBy(kinds.colourValues, kinds.loopFrames / 2));
    for (const series of [9, 8, 7, 6, 5, 4, 3, 2, 1]) {
      const expected = series <= 2 ? middle : asIs(kinds.colourValues);
      await expectPreview(one, series, expected);
      await one.choose(series);
      await expect.poll(() => one.words(), shown).toContain(`Exemple ${series}`);
      await expectShown(one, shape, expected, series === 2 ? 4 : 2);
      await one.screen(`${series}`);
    }
    await expectPlaying(one, shape, 4);
    await expectAllDownloaded(one, 'colours');
    expect(one.complaints).toEqual([]);
  });

  it('ultrasound: loops and images of one series can each be chosen, and play, at phone size too', async () => {
    const one = await open('colours', { width: 390, height: 844 });
    const shape = { rows: 160, columns: 240 };
    await one.page.getByText('Séries et téléchargement').click();
    await one.choose(10);
    await expect.poll(() => one.parts(), shown).toEqual(['1', '2 : 6 images', '3 : 6 images']);
    expect(await one.page.getByRole('button', { name: /^Partie 2 sur 3, 6\simages$/ }).count()).toBe(1);
    await expectShown(one, shape, asIs(kinds.colourValues));
    await one.screen('parts-phone');
    await one.choosePart(3);
    await expect.poll(() => one.words(), shown).toContain('I:3 (4/6)');
    await expectPlaying(one, shape, 3);
    expect(await one.page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    expect(one.complaints).toEqual([]);
  });

  it('CT, MR, multi-frame MR, scintigraphy, PET: the values through their window, the right marks of orientation', async () => {
    const one = await open('volumes');
    expect(await one.rows()).toEqual([
      'Exemple 1 · Scanner, 4 images',
      'Exemple 2 · IRM, 4 images',
      'Exemple 3 · IRM, 4 images',
      'Exemple 4 · Scintigraphie, 4 images',
      'Exemple 5 · TEP, 4 images',
    ]);
    const { slope, intercept, center, width } = kinds.enhancedWindow;
    const enhanced = kinds
      .turnedBy(kinds.enhancedValues, kinds.enhancedFrames / 2)
      .map((value) => Number(value) * slope + intercept) as unknown as Colours;
    const counts = kinds.turnedBy(kinds.nuclearValues, kinds.nuclearFrames / 2);
    const scintigraphy = counts.map((value) => grey(Math.round((Number(value) * 255) / 150)));
    // 350 MBq in 70 kg: 5,000 Bq/ml are an SUV of 1. OHIF's window for PET is 0 to 6.
    const suv = kinds.petValues.map((value) => Number(value) / 5_000) as unknown as Colours;
    const expected = [
      { series: 1, colours: through(40, 400, kinds.ctValues), marks: ['A', 'R'] },
      { series: 2, colours: through(300, 1400, kinds.mrValues), marks: ['A', 'RF'] },
      { series: 3, colours: through(center, width, enhanced), marks: ['A', 'R'] },
      { series: 4, colours: scintigraphy, marks: [] },
      { series: 5, colours: through(3, 6, suv), marks: ['A', 'R'], hasOtherPreview: true },
    ];
    for (const { series, colours, marks, hasOtherPreview = false } of expected) {
      if (!hasOtherPreview) await expectPreview(one, series, colours);
      await one.choose(series);
      await expect.poll(() => one.words(), shown).toContain(`Exemple ${series}`);
      await expectShown(one, { rows: 128, columns: 128 }, colours);
      await expect.poll(() => marksOf(one), shown).toEqual(marks);
      await one.screen(`${series}`);
    }
    await expectAllDownloaded(one, 'volumes');
    expect(one.complaints).toEqual([]);
  });

  it('measurements, segmentations and contours are laid over their images; what cannot be shown is said, and hides nothing', async () => {
    const one = await open('upon');
    expect(await one.rows()).toEqual([
      'Exemple 1 · Scanner, 4 images',
      'Exemple 2 · Rapport structuré',
      'Exemple 3 · Segmentation',
      'Exemple 4 · Contours de radiothérapie',
      'Exemple 5 · IRM, données sans image',
      'Exemple 6 · Présentation',
      'Exemple 7 · Sélection d’images',
      'Exemple 8 · Scanner, données sans image',
    ]);
    const shape = { rows: 128, columns: 128 };
    const slice = through(40, 400, kinds.ctValues);
    await one.choose(2);
    await expect.poll(async () => (await one.words()).join(' '), shown).toContain(`${kinds.measuredLength}.00 mm`);
    await expect.poll(() => one.words(), shown).toContain('I:2 (3/4)');
    await one.screen('measurement');
    await one.choose(3);
    // Within the square of the segment, beside the middle: no grey any more.
    const tint = async (): Promise<number> => {
      const [red = 0, , blue = 0] = await readPixel(one.ohif, shape, [56, 56]);
      return red - blue;
    };
    await expect.poll(tint, shown).toBeGreaterThan(40);
    await one.screen('segmentation');
    await one.choose(4);
    const drawings = 'String([...document.querySelectorAll("svg path, svg polyline")].map((one) => one.outerHTML))';
    await expect.poll(() => one.ohif.evaluate<string>(drawings), shown).toMatch(/rgba?\(255, ?200, ?0/);
    await one.screen('contours');
    for (const [series, kind] of [
      [5, 'IRM'],
      [6, 'Présentation'],
      [7, 'Sélection d’images'],
      [8, 'Scanner'],
    ] as const) {
      await one.choose(series);
      const notice = one.page.locator('.not-shown');
      await expect
        .poll(() => notice.innerText(), shown)
        .toContain(`« Exemple ${series} » (${kind}) ne peut pas être affichée`);
      expect(await notice.innerText()).toContain('Elle est dans le téléchargement');
    }
    await one.screen('not-shown');
    await one.choose(1);
    await expect.poll(() => one.page.locator('.not-shown').count(), shown).toBe(0);
    await expectShown(one, shape, slice);
    await expectAllDownloaded(one, 'upon');
    expect(one.complaints).toEqual([]);
  });

  it('an examination of documents only: PDF, report in words, electrocardiogram', async () => {
    const one = await open('papers');
    expect(await one.rows()).toEqual([
      'Exemple 1 · Document PDF',
      'Exemple 2 · Rapport structuré',
      'Exemple 3 · Électrocardiogramme',
    ]);
    await one.choose(1);
    // The red field of the page, as the browser draws it.
    await expect
      .poll(async () => (await readScreen(one.page, 'iframe.ohif', [204, 26, 26])).share, shown)
      .toBeGreaterThan(0.01);
    await one.screen('pdf');
    await one.choose(2);
    await expect.poll(async () => (await one.words()).join(' '), shown).toContain('Rien à signaler : texte inventé.');
    await expect.poll(() => one.page.locator('button.series').nth(1).getAttribute('aria-pressed'), shown).toBe('true');
    await one.screen('report');
    await one.choose(3);
    await expect.poll(() => one.words(), shown).toContain('Exemple 3');
    // The curves: nothing else that is drawn there is light (a grid in dark red, names in yellow).
    await expect.poll(() => readLightShare(one.ohif), shown).toBeGreaterThan(0.003);
    await one.screen('electrocardiogram');
    await expectAllDownloaded(one, 'papers');
    expect(one.complaints).toEqual([]);
  });

  it('a film (H.264 in MP4) plays', async () => {
    const one = await open('film');
    expect(await one.rows()).toEqual(['Exemple 1 · Endoscopie, vidéo']);
    await expectShown(one, { rows: 128, columns: 128 }, kinds.filmColours, 6);
    await expectPlaying(one, { rows: 128, columns: 128 }, 3);
    await one.screen('played');
    await expectAllDownloaded(one, 'film');
    expect(one.complaints).toEqual([]);
  });

  it('without their images, measurements, segmentations and contours are said not to be shown, and break nothing', async () => {
    const one = await open('orphans');
    for (const series of [1, 2, 3, 4, 5, 6, 7]) {
      await one.choose(series);
      await expect.poll(() => one.page.locator('.not-shown').innerText(), shown).toContain(`« Exemple ${series + 1} »`);
    }
    await one.screen('notice');
    await expectAllDownloaded(one, 'orphans');
    expect(one.complaints).toEqual([]);
  });

  it('an examination of which nothing can be shown says so at once, and can be downloaded', async () => {
    const one = await open('nothing');
    expect(await one.rows()).toEqual([
      'Exemple 1 · Scanner, données sans image',
      'Exemple 2 · IRM, données sans image',
    ]);
    await expect.poll(() => one.page.locator('.not-shown').innerText(), shown).toContain('« Exemple 1 » (Scanner)');
    await one.choose(2);
    await expect.poll(() => one.page.locator('.not-shown').innerText(), shown).toContain('« Exemple 2 » (IRM)');
    await one.screen('notice');
    await expectAllDownloaded(one, 'nothing');
    expect(one.complaints).toEqual([]);
  });
});
