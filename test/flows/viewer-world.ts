/**
 * A site whose viewer people come to, and a browser: twins of one name, each with an examination whose every image says whose
 * it is. Nothing is real. Screens are kept in .cache/screens to be looked at.
 */
import type { Browser, BrowserContext, BrowserContextOptions, Frame, Page } from 'playwright-core';
import { expect } from 'vitest';
import {
  buildExamination,
  type Examination,
  type ExaminationOptions,
  examinationStudy,
} from '../fixtures/examination.ts';
import type { Visitors } from '../peers/visitors/index.ts';
import { buildCalibrationSeries, type ImageName, type Picture, readName } from '../viewer/calibration-volume.ts';
import { launchChromium } from '../viewer/chromium.ts';
import type { FlowSite } from './flow-site.ts';
import { TcpGate } from './tcp-gate.ts';
import { asInFrance, comeAs as come, linkPathOf, saveScreen as save, startVisitedSite } from './visited-site.ts';

export interface WorldPatient {
  /** First given name, as the page shows it. */
  readonly givenName: string;
  /** At the stand-in of FranceConnect+. */
  readonly persona: string;
  readonly examination: Examination;
  /** What makes its report: a later version takes it over. */
  readonly report: Pick<ExaminationOptions, 'cda' | 'message'>;
  readonly linkPath: string;
}

/** Which images of that patient the site keeps: bar codes of `patient`, series 1 and 2. */
const twins = [
  { givenName: 'CAMILLE', persona: 'camille', ins: '285037512345691', ipp: 'IPP-0042' },
  { givenName: 'CHARLOTTE', persona: 'twin', ins: '285037512345791', ipp: 'IPP-0043' },
] as const;

const ippIssuer = '1.2.250.1.999999.1.1';
const insOid = '1.2.250.1.213.1.4.10';

const admitTwin = async (flow: FlowSite, number: number): Promise<WorldPatient> => {
  const twin = twins[number - 1] ?? twins[0];
  const { givenName, persona, ins, ipp } = twin;
  const plain = examinationStudy(number);
  const study = { ...plain, patient: { ...plain.patient, id: ipp, name: `EXEMPLE^${givenName}` } };
  for (const series of [1, 2]) await flow.keep(buildCalibrationSeries(study, number, series));
  const report: WorldPatient['report'] = {
    cda: {
      documentId: { root: `1.2.250.1.999999.20.${number}` },
      setId: { root: `1.2.250.1.999999.21.${number}` },
      patient: {
        ins: [{ value: ins, oid: insOid }],
        localIds: [{ value: ipp, issuerOid: ippIssuer }],
        firstBirthGivenName: givenName,
        birthGivenNames: `${givenName} INÈS`,
        usedGivenName: givenName,
      },
    },
    message: {
      patient: {
        ins,
        ipp,
        ippOid: ippIssuer,
        birthFamilyName: 'EXEMPLE',
        firstBirthGivenName: givenName,
        birthGivenNames: `${givenName} INÈS`,
        birthDate: '19850321',
        sex: 'F',
        birthPlace: '75112',
      },
    },
  };
  const examination = buildExamination({ number, ...report });
  await flow.accepts(examination.message);
  await flow.reaches(examination.studyInstanceUid, 'published');
  const linkPath = linkPathOf({ number, documentId: examination.documentId });
  return { givenName, persona, examination, report, linkPath };
};

export interface OpenedViewer {
  readonly page: Page;
  readonly ohif: Frame;
}

export interface ViewerWorld {
  readonly flow: FlowSite;
  readonly visitors: Visitors;
  readonly chromium: Browser;
  /** Between the browser and the site. */
  readonly line: TcpGate;
  readonly camille: WorldPatient;
  readonly charlotte: WorldPatient;
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>;
  newPage(options?: BrowserContextOptions): Promise<Page>;
  /** From the link to where signing in leads. */
  comeAs(page: Page, who: 'psc' | 'franceconnect', persona: string, patient: WorldPatient): Promise<void>;
  /** The same, until the viewer shows an image of that patient. */
  openAs(page: Page, who: 'psc' | 'franceconnect', persona: string, patient: WorldPatient): Promise<OpenedViewer>;
  /** Signs out here and at the service. */
  leave(page: Page): Promise<void>;
  closeContexts(): Promise<void>;
  stop(): Promise<void>;
}

/** @param sessions  keys of `SignIn.Sessions` */
export const startViewerWorld = async (sessions: Readonly<Record<string, number>> = {}): Promise<ViewerWorld> => {
  const { flow, visitors, stop } = await startVisitedSite({ signIn: { Sessions: sessions } });
  const { origin } = visitors;
  const [camille, charlotte] = [await admitTwin(flow, 1), await admitTwin(flow, 2)];
  const { host, port } = new URL(origin);
  const line = new TcpGate(Number(port));
  await line.open();
  const chromium = await launchChromium([`--host-resolver-rules=MAP ${host} 127.0.0.1:${line.port}`]);
  const contexts: BrowserContext[] = [];
  const newContext = async (options: BrowserContextOptions = {}): Promise<BrowserContext> => {
    const context = await chromium.newContext({ ...asInFrance, ...options });
    contexts.push(context);
    return context;
  };
  const comeAs: ViewerWorld['comeAs'] = (page, who, persona, { linkPath }) =>
    come(page, origin + linkPath, who, persona);
  return {
    ...{ flow, visitors, chromium, line, camille, charlotte, newContext, comeAs },
    newPage: async (options) => (await newContext(options)).newPage(),
    openAs: async (page, who, persona, patient) => {
      await comeAs(page, who, persona, patient);
      await page.waitForURL(/\/examen\//);
      return waitForViewer(page);
    },
    leave: async (page) => {
      await page.getByRole('button', { name: 'Se déconnecter' }).click();
      await page.getByRole('button', { name: 'Oui' }).click();
      await page.getByRole('heading', { level: 1, name: 'Vous êtes déconnecté' }).waitFor();
    },
    closeContexts: async () => {
      for (const context of contexts.splice(0)) await context.close();
    },
    stop: async () => {
      await chromium.close();
      await line.shut();
      await stop();
    },
  };
};

// What a page shows ----------------------------------------------------------------------------------------------------

export const saveScreen = (page: Page, name: string): Promise<void> => save(page, `journey-${name}`);

const ohifOf = (page: Page): Frame => {
  const ohif = page.frames().find((frame) => frame !== page.mainFrame());
  if (ohif === undefined) throw new Error('no viewer in the page');
  return ohif;
};

// Expressions of the browser are text: the types of its world are not those of the tests.
const copyCanvases = `[...document.querySelectorAll('canvas.cornerstone-canvas')].map((canvas) => {
  const copy = document.createElement('canvas');
  copy.width = canvas.width;
  copy.height = canvas.height;
  const context = copy.getContext('2d');
  context.drawImage(canvas, 0, 0);
  const pixels = context.getImageData(0, 0, copy.width, copy.height).data;
  let text = '';
  for (let at = 0; at < pixels.length; at += 4) text += String.fromCharCode(pixels[at]);
  return { width: copy.width, height: copy.height, text: btoa(text) };
})`;

/** Each viewport, as it is on the screen. */
export const readPictures = async (frame: Frame): Promise<readonly Picture[]> => {
  const canvases = await frame.evaluate<{ width: number; height: number; text: string }[]>(copyCanvases);
  return canvases.map(({ width, height, text }) => ({ width, height, greys: [...Buffer.from(text, 'base64')] }));
};

/** Whose image a viewport shows, the first unless told, as its pixels say. */
export const readShown = async (frame: Frame, viewport = 0): Promise<ImageName | undefined> => {
  const picture = (await readPictures(frame))[viewport];
  return picture === undefined ? undefined : readName(picture);
};

/** Waits until the first viewport shows that image; a part of its name is enough. */
export const showsImage = async (frame: Frame, name: Partial<ImageName>): Promise<void> =>
  expect.poll(() => readShown(frame), { timeout: 60_000, interval: 200 }).toMatchObject(name);

/** Until the picture of the server has made room and the pixels of an image are on the screen. */
export const waitForViewer = async (page: Page): Promise<OpenedViewer> => {
  await page.locator('iframe.ohif').waitFor({ state: 'attached', timeout: 60_000 });
  await page.locator('.stand-in').waitFor({ state: 'detached', timeout: 60_000 });
  const ohif = ohifOf(page);
  await expect.poll(() => readShown(ohif), { timeout: 60_000, interval: 200 }).toBeDefined();
  return { page, ohif };
};

/** Text over the image: window, number of the image. */
export const readOverlay = (frame: Frame): Promise<string> =>
  frame.evaluate(`document.querySelector('[data-cy="viewport-pane"]')?.textContent ?? ''`);
