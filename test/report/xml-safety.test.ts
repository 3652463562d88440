import fc from 'fast-check';
import { XmlDocument } from 'libxml2-wasm';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseImagingReport } from '../../plugin/report/index.ts';
import { buildCda, buildCdaText } from '../fixtures/report/build-cda.ts';
import { parseText, refusalOf, spoil } from '../fixtures/report/refusal.ts';

const text = buildCdaText();
const utf16 = (content: string, order: 'le' | 'be', mark: boolean): Uint8Array => {
  const bytes = Buffer.from((mark ? '\ufeff' : '') + content, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
};
const declared = (charset: string, content = text) => spoil(content, 'encoding="UTF-8"', `encoding="${charset}"`);
const expected = parseText(text);

describe('encodings (XML 1.0 appendix F)', () => {
  test.each([
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-8 without declaration', Buffer.from(text.replace(/^<\?xml.*?\?>/, ''))],
    ['utf-8 in single quotes and small letters', Buffer.from(spoil(text, 'encoding="UTF-8"', "encoding = 'utf-8'"))],
    ['UTF-16 LE with a mark', utf16(declared('UTF-16'), 'le', true)],
    ['UTF-16 BE with a mark', utf16(declared('UTF-16'), 'be', true)],
    ['UTF-16 LE without a mark', utf16(declared('UTF-16LE'), 'le', false)],
    ['UTF-16 BE without a mark', utf16(declared('UTF-16BE'), 'be', false)],
    ['ISO-8859-1', Buffer.from(declared('ISO-8859-1'), 'latin1')],
    ['ISO-8859-15', Buffer.from(declared('iso-8859-15'), 'latin1')],
    ['windows-1252', Buffer.from(declared('windows-1252'), 'latin1')],
  ])('reads %s', (_, document) => {
    expect(parseImagingReport(document)).toEqual(expected);
  });

  test('reads the characters that RIS put into ISO-8859-1 from windows-1252 (Œ, ’)', () => {
    const bytes = Buffer.from(declared('ISO-8859-1').replace('>EXEMPLE<', '>C\u008cUR D\u0092EXEMPLE<'), 'latin1');
    expect(parseImagingReport(bytes).patient.birthFamilyName).toBe('CŒUR D’EXEMPLE');
  });

  test.each(['ISO-8859-1', 'iso-8859-15', 'windows-1252'])(
    'reads UTF-8 declared as %s right, with a remark',
    (charset) => {
      const report = parseImagingReport(Buffer.from(declared(charset)));
      expect(report).toEqual({ ...expected, warnings: ['charset-misdeclared'] });
    },
  );

  test('remarks characters that an earlier conversion lost (U+FFFD is legal in XML)', () => {
    const report = parseText(text.replace('cérébral', 'c\ufffdr\ufffdbral'));
    expect(report.title).toBe('Compte-rendu de scanner c\ufffdr\ufffdbral');
    expect(report.warnings).toEqual(['characters-lost']);
  });

  test.each([
    ['bytes that are not UTF-8', Buffer.from(text, 'latin1')],
    ['bytes over 127 declared US-ASCII and not UTF-8', Buffer.from(declared('US-ASCII'), 'latin1')],
    ['a charset nobody declares', Buffer.from(declared('EBCDIC-CP-FR'))],
    ['a name of the object prototype as charset', Buffer.from(declared('constructor'))],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0])],
    ['half a character of UTF-16', utf16(declared('UTF-16'), 'le', true).subarray(0, 4001)],
    ['a lone surrogate in UTF-16', utf16(text.replace('>EXEMPLE<', '>\ud800<'), 'le', true)],
    ['nothing', new Uint8Array()],
    ['no XML', Buffer.from('%PDF-1.7')],
  ])('refuses %s', (_, document) => {
    expect(refusalOf(document)).toEqual({ code: 'report/xml-invalid' });
  });
});

describe('document types and entities are refused before parsing', () => {
  const root = '<ClinicalDocument';
  const attacks = {
    'a document type': '<!DOCTYPE ClinicalDocument>',
    'an internal entity': '<!DOCTYPE ClinicalDocument [<!ENTITY a "b">]>',
    'an external entity': '<!DOCTYPE ClinicalDocument [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    'an external DTD': '<!DOCTYPE ClinicalDocument SYSTEM "http://127.0.0.1/x.dtd">',
    'billion laughs': `<!DOCTYPE ClinicalDocument [<!ENTITY a "ha">${Array.from({ length: 12 }, (_, i) => `<!ENTITY a${i} "${`&a${i - 1};`.repeat(10)}">`).join('')}]>`,
    'an entity declaration alone': '<!ENTITY a "b">',
    'a document type after a comment that looks unfinished': '<!-- > <!-> <![CDATA[ --><!DOCTYPE ClinicalDocument>',
    'a document type after an instruction': '<?x ?><!DOCTYPE ClinicalDocument>',
  };
  test.each(Object.entries(attacks))('%s, in UTF-8, ISO-8859-1 and UTF-16', (_, attack) => {
    const forbidden = { code: 'report/xml-forbidden' };
    const document = spoil(text, root, attack + root);
    expect(refusalOf(document)).toEqual(forbidden);
    expect(refusalOf(Buffer.from(declared('ISO-8859-1', document), 'latin1'))).toEqual(forbidden);
    for (const order of ['le', 'be'] as const) {
      for (const mark of [true, false])
        expect(refusalOf(utf16(declared('UTF-16', document), order, mark))).toEqual(forbidden);
    }
  });

  test('in UTF-7 it is no document type but no XML either', () => {
    expect(refusalOf(`<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-`)).toEqual({
      code: 'report/xml-invalid',
    });
  });

  test('a document type in the middle of the document', () => {
    expect(refusalOf(spoil(text, '<title>', '<!DOCTYPE x><title>'))).toEqual({ code: 'report/xml-forbidden' });
  });

  test('words in comments, instructions and CDATA are text, not declarations', () => {
    const words = '<!DOCTYPE x [<!ENTITY a "b">]>';
    for (const harmless of [`<!-- ${words} -->`, `<?x ${words.replace('?>', '')} ?>`]) {
      expect(parseText(spoil(text, '<title>', `${harmless}<title>`))).toEqual(expected);
    }
    expect(parseText(text.replace(/<title>.*<\/title>/, `<title><![CDATA[${words}]]></title>`)).title).toBe(words);
  });
});

describe('documents that would exhaust memory or stack', () => {
  const inside = (content: string) => spoil(text, '<component>', `${content}<component>`);
  test.each([
    ['deep nesting', inside('<a>'.repeat(1_000_000))],
    ['deep nesting, closed', inside(`${'<a>'.repeat(500)}${'</a>'.repeat(500)}`)],
    ['too many elements', inside('<a/>'.repeat(600_000))],
    ['too many comments', inside('<!---->'.repeat(600_000))],
    ['too many character references', inside('&#65;'.repeat(600_000))],
    [
      'too many attributes in one element',
      inside(`<a ${Array.from({ length: 300 }, (_, i) => `a${i}=""`).join(' ')}/>`),
    ],
    [
      'too many attributes',
      inside(`<a ${Array.from({ length: 250 }, (_, i) => `a${i}=""`).join(' ')}/>`.repeat(2_100)),
    ],
  ])('refuses %s without blowing up', (_, document) => {
    expect(refusalOf(document)).toEqual({ code: 'report/xml-invalid' });
  });

  test('accepts nesting far beyond any report, and one huge attribute', () => {
    expect(parseText(inside(`${'<a>'.repeat(150)}${'</a>'.repeat(150)}`))).toEqual(expected);
    expect(parseText(inside(`<a b="${'x'.repeat(5_000_000)}"/>`))).toEqual(expected);
  });
});

describe('well-formedness (XML 1.0): what is not XML is refused, also where the parser is lax', () => {
  const name = (content: string) => spoil(text, '>EXEMPLE<', `>${content}<`);
  test.each([
    ['a bare ampersand', name('EX & EMPLE')],
    ['an unknown entity', name('EX&eacute;MPLE')],
    ['a reference without semicolon', name('EX&ampEMPLE')],
    ['a bare ampersand in an attribute', spoil(text, 'extension="IPP-0042"', 'extension="A & B"')],
    ['a reference to NUL', name('EX&#0;EMPLE')],
    ['a reference to a control character', name('EX&#x1F;EMPLE')],
    ['a reference to a surrogate', name('EX&#xD800;EMPLE')],
    ['a reference beyond Unicode', name('EX&#x110000;EMPLE')],
    ['a control character', name('EX\u0001EMPLE')],
    ['a NUL', name('EX\u0000EMPLE')],
    ['U+FFFF', name('EX\uffffEMPLE')],
    [']]> in text', name('EX]]>EMPLE')],
    ['a slash inside a tag', spoil(text, '<realmCode code="FR"/>', '<realmCode code="FR"/ >')],
    ['a < in an attribute', spoil(text, 'extension="IPP-0042"', 'extension="A<B"')],
    ['a repeated attribute', spoil(text, 'extension="IPP-0042"', 'extension="IPP-0042" extension="IPP-0043"')],
    ['an attribute without quotes', spoil(text, 'extension="IPP-0042"', 'extension=IPP-0042')],
    ['an unbound prefix', spoil(text, 'xmlns:ps3-20="urn:dicom-org:ps3-20"', '')],
    ['mismatched tags', spoil(text, '</title>', '</Title>')],
    ['a second root', `${text}<ClinicalDocument/>`],
    ['text after the root', `${text}x`],
    ['a declaration that is not first', ` ${text}`],
    ['an unfinished comment', spoil(text, '<title>', '<!-- <title>')],
    ['a comment with --', spoil(text, '<title>', '<!-- a -- b --><title>')],
    ['an unfinished CDATA section', name('<![CDATA[')],
  ])('refuses %s', (_, document) => {
    expect(refusalOf(document)).toEqual({ code: 'report/xml-invalid' });
  });

  test('keeps the parser’s message, which quotes the document, out of the error', () => {
    try {
      parseText(spoil(text, '>EXEMPLE<', '>SECRET-NAME</familyX><'));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DrimboxError);
      expect(String(error) + JSON.stringify(error)).not.toContain('SECRET');
      expect(error).not.toHaveProperty('cause');
    }
  });
});

describe('spoilt documents', () => {
  const base = buildCda({
    pdfBytes: 30,
    replaces: [{ root: '2.25.1' }],
    studies: [{}, { uids: ['2.25.2', '2.25.3'] }],
  });
  const marks = Buffer.from('<>&"\'/=;-!][?: \nA\0');
  const change = fc.record({
    at: fc.nat({ max: base.length - 1 }),
    byte: fc.oneof(fc.constantFrom(...marks), fc.nat({ max: 255 })),
    how: fc.constantFrom('replace' as const, 'insert' as const, 'remove' as const, 'cut' as const),
  });
  const spoilt = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) =>
    changes.reduce<Uint8Array>((bytes, { at, byte, how }) => {
      const before = bytes.subarray(0, at);
      if (how === 'cut') return changes.length === 1 ? before : bytes;
      const after = bytes.subarray(how === 'insert' ? at : at + 1);
      return Buffer.concat(how === 'remove' ? [before, after] : [before, Uint8Array.of(byte), after]);
    }, base),
  );

  /** libxml2 also checks the form of namespace names and PI names, which XML 1.0 does not. */
  const isWellFormed = (bytes: Uint8Array): boolean => {
    try {
      XmlDocument.fromBuffer(bytes).dispose();
      return true;
    } catch (error) {
      return /is not a valid URI|colons are forbidden/.test(String(error));
    }
  };

  test('raise only our errors, name no value, and what is accepted is XML for libxml2 too', () => {
    let accepted = 0;
    fc.assert(
      fc.property(spoilt, (bytes) => {
        try {
          parseImagingReport(bytes);
          accepted += 1;
        } catch (error) {
          if (!(error instanceof DrimboxError) || error.code === 'general/internal') throw error;
          expect(error.message).not.toMatch(/EXEMPLE|CAMILLE|285037/);
          return;
        }
        expect(isWellFormed(bytes)).toBe(true);
      }),
      { numRuns: 2_000, seed: 20_260_312 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  test('raise only our errors for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refusalOf(bytes)).not.toBe('accepted');
      }),
      { numRuns: 500, seed: 20_260_312 },
    );
  });
});
