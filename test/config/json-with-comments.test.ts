import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonWithComments } from '../../plugin/config/json-with-comments.ts';

const valueOf = (text: string): unknown => {
  const parsed = parseJsonWithComments(text);
  if (parsed.kind === 'fault') throw new Error(`${parsed.line}:${parsed.column} ${parsed.problem}`);
  return JSON.parse(JSON.stringify(parsed.value));
};

describe('JSON of Orthanc’s configuration files', () => {
  test.each([
    ['line comment', '{"a":1 // b\n}', { a: 1 }],
    ['line comment ended by a lone CR, as JsonCpp', '{"a":1, // x\r"b":2}', { a: 1, b: 2 }],
    ['block comment', '/* x */{/**/"a":/* { */1/*}*/}', { a: 1 }],
    ['a comment that starts in a string is text', '{"a":"http://x /* y */"}', { a: 'http://x /* y */' }],
    ['a string that starts in a comment is comment', '{/* "b": */ "a":1}', { a: 1 }],
    ['an escaped quote does not end a string', String.raw`{"a":"x\"// y"}`, { a: 'x"// y' }],
    ['an escaped backslash before the closing quote', String.raw`{"a":"x\\"/* y */}`, { a: 'x\\' }],
    ['trailing commas', '{"a":[1,2,],}', { a: [1, 2] }],
    ['byte order mark', '\uFEFF{"a":1}', { a: 1 }],
    ['line break and tab inside a string', '{"a":"x\n\ty"}', { a: 'x\n\ty' }],
    ['numbers Orthanc takes', '[007,+7,1.,-2.5e+3,1.e2]', [7, 7, 1, -2500, 100]],
    ['a surrogate pair', String.raw`["\ud83d\ude00"]`, ['😀']],
    ['all escapes', String.raw`["\"\/\\\b\f\n\r\t\u0041"]`, ['"/\\\b\f\n\r\tA']],
    ['the last of two equal keys, as JsonCpp', '{"a":1,"a":2}', { a: 2 }],
  ])('takes %s', (_, text, value) => expect(valueOf(text)).toEqual(value));

  test.each([
    ['single quotes', "{'a':1}"],
    ['a bare key', '{a:1}'],
    ['a hash comment', '{"a":1} '.replace('1', '1 # x')],
    ['a double comma', '{"a":1,,"b":2}'],
    ['a comma alone', '[,]'],
    ['a dropped value', '[1,,2]'],
    ['NaN', '[NaN]'],
    ['a number starting with a dot', '[.5]'],
    ['a number that is a sum', '[1-2]'],
    ['a number with letters', '[1a]'],
    ['an exponent without digits', '[1e]'],
    ['capital TRUE', '[TRUE]'],
    ['an unknown escape', String.raw`["\q"]`],
    ['half a surrogate pair', String.raw`["\ud800x"]`],
    ['an open string', '{"a":"x'],
    ['an open object', '{"a":1'],
    ['an open comment before the end', '{"a":1 /* '],
    ['form feed as white space', '{\f"a":1}'],
    ['nothing', ''],
  ])('refuses %s, as Orthanc does', (_, text) => expect(parseJsonWithComments(text).kind).toBe('fault'));

  test('tells line and column of a fault', () =>
    expect(parseJsonWithComments('{\n  "a": 1\n  "b": 2\n}')).toMatchObject({ kind: 'fault', line: 3, column: 3 }));

  test('notes keys given twice, with their path', () =>
    expect(parseJsonWithComments('{"D":{"x":1,"l":[{"y":1,"y":2}],"x":2}}')).toMatchObject({
      duplicateKeys: ['D.l[0].y', 'D.x'],
    }));

  test('notes text after the closing brace, which Orthanc does not read', () => {
    expect(parseJsonWithComments('{}\n// fine\n,"b":1}')).toMatchObject({ kind: 'parsed', trailingTextLine: 3 });
    expect(parseJsonWithComments('{}\n/* fine */\n')).not.toHaveProperty('trailingTextLine');
  });

  test('a fault never repeats the text: it may hold a secret', () => {
    const parsed = parseJsonWithComments('{"Password": s3cr3t-value}');
    expect(JSON.stringify(parsed)).not.toContain('s3cr3t');
  });

  test('"__proto__" is a key like another', () => {
    const parsed = parseJsonWithComments('{"__proto__":{"polluted":true}}');
    expect(parsed.kind === 'parsed' && Object.keys(parsed.value as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('refuses nesting that would exhaust the stack', () =>
    expect(parseJsonWithComments('['.repeat(100_000)).kind).toBe('fault'));

  test('reads back any JSON (property)', () =>
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        if (/\\ud[89ab]/i.test(text)) return;
        expect(valueOf(text)).toEqual(JSON.parse(text));
      }),
    ));

  test('answers any text, and never throws (property)', () =>
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:/*\\\n\r u0d8a1-+.eE"truefalsn'.split('')) }),
        (text) => {
          expect(['parsed', 'fault']).toContain(parseJsonWithComments(text).kind);
        },
      ),
    ));
});
