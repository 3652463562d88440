/** The viewer behind the report's link, as the sandbox shows it: a professional, the patient, somebody else, and signing out. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import yauzl from 'yauzl';
import { examinationStudy, type Examination } from '../test/fixtures/examination.ts';
import { civilPersonas, type CivilPersonaKey } from '../test/peers/franceconnect/index.ts';
import { type PersonaKey, personas } from '../test/peers/psc/index.ts';
import type { Site } from '../test/peers/site/index.ts';
import type { Visitors } from '../test/peers/visitors/index.ts';
import { type ExaminationDescription, parseDescription } from '../viewer/src/description.ts';
import { type Page, readDeparture, readFormFields, type ScreenlessBrowser, startScreenlessBrowser } from './sandbox-browser.ts';

const run = promisify(execFile);

export interface Visited {
  readonly site: Site;
  readonly visitors: Visitors;
  readonly examination: Examination;
  /** The files of the study, as a modality sent them. */
  readonly stored: readonly { readonly sopInstanceUid: string; readonly bytes: Uint8Array }[];
  readonly say: (text: string) => void;
}

/** As it stands in the report of {@link buildExamination}. */
export const reportLinkOf = ({ origin }: Visitors, { studyInstanceUid, documentId }: Examination): string => {
  const { accessionNumber } = examinationStudy(1);
  const values = { requestType: 'STUDY', studyUID: studyInstanceUid, accessionNumber, idCDA: documentId };
  return `${origin}/IHEInvokeImageDisplay?${new URLSearchParams(values).toString()}`;
};

type Who = { readonly psc: PersonaKey } | { readonly franceconnect: CivilPersonaKey };

/** From the link to where signing in leads. */
const comeAs = async (browser: ScreenlessBrowser, link: string, who: Who): Promise<Page> => {
  const [[service = '', persona = ''] = []] = Object.entries(who);
  const action = `/connexion/${service}`;
  const choice = await browser.open(link);
  const leaving = await browser.open(new URL(action, link), readFormFields(choice, action));
  const login = await browser.open(readDeparture(leaving));
  return browser.open(login.url, { persona });
};

interface Opened {
  readonly browser: ScreenlessBrowser;
  readonly url: URL;
  readonly description: ExaminationDescription;
}

const openAs = async (browser: ScreenlessBrowser, link: string, who: Who): Promise<Opened> => {
  const { url, status, text } = await comeAs(browser, link, who);
  if (status !== 200 || !url.pathname.startsWith('/examen/')) throw new Error(`not opened: ${status}, ${text}`);
  const { text: json } = await browser.open(`${url.href}/description`);
  return { browser, url, description: parseDescription(JSON.parse(json)) };
};

/** Address of the first frame of an image. */
const frameUrlOf = ({ url, description }: Opened, study: string, series: string, instance: string): URL =>
  new URL(`${description.dicomWebPath}/studies/${study}/series/${series}/instances/${instance}/frames/1`, url);

const checkPicture = async ({ browser, url, description }: Opened): Promise<number> => {
  const from = performance.now();
  const picture = await browser.open(new URL(description.studies[0]?.series[0]?.previewPath ?? '', url));
  if (picture.status !== 200 || picture.body.readUInt16BE() !== 0xffd8) throw new Error(`preview: ${picture.status}`);
  return Math.round(performance.now() - from);
};

/** @returns the address of a frame that is, to the bit, what the modality stored */
const checkFrame = async (opened: Opened, stored: Visited['stored']): Promise<URL> => {
  const { studyInstanceUid = '', series = [] } = opened.description.studies[0] ?? {};
  const [first] = stored;
  const [, seriesUid = ''] = series.map((one) => one.seriesInstanceUid).find(String)?.match(/^(.+)$/) ?? [];
  const url = frameUrlOf(opened, studyInstanceUid, seriesUid, first?.sopInstanceUid ?? '');
  const frame = await opened.browser.open(url, undefined, 'application/octet-stream');
  const isStored = frame.body.length > 0 && Buffer.from(first?.bytes ?? []).includes(frame.body);
  if (frame.status !== 200 || !isStored) throw new Error(`frame: ${frame.status}, ${frame.body.length} bytes`);
  return url;
};

const unpack = async (archive: Buffer, folder: string): Promise<void> => {
  const zip = await yauzl.fromBufferPromise(archive);
  for await (const entry of zip.eachEntry()) {
    const path = join(folder, entry.fileName);
    mkdirSync(dirname(path), { recursive: true });
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    if (!entry.fileName.endsWith('/')) writeFileSync(path, Buffer.concat(chunks));
  }
};
