/**
 * Finds the `DrimBox` section in Orthanc's configuration: one file, or every `*.json` of one folder (not of its subfolders).
 *
 * @see Orthanc book "Configuration": a section may stand in one file of the folder only
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DrimboxError } from '../errors.ts';
import type { ConfigurationFault } from './faults.ts';
import { type JsonObject, parseJsonWithComments } from './json-with-comments.ts';
import { nearestName, printableName } from './key-names.ts';
import { substituteVariables } from './substitute-variables.ts';

export const sectionName = 'DrimBox';
const maxFileBytes = 4 * 1024 * 1024;

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
  /** POSIX permission bits, e.g. 0o640. */
  readonly mode: number;
}

/** Reading of files as the configuration needs it; tests give their own. */
export interface ConfigurationFileReader {
  /** Undefined when there is nothing at this path. May throw. */
  look(path: string): FileFacts | undefined;
  list(folder: string): readonly string[];
  /** May throw when it is not readable. */
  read(path: string): Uint8Array;
}

export const diskFileReader: ConfigurationFileReader = {
  look: (path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
    return { kind, bytes: stats.size, mode: stats.mode & 0o777 };
  },
  list: (folder) => readdirSync(folder),
  read: (path) => readFileSync(path),
};

/** The section as written, and where it was found. */
export interface FoundSection {
  readonly section: JsonObject;
  /** Folder against which relative paths are resolved. */
  readonly baseFolder: string;
  readonly sectionFile?: string;
  /** Every file read. */
  readonly files: readonly string[];
  /** Variables substituted in these files. */
  readonly substitutedNames: ReadonlySet<string>;
  readonly faults: readonly ConfigurationFault[];
  /** Things Orthanc passes over in silence. */
  readonly remarks: readonly ConfigurationFault[];
}

const unreadable = (cause: unknown): DrimboxError =>
  new DrimboxError('config/unreadable', { cause, detail: 'the configuration file or folder cannot be read' });

/** @throws config/unreadable */
const findFiles = (path: string, reader: ConfigurationFileReader): { files: string[]; folder: string } => {
  let facts: FileFacts | undefined;
  try {
    facts = reader.look(path);
    if (facts?.kind === 'folder') {
      const names = reader.list(path).filter((name) => name.toLowerCase().endsWith('.json'));
      const files = names.map((name) => join(path, name)).filter((file) => reader.look(file)?.kind === 'file');
      return { files: files.sort(), folder: path };
    }
  } catch (error) {
    throw unreadable(error);
  }
  if (facts === undefined) {
    throw new DrimboxError('config/unreadable', { detail: `nothing at ${printablePath(path)}` });
  }
  return { files: [path], folder: dirname(path) };
};

const printablePath = (path: string): string => path.replace(/\p{Cc}/gu, '?').slice(0, 300);

const readText = (file: string, reader: ConfigurationFileReader): string => {
  if ((reader.look(file)?.bytes ?? 0) > maxFileBytes) throw new Error('larger than 4 MiB');
  const bytes = reader.read(file);
  if (bytes.byteLength > maxFileBytes) throw new Error('larger than 4 MiB');
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
};

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface FileSection {
  readonly file: string;
  readonly section?: unknown;
  readonly keys: readonly string[];
  readonly names: readonly string[];
  readonly faults: readonly ConfigurationFault[];
  readonly remarks: readonly ConfigurationFault[];
}

const readFileSection = (
  file: string,
  reader: ConfigurationFileReader,
  env: Readonly<Record<string, string | undefined>>,
): FileSection => {
  const none = { file, keys: [], names: [], remarks: [] };
  let source: string;
  try {
    source = readText(file, reader);
  } catch (error) {
    const hint = 'it must be a UTF-8 file of at most 4 MiB that this user may read';
    if (error instanceof DrimboxError) throw error;
    return { ...none, faults: [{ path: printablePath(file), problem: 'cannot be read', hint }] };
  }
  const { text, names } = substituteVariables(source, env);
  const parsed = parseJsonWithComments(text);
  if (parsed.kind === 'fault') {
    const where = `${printablePath(file)}:${parsed.line}:${parsed.column}`;
    const hint = names.length > 0 ? 'lines are counted after ${…} was substituted' : undefined;
    return { ...none, names, faults: [{ path: where, problem: parsed.problem, ...(hint && { hint }) }] };
  }
  if (!isObject(parsed.value)) {
    return { ...none, names, faults: [{ path: printablePath(file), problem: 'must be one JSON object: { … }' }] };
  }
  const faults = parsed.duplicateKeys
    .filter((key) => key.startsWith(`${sectionName}.`) || key === sectionName)
    .map((key) => ({
      path: printableName(key),
      problem: 'is given twice in the same object',
      hint: 'keep one of them',
    }));
  const remarks: ConfigurationFault[] = [];
  if (parsed.trailingTextLine !== undefined) {
    remarks.push({
      path: `${printablePath(file)}:${parsed.trailingTextLine}`,
      problem: 'text after the closing brace is not read, neither here nor by Orthanc',
      hint: 'remove the brace that closes the file too early, or the text after it',
    });
  }
  const section = Object.hasOwn(parsed.value, sectionName) ? { section: parsed.value[sectionName] } : {};
  return { file, ...section, keys: Object.keys(parsed.value), names, faults, remarks };
};

const missingSection = (path: string, read: readonly FileSection[]): ConfigurationFault => {
  const near = nearestName(sectionName, read.flatMap(({ keys }) => keys).map(printableName));
  return {
    path: printablePath(path),
    problem: `has no "${sectionName}" section`,
    hint:
      near === undefined
        ? `add a "${sectionName}" object beside Orthanc's own keys (see orthanc-config/drimbox.example.json)`
        : `the section is named exactly "${sectionName}"; "${near}" was found`,
  };
};

/**
 * @param path  a file, or a folder of `*.json`
 * @param env   variables for `${NAME:-default}`
 * @throws config/unreadable when there is nothing to read at `path`; other faults are in the result
 */
export const findSection = (
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  reader: ConfigurationFileReader,
): FoundSection => {
  const { files, folder } = findFiles(resolve(path), reader);
  const read = files.map((file) => readFileSection(file, reader, env));
  const holding = read.filter((one) => 'section' in one);
  const faults = read.flatMap((one) => one.faults);
  const only = holding[0];
  if (holding.length > 1) {
    faults.push({
      path: sectionName,
      problem: `the section stands in ${holding.length} files: ${holding.map(({ file }) => printablePath(file)).join(', ')}`,
      hint: 'Orthanc refuses this too: keep it in one file',
    });
  } else if (only === undefined && faults.length === 0) faults.push(missingSection(path, read));
  let section: JsonObject = {};
  if (only !== undefined && isObject(only.section)) section = only.section;
  else if (only !== undefined) faults.push({ path: sectionName, problem: 'must be an object: { … }' });
  return {
    section,
    baseFolder: folder,
    ...(only === undefined ? {} : { sectionFile: only.file }),
    files,
    substitutedNames: new Set(read.flatMap(({ names }) => names)),
    faults,
    remarks: read.flatMap(({ remarks }) => remarks),
  };
};
