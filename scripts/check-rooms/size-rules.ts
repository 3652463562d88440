/** Files that can be read in one go, rooms that say what they are: house-style 7 and size. */
import { longTables, maxFileLines, maxReadmeLines } from './house-table.ts';
import { roomOf } from './import-rules.ts';
import type { CodeFile, Finding, ProjectTree } from './project-tree.ts';

export interface SizeFigures {
  readonly files: number;
  readonly medianLines: number;
  /** 95 % of the files have this many lines or fewer. */
  readonly percentile95Lines: number;
}

export const measureSizes = (files: readonly CodeFile[]): SizeFigures => {
  const lines = files
    .filter((file) => !longTables.includes(file.path))
    .map((file) => file.lineCount)
    .toSorted((a, b) => a - b);
  const rank = (share: number): number => lines[Math.max(0, Math.ceil(lines.length * share) - 1)] ?? 0;
  return { files: lines.length, medianLines: rank(0.5), percentile95Lines: rank(0.95) };
};

const checkFile = (file: CodeFile): Finding[] =>
  file.lineCount <= maxFileLines || longTables.includes(file.path)
    ? []
    : [{ rule: 'size/file', path: file.path, message: `${file.lineCount} lines, more than ${maxFileLines}: split it` }];

const checkReadme = (room: string, { texts }: ProjectTree): Finding[] => {
  const path = `plugin/${room}/README.md`;
  const readme = texts.find((file) => file.path === path);
  if (readme === undefined) return [{ rule: 'size/readme', path, message: 'a room has a README.md' }];
  const lineCount = readme.text.trimEnd().split('\n').length;
  if (lineCount <= maxReadmeLines) return [];
  return [{ rule: 'size/readme', path, message: `${lineCount} lines, more than ${maxReadmeLines}` }];
};

export const checkSizes = (tree: ProjectTree): Finding[] => {
  const rooms = new Set(tree.code.flatMap((file) => roomOf(file.path) ?? []));
  return [
    ...tree.code.flatMap(checkFile),
    ...[...rooms].filter((room) => !room.endsWith('.ts')).flatMap((room) => checkReadme(room, tree)),
  ];
};
