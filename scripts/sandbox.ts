/**
 * The main job on one machine, told in a few lines: a publication, images for another DRIMbox and for who follows the report's
 * link, and the life of another study. Started by `scripts/sandbox`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseManifest } from '../plugin/kos/index.ts';
import { buildExamination } from '../test/fixtures/examination.ts';
import { splitMultipart } from '../test/fixtures/wado/split-multipart.ts';
import { type DrimboxPeer, startDrimbox } from '../test/peers/drimbox/index.ts';
import { startSite, waitFor, type Site } from '../test/peers/site/index.ts';
import { startVisitors, type Visitors } from '../test/peers/visitors/index.ts';
import { buildPhantom } from '../test/viewer/invented-examination.ts';
import { describeVisit, visitViewer } from './sandbox-visits.ts';

const run = promisify(execFile);
const isOnce = process.argv.includes('--once');
const steps = 25;
let step = 0;

const say = (text: string): void => {
  step += 1;
  console.log(`${String(step).padStart(2)}/${steps}  ${text}`);
};

/** An invented study, sent as a modality sends it. */
const storeByDicom = async (site: Site, files: readonly Uint8Array[]): Promise<void> => {
  const folder = mkdtempSync(join(site.folder, 'images-'));
  const paths = files.map((bytes, index) => {
    const path = join(folder, `${index + 1}.dcm`);
    writeFileSync(path, bytes);
    return path;
  });
  await run('storescu', ['-aec', site.orthanc.aet, '127.0.0.1', String(site.orthanc.dicomPort), ...paths], {
    env: { ...process.env, TCP_NODELAY: '1', TCP_BUFFER_LENGTH: '131072' },
  });
};

const checkManifest = async (site: Site, kos: Uint8Array): Promise<string> => {
  const path = join(site.folder, 'published.dcm');
  writeFileSync(path, kos);
  const { stderr } = await run('dciodvfy', ['-new', path]);
  const errors = stderr.split('\n').filter((line) => line.startsWith('Error'));
  if (errors.length > 0) throw new Error(`dciodvfy: ${errors.join('; ')}`);
  return path;
};

/** What another DRIMbox needs of a publication. */
interface PublishedSeries {
  readonly kos: string;
  readonly retrieveUrl: string;
  readonly images: number;
}

/** Its images look like something on a screen. */
const examination = buildExamination({ number: 1 });
const sent = buildPhantom({ number: 1, images: 12 });

const publishOne = async (site: Site): Promise<PublishedSeries> => {
  await storeByDicom(
    site,
    sent.map((instance) => instance.bytes),
  );
  say(`a modality stored study ${examination.studyInstanceUid} by DICOM C-STORE: ${sent.length} images`);

  const ris = await site.connectRis();
  const from = performance.now();
  const acknowledgment = await ris.send(examination.message);
  await ris.close();
  if (acknowledgment.code !== 'AA') throw new Error(`the report was not accepted: ${acknowledgment.text}`);
  say(
    `the RIS sent the report (ORU^R01 ${examination.controlId}, ${examination.message.length} bytes): ACK AA in ${Math.round(performance.now() - from)} ms`,
  );

  const entry = await waitFor('the manifest in the registry', async () =>
    (await site.dmp.entries()).find(
      (one) => one.kind === 'kos' && one.studyInstanceUid === examination.studyInstanceUid,
    ),
  );
  say(
    `the KOS is in the DMP stand-in ${((performance.now() - from) / 1000).toFixed(1)} s later: ${entry.entryUuid}, ${entry.status}`,
  );

  const kos = await site.dmp.documentOf(entry.entryUuid);
  const manifest = parseManifest(kos);
  const path = await checkManifest(site, kos);
  const count = manifest.series.reduce((sum, series) => sum + series.instances.length, 0);
  say(
    `it is a valid DICOM manifest of ${manifest.series.length} series and ${count} images (dciodvfy: no error): ${path}`,
  );
  say(`its retrieve address: ${manifest.series[0]?.retrieveUrl ?? ''}`);

  const [studyId = ''] = await site.orthanc.getJson<string[]>('/studies');
  const status = await waitFor('the status in Orthanc', async () => {
    const { text } = await site.orthanc.getJson<{ text: string }>(`/drimbox/studies/${studyId}/status`);
    return text.startsWith('publié') ? text : undefined;
  });
  say(`Orthanc Explorer shows: DRIM-M : ${status}`);
  const [series] = manifest.series;
  return {
    kos: manifest.sopInstanceUid,
    retrieveUrl: series?.retrieveUrl ?? '',
    images: series?.instances.length ?? 0,
  };
};

/** Another DRIMbox, on the whitelist and for a professional, fetches a series; then with a certificate that was taken back. */
const fetchOne = async (site: Site, other: DrimboxPeer, published: PublishedSeries): Promise<void> => {
  const { pathname: path } = new URL(published.retrieveUrl);
  const { kos, images } = published;
  const from = performance.now();
  const stored = await other.ask({ path, kos });
  const parts = splitMultipart(stored.headers.get('content-type'), stored.body);
  if (stored.status !== 200 || parts.length !== images) throw new Error(`images: ${stored.status}, ${parts.length}`);
  say(
    `another DRIMbox of the whitelist fetched the first series for a professional (Pro Santé Connect): ${images} images in ${Math.round(performance.now() - from)} ms`,
  );
  const jpegLs = '1.2.840.10008.1.2.4.80';
  const accept = `multipart/related; type="application/dicom"; transfer-syntax=${jpegLs}`;
  const made = await other.ask({ path, kos, accept });
  const syntaxes = new Set(
    splitMultipart(made.headers.get('content-type'), made.body).map((one) => one.transferSyntaxUid),
  );
  if ([...syntaxes].join() !== jpegLs) throw new Error(`JPEG-LS: ${made.status}, ${[...syntaxes].join(', ')}`);
  say('the same in JPEG-LS, made for this requester; Orthanc keeps what it has');
  const refused = await other.ask({ path, kos, certificate: other.ca.negative.revokedAuthCli });
  if (refused.status !== 403) throw new Error(`a revoked certificate was answered ${refused.status}`);
  const { stdout } = await site.drimbox('audit', '--format', 'json');
  const reason = (JSON.parse(stdout) as { reason?: string }[]).at(-1)?.reason;
  say(`with a revoked certificate: 403, nothing else; drimbox audit says why: ${reason ?? ''}`);
};

/** Manifests of a study in the registry, in order of arrival, as short words. */
const registryOf = async (site: Site, studyInstanceUid: string): Promise<string> =>
  (await site.dmp.entries())
    .filter((entry) => entry.kind === 'kos' && entry.studyInstanceUid === studyInstanceUid)
    .map((entry) => entry.status)
    .join(', ');

const becomes = (site: Site, studyInstanceUid: string, registry: string): Promise<true> =>
  waitFor(`registry: ${registry}`, async () =>
    (await registryOf(site, studyInstanceUid)) === registry ? true : undefined,
  );

const deleteInOrthanc = async (site: Site, level: 'Study' | 'Instance', key: string, uid: string): Promise<void> => {
  const { text } = await site.orthanc.call('POST', '/tools/find', { Level: level, Query: { [key]: uid } });
  for (const id of JSON.parse(text) as string[]) {
    await site.orthanc.remove(level === 'Study' ? 'studies' : 'instances', id);
  }
};

const tell = async (site: Site, message: Uint8Array): Promise<void> => {
  const ris = await site.connectRis();
  const { code, text } = await ris.send(message);
  await ris.close();
  if (code !== 'AA') throw new Error(`the message was not accepted: ${text}`);
};

/** What the DMP holds follows the report and the PACS: replaced, hidden, shortened, deleted, back, deleted. */
const liveOne = async (site: Site): Promise<void> => {
  const number = 2;
  const { studyInstanceUid, instances, message } = buildExamination({ number, seriesCount: 1, instancesPerSeries: 3 });
  const files = instances.map(({ bytes }) => bytes);
  await storeByDicom(site, files);
  await tell(site, message);
  await becomes(site, studyInstanceUid, 'Approved');
  say(`a second study, ${studyInstanceUid}, is published: its life begins`);

  const hide = { action: 'replace', controlId: 'HIDE', flags: { INVISIBLE_PATIENT: 'Y' } } as const;
  await tell(site, buildExamination({ number, message: hide }).message);
  await becomes(site, studyInstanceUid, 'Deprecated, Approved');
  say('the RIS hid the report from the patient: the KOS was replaced at once, the former entry is Deprecated');

  await deleteInOrthanc(site, 'Instance', 'SOPInstanceUID', instances[0]?.sopInstanceUid ?? '');
  await becomes(site, studyInstanceUid, 'Deprecated, Deprecated, Approved');
  say('one image was deleted in Orthanc: the KOS was replaced without it');

  await deleteInOrthanc(site, 'Study', 'StudyInstanceUID', studyInstanceUid);
  await becomes(site, studyInstanceUid, 'Deprecated, Deprecated, Deleted');
  say('the study was deleted in Orthanc: proved twice, 2 s apart (15 min by default), then taken out of the DMP');

  await storeByDicom(site, files);
  await becomes(site, studyInstanceUid, 'Deprecated, Deprecated, Deleted, Approved');
  say('the images came back: the KOS was published again');

  await tell(site, buildExamination({ number, message: { action: 'delete', controlId: 'DELETE' } }).message);
  await becomes(site, studyInstanceUid, 'Deprecated, Deprecated, Deleted, Deleted');
  say('the RIS deleted the report: the DMP holds nothing of this study any more');
};

const version = process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10';
const publication = {
  StabilitySeconds: 1,
  AmbiguousDelaySeconds: 1,
  RetryFirstDelaySeconds: 1,
  DeletionDelayMinutes: 2 / 60,
};
let other: DrimboxPeer | undefined;
let visitors: Visitors | undefined;
const site = await startSite({
  store: process.env['DRIMBOX_STORE'] ?? 'embedded',
  orthanc: { version },
  section: { Publication: publication },
  prepare: async (place) => {
    other = await startDrimbox(place);
    visitors = await startVisitors(place);
    return { ...other.section, ...visitors.section };
  },
});
const { Version: orthancVersion } = await site.orthanc.getJson<{ Version: string }>('/system');
say(
  `Orthanc ${orthancVersion} with the DRIMbox hook: ${site.orthanc.url}/app/explorer.html, DICOM ${site.orthanc.aet}@${site.orthanc.dicomPort}`,
);
say(`stand-in of the DMP (client certificates, registry on disk): ${site.dmp.baseUrl}`);
say(
  `DRIMbox serves: HL7 (MLLP) on port ${site.mllpPort}, archive in ${(process.env['DRIMBOX_STORE'] ?? 'embedded').replace(/\/\/[^@/]*@/, '//')}`,
);
if (visitors !== undefined) {
  const { origin, psc, franceConnect } = visitors;
  say(`the viewer: ${origin}; stand-ins of Pro Santé Connect and FranceConnect+: ${psc.url}, ${franceConnect.url}`);
}

let exitCode = 0;
try {
  const published = await publishOne(site);
  if (other !== undefined) await fetchOne(site, other, published);
  if (visitors !== undefined) await visitViewer({ site, visitors, examination, stored: sent, say });
  await liveOne(site);
  const { stdout } = await site.drimbox('queue');
  if (JSON.stringify(JSON.parse(stdout)).includes('"order"')) throw new Error(`orders are left: ${stdout}`);
  say('done: the DMP holds what report and PACS call for, and no order waits');
} catch (error) {
  exitCode = 1;
  const sidecar = site.sidecar();
  const what = error instanceof Error ? error.message : String(error);
  console.error(`sandbox: FAILED: ${what}${sidecar.hasEnded() ? ' (the service has ended)' : ''}\n${sidecar.log()}`);
}
const stopAll = async (): Promise<void> => {
  await site.stop();
  await other?.stop();
  await visitors?.stop();
};
if (isOnce || exitCode !== 0) {
  await stopAll();
  process.exit(exitCode);
}
if (visitors !== undefined) console.log(describeVisit({ site, visitors, examination }));
console.log(`
Open ${site.orthanc.url}/app/explorer.html and choose the study. The archive: scripts/drimbox archive list --config ${site.configFile}
(with DRIMBOX_STORE=${site.env['DRIMBOX_STORE'] ?? 'embedded'}). Ctrl-C ends everything.`);
const stop = (): void => void stopAll().then(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
