/** Files named by the configuration: they exist, they can be read, and secrets are not open to everybody. */
import type { ConfigurationFileReader } from './configuration-files.ts';
import type { ConfigurationFault } from './faults.ts';
import { displayPath } from './key-names.ts';
import { lastKey, type TextLeaf, textLeaves } from './option-tree.ts';

/** Keys whose file is a secret. */
const secretKey = /(Key|Password|Secret)File$/i;
const anyFileKey = /Files?$/i;
const othersMayRead = 0o004;

const checkFile = (leaf: TextLeaf, reader: ConfigurationFileReader): string | undefined => {
  try {
    const facts = reader.look(leaf.text);
    if (facts === undefined) return 'names a file that does not exist';
    if (facts.kind !== 'file') return 'must name a file';
    if (reader.read(leaf.text).byteLength === 0) return 'names an empty file';
    return undefined;
  } catch {
    return 'names a file that this user may not read';
  }
};

export interface FileFindings {
  readonly faults: readonly ConfigurationFault[];
  readonly warnings: readonly ConfigurationFault[];
}

/** A secret written by mistake where its path belongs must not be printed. */
const hintOf = (text: string, isSecret: boolean, baseFolder: string): string => {
  if (text.includes('-----BEGIN')) return 'give the path of a PEM file, not its content';
  if (isSecret) {
    return `give the path of a file in a folder that this user may enter; a relative path starts from ${baseFolder}`;
  }
  return `looked at ${text.replace(/\p{Cc}/gu, '?').slice(0, 200)}`;
};

/**
 * @param tree        options with absolute paths
 * @param baseFolder  from which relative paths were resolved
 */
export const checkFiles = (tree: unknown, baseFolder: string, reader: ConfigurationFileReader): FileFindings => {
  const faults: ConfigurationFault[] = [];
  const warnings: ConfigurationFault[] = [];
  for (const leaf of textLeaves(tree).filter(({ path, text }) => anyFileKey.test(lastKey(path)) && text !== '')) {
    const path = displayPath(leaf.path);
    const isSecret = secretKey.test(lastKey(leaf.path));
    const problem = checkFile(leaf, reader);
    if (problem !== undefined) faults.push({ path, problem, hint: hintOf(leaf.text, isSecret, baseFolder) });
    else if (isSecret && ((reader.look(leaf.text)?.mode ?? 0) & othersMayRead) !== 0) {
      warnings.push({
        path,
        problem: 'names a secret that every user of this machine may read',
        hint: 'chmod 640 or stricter',
      });
    }
  }
  return { faults, warnings };
};
