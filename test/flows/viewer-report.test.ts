/**
 * A report that names two studies, and links that name a series: what one link opens to a professional, on a real Orthanc, in a
 * browser. All invented. Screens are kept in .cache/screens to be looked at.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildExamination, type Examination, examinationStudy } from '../fixtures/examination.ts';
import { inventedSeries } from '../fixtures/dicom/index.ts';
import { inventedStudy } from '../fixtures/report/build-cda.ts';
import { isChromiumHere, launchChromium } from '../viewer/chromium.ts';
import { buildPhantom } from '../viewer/invented-examination.ts';
import { type OpenPage, readCanvases } from '../viewer/viewer-site.ts';
import { asInFrance, comeAs, linkPathOf, saveScreen, startVisitedSite, type VisitedSite } from './visited-site.ts';

interface Described {
  readonly linkPath: string;
  readonly studies: readonly { readonly studyInstanceUid: string; readonly downloadPath: string }[];
}

describe.skipIf(!isChromiumHere())('a link of a report', { timeout: 120_000 }, () => {
  let site: VisitedSite;
  let chromium: Browser;
  let report: Examination;
  const [one, two] = [examinationStudy(1), examinationStudy(2)];

  beforeAll(async () => {
    site = await startVisitedSite();
    const { flow } = site;
    for (const number of [1, 2]) await flow.keep(buildPhantom({ images: 4 + number, number }));
    const orders = [one, two].map(({ accessionNumber }, at) => ({
      placerOrderNumber: { value: `DEM-${at + 1}`, issuerOid: '1.2.250.1.999999.1.2' },
      accessionNumber: { value: accessionNumber, issuerOid: '1.2.250.1.999999.1.3' },
    }));
    const studies = [one, two].map(({ studyInstanceUid }) => ({ ...inventedStudy, uids: [studyInstanceUid] }));
    report = buildExamination({ cda: { orders, studies } });
    await flow.accepts(report.message);
    for (const { studyInstanceUid } of [one, two]) await flow.reaches(studyInstanceUid, 'published');
    chromium = await launchChromium();
  }, 180_000);
  afterAll(async () => {
    await chromium?.close();
    await site?.stop();
  });

  const linkOf = (number: 1 | 2, changes: Readonly<Record<string, string>> = {}): string =>
    linkPathOf({ number, documentId: report.documentId }, changes);
  const openAs = async (persona: string, path: string): Promise<Page> => {
    const context = await chromium.newContext(asInFrance);
    const page = await context.newPage();
    await comeAs(page, site.visitors.origin + path, 'psc', persona);
    await page.waitForURL(/\/examen\//);
    return page;
  };
  /** OHIF shows more than one grey. @returns the word of its picture */
  const waitForImage = async (page: Page, otherThan?: string): Promise<string> => {
    const frame = await page.waitForSelector('iframe.ohif', { timeout: 30_000 });
    const ohif = await frame.contentFrame();
    if (ohif === null) throw new Error('no viewer in the page');
    return vi.waitFor(
      async () => {
        const [canvas] = await readCanvases({ ohif } as OpenPage);
        expect(canvas?.greys).toBeGreaterThan(10);
        expect(canvas?.word).not.toBe(otherThan);
        return canvas?.word ?? '';
      },
      { timeout: 60_000, interval: 250 },
    );
  };
  // Expressions of the browser are text: the types of its world are not those of the tests.
  const shownSeries = (page: Page): Promise<string | undefined> | undefined =>
    page.frames()[1]?.evaluate<string>(
      `window.services.displaySetService.getDisplaySetByUID(
         [...window.services.viewportGridService.getState().viewports.values()][0].displaySetInstanceUIDs[0]
       ).SeriesInstanceUID`,
    );
  const describeOf = async (page: Page): Promise<Described> =>
    (await (await page.request.get(`${page.url()}/description`)).json()) as Described;

  it('with two studies shows both in one page; each is shown, and taken along, by itself', async () => {
    const page = await openAs('doctor', linkOf(1));
    const second = page.locator('section.study').nth(1);
    await second.waitFor();
    const { studies } = await describeOf(page);
    expect(studies.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual([
      one.studyInstanceUid,
      two.studyInstanceUid,
    ]);
    const before = await waitForImage(page);
    const series = second.locator('button.series').first();
    await vi.waitFor(async () => expect(await series.getAttribute('aria-disabled')).toBe('false'), 30_000);
    await series.click();
    await waitForImage(page, before);
    expect(await shownSeries(page)).toBe(inventedSeries(two, 1, 'CT').seriesInstanceUid);
    await saveScreen(page, 'report-two-studies');
    const sizes = await Promise.all(
      studies.map(async ({ downloadPath }) => {
        const answer = await page.request.get(`${site.visitors.origin}${downloadPath}`);
        return [answer.status(), (await answer.body()).length > 10_000, answer.headers()['content-disposition']];
      }),
    );
    expect(sizes).toEqual([
      [200, true, expect.stringContaining('examen-imagerie.zip')],
      [200, true, expect.stringContaining('examen-imagerie-2.zip')],
    ]);
    await page.context().close();
  });

  it('is where the page leads to sign in again', async () => {
    const page = await openAs('doctor', linkOf(2));
    const { linkPath, studies } = await describeOf(page);
    expect(studies[0]?.studyInstanceUid).toBe(two.studyInstanceUid);
    const parameters = (path: string) => new URL(path, site.visitors.origin).searchParams.toString();
    expect(parameters(linkPath)).toBe(parameters(linkOf(2)));
    await page.goto(`${site.visitors.origin}${linkPath}`);
    expect(await page.textContent('main')).toContain('Pro Santé Connect');
    await page.context().close();
  });

  it('that names a series opens on it', async () => {
    const wanted = inventedSeries(one, 2, 'CT').seriesInstanceUid;
    const page = await openAs('doctor', linkOf(1, { requestType: 'SERIES', seriesUID: wanted }));
    const [, fine] = await page.locator('button.series').all();
    expect(await fine?.getAttribute('aria-pressed')).toBe('true');
    await waitForImage(page);
    expect(await shownSeries(page)).toBe(wanted);
    await page.context().close();
  });

  it('leaves one line for each study in the audit, with who it was', async () => {
    const { stdout } = await site.flow.site.drimbox('audit', '--format', 'json');
    const all = JSON.parse(stdout) as readonly Record<string, unknown>[];
    const lines = all.filter(({ transaction }) => transaction === 'report-link');
    for (const { studyInstanceUid } of [one, two]) {
      expect(lines).toContainEqual(
        expect.objectContaining({ study: studyInstanceUid, outcome: 'served', professional: expect.any(String) }),
      );
    }
  });
});
