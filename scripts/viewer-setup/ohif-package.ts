/**
 * Brings the published package of OHIF, whose `dist/` is the built viewer, and believes it only when its bytes are those
 * that viewer/ohif/release.json names. Updating OHIF is a new version and integrity there, and the tests.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OhifRelease {
  readonly name: string;
  readonly version: string;
  /** `sha512-` and base64, as npm writes it. */
  readonly integrity: string;
}

export const readRelease = (root: string): OhifRelease =>
  JSON.parse(readFileSync(join(root, 'viewer/ohif/release.json'), 'utf8')) as OhifRelease;

/** @throws Error when the bytes are not those of the release */
export const checkIntegrity = (bytes: Uint8Array, { name, version, integrity }: OhifRelease): void => {
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (found !== integrity) {
    throw new Error(`${name}@${version} is not the package that viewer/ohif/release.json names: ${found}`);
  }
};

const bringTarball = (folder: string, release: OhifRelease): string => {
  const tarball = join(folder, `${release.version}.tgz`);
  if (existsSync(tarball)) {
    try {
      checkIntegrity(readFileSync(tarball), release);
      return tarball;
    } catch {
      // Cut short or another release: brought again below.
    }
  }
  const wanted = `${release.name}@${release.version}`;
  const said = execFileSync('npm', ['pack', wanted, '--json', '--silent', '--pack-destination', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const packed = (JSON.parse(said) as { filename: string }[])[0]?.filename;
  if (packed === undefined) throw new Error(`npm pack ${wanted} gave no file`);
  renameSync(join(folder, packed), tarball);
  checkIntegrity(readFileSync(tarball), release);
  return tarball;
};

/** @returns the folder that holds `dist/` and `LICENSE` */
export const fetchOhif = async (root: string, say: (text: string) => void): Promise<string> => {
  const release = readRelease(root);
  const folder = join(root, '.cache/ohif');
  const unpacked = join(folder, `unpacked-${release.version}`);
  const mark = join(unpacked, '.integrity');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === release.integrity) return join(unpacked, 'package');
  mkdirSync(folder, { recursive: true });
  say(`OHIF: npm pack ${release.name}@${release.version} (50 MB)`);
  const tarball = bringTarball(folder, release);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  // Without the machine-learning runtime and the microscope viewer, 130 of its 210 MB.
  execFileSync('tar', [
    '-xzf',
    tarball,
    '-C',
    unpacked,
    '--no-same-owner',
    '--exclude=package/dist/ort',
    '--exclude=package/dist/dicom-microscopy-viewer',
  ]);
  writeFileSync(mark, release.integrity);
  return join(unpacked, 'package');
};
