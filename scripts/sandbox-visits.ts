/** The viewer behind the report's link, as the sandbox shows it: a professional, the patient, somebody else, and signing out. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import yauzl from 'yauzl';
import type { InventedInstance } from '../test/fixtures/dicom/index.ts';
import { examinationStudy, type Examination } from '../test/fixtures/examination.ts';
import type { CivilPersonaKey } from '../test/peers/franceconnect/index.ts';
import type { PersonaKey } from '../test/peers/psc/index.ts';
import type { Site } from '../test/peers/site/index.ts';
import type { Visitors } from '../test/peers/visitors/index.ts';
import {
  type Page,
  readDeparture,
  readFormFields,
  type ScreenlessBrowser,
  startScreenlessBrowser,
} from './sandbox-browser.ts';

const run = promisify(execFile);

export interface Visited {
  readonly site: Site;
  readonly visitors: Visitors;
  readonly examination: Examination;
  /** The files of the study, as a modality sent them. */
  readonly stored: readonly InventedInstance[];
  readonly say: (text: string) => void;
}

/** As it stands in the report of {@link buildExamination}. */
export const reportLinkOf = ({ origin }: Visitors, { studyInstanceUid, documentId }: Examination): string => {
  const { accessionNumber } = examinationStudy(1);
  const values = { requestType: 'STUDY', studyUID: studyInstanceUid, accessionNumber, idCDA: documentId };
  return `${origin}/IHEInvokeImageDisplay?${new URLSearchParams(values).toString()}`;
};

type Who =
  | { readonly service: 'psc'; readonly persona: PersonaKey }
  | { readonly service: 'franceconnect'; readonly persona: CivilPersonaKey };

/** From the link to where signing in leads. */
const comeAs = async (browser: ScreenlessBrowser, link: string, { service, persona }: Who): Promise<Page> => {
  const action = `/connexion/${service}`;
  const choice = await browser.open(link);
  const leaving = await browser.open(new URL(action, link), readFormFields(choice, action));
  const login = await browser.open(readDeparture(leaving));
  return browser.open(login.url, { persona });
};

/** What is used of the answer that viewer/src/description.ts reads. */
interface Description {
  readonly person: { readonly kind: string; readonly name?: string };
  readonly studies: readonly {
    readonly downloadPath: string;
    readonly series: readonly { readonly imageCount: number; readonly previewPath?: string }[];
  }[];
  readonly dicomWebPath: string;
  readonly signOut: { readonly path: string; readonly csrfField: string; readonly csrfToken: string };
}

interface Opened {
  readonly browser: ScreenlessBrowser;
  readonly url: URL;
  readonly description: Description;
}

const openAs = async (browser: ScreenlessBrowser, link: string, who: Who): Promise<Opened> => {
  const { url, status, text } = await comeAs(browser, link, who);
  if (status !== 200 || !url.pathname.startsWith('/examen/')) throw new Error(`not opened: ${status}, ${text}`);
  const { text: json } = await browser.open(`${url.href}/description`);
  return { browser, url, description: JSON.parse(json) as Description };
};

const checkPicture = async ({ browser, url, description }: Opened): Promise<number> => {
  const from = performance.now();
  const picture = await browser.open(new URL(description.studies[0]?.series[0]?.previewPath ?? '', url));
  if (picture.status !== 200 || picture.body.readUInt16BE() !== 0xffd8) throw new Error(`preview: ${picture.status}`);
  return Math.round(performance.now() - from);
};

/** @returns the address of a frame that is, to the bit, what the modality stored */
const checkFrame = async ({ browser, url, description }: Opened, { stored }: Visited): Promise<URL> => {
  const [image] = stored;
  if (image === undefined) throw new Error('no image was stored');
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = image;
  const place = `studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}/frames/1`;
  const address = new URL(`${description.dicomWebPath}/${place}`, url);
  const frame = await browser.open(address, undefined, 'application/octet-stream');
  const isStored = frame.body.length > 0 && Buffer.from(image.bytes).includes(frame.body);
  if (frame.status !== 200 || !isStored) throw new Error(`frame: ${frame.status}, ${frame.body.length} bytes`);
  return address;
};

const unpack = async (archive: Buffer, folder: string): Promise<void> => {
  const zip = await yauzl.fromBufferPromise(archive, { lazyEntries: true });
  for await (const entry of zip.eachEntry()) {
    const path = join(folder, entry.fileName);
    mkdirSync(dirname(path), { recursive: true });
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    if (!entry.fileName.endsWith('/')) writeFileSync(path, Buffer.concat(chunks));
  }
};

/** A copy that other software opens: the length that was announced, and a DICOMDIR that dcmtk reads. */
const checkCopy = async ({ browser, url, description }: Opened, { site, stored }: Visited): Promise<string> => {
  const from = performance.now();
  const { status, headers, body } = await browser.open(new URL(description.studies[0]?.downloadPath ?? '', url));
  const tookMs = Math.round(performance.now() - from);
  if (status !== 200 || body.length !== Number(headers.get('content-length'))) throw new Error(`ZIP: ${status}`);
  const folder = join(site.folder, 'copy');
  await unpack(body, folder);
  const { stdout } = await run('dcmdump', ['-q', '+P', 'DirectoryRecordType', join(folder, 'DICOMDIR')]);
  const images = stdout.match(/\[IMAGE\s*\]/g)?.length ?? 0;
  if (images !== stored.length) throw new Error(`DICOMDIR names ${images} images`);
  return `${body.length} bytes in ${tookMs} ms, DICOMDIR of ${images} images (dcmtk): ${folder}`;
};

const signOut = async ({ browser, url, description }: Opened): Promise<void> => {
  const { path, csrfField, csrfToken } = description.signOut;
  const { status } = await browser.open(new URL(path, url), { [csrfField]: csrfToken });
  if (status !== 200) throw new Error(`signing out: ${status}`);
};

const visitAsProfessional = async (visited: Visited, browser: ScreenlessBrowser, link: string): Promise<void> => {
  const opened = await openAs(browser, link, { service: 'psc', persona: 'doctor' });
  const { url, description } = opened;
  const [study] = description.studies;
  const count = study?.series.reduce((sum, { imageCount }) => sum + imageCount, 0) ?? 0;
  if (count !== visited.stored.length) throw new Error(`the description has ${count} images`);
  const who = description.person.name ?? '';
  visited.say(
    `a professional signed in by Pro Santé Connect (${who}) and sees ${study?.series.length ?? 0} series, ${count} images`,
  );
  const pictureMs = await checkPicture(opened);
  const frame = await checkFrame(opened, visited);
  visited.say(`the first picture came in ${pictureMs} ms, and a frame for the viewer, to the bit as stored`);
  await signOut(opened);
  for (const address of [url, `${url.href}/description`, `${url.href}/images.zip`, frame]) {
    const { status } = await browser.open(address);
    if (status !== 401) throw new Error(`after signing out ${new URL(address).pathname} was answered ${status}`);
  }
  visited.say('after signing out: 401 for the page, its description, the frame and the ZIP');
};

const visitAsPatient = async (visited: Visited, browser: ScreenlessBrowser, link: string): Promise<void> => {
  const opened = await openAs(browser, link, { service: 'franceconnect', persona: 'camille' });
  const copy = await checkCopy(opened, visited);
  visited.say(`the patient signed in by FranceConnect+ and took a copy: ${copy}`);
};

/** The page without what is of one request alone. */
const withoutReference = ({ text }: Page): string => text.replace(/Référence : <strong>[^<]*/, '');

const refuseSomebodyElse = async (visited: Visited, browser: ScreenlessBrowser, link: string): Promise<void> => {
  const refused = await comeAs(browser, link, { service: 'franceconnect', persona: 'twin' });
  const { stdout } = await visited.site.drimbox('audit', '--format', 'json');
  const why = (JSON.parse(stdout) as { reason?: string }[]).at(-1)?.reason;
  if (why !== 'viewer-access/identity-mismatch') throw new Error(`somebody else: ${why ?? 'no reason'}`);
  const unknown = startScreenlessBrowser(visited.site.ca.chainFile);
  try {
    const elsewhere = link.replace(/studyUID=[^&]+/, 'studyUID=2.25.999');
    const same = await comeAs(unknown, elsewhere, { service: 'psc', persona: 'doctor' });
    const isUniform = refused.status === same.status && withoutReference(refused) === withoutReference(same);
    if (refused.status !== 404 || !refused.text.includes('viewer-access/link-refused') || !isUniform) {
      throw new Error(`somebody else was answered ${refused.status}, a study that nobody knows ${same.status}`);
    }
  } finally {
    await unknown.close();
  }
  visited.say(
    `the patient's sister: ${refused.status}, the page of a study that does not exist; drimbox audit says why: ${why}`,
  );
};

/** @throws an Error that says what was not as it should be */
export const visitViewer = async (visited: Visited): Promise<void> => {
  const link = reportLinkOf(visited.visitors, visited.examination);
  for (const visit of [visitAsProfessional, visitAsPatient, refuseSomebodyElse]) {
    const browser = startScreenlessBrowser(visited.site.ca.chainFile);
    try {
      await visit(visited, browser, link);
    } finally {
      await browser.close();
    }
  }
};

/** What a person reads who wants to click. */
export const describeVisit = ({ visitors, examination, site }: Omit<Visited, 'stored' | 'say'>): string => `
The link of the report, for everybody:
  ${reportLinkOf(visitors, examination)}
The browser will warn, here and where one signs in: all certificates are of the test authority (${site.ca.rootCertificateFile}).
  a professional   Pro Santé Connect, then "Camille EXEMPLE" ("Maxence EXEMPLE-PLURIEL" chooses an exercise situation first)
  the patient      FranceConnect+, then "Camille Inès EXEMPLE"
  somebody else    FranceConnect+, then "Charlotte Inès EXEMPLE": refused
A private window for each of them: the services remember who signed in.`;
