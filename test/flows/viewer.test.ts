/**
 * Behind the link of a report, as people come to it: a browser, the real services around the sidecar, a real Orthanc. Screens are
 * kept in .cache/screens to be looked at.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildExamination, type Examination } from '../fixtures/examination.ts';
import { isChromiumHere, launchChromium } from '../viewer/chromium.ts';
import { buildPhantom } from '../viewer/invented-examination.ts';
import { type OpenPage, readCanvases } from '../viewer/viewer-site.ts';
import {
  asInFrance,
  comeAs as come,
  linkPathOf,
  saveScreen,
  startVisitedSite,
  type VisitedSite,
} from './visited-site.ts';

const imagesPerSeries = 8;

describe.skipIf(!isChromiumHere())('behind the link of a report', { timeout: 120_000 }, () => {
  let site: VisitedSite;
  let chromium: Browser;
  let examination: Examination;
  let context: BrowserContext | undefined;

  beforeAll(async () => {
    site = await startVisitedSite();
    examination = buildExamination();
    await site.flow.keep(buildPhantom({ images: imagesPerSeries }));
    await site.flow.accepts(examination.message);
    await site.flow.reaches(examination.studyInstanceUid, 'published');
    chromium = await launchChromium();
  }, 180_000);
  afterAll(async () => {
    await chromium?.close();
    await site?.stop();
  });
  afterEach(async () => {
    await context?.close();
    context = undefined;
  });

  const linkOf = (changes: Readonly<Record<string, string>> = {}): string =>
    site.visitors.origin + linkPathOf({ number: 1, documentId: examination.documentId }, changes);
  const openPage = async (): Promise<Page> => {
    context = await chromium.newContext(asInFrance);
    return context.newPage();
  };
  const screen = (page: Page, name: string): Promise<void> => saveScreen(page, `flow-${name}`);
  const comeAs = (page: Page, who: 'psc' | 'franceconnect', persona: string, link = linkOf()): Promise<void> =>
    come(page, link, who, persona);

  it('a professional signs in, and sees the images in the viewer', async () => {
    const page = await openPage();
    await page.goto(linkOf());
    await screen(page, 'choice');
    await comeAs(page, 'psc', 'doctor');
    await page.waitForURL(/\/examen\//);
    await page.getByText('EXEMPLE', { exact: false }).first().waitFor();
    await screen(page, 'professional');
    expect(new URL(page.url()).search).toBe('');
    const [, ohif] = page.frames();
    if (ohif === undefined) throw new Error('no viewer in the page');
    // More than one grey: the image is there, not only its place.
    await vi.waitFor(
      async () => {
        const canvases = await readCanvases({ ohif } as OpenPage);
        expect(Math.max(0, ...canvases.map(({ greys }) => greys))).toBeGreaterThan(10);
      },
      { timeout: 60_000, interval: 250 },
    );
    await screen(page, 'professional-viewer');
    await page.setViewportSize({ width: 390, height: 844 });
    await screen(page, 'professional-phone');
    const widest = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(widest).toBeLessThanOrEqual(390);
  });

  it('an address is worth nothing to another browser, signed in or not', async () => {
    const page = await openPage();
    await comeAs(page, 'psc', 'doctor');
    await page.waitForURL(/\/examen\//);
    const paths = ['', '/description', '/apercu/1.jpg', '/images.zip', '/dicomweb/studies'];
    const other = await chromium.newContext({ ignoreHTTPSErrors: true });
    try {
      const statusOf = async (path: string) => (await other.request.get(`${page.url()}${path}`)).status();
      for (const path of paths) expect([path, await statusOf(path)]).toEqual([path, 401]);
      const stranger = await other.newPage();
      await comeAs(stranger, 'psc', 'radiologist');
      await stranger.waitForURL(/\/examen\//);
      expect(stranger.url()).not.toBe(page.url());
      for (const path of paths) expect([path, await statusOf(path)]).toEqual([path, 401]);
      for (const path of paths) expect((await page.request.get(`${page.url()}${path}`)).status()).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('the patient signs in by FranceConnect+, and takes a copy that others can open', async () => {
    const page = await openPage();
    await comeAs(page, 'franceconnect', 'camille');
    await page.waitForURL(/\/examen\//);
    await page.getByText('EXEMPLE', { exact: false }).first().waitFor();
    await screen(page, 'patient');
    const answer = await page.request.get(`${page.url()}/images.zip`);
    expect(answer.status()).toBe(200);
    const folder = mkdtempSync(join(tmpdir(), 'drimbox-copy-'));
    try {
      const file = join(folder, 'copy.zip');
      const body = await answer.body();
      expect(body.length).toBe(Number(answer.headers()['content-length']));
      execFileSync('tee', [file], { input: body, stdio: ['pipe', 'ignore', 'ignore'] });
      execFileSync('unzip', ['-q', file, '-d', folder]);
      const directory = execFileSync('dcmdump', [join(folder, 'DICOMDIR')]).toString();
      expect(directory.match(/DirectoryRecordType/g)).toHaveLength(1 + 1 + 2 + 2 * imagesPerSeries);
      expect(readFileSync(join(folder, 'LISEZ-MOI.txt'), 'utf8')).toContain('DICOMDIR');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['somebody else', 'franceconnect', 'twin', {}],
    ['a report of another id', 'psc', 'doctor', { idCDA: '1.2.250.1.999999.20.99' }],
    ['another accession number', 'psc', 'doctor', { accessionNumber: 'ACN-999' }],
    ['a study that nobody knows', 'psc', 'doctor', { studyUID: '2.25.999' }],
  ] as const)('%s: the same page for all, no hint', async (name, who, persona, changes) => {
    const page = await openPage();
    await comeAs(page, who, persona, linkOf(changes));
    await page.getByRole('heading', { level: 1 }).waitFor();
    await screen(page, `refused-${name.replaceAll(' ', '-')}`);
    expect(page.url()).not.toContain('/examen/');
    expect(await page.textContent('main')).not.toMatch(/EXEMPLE|CAMILLE/);
    expect(await page.textContent('main')).toContain('viewer-access/link-refused');
  });

  it('signing out ends the session: the back button shows nothing', async () => {
    const page = await openPage();
    await comeAs(page, 'psc', 'doctor');
    await page.waitForURL(/\/examen\//);
    const address = page.url();
    const description = (await (await page.request.get(`${address}/description`)).json()) as {
      signOut: { path: string; csrfField: string; csrfToken: string };
    };
    const { path, csrfField, csrfToken } = description.signOut;
    const out = await page.request.post(`${site.visitors.origin}${path}`, {
      form: { [csrfField]: csrfToken },
      headers: { Origin: site.visitors.origin, 'Sec-Fetch-Site': 'same-origin' },
    });
    expect(out.status()).toBe(200);
    expect((await page.request.get(`${address}/description`)).status()).toBe(401);
    await page.goto(address);
    await screen(page, 'signed-out');
    expect(await page.textContent('body')).not.toMatch(/EXEMPLE/);
  });

  it('a report that becomes invisible to the patient closes what is open, at the next call (E5)', async () => {
    const page = await openPage();
    await comeAs(page, 'franceconnect', 'camille');
    await page.waitForURL(/\/examen\//);
    const description = `${page.url()}/description`;
    expect((await page.request.get(description)).status()).toBe(200);
    const documentId = `${examination.documentId}.2`;
    const hidden = buildExamination({
      cda: { documentId: { root: documentId }, replaces: [{ root: examination.documentId }] },
      message: { action: 'replace', controlId: 'EX-HIDE', flags: { INVISIBLE_PATIENT: 'Y' } },
    });
    await site.flow.accepts(hidden.message);
    expect((await page.request.get(description)).status()).toBe(404);
    await page.reload();
    await screen(page, 'hidden-meanwhile');
    expect(await page.textContent('body')).not.toMatch(/EXEMPLE/);
  });
});
