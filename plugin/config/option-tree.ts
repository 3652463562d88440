/** Walks over the options before they are typed: what holds for every key of a kind (files, addresses) is checked here. */
import type { z } from 'zod';
import { bareSchema, elementOf, shapeOf, typeNameOf } from './option-schema.ts';

export interface TextLeaf {
  /** camelCase keys and positions. */
  readonly path: readonly (string | number)[];
  readonly text: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every text of the tree with its path. */
export const textLeaves = (tree: unknown, path: readonly (string | number)[] = []): readonly TextLeaf[] => {
  if (typeof tree === 'string') return [{ path, text: tree }];
  if (Array.isArray(tree)) return tree.flatMap((child, index) => textLeaves(child, [...path, index]));
  if (isObject(tree)) return Object.entries(tree).flatMap(([key, child]) => textLeaves(child, [...path, key]));
  return [];
};

/** Last named key of a path: `caFile` of `dmp.structures[0].caFile`. */
export const lastKey = (path: readonly (string | number)[]): string =>
  String(path.findLast((part) => typeof part === 'string') ?? '');

/** Puts an empty object where a required section is missing, so that its own missing keys are told one by one. */
export const fillRequiredSections = (schema: z.core.$ZodType, tree: unknown): void => {
  const element = elementOf(schema);
  if (element !== undefined && Array.isArray(tree)) {
    for (const child of tree) fillRequiredSections(element, child);
  }
  const shape = shapeOf(schema);
  if (shape === undefined || typeNameOf(schema) !== 'object' || !isObject(tree)) return;
  for (const [key, child] of Object.entries(shape)) {
    const isSection = typeNameOf(child) === 'object' && !bareSchema(child).isOptional;
    if (isSection && tree[key] === undefined) tree[key] = {};
    if (tree[key] !== undefined) fillRequiredSections(child, tree[key]);
  }
};

/** Rewrites, in place, every text of the tree that `rewrite` answers for. */
export const rewriteTexts = (tree: unknown, rewrite: (leaf: TextLeaf) => string): void => {
  for (const leaf of textLeaves(tree)) {
    const holder = leaf.path
      .slice(0, -1)
      .reduce<unknown>((node, part) => (node as Record<string | number, unknown>)[part], tree);
    const key = leaf.path.at(-1);
    if (key !== undefined) (holder as Record<string | number, unknown>)[key] = rewrite(leaf);
  }
};
