/**
 * Environment variables that override single keys: `DRIMBOX_DMP__BASE_URL` is `Dmp.BaseUrl`,
 * `DRIMBOX_HL7__LISTENERS__0__PORT` is `Hl7.Listeners[0].Port`. `__` goes one level down, `_` stands between words.
 *
 * Lists and objects may be given whole, as JSON with the keys of the configuration file; a list of texts also with commas.
 */
import type { z } from 'zod';
import type { ConfigurationFault } from './faults.ts';
import { parseJsonWithComments } from './json-with-comments.ts';
import { nearestName, printableName, upperSnakeCase } from './key-names.ts';
import { elementOf, shapeOf, typeNameOf } from './option-schema.ts';
import { readOptions } from './section-keys.ts';

const prefix = 'DRIMBOX_';
/** Short for `DRIMBOX_STORE__URL`. */
const storeShortcut = 'DRIMBOX_STORE';
/** Variables with our prefix that are no keys: where the configuration is, the container's health check, the tests. */
const reservedNames: readonly string[] = ['DRIMBOX_CONFIG', 'DRIMBOX_HEALTH_PORT'];
const isReserved = (name: string): boolean => reservedNames.includes(name) || name.startsWith('DRIMBOX_TEST_');

type Path = readonly (string | number)[];
interface Target {
  readonly name: string;
  readonly path: Path;
  readonly schema: z.core.$ZodType;
}

/** The variable that overrides a path; `<n>` stands for a position in a list. */
export const environmentName = (path: readonly (string | number)[]): string =>
  prefix +
  path
    .map((part) => (typeof part === 'number' ? String(part) : part === '<n>' ? part : upperSnakeCase(part)))
    .join('__');

const resolveTarget = (root: z.core.$ZodType, name: string): Target | ConfigurationFault => {
  let schema = root;
  const path: (string | number)[] = [];
  for (const segment of name.slice(prefix.length).split('__')) {
    const element = elementOf(schema);
    const shape = shapeOf(schema);
    if (element !== undefined && /^(0|[1-9][0-9]{0,2})$/.test(segment)) {
      path.push(Number(segment));
      schema = element;
      continue;
    }
    const names = new Map(Object.keys(shape ?? {}).map((key) => [upperSnakeCase(key), key]));
    const key = names.get(segment);
    const next = key === undefined ? undefined : shape?.[key];
    if (key === undefined || next === undefined)
      return unknownVariable(name, path, segment, element !== undefined, [...names.keys()]);
    path.push(key);
    schema = next;
  }
  return { name, path, schema };
};

const unknownVariable = (
  name: string,
  path: Path,
  segment: string,
  isList: boolean,
  known: readonly string[],
): ConfigurationFault => {
  const problem = 'this environment variable overrides no key of the configuration';
  const start = path.length === 0 ? prefix : `${environmentName(path)}__`;
  if (isList) return { path: printableName(name), problem, hint: `a list takes a position first: ${start}0…` };
  const near = nearestName(segment, known);
  if (near !== undefined) return { path: printableName(name), problem, hint: `did you mean ${start}${near}?` };
  return {
    path: printableName(name),
    problem,
    hint: 'levels are separated by two underscores; remove it if it is not for DRIMbox',
  };
};

interface ConvertFailure {
  readonly problem: string;
}
type Converted = { readonly value: unknown } | ConvertFailure;

const parseWhole = (text: string, target: Target, faults: ConfigurationFault[]): Converted => {
  const parsed = parseJsonWithComments(text);
  if (parsed.kind === 'fault') return { problem: `must be JSON (column ${parsed.column}: ${parsed.problem})` };
  return { value: readOptions(target.schema, parsed.value, target.path, faults) };
};

const convert = (text: string, target: Target, faults: ConfigurationFault[]): Converted => {
  const element = elementOf(target.schema);
  if (element !== undefined && !/^\s*\[/.test(text) && shapeOf(element) === undefined) {
    return { value: text.split(',').map((part) => part.trim()) };
  }
  if (element !== undefined || (shapeOf(target.schema) !== undefined && /^\s*[{[]/.test(text)))
    return parseWhole(text, target, faults);
  switch (typeNameOf(target.schema)) {
    case 'object':
      return { problem: 'is a whole section: give its keys one by one, or the section as JSON' };
    case 'number':
    case 'int':
      return /^[-+]?[0-9]+(\.[0-9]+)?$/.test(text.trim()) ? { value: Number(text) } : { problem: 'must be a number' };
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : { problem: 'must be true or false' };
    default:
      return { value: text };
  }
};

const isContainer = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

/** Writes a value at a path, making the objects and lists on the way; false when a list would get a hole. */
const place = (tree: Record<string, unknown>, path: Path, value: unknown): boolean => {
  let node: Record<string | number, unknown> = tree;
  for (const [depth, part] of path.entries()) {
    if (Array.isArray(node) && typeof part === 'number' && part > node.length) return false;
    if (depth === path.length - 1) {
      node[part] = value;
      return true;
    }
    const existing = Object.hasOwn(node, part) ? node[part] : undefined;
    const child = isContainer(existing) ? existing : typeof path[depth + 1] === 'number' ? [] : {};
    node[part] = child;
    node = child as Record<string | number, unknown>;
  }
  return true;
};

const byDepthThenPosition = (a: Target, b: Target): number => {
  if (a.path.length !== b.path.length) return a.path.length - b.path.length;
  for (const [index, part] of a.path.entries()) {
    const other = b.path[index];
    if (typeof part === 'number' && typeof other === 'number' && part !== other) return part - other;
  }
  return a.name < b.name ? -1 : 1;
};

const targetsOf = (
  schema: z.core.$ZodType,
  env: Readonly<Record<string, string | undefined>>,
  substituted: ReadonlySet<string>,
  faults: ConfigurationFault[],
): Target[] => {
  const targets: Target[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith(prefix) || env[name] === undefined || isReserved(name)) continue;
    const target = resolveTarget(schema, name === storeShortcut ? `${storeShortcut}__URL` : name);
    if ('schema' in target) targets.push({ ...target, name });
    else if (!substituted.has(name)) faults.push(target);
  }
  return targets.sort(byDepthThenPosition);
};

/**
 * Applies the overrides to the tree, in place.
 *
 * @param substituted  variables that the files name in `${…}`: they need not be keys
 * @returns            paths that came from the environment, joined by dots
 */
export const applyEnvironment = (
  schema: z.core.$ZodType,
  tree: Record<string, unknown>,
  env: Readonly<Record<string, string | undefined>>,
  substituted: ReadonlySet<string>,
  faults: ConfigurationFault[],
): ReadonlySet<string> => {
  const overridden = new Map<string, string>();
  for (const target of targetsOf(schema, env, substituted, faults)) {
    const key = target.path.join('.');
    const text = env[target.name] ?? '';
    const other = overridden.get(key);
    if (other !== undefined) {
      faults.push({
        path: target.name,
        problem: `says the same key as ${other}`,
        hint: 'keep one of the two variables',
      });
    } else if (text === '') {
      faults.push({ path: target.name, problem: 'is set but empty', hint: 'unset it, or give it a value' });
    } else {
      const converted = convert(text, target, faults);
      if ('problem' in converted) faults.push({ path: target.name, problem: converted.problem });
      else if (!place(tree, target.path, converted.value)) {
        faults.push({
          path: target.name,
          problem: 'leaves a hole in the list',
          hint: 'number the elements 0, 1, 2… without a gap',
        });
      }
      overridden.set(key, target.name);
    }
  }
  return new Set(overridden.keys());
};
