/** Clock, environment, randomness and state are given to the rooms, not taken by them: house-style 4, 5 and 14. */
import { compositionRoots } from './house-table.ts';
import type { CodeFile, Finding, ProjectTree } from './project-tree.ts';
import { lineAt } from './source-text.ts';

const ambient: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\bprocess\s*\.\s*env\b|\benv\b[^;=]*\}\s*=\s*process\b/g, what: 'process.env' },
  { pattern: /\bDate\s*\.\s*now\b/g, what: 'Date.now' },
  { pattern: /\bnew\s+Date\b(?!\s*\(\s*[^\s)])/g, what: 'new Date() without argument' },
  { pattern: /(?<![.\w$]|\bnew\s+)Date\s*\(/g, what: 'Date()' },
  { pattern: /\bMath\s*\.\s*random\b/g, what: 'Math.random' },
  { pattern: /\b(?:web)?crypto\s*\.\s*(?:random\w+|getRandomValues)\b/g, what: 'the random numbers of crypto' },
];

const randomImport = /\bimport\s*\{([^}]*)\}\s*from\s*(['"])/g;

const findAmbient = (file: CodeFile): Finding[] => {
  const { code, strings } = file.source;
  const finding = (at: number, what: string): Finding => ({
    rule: 'purity/ambient',
    path: file.path,
    line: lineAt(file.text, at),
    message: `${what} is read only in ${compositionRoots.join(' and ')}; take it as an argument`,
  });
  const found = ambient.flatMap(({ pattern, what }) =>
    [...code.matchAll(pattern)].map((match) => finding(match.index, what)),
  );
  const moduleAt = new Map(strings.map((string) => [string.at, string.value]));
  for (const match of code.matchAll(randomImport)) {
    const module = (moduleAt.get(match.index + match[0].length - 1) ?? '').replace(/^node:/, '');
    const names = match[1] ?? '';
    if (module === 'crypto' && /\b(random\w+|getRandomValues)\b/.test(names)) {
      found.push(finding(match.index, 'the random numbers of crypto'));
    }
    if (module === 'process' && /\benv\b/.test(names)) found.push(finding(match.index, 'process.env'));
  }
  return found;
};

/** The code outside all brackets, everything else blanked. */
const topLevel = (code: string): string => {
  let depth = 0;
  let kept = '';
  for (const sign of code) {
    if (/[)\]}]/.test(sign)) depth -= 1;
    kept += depth === 0 || sign === '\n' ? sign : ' ';
    if (/[([{]/.test(sign)) depth += 1;
  }
  return kept;
};

/** `let`, and collections that start empty: both can only be there to change. */
const statePatterns: readonly RegExp[] = [
  /\b(?:let|var)\s+[\w$]+/g,
  /\bconst\s+[\w$]+(?:\s*:\s*(?:Weak)?(?:Map|Set)\b[^=;]*)?\s*=\s*new\s+(?:Weak)?(?:Map|Set)\b[^;(]*\([^;]*/g,
];

const findState = (file: CodeFile): Finding[] => {
  const top = topLevel(file.source.code);
  return statePatterns.flatMap((pattern) =>
    [...top.matchAll(pattern)].flatMap((match) => {
      const written = file.source.code.slice(match.index, match.index + match[0].length).trim();
      if (written.startsWith('const') && !/\(\s*\)$/.test(written)) return [];
      return {
        rule: 'purity/module-state',
        path: file.path,
        line: lineAt(file.text, match.index),
        message: `no state at module level: ${written.split('\n')[0]}`,
      };
    }),
  );
};

const findEnums = (file: CodeFile): Finding[] =>
  [...file.source.code.matchAll(/(?<![.\w$])enum\s+[\w$]+\s*\{/g)].map((match) => ({
    rule: 'purity/no-enum',
    path: file.path,
    line: lineAt(file.text, match.index),
    message: 'a closed set is an `as const` object plus a type of the same name',
  }));

export const checkPurity = ({ code }: ProjectTree): Finding[] =>
  code.flatMap((file) => {
    const isRoom = file.path.startsWith('plugin/');
    const isRoot = compositionRoots.includes(file.path);
    return [
      ...(isRoom && !isRoot ? findAmbient(file) : []),
      ...(isRoom || file.path.startsWith('viewer/') ? findState(file) : []),
      ...findEnums(file),
    ];
  });
