/** Says what zod found in our words, without the value that was given. */
import type { z } from 'zod';
import type { ConfigurationFault } from './faults.ts';
import { displayPath, nearestName, pascalCase, printableName } from './key-names.ts';

const typeNames: Readonly<Record<string, string>> = {
  string: 'text between double quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list: [ … ]',
  object: 'an object: { … }',
  record: 'an object: { … }',
};
const expectedName = (type: string): string => typeNames[type] ?? type;

const givenName = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
};

const formatNames: Readonly<Record<string, string>> = {
  url: 'must be a URL that starts with the expected protocol',
  email: 'must be an e-mail address',
  regex: 'does not have the expected form',
};

const valueAt = (tree: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (node, part) =>
      typeof node === 'object' && node !== null ? (node as Record<PropertyKey, unknown>)[part] : undefined,
    tree,
  );

const boundName = (issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, bound: number | bigint): string => {
  const isMinimum = issue.code === 'too_small';
  const isExclusive = issue.inclusive === false;
  const least = isExclusive ? (isMinimum ? 'greater than' : 'less than') : isMinimum ? 'at least' : 'at most';
  if (issue.origin === 'string') {
    return bound === 1 && isMinimum ? 'must not be empty' : `must have ${least} ${bound} characters`;
  }
  if (issue.origin === 'array' || issue.origin === 'set') {
    return `must have ${least} ${bound} ${bound === 1 ? 'element' : 'elements'}`;
  }
  return `must be ${least} ${bound}`;
};

/** The problem of one issue, and a hint where there is one. */
const wordsOf = (issue: z.core.$ZodIssue, given: unknown): { problem: string; hint?: string } => {
  switch (issue.code) {
    case 'invalid_type':
      if (given === undefined)
        return { problem: 'is required and missing', hint: `give ${expectedName(issue.expected)}` };
      return { problem: `must be ${expectedName(issue.expected)}, not ${givenName(given)}` };
    case 'invalid_value': {
      const values = issue.values.map(String);
      const problem = `${given === undefined ? 'is required and missing; it ' : ''}must be ${values.length > 1 ? 'one of ' : ''}${values.map((value) => `"${value}"`).join(', ')}`;
      const near = typeof given === 'string' ? nearestName(given, values) : undefined;
      return { problem, ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }) };
    }
    case 'too_small':
      return { problem: boundName(issue, issue.minimum) };
    case 'too_big':
      return { problem: boundName(issue, issue.maximum) };
    case 'invalid_format':
      return { problem: formatNames[issue.format] ?? `does not have the form "${issue.format}"` };
    case 'not_multiple_of':
      return { problem: `must be a multiple of ${issue.divisor}` };
    case 'unrecognized_keys':
      return { problem: `unknown keys: ${issue.keys.map((key) => printableName(pascalCase(key))).join(', ')}` };
    case 'invalid_union':
      return { problem: given === undefined ? 'is required and missing' : 'has none of the accepted forms' };
    case 'custom':
      return { problem: issue.message === 'Invalid input' ? 'is not accepted' : issue.message };
    case 'invalid_key':
    case 'invalid_element':
    default:
      return { problem: 'has an element of the wrong form' };
  }
};

/** Rooms write their own messages beside a format or a refinement; zod's own wording is replaced. */
const isOwnMessage = (message: string): boolean => !/^(Invalid|Too |Unrecognized|Expected)/.test(message);

const faultsOfUnion = (
  issue: z.core.$ZodIssueInvalidUnion,
  tree: unknown,
  prefix: readonly PropertyKey[],
): ConfigurationFault[] => {
  const path = [...prefix, ...issue.path];
  const branches = issue.errors
    .filter((branch) => branch.length > 0 && branch.every((one) => one.path.length > 0 || one.code !== 'invalid_type'))
    .toSorted((a, b) => a.length - b.length);
  const best = branches[0];
  return best === undefined ? [] : best.flatMap((one) => issueFaults(one, tree, path));
};

/**
 * @param issue   as zod reports it
 * @param tree    what was parsed, only to tell "missing" from "wrong"
 * @param prefix  path of the parsed part inside the tree
 */
export const issueFaults = (
  issue: z.core.$ZodIssue,
  tree: unknown,
  prefix: readonly PropertyKey[],
): ConfigurationFault[] => {
  const path = [...prefix, ...issue.path];
  const given = valueAt(tree, path);
  if (issue.code === 'invalid_union' && given !== undefined) {
    const inner = faultsOfUnion(issue, tree, prefix);
    if (inner.length > 0) return inner;
  }
  const words = wordsOf(issue, given);
  const problem = issue.code === 'invalid_format' && isOwnMessage(issue.message) ? issue.message : words.problem;
  return [{ path: displayPath(path), ...words, problem }];
};
