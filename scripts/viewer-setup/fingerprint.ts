/** One word for everything that a part of viewer/dist is made of: the same inputs give the same addresses. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** OHIF's folder keeps its name, and browsers their copy, when only our page changes. */
const ohifInputs = [
  'viewer/ohif',
  'scripts/viewer-setup/ohif-build.ts',
  'scripts/viewer-setup/ohif-files.ts',
  'scripts/viewer-setup/ohif-array-patch.ts',
  'scripts/viewer-setup/ohif-codec-patches.ts',
  'scripts/viewer-setup/ohif-french-patches.ts',
  'scripts/viewer-setup/ohif-patches.ts',
  'scripts/viewer-setup/ohif-start-patches.ts',
  'scripts/viewer-setup/patch.ts',
  'scripts/viewer-setup/compress.ts',
];
const allInputs = [
  'viewer/ohif',
  'viewer/src',
  'viewer/examen.html',
  'viewer/vite.config.ts',
  'viewer/tsconfig.json',
  'tsconfig.json',
  'scripts/viewer-setup',
  'package-lock.json',
];

const filesOf = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted()
    : [path];

const fingerprint = (root: string, inputs: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap((input) => filesOf(join(root, input)))) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
};

/** Hexadecimal. */
export const fingerprintOhif = (root: string): string => fingerprint(root, ohifInputs);
export const fingerprintViewer = (root: string): string => fingerprint(root, allInputs);
