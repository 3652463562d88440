import { describe, expect, test } from 'vitest';
import { substituteVariables } from '../../plugin/config/substitute-variables.ts';

const env = { SET: 'v', EMPTY: '', NESTED: '${SET}' };

/** Each row was tried on Orthanc 1.10.1 (Debian 12): the right column is what its /system said. */
describe('${NAME:-default} as Orthanc substitutes it', () => {
  test.each([
    ['${SET}', 'v'],
    ['${SET:-d}', 'v'],
    ['a${EMPTY:-d}b', 'ab'],
    ['${NOPE:-d e}', 'd e'],
    ['a${NOPE}b', 'ab'],
    ['a${NOPE:-}b', 'ab'],
    ["a${NOPE:-'q r'}b", 'aq rb'],
    ['${NOPE:-"dq"}', 'dq'],
    ["${NOPE:-'x{y}z'}", 'x{y}z'],
    ['${NOPE:-x{y}', 'x{y'],
    ['a$b ${ c}', 'a$b '],
    ['a${NO-PE}b', 'ab'],
    ['${NOPE:-${SET}}', '${SET}'],
    ['a${NOPE-d}b', 'ab'],
    ['${NESTED}', '${SET}'],
    ['a${NO:x}b', 'a${NO:x}b'],
    ["a${NOPE:-'q'r}b", "a${NOPE:-'q'r}b"],
    ["a${NOPE:-r'q'}b", "a${NOPE:-r'q'}b"],
    ["a${NOPE:-'q}b", "a${NOPE:-'q}b"],
    ['a${NO\nPE}b', 'ab'],
    ['a${NOPE:-x\ny}b', 'ax\nyb'],
    ['a$${SET}b', 'a$vb'],
    ['a${NO{PE}b', 'ab'],
    ['a${NO${SET}b', 'ab'],
    ['a${NOPE:-http://x:80/}b', 'ahttp://x:80/b'],
    ["a${SET:-'q}r'}b", 'avb'],
    ["a${N1:-'q'} and ${N2:-'r'}b", 'aq and rb'],
    ["a${N1:-'q} and ${N2:-r'}b", 'aq} and ${N2:-rb'],
  ])('%s → %s', (source, expected) => expect(substituteVariables(source, env).text).toBe(expected));

  test('names what the text asks for', () => expect(substituteVariables('${A} ${B:-x}', {}).names).toEqual(['A', 'B']));

  test('what an object inherits is no variable', () => expect(substituteVariables('${toString}', {}).text).toBe(''));
});
