/** Every row of the error table is used by some room or by Orthanc's hook (house-style 15) and has a test (31). */
import type { CodeFile, Finding, ProjectTree } from './project-tree.ts';
import { lineAt } from './source-text.ts';

const tablePath = 'plugin/errors.ts';
const code = /^[a-z0-9-]+\/[a-z0-9-]+$/;

const namesIn = (files: readonly CodeFile[]): Set<string> =>
  new Set(files.flatMap((file) => file.source.strings.map((string) => string.value)));

export const checkErrorTable = ({ code: files, texts }: ProjectTree): Finding[] => {
  const table = files.find((file) => file.path === tablePath);
  if (table === undefined) return [];
  const inPlugin = namesIn(files.filter((file) => file.path.startsWith('plugin/') && file.path !== tablePath));
  const inTests = namesIn(files.filter((file) => file.path.startsWith('test/')));
  const hook = texts.filter((file) => file.path.startsWith('orthanc-config/')).map((file) => file.text);
  const isUsed = (value: string): boolean => inPlugin.has(value) || hook.some((text) => text.includes(value));
  // A key of the table: a quoted code followed by a colon.
  const rows = table.source.strings.filter(
    ({ at, value }) => code.test(value) && /^\s*:/.test(table.text.slice(at + value.length + 2)),
  );
  return rows.flatMap(({ at, value }): Finding[] => {
    const where = { path: tablePath, line: lineAt(table.text, at) };
    if (!isUsed(value)) {
      return [{ rule: 'errors/unused', ...where, message: `${value} is used nowhere in plugin/ nor orthanc-config/` }];
    }
    if (inTests.has(value)) return [];
    return [{ rule: 'errors/untested', ...where, message: `${value} is named by no test`, isWarning: true }];
  });
};
