/**
 * Checks that the house is as house-style.md says: rooms, names, sizes, purity, texts, error table.
 *
 *   node scripts/check-rooms.ts [--warnings] [FOLDER]
 *
 * Exit status 1 when a rule is broken. Warnings do not fail; they are counted, and listed on demand.
 */
import { fileURLToPath } from 'node:url';
import { checkErrorTable } from './check-rooms/error-table-rules.ts';
import { checkImports } from './check-rooms/import-rules.ts';
import { checkNames } from './check-rooms/name-rules.ts';
import { type Finding, type ProjectTree, readProjectTree } from './check-rooms/project-tree.ts';
import { checkPurity } from './check-rooms/purity-rules.ts';
import { checkSizes, measureSizes } from './check-rooms/size-rules.ts';
import { checkTexts } from './check-rooms/text-rules.ts';

export const checkTree = (tree: ProjectTree): Finding[] =>
  [checkImports, checkNames, checkPurity, checkSizes, checkTexts, checkErrorTable]
    .flatMap((check) => check(tree))
    .toSorted((a, b) => a.path.localeCompare(b.path) || (a.line ?? 0) - (b.line ?? 0));

const describeFinding = ({ rule, path, line, message, isWarning }: Finding): string =>
  `${isWarning === true ? 'warning' : 'FAILED '} ${path}${line === undefined ? '' : `:${line}`}  ${rule}  ${message}`;

const describeSizes = (name: string, tree: ProjectTree, folder: string): string => {
  const { files, medianLines, percentile95Lines } = measureSizes(
    tree.code.filter((file) => file.path.startsWith(folder)),
  );
  return `${name}: ${files} files, median ${medianLines} lines, 95 % have at most ${percentile95Lines}`;
};

if (import.meta.main) {
  const listsWarnings = process.argv.includes('--warnings');
  const folder = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
  const tree = readProjectTree(folder ?? fileURLToPath(new URL('..', import.meta.url)));
  const findings = checkTree(tree);
  for (const finding of findings)
    if (listsWarnings || finding.isWarning !== true) console.log(describeFinding(finding));
  console.log(describeSizes('plugin', tree, 'plugin/'));
  console.log(describeSizes('test', tree, 'test/'));
  const failed = findings.filter((finding) => finding.isWarning !== true).length;
  const hint = listsWarnings ? '' : ' (--warnings lists them)';
  console.log(`rooms: ${failed} broken rules, ${findings.length - failed} warnings${hint}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
