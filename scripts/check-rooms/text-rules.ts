/** Nothing in any file ties the project to one machine or one registry's address. */
import type { Finding, ProjectTree } from './project-tree.ts';
import { lineAt } from './source-text.ts';

// Written so that this file does not match itself.
const refused: readonly { readonly rule: string; readonly pattern: RegExp; readonly message: string }[] = [
  {
    rule: 'text/registry-host',
    pattern:
      /\bregistry\.(npmjs|yarnpkg)\.|\b(deb|security|snapshot|ftp)(\.[a-z]{2})?\.debian\.org\b|\bpypi\.org\b|\bpkg\.dev\b/,
    message: 'the address of a package registry: use the one the machine is configured with',
  },
  {
    rule: 'text/machine-path',
    pattern: /(?<![\w.})~-])\/work\/|[.]library\b/,
    message: 'a path of one machine',
  },
];

export const checkTexts = ({ texts }: ProjectTree): Finding[] =>
  texts.flatMap(({ path, text }) =>
    refused.flatMap(({ rule, pattern, message }) => {
      const match = pattern.exec(text);
      return match === null
        ? []
        : [{ rule, path, line: lineAt(text, match.index), message: `${message}: ${match[0]}` }];
    }),
  );
