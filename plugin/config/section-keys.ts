/** Turns the section as written (PascalCase) into what the schemas take (camelCase), and tells every key that is not one. */
import type { z } from 'zod';
import type { ConfigurationFault } from './faults.ts';
import { displayPath, nearestName, pascalCase, printableName } from './key-names.ts';
import { elementOf, type ObjectShape, shapeOf } from './option-schema.ts';

/** A tree of camelCase keys, mutable while overrides are applied. */
export type OptionTree = unknown;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What to say of a key that the schema does not have. */
export const unknownKeyHint = (key: string, known: readonly string[]): string => {
  if (known.includes(`${key}File`)) return `secrets are given as files: use "${key}File" with the path of a file`;
  const near = nearestName(key, known);
  if (near === undefined) return `known keys here: ${known.join(', ')}`;
  return near.toLowerCase() === key.toLowerCase() ? `keys are spelled exactly: "${near}"` : `did you mean "${near}"?`;
};

const readObject = (
  shape: ObjectShape,
  written: Readonly<Record<string, unknown>>,
  path: readonly PropertyKey[],
  faults: ConfigurationFault[],
): OptionTree => {
  const camelKeys = new Map(Object.keys(shape).map((key) => [pascalCase(key), key]));
  const tree: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    const key = camelKeys.get(name);
    const schema = key === undefined ? undefined : shape[key];
    if (key === undefined || schema === undefined) {
      faults.push({
        path: `${displayPath(path)}.${printableName(name)}`,
        problem: 'unknown key',
        hint: unknownKeyHint(name, [...camelKeys.keys()]),
      });
    } else tree[key] = readOptions(schema, value, [...path, key], faults);
  }
  return tree;
};

/**
 * @param written  value as the JSON holds it
 * @param path     camelCase, for the faults
 * @param faults   unknown keys are added here
 * @returns        the same value with camelCase keys; types are not checked here
 */
export const readOptions = (
  schema: z.core.$ZodType,
  written: unknown,
  path: readonly PropertyKey[],
  faults: ConfigurationFault[],
): OptionTree => {
  const shape = shapeOf(schema);
  if (shape !== undefined && isObject(written)) return readObject(shape, written, path, faults);
  const element = elementOf(schema);
  if (element !== undefined && Array.isArray(written)) {
    return written.map((one, index) => readOptions(element, one, [...path, index], faults));
  }
  return written;
};
