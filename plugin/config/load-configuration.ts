/**
 * From Orthanc's configuration files and the environment to one frozen object, or to every fault at once.
 *
 * @see house-style 22–24
 */
import { isAbsolute, resolve } from 'node:path';
import { checkAddresses, checkPasswordsInUrls, type Findings, type ReadSections } from './address-checks.ts';
import { type ConfigurationFileReader, diskFileReader, findSection } from './configuration-files.ts';
import { deepFreeze } from './deep-freeze.ts';
import { applyEnvironment } from './environment-overrides.ts';
import { type ConfigurationFault, faultsError } from './faults.ts';
import { checkFiles } from './file-checks.ts';
import { fillRequiredSections, lastKey, rewriteTexts, textLeaves } from './option-tree.ts';
import { displayPath } from './key-names.ts';
import { checkPorts } from './port-checks.ts';
import { type ConfigurationOptions, configurationSchema } from './schema.ts';
import { issueFaults } from './schema-issues.ts';
import { readOptions } from './section-keys.ts';
import { checkTrust } from './trust-checks.ts';
import { checkViewer } from './viewer-checks.ts';

export interface ConfigurationSource {
  /** Orthanc's configuration: a file, or a folder of `*.json`. */
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The disk when absent. */
  readonly files?: ConfigurationFileReader;
}

/** All options, frozen; every `…File` and `…Folder` is an absolute path. */
export interface Configuration extends Readonly<Omit<ConfigurationOptions, 'software'>> {
  /** `oid` is `Dmp.SourceId`: one key, two names in the standards. */
  readonly software: Readonly<ConfigurationOptions['software'] & { oid: string }>;
  /** To be logged at each start: insecure choices that were named as such, and things that look wrong. */
  readonly warnings: readonly ConfigurationFault[];
  /** Files that were read, in order. */
  readonly files: readonly string[];
}

const pathKey = /(Files?|Folder)$|^(files?|folder)$/;

/** Parses each section by itself, so that a fault in one does not hide those of another. */
const parseSections = (tree: Record<string, unknown>, faults: ConfigurationFault[]): ReadSections => {
  const read: ReadSections & Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(configurationSchema.shape)) {
    const result = schema.safeParse(tree[key]);
    if (!result.success) faults.push(...result.error.issues.flatMap((issue) => issueFaults(issue, tree, [key])));
    else if (result.data !== undefined) read[key] = result.data;
  }
  return read;
};

const isStorePasswordAllowed = (tree: Record<string, unknown>): boolean => {
  const store = tree['store'];
  return (
    typeof store === 'object' && store !== null && (store as Record<string, unknown>)['allowPasswordInUrl'] === true
  );
};

/** Orthanc's hook opens the same file, from another folder. */
const checkHookSecretPath = (tree: unknown, faults: ConfigurationFault[]): void => {
  const leaf = textLeaves(tree).find(({ path }) => path.join('.') === 'orthanc.hook.secretFile');
  if (leaf === undefined || isAbsolute(leaf.text)) return;
  const hint = 'the hook loaded by Orthanc reads the same file, and starts from another folder';
  faults.push({ path: displayPath(leaf.path), problem: 'must be an absolute path', hint });
};

const withoutRepeats = (faults: readonly ConfigurationFault[]): ConfigurationFault[] => [
  ...new Map(faults.map((fault) => [`${fault.path}\n${fault.problem}`, fault])).values(),
];

const frozenConfiguration = (
  options: ConfigurationOptions,
  warnings: readonly ConfigurationFault[],
  files: readonly string[],
): Configuration =>
  deepFreeze({ ...options, software: { ...options.software, oid: options.dmp.sourceId }, warnings, files: [...files] });

/**
 * @throws config/unreadable when there is no such file or folder; config/invalid with every fault (`configurationFaults`)
 */
export const loadConfiguration = (source: ConfigurationSource): Configuration => {
  const reader = source.files ?? diskFileReader;
  const found = findSection(source.path, source.env, reader);
  const findings: Findings = { faults: [...found.faults], warnings: [...found.remarks] };
  const { faults, warnings } = findings;
  if (found.sectionFile === undefined) throw faultsError(faults);

  const tree = readOptions(configurationSchema, found.section, [], faults) as Record<string, unknown>;
  const overridden = applyEnvironment(configurationSchema, tree, source.env, found.substitutedNames, faults);
  fillRequiredSections(configurationSchema, tree);
  checkHookSecretPath(tree, faults);
  rewriteTexts(tree, ({ path, text }) =>
    pathKey.test(lastKey(path)) && text !== '' && !text.includes('\0') ? resolve(found.baseFolder, text) : text,
  );
  const options = parseSections(tree, faults);

  checkPasswordsInUrls(tree, overridden, isStorePasswordAllowed(tree), findings);
  checkAddresses(options, findings);
  checkPorts(options, findings);
  checkTrust(options, tree, findings);
  checkViewer(options, tree, findings);
  const inFiles = checkFiles(tree, found.baseFolder, reader);
  faults.push(...inFiles.faults);
  warnings.push(...inFiles.warnings);
  if (faults.length > 0) throw faultsError(withoutRepeats(faults));
  return frozenConfiguration(options as ConfigurationOptions, withoutRepeats(warnings), found.files);
};
