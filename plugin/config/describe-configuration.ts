/** The reference of every key, drawn from the schemas: the README's table is this and a test keeps it so. */
import type { z } from 'zod';
import { environmentName } from './environment-overrides.ts';
import { pascalCase } from './key-names.ts';
import { optionDescriptions } from './option-descriptions.ts';
import { bareSchema, elementOf, shapeOf, typeNameOf } from './option-schema.ts';
import { configurationSchema } from './schema.ts';

export interface OptionDescription {
  /** As in the JSON, `[]` for the elements of a list: `Hl7.Listeners[].Port`. */
  readonly path: string;
  /** In words: `text`, `whole number 0–65535`, `"test"` or `"production"`, `list of text`, `section`. */
  readonly type: string;
  /** As JSON; absent when there is none. */
  readonly defaultValue?: string;
  /** Must be given (inside a list or an optional section: when that is given). */
  readonly isRequired: boolean;
  readonly description: string;
  /** Variable that overrides it; `<n>` is a position in a list. */
  readonly environmentVariable: string;
}

interface Bounds {
  readonly minValue?: number | null;
  readonly maxValue?: number | null;
}

const isInteger = (schema: z.core.$ZodType): boolean => {
  const { format, checks } = schema._zod.def as {
    format?: string;
    checks?: readonly { _zod: { def: { format?: string } } }[];
  };
  return [format, ...(checks ?? []).map((check) => check._zod.def.format)].some(
    (name) => name?.includes('int') ?? false,
  );
};

const boundsText = ({ minValue, maxValue }: Bounds): string => {
  const min = typeof minValue === 'number' && Math.abs(minValue) < Number.MAX_SAFE_INTEGER ? minValue : undefined;
  const max = typeof maxValue === 'number' && Math.abs(maxValue) < Number.MAX_SAFE_INTEGER ? maxValue : undefined;
  if (min !== undefined && max !== undefined) return ` ${min}–${max}`;
  if (min !== undefined) return ` from ${min}`;
  return max === undefined ? '' : ` up to ${max}`;
};

interface TypedDef {
  readonly format?: string;
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly values?: readonly unknown[];
  readonly options?: readonly z.core.$ZodType[];
}

const typeText = (wrapped: z.core.$ZodType, key: string): string => {
  const { schema } = bareSchema(wrapped);
  const def = schema._zod.def as TypedDef;
  const element = elementOf(schema);
  switch (typeNameOf(schema)) {
    case 'string':
      if (/file$/i.test(key)) return 'path of a file';
      if (/folder$/i.test(key)) return 'path of a folder';
      return def.format === 'url' ? 'URL' : def.format === 'email' ? 'e-mail address' : 'text';
    case 'number':
      return `${isInteger(schema) ? 'whole number' : 'number'}${boundsText(schema as Bounds)}`;
    case 'boolean':
      return 'true or false';
    case 'enum':
      return Object.values(def.entries ?? {})
        .map((value) => `\`${value}\``)
        .join(', ');
    case 'literal':
      return (def.values ?? []).map((value) => `\`${String(value)}\``).join(', ');
    case 'array':
      return element === undefined || shapeOf(element) !== undefined
        ? 'list of sections'
        : `list of ${typeText(element, key)}`;
    case 'union':
      return [...new Set((def.options ?? []).map((option) => typeText(option, key)))].join(' or ');
    case 'object':
      return 'section';
    default:
      return typeNameOf(schema);
  }
};

const jsonKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(jsonKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [pascalCase(key), jsonKeys(child)]));
};

type KeyPath = readonly string[];
const pathText = (path: KeyPath): string =>
  path.reduce(
    (text, part) => (part === '<n>' ? `${text}[]` : text === '' ? pascalCase(part) : `${text}.${pascalCase(part)}`),
    '',
  );

const describeKey = (schema: z.core.$ZodType, path: KeyPath): OptionDescription => {
  const bare = bareSchema(schema);
  const shown = pathText(path);
  return {
    path: shown,
    type: typeText(schema, path.at(-1) ?? ''),
    ...('defaultValue' in bare && shapeOf(schema) === undefined
      ? { defaultValue: JSON.stringify(jsonKeys(bare.defaultValue)) }
      : {}),
    isRequired: !bare.isOptional,
    description: bare.description ?? optionDescriptions[shown] ?? '',
    environmentVariable: environmentName(path),
  };
};

const describeKeys = (schema: z.core.$ZodType, path: KeyPath): readonly OptionDescription[] =>
  Object.entries(shapeOf(schema) ?? {}).flatMap(([key, child]) => {
    const here = [...path, key];
    const element = elementOf(child);
    const inner = element === undefined ? describeKeys(child, here) : describeKeys(element, [...here, '<n>']);
    return [describeKey(child, here), ...inner];
  });

/** Every key of the `DrimBox` section, in the order of the schema, sections before their keys. */
export const describeConfiguration = (): readonly OptionDescription[] => describeKeys(configurationSchema, []);

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The same as a table in Markdown. */
export const formatConfigurationTable = (options: readonly OptionDescription[] = describeConfiguration()): string => {
  const rows = options.map(({ path, type, defaultValue, isRequired, description }) => {
    const fallback =
      defaultValue === undefined ? (isRequired && type !== 'section' ? '**required**' : '–') : `\`${defaultValue}\``;
    return `| \`${path}\` | ${cell(type)} | ${cell(fallback)} | ${cell(description)} |`;
  });
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
};
