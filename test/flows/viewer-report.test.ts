/**
 * A report that names two studies, and links that name a series: what one link opens to a professional, on a real Orthanc, in a
 * browser. All invented. Screens are kept in .cache/screens to be looked at.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildExamination, type Examination, examinationStudy } from '../fixtures/examination.ts';
import { inventedSeries } from '../fixtures/dicom/index.ts';
import { inventedStudy } from '../fixtures/report/build-cda.ts';
import { type DrimboxPeer, startDrimbox } from '../peers/drimbox/index.ts';
import { startVisitors, type Visitors } from '../peers/visitors/index.ts';
import { isChromiumHere, launchChromium } from '../viewer/chromium.ts';
import { buildPhantom } from '../viewer/invented-examination.ts';
import { type OpenPage, readCanvases } from '../viewer/viewer-site.ts';
import { type FlowSite, startFlowSite } from './flow-site.ts';

const screens = resolve(import.meta.dirname, '../../.cache/screens');

interface Described {
  readonly linkPath: string;
  readonly studies: readonly { readonly studyInstanceUid: string; readonly downloadPath: string }[];
}

describe.skipIf(!isChromiumHere())('a link of a report', { timeout: 120_000 }, () => {
  let flow: FlowSite;
  let peer: DrimboxPeer;
  let visitors: Visitors;
  let chromium: Browser;
  let report: Examination;
  const [one, two] = [examinationStudy(1), examinationStudy(2)];

  beforeAll(async () => {
    mkdirSync(screens, { recursive: true });
    flow = await startFlowSite({
      prepare: async (place) => {
        peer = await startDrimbox(place);
        visitors = await startVisitors(place);
        return { ...peer.section, ...visitors.section };
      },
    });
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
    await chromium.close();
    await flow.stop();
    await peer.stop();
    await visitors.stop();
  });

  const linkOf = (study: typeof one, seriesUid?: string): string => {
    const parameters = new URLSearchParams({
      requestType: seriesUid === undefined ? 'STUDY' : 'SERIES',
      studyUID: study.studyInstanceUid,
      accessionNumber: study.accessionNumber,
      idCDA: report.documentId,
      ...(seriesUid === undefined ? {} : { seriesUID: seriesUid }),
    });
    return `/IHEInvokeImageDisplay?${parameters.toString()}`;
  };
  const openAs = async (persona: string, path: string): Promise<Page> => {
    const context = await chromium.newContext({ ignoreHTTPSErrors: true, locale: 'fr-FR' });
    const page = await context.newPage();
    await page.goto(`${visitors.origin}${path}`);
    await page.locator('form[action$="/connexion/psc"] button').click();
    await page.locator(`button[name="persona"][value="${persona}"]`).click();
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
    const page = await openAs('doctor', linkOf(one));
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
    await page.screenshot({ path: join(screens, 'report-two-studies.png') });
    const sizes = await Promise.all(
      studies.map(async ({ downloadPath }) => {
        const answer = await page.request.get(`${visitors.origin}${downloadPath}`);
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
    const page = await openAs('doctor', linkOf(two));
    const { linkPath, studies } = await describeOf(page);
    expect(studies[0]?.studyInstanceUid).toBe(two.studyInstanceUid);
    const parameters = (path: string) => new URL(path, visitors.origin).searchParams.toString();
    expect(parameters(linkPath)).toBe(parameters(linkOf(two)));
    await page.goto(`${visitors.origin}${linkPath}`);
    expect(await page.textContent('main')).toContain('Pro Santé Connect');
    await page.context().close();
  });

  it('that names a series opens on it', async () => {
    const wanted = inventedSeries(one, 2, 'CT').seriesInstanceUid;
    const page = await openAs('doctor', linkOf(one, wanted));
    const [, fine] = await page.locator('button.series').all();
    expect(await fine?.getAttribute('aria-pressed')).toBe('true');
    await waitForImage(page);
    expect(await shownSeries(page)).toBe(wanted);
    await page.context().close();
  });

  it('leaves one line for each study in the audit, with who it was', async () => {
    const { stdout } = await flow.site.drimbox('audit', '--format', 'json');
    const all = JSON.parse(stdout) as readonly Record<string, unknown>[];
    const lines = all.filter(({ transaction }) => transaction === 'report-link');
    for (const { studyInstanceUid } of [one, two]) {
      expect(lines).toContainEqual(
        expect.objectContaining({ study: studyInstanceUid, outcome: 'served', professional: expect.any(String) }),
      );
    }
  });
});
