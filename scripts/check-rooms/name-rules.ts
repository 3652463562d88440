/** Names that say what the standard says: house-style 8 and 9. */
import { basename, dirname } from 'node:path/posix';
import { emptyNames, standardNouns } from './house-table.ts';
import type { CodeFile, Finding, ProjectTree } from './project-tree.ts';
import { lineAt } from './source-text.ts';

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** `mllp-decoder.test.ts` → `mllp-decoder` */
const stem = (name: string): string => name.replace(/(\.(test|d|worker|config|module))?\.[a-z]+$/, '');

const isEmptyName = (name: string): boolean =>
  emptyNames.includes(name.split('-').at(-1) ?? '') && !standardNouns.includes(name);

const checkPath = (file: CodeFile): Finding[] => {
  const at = { path: file.path };
  const name = stem(basename(file.path));
  const folders = dirname(file.path).split('/');
  const findings: Finding[] = [name, ...folders]
    .filter((word) => !kebab.test(word))
    .map((word) => ({ rule: 'names/kebab-case', ...at, message: `${word} is not kebab-case` }));
  for (const word of [name, ...folders].filter(isEmptyName)) {
    findings.push({ rule: 'names/empty-word', ...at, message: `${word} says nothing: take the noun of the standard` });
  }
  return findings;
};

const checkClasses = (file: CodeFile): Finding[] =>
  [...file.source.code.matchAll(/\bclass\s+([A-Za-z_$][\w$]*)/g)].flatMap((match) => {
    const name = match[1] ?? '';
    const lastWord = (name.match(/[A-Z]?[a-z0-9]+$/)?.[0] ?? name).toLowerCase();
    if (!emptyNames.includes(lastWord)) return [];
    const line = lineAt(file.text, match.index);
    return [{ rule: 'names/empty-word', path: file.path, line, message: `class ${name} says nothing by ${lastWord}` }];
  });

export const checkNames = ({ code }: ProjectTree): Finding[] =>
  code.flatMap((file) => [...checkPath(file), ...checkClasses(file)]);
