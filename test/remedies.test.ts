/** Whatever an administrator may read as a reason says what to do (DB.SO.97, SC.DMP/ALI/PROG.07). */
import { describe, expect, test } from 'vitest';
import { describeConfiguration } from '../plugin/config/index.ts';
import { errorTable, isErrorCode } from '../plugin/errors.ts';
import { remedyOf } from '../plugin/remedies.ts';

/** Of what was just typed or clicked: the command line, the configuration and the pages of Orthanc say themselves what. */
const explainedThemselves = ['cli', 'config', 'admin'];

const codes = Object.keys(errorTable).filter(isErrorCode);
const shown = codes.filter((code) => !explainedThemselves.includes(code.split('/')[0] ?? ''));

describe('what to do about a failure', () => {
  test('is there for every code that a study, an order, an alert or the journal may show', () => {
    expect(shown.filter((code) => remedyOf(code) === undefined)).toEqual([]);
    expect(shown.length).toBeGreaterThan(70);
  });

  test('is a whole French sentence, and says more than the text of the error', () => {
    for (const code of codes) {
      const remedy = remedyOf(code);
      if (remedy === undefined) continue;
      expect(remedy, code).toMatch(/^\p{Lu}.*[.)]$/u);
      expect(remedy.length, code).toBeGreaterThan(30);
      expect(remedy, code).not.toBe(errorTable[code].publicText);
    }
  });

  test('names only commands that exist', () => {
    const known =
      /^drimbox (doctor|report read|archive (show|release|list|status)|audit|whitelist verify|deletions( confirm)?|pacs( accept)?|backup verify|serve|queue|xdm (import|export)|alerts)/;
    for (const code of codes) {
      for (const [command] of (remedyOf(code) ?? '').matchAll(/drimbox [a-z]+( [a-z]+)?/g)) {
        expect(command, code).toMatch(known);
      }
    }
  });

  test('names only keys of the configuration that exist', () => {
    const keys = new Set(describeConfiguration().map(({ path }) => path.replaceAll('[]', '')));
    const named = codes.flatMap((code) =>
      [...(remedyOf(code) ?? '').matchAll(/\b[A-Z][A-Za-z0-9]+(\.[A-Z][a-z][A-Za-z0-9]*)+/g)].map(([key]) => ({
        code,
        key,
      })),
    );
    expect(named.filter(({ key }) => !keys.has(key))).toEqual([]);
    expect(named.length).toBeGreaterThan(30);
  });
});
