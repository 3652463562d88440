import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type Configuration,
  type ConfigurationFileReader,
  type ConfigurationFault,
  configurationFaults,
  diskFileReader,
  loadConfiguration,
} from '../../plugin/config/index.ts';

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/config/${name}`, import.meta.url));

/** A section that a test changes freely. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Section = any;

/** The minimal valid configuration as an object, to be changed by a test. */
export const minimalSection = (): Record<string, Section> => {
  const text = readFileSync(fixture('minimal.json'), 'utf8')
    .replace(/\/\/ keys.*/, '')
    .replace(/,(\s*[}\]])/g, '$1');
  return (JSON.parse(text) as { DrimBox: Record<string, Section> }).DrimBox;
};

export const configurationPath = '/etc/orthanc/drimbox.json';

/**
 * Files in memory over the disk: the configuration itself, and every other path outside the repository as a readable file.
 *
 * @param texts    path → text
 * @param modes    path → permission bits (0o640 when absent)
 * @param missing  paths that do not exist
 */
export const givenFiles = (
  texts: Readonly<Record<string, string | Uint8Array>> = {},
  { modes = {}, missing = [] }: { modes?: Readonly<Record<string, number>>; missing?: readonly string[] } = {},
): ConfigurationFileReader => {
  const isOnDisk = (path: string): boolean =>
    path.includes('/test/fixtures/config') || path.includes('/orthanc-config');
  const bytesOf = (path: string): Uint8Array => {
    const given = texts[path];
    if (given === undefined) return new TextEncoder().encode('-----BEGIN EXEMPLE-----');
    return typeof given === 'string' ? new TextEncoder().encode(given) : given;
  };
  return {
    look: (path) => {
      if (missing.includes(path)) return undefined;
      if (texts[path] === undefined && isOnDisk(path) && !path.includes('secret')) return diskFileReader.look(path);
      return { kind: 'file', bytes: bytesOf(path).byteLength, mode: modes[path] ?? 0o640 };
    },
    list: (folder) => diskFileReader.list(folder),
    read: (path) => {
      if (missing.includes(path)) throw new Error('ENOENT');
      if (texts[path] === undefined && isOnDisk(path) && !path.includes('secret')) return diskFileReader.read(path);
      return bytesOf(path);
    },
  };
};

export interface LoadGiven {
  readonly section?: unknown;
  readonly text?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Parameters<typeof givenFiles>[1];
}

export const load = ({ section, text, env = {}, files }: LoadGiven = {}): Configuration =>
  loadConfiguration({
    path: configurationPath,
    env,
    files: givenFiles({ [configurationPath]: text ?? JSON.stringify({ DrimBox: section ?? minimalSection() }) }, files),
  });

/** The faults of a configuration that must be refused. */
export const faultsOf = (given: LoadGiven): readonly ConfigurationFault[] => {
  try {
    load(given);
  } catch (error) {
    const faults = configurationFaults(error);
    if (faults.length === 0) throw error;
    return faults;
  }
  throw new Error('the configuration was accepted');
};
