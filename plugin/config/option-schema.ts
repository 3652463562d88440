/**
 * Looks into a zod schema: which keys, which types, which defaults. The keys of the JSON, the environment variables and the
 * reference table all follow from the schemas of the rooms; nothing is listed twice.
 */
import type { z } from 'zod';

/** A schema without its wrappers (default, optional, nullable, readonly, pipe), and what the wrappers said. */
export interface BareSchema {
  readonly schema: z.core.$ZodType;
  /** The key may be left out. */
  readonly isOptional: boolean;
  /** Value when left out; absent when there is none. */
  readonly defaultValue?: unknown;
  readonly description?: string;
}

interface WrapperDef {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly defaultValue?: unknown;
  readonly getter?: () => z.core.$ZodType;
}

const descriptionOf = (schema: z.core.$ZodType): string | undefined => (schema as { description?: string }).description;

/** What a wrapper says; the innermost value says nothing. */
const peel = (schema: z.core.$ZodType): { inner?: z.core.$ZodType; isOptional: boolean; hasDefault: boolean } => {
  const def = schema._zod.def as unknown as WrapperDef;
  switch (def.type) {
    case 'default':
    case 'prefault':
      return { ...(def.innerType && { inner: def.innerType }), isOptional: true, hasDefault: true };
    case 'optional':
      return { ...(def.innerType && { inner: def.innerType }), isOptional: true, hasDefault: false };
    case 'nullable':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return { ...(def.innerType && { inner: def.innerType }), isOptional: false, hasDefault: false };
    case 'pipe':
      return { ...(def.in && { inner: def.in }), isOptional: false, hasDefault: false };
    case 'lazy':
      return { ...(def.getter && { inner: def.getter() }), isOptional: false, hasDefault: false };
    default:
      return { isOptional: false, hasDefault: false };
  }
};

export const bareSchema = (wrapped: z.core.$ZodType): BareSchema => {
  let schema = wrapped;
  let isOptional = false;
  let defaults: { defaultValue?: unknown } = {};
  let description: string | undefined;
  for (;;) {
    description ??= descriptionOf(schema);
    const layer = peel(schema);
    if (layer.hasDefault && !('defaultValue' in defaults)) {
      defaults = { defaultValue: (schema._zod.def as unknown as WrapperDef).defaultValue };
    }
    isOptional ||= layer.isOptional;
    if (layer.inner === undefined) break;
    schema = layer.inner;
  }
  return { schema, isOptional, ...defaults, ...(description === undefined ? {} : { description }) };
};

export type ObjectShape = Readonly<Record<string, z.core.$ZodType>>;

/** Keys of an object schema; a union of objects has the keys of all of them. Undefined when it is not an object. */
export const shapeOf = (wrapped: z.core.$ZodType): ObjectShape | undefined => {
  const def = bareSchema(wrapped).schema._zod.def as unknown as {
    type: string;
    shape?: ObjectShape;
    options?: readonly z.core.$ZodType[];
  };
  if (def.type === 'object') return def.shape;
  if (def.type !== 'union') return undefined;
  const shapes = (def.options ?? []).map(shapeOf).filter((shape) => shape !== undefined);
  return shapes.length === 0 ? undefined : Object.assign({}, ...shapes.toReversed());
};

/** Schema of the elements of a list; undefined when it is not a list. */
export const elementOf = (wrapped: z.core.$ZodType): z.core.$ZodType | undefined => {
  const { schema } = bareSchema(wrapped);
  const def = schema._zod.def as unknown as { type: string; element?: z.core.$ZodType };
  return def.type === 'array' ? def.element : undefined;
};

/** Name zod gives the type (`string`, `number`, `enum`…). */
export const typeNameOf = (wrapped: z.core.$ZodType): string => bareSchema(wrapped).schema._zod.def.type;
