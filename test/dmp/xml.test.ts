import { DOMParser } from '@xmldom/xmldom';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { element, textElement, xmlText } from '../../plugin/dmp/xml-text.ts';
import { parseXml } from '../../plugin/dmp/xml-document.ts';

const limits = { maxBytes: 10_000 };
const parse = (xml: string | Uint8Array) => parseXml(xml, 'dmp/answer-invalid', limits);
const refused = expect.objectContaining({ code: 'dmp/answer-invalid' });
const errorOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

/** Text that XML can carry. */
const xmlString = fc
  .string({ unit: 'binary' })
  .filter((text) => !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/.test(text) && text.isWellFormed());

describe('writing XML', () => {
  it('escapes what a text and an attribute must not hold as it is', () => {
    expect(textElement('a', '<&>"\r', { b: '<&>"\t\n\r' })).toBe(
      '<a b="&lt;&amp;>&quot;&#x9;&#xA;&#xD;">&lt;&amp;&gt;"&#xD;</a>',
    );
  });

  it('leaves out an attribute that is undefined and closes an empty element', () => {
    expect(element('a', { b: undefined, c: '' })).toBe('<a c=""/>');
  });

  it.each(['\u0000', '\u001B', '\uFFFE', '\uD800'])('refuses a character XML cannot carry (%j)', (character) => {
    expect(errorOf(() => xmlText(`x${character}`))).toEqual(expect.objectContaining({ code: 'dmp/value-invalid' }));
  });

  it('gives back any text and any attribute through a parser that is not ours', () => {
    fc.assert(
      fc.property(xmlString, xmlString, (text, attribute) => {
        const read = new DOMParser().parseFromString(
          textElement('a', text, { b: attribute }),
          'text/xml',
        ).documentElement;
        expect(read?.textContent ?? '').toBe(text);
        expect(read?.getAttribute('b')).toBe(attribute);
      }),
      { numRuns: 200 },
    );
  });
});

describe('reading XML from outside', () => {
  it('refuses a document type, so that no entity is ever expanded (XXE)', () => {
    const xml = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    expect(errorOf(() => parse(xml))).toEqual(refused);
  });

  it('refuses what is too large, too deep, cut or empty', () => {
    expect(errorOf(() => parse(`<a>${'x'.repeat(10_001)}</a>`))).toEqual(refused);
    expect(errorOf(() => parse('<a>'.repeat(150) + '</a>'.repeat(150)))).toEqual(refused);
    expect(errorOf(() => parse('<a><b></a>'))).toEqual(refused);
    expect(errorOf(() => parse(''))).toEqual(refused);
    expect(errorOf(() => parse('<a/><b/>'))).toEqual(refused);
  });

  it('reads the encoding the document declares, else the one of the transport, else UTF-8', () => {
    const latin1 = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', 'latin1');
    expect(parse(latin1).documentElement?.textContent).toBe('é');
    const bare = Buffer.from('<a>é</a>', 'latin1');
    expect(
      parseXml(bare, 'dmp/answer-invalid', { ...limits, charset: 'iso-8859-1' }).documentElement?.textContent,
    ).toBe('é');
    expect(parse(Buffer.from('\uFEFF<a>é</a>', 'utf8')).documentElement?.textContent).toBe('é');
  });

  it('refuses bytes that are not of the encoding, rather than guess', () => {
    expect(errorOf(() => parse(Buffer.from('<a>é</a>', 'latin1')))).toEqual(refused);
    expect(errorOf(() => parse(Buffer.from('<?xml version="1.0" encoding="EBCDIC"?><a/>')))).toEqual(refused);
  });

  it('never says what it read in its own words: a document may hold an identity', () => {
    const error = errorOf(() => parse('<a>EXEMPLE</b>'));
    expect(error).toEqual(refused);
    expect((error as Error).message).not.toContain('EXEMPLE');
  });

  it('never throws an error that is not ours, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(`<a>${text}</a>`)),
        ),
        (bytes) => {
          const read = errorOf(() => parse(bytes));
          expect(read instanceof Error ? (read as { code?: string }).code : 'dmp/answer-invalid').toBe(
            'dmp/answer-invalid',
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
