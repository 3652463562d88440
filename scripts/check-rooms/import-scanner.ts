/** Finds what a file imports: static, type-only, re-exported, dynamic, and files named by `new URL(…, import.meta.url)`. */
import { posix } from 'node:path';
import { lineAt, type SourceText } from './source-text.ts';

export interface ImportEdge {
  /** As written: `../errors.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** Path in the project, for a relative import. */
  readonly target?: string;
  readonly line: number;
}

const quote = '[\'"`]';
/** Each ends at the opening quote of the specifier. */
const importForms: readonly RegExp[] = [
  new RegExp(`\\bimport\\s*(?=${quote})`, 'g'),
  new RegExp(`\\bimport\\s+(?:[\\w$*{},\\s]*?[\\s}])from\\s*(?=${quote})`, 'g'),
  new RegExp(`\\bexport\\s+(?:type\\s+)?(?:\\*(?:\\s+as\\s+[\\w$]+)?|\\{[^}]*\\})\\s*from\\s*(?=${quote})`, 'g'),
  new RegExp(`\\bimport\\s*\\(\\s*(?=${quote})`, 'g'),
  new RegExp(`\\bnew\\s+URL\\s*\\(\\s*(?=${quote}\\s*${quote}\\s*,\\s*import\\.meta\\.url)`, 'g'),
];

export const scanImports = (path: string, text: string, source: SourceText): readonly ImportEdge[] => {
  const valueAt = new Map(source.strings.map((string) => [string.at, string.value]));
  const edges: ImportEdge[] = [];
  for (const form of importForms) {
    for (const match of source.code.matchAll(form)) {
      const at = match.index + match[0].length;
      const specifier = valueAt.get(at);
      if (specifier === undefined) continue;
      const isFile = form !== importForms[4] || /\.tsx?$/.test(specifier);
      const isRelative = specifier.startsWith('.') && isFile;
      const target = posix.normalize(posix.join(posix.dirname(path), specifier));
      edges.push({ specifier, line: lineAt(text, match.index), ...(isRelative ? { target } : {}) });
    }
  }
  return edges.toSorted((a, b) => a.line - b.line);
};
