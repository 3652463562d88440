import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { describeConfiguration, formatConfigurationTable, loadConfiguration } from '../../plugin/config/index.ts';
import { parseJsonWithComments } from '../../plugin/config/json-with-comments.ts';
import { optionDescriptions } from '../../plugin/config/option-descriptions.ts';
import { givenFiles, load } from './given-files.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const examplePath = fromRoot('orthanc-config/drimbox.example.json');

/** Values at a described path (`Hl7.Listeners[].Port`), in every element of a list. */
const valuesAt = (tree: unknown, path: string): unknown[] =>
  path.split(/\.|(?=\[\])/).reduce<unknown[]>(
    (nodes, part) =>
      nodes.flatMap((node) => {
        if (Array.isArray(node) && part === '[]') return node;
        const object = node as Record<string, unknown>;
        return part in object ? [object[part]] : [];
      }),
    [tree],
  );

const exampleSection = (): unknown => {
  const parsed = parseJsonWithComments(readFileSync(examplePath, 'utf8'));
  if (parsed.kind === 'fault') throw new Error(`${parsed.line}:${parsed.column} ${parsed.problem}`);
  return (JSON.parse(JSON.stringify(parsed.value)) as { DrimBox: unknown }).DrimBox;
};

/** Keys whose example differs from their default, because the default would show nothing. */
const shownOtherwise: ReadonlySet<string> = new Set([
  'Store.Url',
  'Hl7.Listeners[].Host',
  'Hl7.Senders',
  'Dmp.Structures[].Aliases',
  'Trust.Revocation.Lists',
  'Trust.Revocation.Lists[].Urls',
  'Trust.Psc.ClientsByPeer',
]);

/** Keys that exclude another one of the example: shown in a comment. */
const alternatives: ReadonlySet<string> = new Set([
  'Trust.Whitelist.File',
  'Trust.Psc.ClientSecretFile',
  'Trust.Psc.Endpoints.Issuer',
  'SignIn.ProSanteConnect.Issuer',
  'SignIn.ProSanteConnect.DiscoveryUrl',
  'SignIn.ProSanteConnect.ClientSecretFile',
  'SignIn.FranceConnect.Issuer',
  'SignIn.FranceConnect.DiscoveryUrl',
]);

describe('the documented examples are parsed (house-style 24)', () => {
  test('orthanc-config/drimbox.example.json is a valid configuration', () => {
    const configuration = loadConfiguration({
      path: examplePath,
      env: {},
      files: givenFiles({ [examplePath]: readFileSync(examplePath) }),
    });
    expect(configuration.environment).toBe('test');
    expect(configuration.warnings).toEqual([]);
  });

  test('it stands beside orthanc-config/orthanc.example.json in one folder', () => {
    const parsed = parseJsonWithComments(readFileSync(fromRoot('orthanc-config/orthanc.example.json'), 'utf8'));
    expect(parsed.kind === 'parsed' && Object.keys(parsed.value as object)).toContain('PythonScript');
    expect(loadConfiguration({ path: fromRoot('orthanc-config'), env: {}, files: givenFiles() }).files).toHaveLength(2);
  });

  const readmeExamples = [...readFileSync(fromRoot('README.md'), 'utf8').matchAll(/```json\n([\s\S]*?)```/g)];
  test('the README has an example', () => expect(readmeExamples).toHaveLength(1));
  test.each(readmeExamples.map(([, text]) => [text ?? '']))('the README’s example is a valid configuration', (text) =>
    expect(load({ text }).warnings).toEqual([]),
  );

  const section = exampleSection();
  const exampleText = readFileSync(examplePath, 'utf8');
  test.each(describeConfiguration().map((option) => [option.path, option] as const))('shows %s', (path, option) => {
    const values = valuesAt(section, path);
    if (alternatives.has(path)) {
      expect(exampleText).toContain(`// "${path.split('.').at(-1)}":`);
      return;
    }
    expect(values.length).toBeGreaterThan(0);
    if (option.defaultValue !== undefined && !shownOtherwise.has(path)) {
      expect(values.map((value) => JSON.stringify(value))).toEqual([option.defaultValue]);
    }
  });
});

describe('the reference', () => {
  test('every key says what it means', () =>
    expect(describeConfiguration().filter(({ description }) => description === '')).toEqual([]));

  test('no description is left of a key that is gone, or that its schema describes itself', () => {
    const described = new Map(describeConfiguration().map(({ path, description }) => [path, description]));
    for (const [path, text] of Object.entries(optionDescriptions)) {
      expect(described.get(path), path).toBe(text);
    }
  });

  test('the README’s table is the one of this release (UPDATE_README=1 rewrites it)', () => {
    const path = fromRoot('README.md');
    const readme = readFileSync(path, 'utf8');
    const block = /(<!-- configuration:begin[^>]*-->\n)([\s\S]*?)(\n<!-- configuration:end -->)/;
    const wanted = formatConfigurationTable();
    if (process.env['UPDATE_README'] === '1')
      writeFileSync(
        path,
        readme.replace(block, (_, begin, __, end) => begin + wanted + end),
      );
    expect(block.exec(readFileSync(path, 'utf8'))?.[2]).toBe(wanted);
  });
});
