/** OHIF as we serve it: chosen, patched and minified files, with our page and settings beside them. */
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { minifySync } from 'rolldown/utils';
import { findUnfitting, isNeededFirst, isServed, ownFiles } from './ohif-files.ts';
import { buildPatches } from './ohif-patches.ts';
import { applyPatches } from './patch.ts';

export interface OhifBuild {
  readonly root: string;
  /** Unpacked, with `dist/`. */
  readonly packageFolder: string;
  /** Where the files go. */
  readonly folder: string;
  /** Where they are served. */
  readonly publicPath: string;
}

/** A folder's name that changes with its content, so that browsers may keep it for ever. */
export const nameOhifFolder = (fingerprint: string): string => `ohif-${fingerprint.slice(0, 12)}`;

/** Names stay: some code tells classes apart by them. The published files are not minified (17 MB for the first alone). */
const minify = (name: string, text: string): string => {
  const { code, errors } = minifySync(name, text, {
    module: false,
    compress: { target: 'es2022', keepNames: { function: true, class: true } },
    mangle: { keepNames: true },
    codegen: { legalComments: 'none' },
  });
  if (errors.length > 0) throw new Error(`cannot minify OHIF's ${name}: ${errors[0]?.message ?? ''}`);
  return code;
};

const listFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();

/** Otherwise each is asked for only when the one before it has run. */
const preload = (path: string): string => `    <link rel="preload" as="script" href="${path}" />`;

const writePage = ({ root, folder, publicPath }: OhifBuild, names: readonly string[]): void => {
  const page = readFileSync(join(root, 'viewer/ohif/viewer.html'), 'utf8');
  const bundle = names.find((name) => name.startsWith('app.bundle.') && name.endsWith('.js'));
  if (bundle === undefined) throw new Error('this release of OHIF has no app.bundle');
  const chunks = names.filter((name) => isNeededFirst(name) && name !== bundle);
  const filled = page
    .replaceAll('{{path}}', publicPath)
    .replaceAll('{{bundle}}', bundle)
    .replaceAll('{{preloads}}', chunks.map((name) => preload(`${publicPath}${name}`)).join('\n'));
  writeFileSync(join(folder, 'viewer.html'), filled);
};

/** @throws Error when the release does not fit the patches and lists */
export const buildOhif = (build: OhifBuild): void => {
  const { root, packageFolder, folder, publicPath } = build;
  const dist = join(packageFolder, 'dist');
  const names = listFiles(dist).filter(isServed);
  const patchable = names.filter((name) => /\.(js|css)$/.test(name));
  const texts = new Map(patchable.map((name) => [name, readFileSync(join(dist, name), 'utf8')]));
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    if (!texts.has(name)) copyFileSync(join(dist, name), join(folder, name));
  }
  for (const [name, text] of applyPatches(texts, buildPatches(publicPath))) {
    writeFileSync(join(folder, name), name.endsWith('.js') ? minify(name, text) : text);
  }
  for (const name of ownFiles) cpSync(join(root, 'viewer/ohif', name), join(folder, name));
  copyFileSync(join(packageFolder, 'LICENSE'), join(folder, 'LICENSE.txt'));
  writePage(build, names);
  const [unfitting] = findUnfitting(listFiles(folder));
  if (unfitting !== undefined) throw new Error(`this release of OHIF has no ${unfitting}: see ohif-files.ts`);
};
