/**
 * Keys that are accepted and checked but that this version does not follow yet. Whoever gives one is told at each start:
 * nobody must wait for an alert that is never sent. A row goes when its feature comes.
 */
import { bareSchema, shapeOf } from './option-schema.ts';
import type { ConfigurationFault } from './faults.ts';
import { displayPath } from './key-names.ts';
import { configurationSchema } from './schema.ts';

const instead: Readonly<Record<string, string>> = {
  'alerts.email': 'look at the list of `drimbox alerts`',
  'alerts.webhook': 'look at the list of `drimbox alerts`',
};

const at = (tree: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[key] : undefined),
    tree,
  );

const defaultAt = (path: readonly string[]): unknown => {
  let shape = shapeOf(configurationSchema);
  for (const key of path.slice(0, -1)) shape = shape?.[key] === undefined ? undefined : shapeOf(shape[key]);
  const leaf = shape?.[path.at(-1) ?? ''];
  return leaf === undefined ? undefined : bareSchema(leaf).defaultValue;
};

/** @param path  camelCase keys joined by dots; also true for what stands under such a key */
export const hasNoEffect = (path: string): boolean =>
  Object.keys(instead).some((one) => path === one || path.startsWith(`${one}.`));

/** @param tree  options as given, without defaults */
export const warnKeysWithoutEffect = (tree: unknown): readonly ConfigurationFault[] =>
  Object.entries(instead).flatMap(([key, hint]) => {
    const path = key.split('.');
    const given = at(tree, path);
    const isGiven = given !== undefined && JSON.stringify(given) !== JSON.stringify(defaultAt(path));
    return isGiven ? [{ path: displayPath(path), problem: 'has no effect in this version', hint }] : [];
  });
