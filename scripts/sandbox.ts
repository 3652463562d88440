/** The main job on one machine, told in ten lines. Started by `scripts/sandbox`. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseManifest } from '../plugin/kos/index.ts';
import { buildExamination } from '../test/fixtures/examination.ts';
import { startSite, waitFor, type Site } from '../test/peers/site/index.ts';

const run = promisify(execFile);
const isOnce = process.argv.includes('--once');
const steps = 10;
let step = 0;

const say = (text: string): void => {
  step += 1;
  console.log(`${String(step).padStart(2)}/${steps}  ${text}`);
};

/** An invented study, sent as a modality sends it. */
const storeByDicom = async (site: Site, files: readonly Uint8Array[]): Promise<void> => {
  const folder = join(site.folder, 'images');
  mkdirSync(folder);
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

const publishOne = async (site: Site): Promise<void> => {
  const examination = buildExamination({ number: 1, seriesCount: 2, instancesPerSeries: 4 });
  await storeByDicom(
    site,
    examination.instances.map((instance) => instance.bytes),
  );
  say(
    `a modality stored study ${examination.studyInstanceUid} by DICOM C-STORE: ${examination.instances.length} images`,
  );

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
};

const version = process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10';
const site = await startSite({ store: process.env['DRIMBOX_STORE'] ?? 'embedded', orthanc: { version } });
const { Version: orthancVersion } = await site.orthanc.getJson<{ Version: string }>('/system');
say(
  `Orthanc ${orthancVersion} with the DRIMbox hook: ${site.orthanc.url}/app/explorer.html, DICOM ${site.orthanc.aet}@${site.orthanc.dicomPort}`,
);
say(`stand-in of the DMP (client certificates, registry on disk): ${site.dmp.baseUrl}`);
say(
  `DRIMbox serves: HL7 (MLLP) on port ${site.mllpPort}, archive in ${(process.env['DRIMBOX_STORE'] ?? 'embedded').replace(/\/\/[^@/]*@/, '//')}`,
);

let exitCode = 0;
try {
  await publishOne(site);
  say('done: one report in, one manifest published, nothing left to do');
} catch (error) {
  exitCode = 1;
  console.error(`sandbox: FAILED: ${error instanceof Error ? error.message : String(error)}\n${site.sidecar().log()}`);
}
if (isOnce || exitCode !== 0) {
  await site.stop();
  process.exit(exitCode);
}
console.log(`
Open ${site.orthanc.url}/app/explorer.html and choose the study. The archive: scripts/drimbox archive list --config ${site.configFile}
(with DRIMBOX_STORE=${site.env['DRIMBOX_STORE'] ?? 'embedded'}). Ctrl-C ends everything.`);
const stop = (): void => void site.stop().then(() => process.exit(0));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
