/** The files of the project as the rules see them: what git tracks or would track, read once. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeFolders } from './house-table.ts';
import { scanImports, type ImportEdge } from './import-scanner.ts';
import { readSourceText, type SourceText } from './source-text.ts';

export interface TextFile {
  /** From the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface CodeFile extends TextFile {
  readonly source: SourceText;
  readonly imports: readonly ImportEdge[];
  readonly lineCount: number;
}

export interface ProjectTree {
  /** Every file that is text. */
  readonly texts: readonly TextFile[];
  /** The TypeScript files of the code folders, fixtures apart. */
  readonly code: readonly CodeFile[];
}

export interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line?: number;
  readonly message: string;
  readonly isWarning?: boolean;
}

const notOurs = new Set(['node_modules', '.git', '.cache', '.toolchain', '.sandbox', 'dist']);
const maxTextBytes = 4 * 1024 * 1024;

const walk = (root: string, folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(root, path) : [path];
  });

/** What git tracks or would track; the whole folder where it is not a repository. */
const listPaths = (root: string): string[] => {
  if (!existsSync(join(root, '.git'))) return walk(root, '');
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.toString('utf8').split('\0'))].filter((path) => path !== '');
};

const readText = (root: string, path: string): TextFile[] => {
  const status = lstatSync(join(root, path), { throwIfNoEntry: false });
  if (status === undefined || !status.isFile() || status.size > maxTextBytes) return [];
  const bytes = readFileSync(join(root, path));
  return bytes.includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
};

const isCode = (path: string): boolean =>
  /\.(ts|tsx|mts)$/.test(path) &&
  codeFolders.some((folder) => path.startsWith(`${folder}/`)) &&
  !path.startsWith('test/fixtures/');

const readCode = (file: TextFile): CodeFile => {
  const source = readSourceText(file.text);
  const lineCount = file.text.replace(/\n$/, '').split('\n').length;
  return { ...file, source, imports: scanImports(file.path, file.text, source), lineCount };
};

export const readProjectTree = (root: string): ProjectTree => {
  const texts = listPaths(root)
    .toSorted()
    .flatMap((path) => readText(root, path));
  return { texts, code: texts.filter((file) => isCode(file.path)).map(readCode) };
};
