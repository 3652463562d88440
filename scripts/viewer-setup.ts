/**
 * Makes what a browser loads, in viewer/dist: OHIF of one pinned release, and our shell page around it.
 *
 *   node scripts/viewer-setup.ts            does nothing when nothing changed
 *   node scripts/viewer-setup.ts --force    makes everything again
 *   node scripts/viewer-setup.ts --check    makes nothing: exit status 0 when viewer/dist is what would be made
 *   --quiet                                 says only what it changes
 *
 * Needs npm for the first run (the package is kept in .cache/ohif) and the packages for development (Vite, Rolldown), which
 * are loaded only then.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compressFolder } from './viewer-setup/compress.ts';
import { fetchOhif } from './viewer-setup/ohif-package.ts';
import { listServedFiles } from './viewer-setup/served-files.ts';
import { fingerprintOhif, fingerprintViewer } from './viewer-setup/fingerprint.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'viewer/dist');
const stamp = join(dist, '.stamp');
const isQuiet = process.argv.includes('--quiet');
const say = (text: string): void => console.log(`viewer-setup: ${text}`);

const readStamp = (): string => (existsSync(stamp) ? readFileSync(stamp, 'utf8') : '');

const isForced = process.argv.includes('--force');

/** Made beside its place and then renamed: an interrupted run leaves no half folder. */
const bringOhif = async (ohif: string): Promise<void> => {
  if (existsSync(join(dist, ohif)) && !isForced) return;
  const { buildOhif } = await import('./viewer-setup/ohif-build.ts');
  const packageFolder = await fetchOhif(root, say);
  const building = join(dist, 'ohif.building');
  rmSync(building, { recursive: true, force: true });
  say('OHIF: choosing, patching and minifying its files');
  buildOhif({ root, packageFolder, folder: building, publicPath: `/visionneuse/${ohif}/` });
  say('OHIF: compressing with Brotli and gzip (about a minute)');
  await compressFolder(building);
  rmSync(join(dist, ohif), { recursive: true, force: true });
  renameSync(building, join(dist, ohif));
};

const buildPage = async (ohif: string): Promise<void> => {
  for (const name of readdirSync(dist)) {
    if (name !== ohif) rmSync(join(dist, name), { recursive: true });
  }
  const { buildShell } = await import('./viewer-setup/build-shell.ts');
  say('shell page: building it with Vite');
  await buildShell({ root, dist, ohifPath: `/visionneuse/${ohif}/` });
  await compressFolder(join(dist, 'assets'));
};

const wanted = fingerprintViewer(root);
if (process.argv.includes('--check')) {
  process.exitCode = readStamp() === wanted ? 0 : 1;
} else if (readStamp() === wanted && !isForced) {
  if (!isQuiet) say('viewer/dist: already there');
} else {
  const { nameOhifFolder } = await import('./viewer-setup/ohif-build.ts');
  const ohif = nameOhifFolder(fingerprintOhif(root));
  mkdirSync(dist, { recursive: true });
  await bringOhif(ohif);
  await buildPage(ohif);
  const served = listServedFiles(dist, ohif);
  writeFileSync(join(dist, 'served.json'), `${JSON.stringify(served, undefined, 2)}\n`);
  // Last: an interrupted run is done again.
  writeFileSync(stamp, wanted);
  const total = (sizes: readonly number[]): string =>
    `${(sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)} MB`;
  const { files } = served;
  const brotli = files.map((file) => file.brotliBytes ?? file.bytes);
  say(`viewer/dist: ${files.length} files, ${total(files.map(({ bytes }) => bytes))}, as Brotli ${total(brotli)}`);
}
