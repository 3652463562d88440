/** What both viewers stand on: one Orthanc with one study, our service and its neighbours, OHIF as published, a line before each. */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askSidecar } from '../../plugin/admin/index.ts';
import { buildExamination, type Examination, examinationStudy } from '../../test/fixtures/examination.ts';
import { startDrimbox } from '../../test/peers/drimbox/index.ts';
import { type Line, startLine } from '../../test/peers/line/index.ts';
import { findFreePort } from '../../test/peers/postgres/index.ts';
import { type Site, startSite, waitFor } from '../../test/peers/site/index.ts';
import { startStockOhif, stockPathOf } from '../../test/peers/stock-ohif/index.ts';
import { startVisitors, type Visitors } from '../../test/peers/visitors/index.ts';
import { launchChromium } from '../../test/viewer/chromium.ts';
import { readRelease } from '../viewer-setup/ohif-package.ts';
import type { BenchSettings } from './figures.ts';
import { noisySeries } from './noisy-series.ts';

const project = resolve(import.meta.dirname, '../..');
const plugins = '/usr/share/orthanc/plugins';

export interface Entrance {
  readonly name: string;
  readonly line: Line;
  readonly url: string;
  /** What a browser has once its person has signed in. */
  readonly cookies: readonly { readonly name: string; readonly value: string }[];
  /** A page where its person spends a while before the images. */
  readonly before?: string;
}

export interface ViewerSite {
  readonly ours: Entrance;
  readonly stock: Entrance;
  /** For {@link openPersonalChromium}. */
  readonly publicKey: string;
  stop(): Promise<void>;
}

const publicKeyOf = (certificateFile: string): string => {
  const { publicKey } = new X509Certificate(readFileSync(certificateFile));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
};

const linkOf = ({ origin }: Visitors, { studyInstanceUid, documentId }: Examination): string => {
  const { accessionNumber } = examinationStudy(1);
  const values = { requestType: 'STUDY', studyUID: studyInstanceUid, accessionNumber, idCDA: documentId };
  return `${origin}/IHEInvokeImageDisplay?${new URLSearchParams(values).toString()}`;
};

/** From the link to the images, as a professional: what the browser then has, and where it is. */
const signIn = async (link: string): Promise<Pick<Entrance, 'url' | 'cookies'>> => {
  const browser = await launchChromium();
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'fr-FR' });
    const page = await context.newPage();
    await page.goto(link);
    await page.locator('form[action$="/connexion/psc"] button').click();
    await page.locator('button[name="persona"][value="doctor"]').click();
    await page.waitForURL(/\/examen\//, { waitUntil: 'commit' });
    const cookies = await context.cookies(link);
    return { url: page.url(), cookies: cookies.map(({ name, value }) => ({ name, value })) };
  } finally {
    await browser.close();
  }
};

const publish = async (site: Site, { message, studyInstanceUid }: Examination): Promise<void> => {
  const ris = await site.connectRis();
  const { code, text } = await ris.send(message);
  if (code !== 'AA') throw new Error(`report not taken: ${text}`);
  await waitFor('the publication', async () => {
    const view = (await askSidecar(join(site.folder, 'store'), ['archive', 'show', studyInstanceUid])) as {
      readonly state: string;
    };
    return view.state === 'published' ? true : undefined;
  });
  await ris.close();
};

/** @throws Error saying what is missing */
const findStockOhif = (): string => {
  const folder = join(project, `.cache/ohif/unpacked-${readRelease(project).version}/package/dist`);
  if (!existsSync(folder)) throw new Error('OHIF is not here: node scripts/viewer-setup.ts');
  return folder;
};

/** @param slices  of the one series */
export const startViewerSite = async ({ orthanc }: BenchSettings, slices: number): Promise<ViewerSite> => {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    const innerPort = await findFreePort();
    let visitors: Visitors | undefined;
    const site = await startSite({
      orthanc: {
        version: orthanc,
        configuration: { Plugins: [`${plugins}/libOrthancDicomWeb.so`, `${plugins}/libOrthancPython.so`] },
      },
      section: { Publication: { StabilitySeconds: 0.5 } },
      prepare: async (place) => {
        const peer = await startDrimbox(place);
        closers.push(() => peer.stop());
        // The address that a browser knows is the line's; what listens behind it, nobody sees.
        const started = await startVisitors(place, { Port: innerPort });
        visitors = started;
        closers.push(() => started.stop());
        return { ...peer.section, ...started.section };
      },
    });
    closers.push(() => site.stop());
    if (visitors === undefined) throw new Error('nobody can sign in');
    const line = await startLine({ port: Number(new URL(visitors.origin).port), targetPort: innerPort });
    closers.push(() => line.stop());
    await site.orthanc.storeFiles(noisySeries(1, slices));
    const examination = buildExamination();
    await publish(site, examination);
    const stock = await startStockOhif({ folder: findStockOhif(), orthancPort: site.orthanc.httpPort });
    closers.push(() => stock.stop());
    const stockLine = await startLine({ targetPort: stock.port });
    closers.push(() => stockLine.stop());
    const link = linkOf(visitors, examination);
    return {
      ours: { name: 'ours', line, before: link, ...(await signIn(link)) },
      stock: {
        name: 'stock',
        line: stockLine,
        url: `http://localhost:${stockLine.port}${stockPathOf(examination.studyInstanceUid)}`,
        cookies: [],
      },
      publicKey: publicKeyOf(site.ca.server.certificateFile),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
