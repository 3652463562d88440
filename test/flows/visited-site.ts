/**
 * A site whose viewer people come to: Pro Santé Connect, FranceConnect+ and another DRIMbox beside it, and where it keeps
 * screens to be looked at. Nothing is real.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { examinationStudy } from '../fixtures/examination.ts';
import { startDrimbox } from '../peers/drimbox/index.ts';
import { startVisitors, type Visitors } from '../peers/visitors/index.ts';
import { type FlowSite, type FlowSiteOptions, startFlowSite } from './flow-site.ts';

export interface VisitedSite {
  readonly flow: FlowSite;
  readonly visitors: Visitors;
  readonly stop: () => Promise<void>;
}

export interface VisitedSiteOptions extends Omit<FlowSiteOptions, 'prepare'> {
  /** Keys that change `Viewer` and `SignIn`. */
  readonly viewer?: Readonly<Record<string, unknown>>;
  readonly signIn?: Readonly<Record<string, unknown>>;
}

/** What was started before a fault is stopped. */
export const startVisitedSite = async ({
  viewer = {},
  signIn = {},
  ...options
}: VisitedSiteOptions = {}): Promise<VisitedSite> => {
  const beside: { stop(): Promise<unknown> }[] = [];
  const stopBeside = async (): Promise<void> => {
    for (const one of beside.splice(0)) await one.stop();
  };
  let visitors: Visitors | undefined;
  try {
    const flow = await startFlowSite({
      ...options,
      prepare: async (place) => {
        const peer = await startDrimbox(place);
        beside.push(peer);
        visitors = await startVisitors(place);
        beside.push(visitors);
        const { Viewer, SignIn } = visitors.section;
        return { ...peer.section, Viewer: { ...Viewer, ...viewer }, SignIn: { ...SignIn, ...signIn } };
      },
    });
    if (visitors === undefined) throw new Error('the site was not prepared');
    return {
      flow,
      visitors,
      stop: async () => {
        await flow.stop();
        await stopBeside();
      },
    };
  } catch (error) {
    await stopBeside();
    throw error;
  }
};

// What people do -------------------------------------------------------------------------------------------------------

export interface LinkedExamination {
  readonly number: number;
  readonly documentId: string;
}

/** Path of the link that stands in a report. @param changes  parameters that are added or other ones */
export const linkPathOf = (
  { number, documentId }: LinkedExamination,
  changes: Readonly<Record<string, string>> = {},
): string => {
  const { studyInstanceUid, accessionNumber } = examinationStudy(number);
  const link = { requestType: 'STUDY', studyUID: studyInstanceUid, accessionNumber, idCDA: documentId, ...changes };
  return `/IHEInvokeImageDisplay?${new URLSearchParams(link).toString()}`;
};

/** From a link to where signing in leads. */
export const comeAs = async (
  page: Page,
  link: string,
  service: 'psc' | 'franceconnect',
  persona: string,
): Promise<void> => {
  await page.goto(link);
  await page.locator(`form[action$="/connexion/${service}"] button`).click();
  await page.locator(`button[name="persona"][value="${persona}"]`).click();
};

/** As French browsers come; the site's certificate is of a test authority. */
export const asInFrance = { ignoreHTTPSErrors: true, locale: 'fr-FR' } as const;

const screens = resolve(import.meta.dirname, '../../.cache/screens');

/** @param name  of the file, without ending */
export const saveScreen = async (page: Page, name: string): Promise<void> => {
  mkdirSync(screens, { recursive: true });
  await page.screenshot({ path: join(screens, `${name}.png`) });
};
