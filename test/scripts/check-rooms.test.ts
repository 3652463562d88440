import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { checkTree } from '../../scripts/check-rooms.ts';
import { readProjectTree } from '../../scripts/check-rooms/project-tree.ts';
import { measureSizes } from '../../scripts/check-rooms/size-rules.ts';

type Files = Readonly<Record<string, string>>;

/** An invented house that breaks no rule: two rooms, the tables, the composition roots. */
const soundHouse: Files = {
  'plugin/errors.ts': "export const errorTable = { 'kos/study-empty': 1 };\n",
  'plugin/events.ts': "import type { ErrorCode } from './errors.ts';\nexport type E = ErrorCode;\n",
  'plugin/kos/README.md': '# kos\n',
  'plugin/kos/index.ts': "/** The door. */\nexport * from './manifest.ts';\nexport type { Plan } from './plan.ts';\n",
  'plugin/kos/manifest.ts':
    "import { errorTable } from '../errors.ts';\nexport const build = () => errorTable['kos/study-empty'];\n",
  'plugin/kos/plan.ts': 'export interface Plan { readonly size: number }\n',
  'plugin/archive/README.md': '# archive\n',
  'plugin/archive/index.ts': "export { keep } from './keep.ts';\n",
  'plugin/archive/keep.ts': "import { build } from '../kos/index.ts';\nexport const keep = () => build();\n",
  'plugin/main.ts':
    "import { keep } from './archive/index.ts';\nexport const now = () => Date.now() + Number(keep());\n",
  'plugin/cli.ts': "const { now } = await import('./main.ts');\nconsole.log(now(), process.env.HOME);\n",
  'test/kos/manifest.test.ts':
    "import { build } from '../../plugin/kos/manifest.ts';\nlet server;\ntest('kos/study-empty', () => build('kos/study-empty'));\n",
};

describe('check-rooms', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  const layHouse = (changes: Readonly<Record<string, string | undefined>>) => {
    const root = mkdtempSync(join(tmpdir(), 'house-'));
    folders.push(root);
    for (const [path, text] of Object.entries({ ...soundHouse, ...changes })) {
      if (text === undefined) continue;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return readProjectTree(root);
  };
  const findingsOf = (changes: Readonly<Record<string, string | undefined>>): string[] =>
    checkTree(layHouse(changes)).map(
      ({ rule, path, line, isWarning }) =>
        `${isWarning === true ? 'warning ' : ''}${rule} ${path}${line === undefined ? '' : `:${line}`}`,
    );

  test('finds nothing in a sound house', () => {
    expect(findingsOf({})).toEqual([]);
  });

  const keep = (text: string) => ({ 'plugin/archive/keep.ts': `${text}\nexport const keep = () => 1;\n` });
  const keepAt = (rule: string) => [`${rule} plugin/archive/keep.ts:1`];

  describe('imports (house-style 1 and 2, design 3)', () => {
    test.each([
      ['a lower room that imports a higher one', 'plugin/kos/plan.ts', "import { keep } from '../archive/index.ts';"],
      ['even only for a type', 'plugin/kos/plan.ts', "import type { Keep } from '../archive/index.ts';"],
      ['even by a re-export', 'plugin/kos/plan.ts', "export { keep } from '../archive/index.ts';"],
      ['even at run time', 'plugin/kos/plan.ts', "export const f = () => import('../archive/index.ts');"],
      ['even in a type position', 'plugin/kos/plan.ts', "export type K = import('../archive/index.ts').Keep;"],
      [
        'even over several lines',
        'plugin/kos/plan.ts',
        "import {\n  keep, // the room above\n} from '../archive/index.ts';",
      ],
      ['a room of the same level', 'plugin/kos/plan.ts', "import { send } from '../dmp/index.ts';"],
      ['a composition root', 'plugin/kos/plan.ts', "import { now } from '../main.ts';"],
    ])('refuse %s', (_, path, text) => {
      const findings = findingsOf({
        [path]: `${text}\nexport interface Plan {}\n`,
        'plugin/dmp/README.md': '# dmp\n',
        'plugin/dmp/index.ts': "export { send } from './send.ts';\n",
        'plugin/dmp/send.ts': 'export const send = 1;\n',
      });
      expect(findings.filter((finding) => !finding.startsWith('imports/ring'))).toEqual([`imports/one-way ${path}:1`]);
    });

    test('see nothing in comments, strings, templates and regular expressions', () => {
      const text = [
        "// import { keep } from '../archive/index.ts';",
        "/* export * from '../archive/index.ts'; */",
        'export const a = "import x from \'../archive/index.ts\'";',
        "export const b = `import('../archive/index.ts') ${`} export * from '../archive/index.ts'`}`;",
        "export const c = /[/]import '..\\/archive/;",
        'export interface Plan { from: string }',
      ].join('\n');
      expect(findingsOf({ 'plugin/kos/plan.ts': `${text}\n` })).toEqual([]);
    });

    test('refuse the side door of a room, from a room and from a flow', () => {
      const flow = "import { build } from '../../plugin/kos/manifest.ts';\nbuild();\n";
      expect(
        findingsOf({ ...keep("import { build } from '../kos/manifest.ts';"), 'test/flows/publish.test.ts': flow }),
      ).toEqual([...keepAt('imports/side-door'), 'imports/side-door test/flows/publish.test.ts:1']);
    });

    test('refuse rings of files, even of types, each told once', () => {
      expect(
        findingsOf({
          'plugin/kos/plan.ts': "import type { B } from './b.ts';\nexport interface Plan { b: B }\n",
          'plugin/kos/b.ts': "import type { Plan } from './plan.ts';\nexport interface B { plan: Plan }\n",
        }),
      ).toEqual(['imports/ring plugin/kos/b.ts']);
    });

    test('refuse a room that the table does not know, and one without a door', () => {
      expect(
        findingsOf({ 'plugin/cellar/README.md': '# cellar\n', 'plugin/cellar/a.ts': 'export const a = 1;\n' }),
      ).toEqual(['imports/room-unknown plugin/cellar', 'imports/no-door plugin/cellar']);
    });

    test.each([
      ['code', "export * from './keep.ts';\nexport const more = 1;\n"],
      ['an import', "import { keep } from './keep.ts';\nexport { keep };\n"],
    ])('refuse an index.ts with %s: it only re-exports', (_, text) => {
      expect(findingsOf({ 'plugin/archive/index.ts': text })).toEqual([
        'imports/index-only-re-exports plugin/archive/index.ts',
      ]);
    });

    test('refuse the product code that imports its tests, and the viewer that imports the sidecar', () => {
      expect(
        findingsOf({
          ...keep("import '../../test/peers/orthanc.ts';"),
          'viewer/page.ts': "import { keep } from '../plugin/archive/index.ts';\nkeep();\n",
        }),
      ).toEqual([...keepAt('imports/folder'), 'imports/folder viewer/page.ts:1']);
    });

    test('follow the file of a worker named by new URL', () => {
      expect(findingsOf(keep("export const w = new URL('../kos/manifest.ts', import.meta.url);"))).toEqual(
        keepAt('imports/side-door'),
      );
    });
  });

  describe('purity (house-style 4, 5, 14)', () => {
    test.each([
      'export const a = process.env.HOME;',
      "export const a = process.env['HOME'];",
      'export const { env } = process;',
      "import { env } from 'node:process';",
      'export const a = Date.now();',
      'export const a = (clock = Date.now) => clock;',
      'export const a = new Date();',
      'export const a = new Date;',
      'export const a = `${new Date()}`;',
      'export const a = Date();',
      'export const a = Math.random();',
      'export const a = crypto.randomUUID();',
      'export const a = crypto.getRandomValues(b);',
      "import { createHash, randomBytes } from 'node:crypto';",
    ])('refuses in a room: %s', (text) => {
      expect(findingsOf(keep(text))).toEqual(keepAt('purity/ambient'));
    });

    test.each([
      'export const a = (ms: number) => new Date(ms);',
      'export const a = (ports) => ports.randomBytes(8);',
      'export const a = (b) => b.Date();',
      "import { createHash } from 'node:crypto';",
      "export const a = 'Date.now()'; // new Date()",
      'export const a = () => { let b = 1; b += 1; return b; };',
      'export const a = new Map([[1, 2]]);',
      'export const a = () => new Map();',
      'export const a: Constant = new Map();',
    ])('accepts: %s', (text) => {
      expect(findingsOf(keep(text))).toEqual([]);
    });

    test.each([
      'let counter = 0;',
      'export let counter = 0;',
      'var counter = 0;',
      'const cache = new Map();',
      'const cache = new Map<string, { a: number }>();',
      'const cache: Set<string> = new Set();',
    ])('refuses state at module level: %s', (text) => {
      expect(findingsOf(keep(text))).toEqual(keepAt('purity/module-state'));
    });

    test('refuses enum, everywhere', () => {
      const text = 'export const enum Colour { red }\n';
      expect(findingsOf({ ...keep('enum Colour { red }'), 'scripts/paint.ts': text })).toEqual([
        ...keepAt('purity/no-enum'),
        'purity/no-enum scripts/paint.ts:1',
      ]);
    });
  });

  describe('names (house-style 8, 9)', () => {
    test.each([
      ['plugin/kos/manifestParser.ts', 'names/kebab-case'],
      ['plugin/kos/manifest_parser.ts', 'names/kebab-case'],
      ['plugin/kos/utils.ts', 'names/empty-word'],
      ['plugin/kos/manifest-helper.ts', 'names/empty-word'],
      ['plugin/kos/shared/plan-order.ts', 'names/empty-word'],
      ['test/kos/manifest-data.test.ts', 'names/empty-word'],
    ])('refuse %s', (path, rule) => {
      expect(findingsOf({ [path]: 'export const a = 1;\n' })).toEqual([`${rule} ${path}`]);
    });

    test('refuse a class by its last word, and let nouns of a standard be', () => {
      expect(findingsOf(keep('export class StudyManager {}'))).toEqual(keepAt('names/empty-word'));
      expect(
        findingsOf({
          ...keep('export class DatabaseLock {}'),
          'plugin/kos/pixel-data.ts': 'export const a = 1;\n',
          'plugin/kos/common-name.ts': 'export const a = 1;\n',
        }),
      ).toEqual([]);
    });
  });

  describe('sizes (house-style 7)', () => {
    const lines = (count: number) => `${Array.from({ length: count }, (_, i) => `// ${i}`).join('\n')}\n`;

    test('refuse a file of more than 400 lines', () => {
      expect(findingsOf({ 'plugin/kos/long.ts': lines(400), 'plugin/kos/longer.ts': lines(401) })).toEqual([
        'size/file plugin/kos/longer.ts',
      ]);
    });

    test('refuse a room without README.md, or with one of more than 30 lines', () => {
      expect(findingsOf({ 'plugin/kos/README.md': undefined, 'plugin/archive/README.md': lines(31) })).toEqual([
        'size/readme plugin/archive/README.md',
        'size/readme plugin/kos/README.md',
      ]);
    });

    test('measure the median and the 95th percentile', () => {
      const tree = readProjectTree(
        (() => {
          const root = mkdtempSync(join(tmpdir(), 'house-'));
          folders.push(root);
          mkdirSync(join(root, 'plugin'));
          for (let i = 1; i <= 20; i += 1) writeFileSync(join(root, 'plugin', `f${i}.ts`), lines(i * 10));
          return root;
        })(),
      );
      expect(measureSizes(tree.code)).toEqual({ files: 20, medianLines: 100, percentile95Lines: 190 });
    });
  });

  test('refuses registry hosts and paths of one machine in any file', () => {
    // Put together here, so that this file itself is clean.
    const host = ['registry', 'npmjs', 'org'].join('.');
    const path = ['', 'work', 'main'].join('/');
    const library = ['', 'library'].join('.');
    expect(
      findingsOf({
        'README.md': `see\nhttps://${host}/x\n`,
        'scripts/run': `cd ${path}\n`,
        'docs/notes.md': `/opt/${library}/x\n`,
        'docs/fine.md': 'frame/work/order and ~/work/order are no such path\n',
      }),
    ).toEqual([
      'text/machine-path docs/notes.md:1',
      'text/registry-host README.md:2',
      'text/machine-path scripts/run:1',
    ]);
  });

  describe('the error table (house-style 15, 31)', () => {
    const errors = (code: string) => ({
      'plugin/errors.ts': `export const errorTable = {\n  'kos/study-empty': 1,\n  '${code}': 2,\n};\n`,
    });

    test('refuses a code that no room uses, whatever a comment says', () => {
      expect(findingsOf({ ...errors('kos/never'), ...keep("// @throws 'kos/never'") })).toEqual([
        'errors/unused plugin/errors.ts:3',
      ]);
    });

    test('warns of a code that no test names', () => {
      expect(findingsOf({ ...errors('kos/untested'), ...keep("export const a = 'kos/untested';") })).toEqual([
        'warning errors/untested plugin/errors.ts:3',
      ]);
    });

    test('sees a code that the hook of Orthanc uses', () => {
      expect(
        findingsOf({ ...errors('orthanc/hooked'), 'orthanc-config/hook.py': "CODE = 'orthanc/hooked'\n" }),
      ).toEqual(['warning errors/untested plugin/errors.ts:3']);
    });
  });
});
