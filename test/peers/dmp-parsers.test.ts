import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMediaType } from './dmp/content-type.ts';
import { DicomInvalid, readDicomFile, textOfTag } from './dmp/dicom-reader.ts';
import { decodePart, MimeError, parseMimeParts } from './dmp/mime-related.ts';
import { parseDtm, parseInstitutionValue, parsePersonValue, parseReferenceId } from './dmp/value-forms.ts';
import { parseXml, XmlInvalid } from './dmp/xml-tree.ts';
import { exampleFacts } from './dmp-client/example-facts.ts';
import { buildExampleKos } from './dmp-client/kos-builder.ts';

const build = (parts: readonly Uint8Array[], boundary = 'limite'): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part, index) => [
      Buffer.from(`--${boundary}\r\nContent-ID: <${index}>\r\n\r\n`),
      part,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

describe('multipart reader of the stand-in', () => {
  it('gives back any bytes exactly (XOP parts are binary)', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { minLength: 1, maxLength: 4 }), (parts) => {
        const hasBoundary = parts.some((part) => Buffer.from(part).includes('--limite'));
        fc.pre(!hasBoundary);
        const read = parseMimeParts(build(parts), 'limite');
        expect(read.map(({ bytes }) => [...bytes])).toEqual(parts.map((part) => [...part]));
      }),
    );
  });

  it('refuses a body cut at any byte before its closing boundary', () => {
    const whole = build([Buffer.from('one'), Buffer.from('two')]);
    for (let length = 0; length < whole.length - 2; length += 1) {
      expect(() => parseMimeParts(whole.subarray(0, length), 'limite')).toThrow(MimeError);
    }
  });

  it('never throws but its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const body = Buffer.concat([Buffer.from('--limite\r\n'), bytes, Buffer.from('\r\n--limite--')]);
        try {
          for (const part of parseMimeParts(body, 'limite')) decodePart(part);
        } catch (error) {
          expect(error).toBeInstanceOf(MimeError);
        }
      }),
    );
  });

  it('undoes base64 and refuses what is none', () => {
    const part = (text: string) => ({
      headers: new Map([['content-transfer-encoding', 'BASE64']]),
      bytes: Buffer.from(text),
    });
    expect(decodePart(part('QUJD\r\nRA==')).toString()).toBe('ABCD');
    expect(() => decodePart(part('QUJDR'))).toThrow(MimeError);
  });

  it('reads the parameters of a media type, quoted or not, and nothing malformed', () => {
    const media = parseMediaType('Multipart/Related; Boundary="a;b"; start="<0.1>"; type=application/xop+xml');
    expect(media?.type).toBe('multipart/related');
    expect([...(media?.parameters ?? [])]).toEqual([
      ['boundary', 'a;b'],
      ['start', '<0.1>'],
      ['type', 'application/xop+xml'],
    ]);
    expect(parseMediaType('multipart/related; boundary=a; boundary=b')).toBeUndefined();
    expect(parseMediaType('multipart/related; boundary')).toBeUndefined();
    expect(parseMediaType('')).toBeUndefined();
  });
});

describe('XML reader of the stand-in', () => {
  it.each([
    ['a DOCTYPE', '<!DOCTYPE a><a/>'],
    ['an entity in it', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
    ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'],
    ['what is not well-formed', '<a><b></a>'],
    ['nothing', ''],
  ])('refuses %s', (_name, text) => {
    expect(() => parseXml(Buffer.from(text))).toThrow(XmlInvalid);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseXml(Buffer.from('<a>é</a>', 'latin1'))).toThrow(XmlInvalid);
  });
});

describe('DICOM reader of the stand-in', () => {
  const kos = buildExampleKos(exampleFacts(1));

  it('reads a KOS', () => {
    expect(textOfTag(readDicomFile(kos).dataset, '00080018')).toBe(exampleFacts(1).kosUniqueId);
  });

  it('refuses one cut at any byte inside an element, and never throws but its own error', () => {
    for (let length = 0; length < kos.length; length += 1) {
      try {
        const { dataset } = readDicomFile(kos.subarray(0, length));
        expect(dataset.has('0040A730')).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(DicomInvalid);
      }
    }
  });

  it('never throws but its own error, whatever byte is changed', () => {
    fc.assert(
      fc.property(fc.nat(kos.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(kos);
        changed.writeUInt8(value, at);
        try {
          readDicomFile(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(DicomInvalid);
        }
      }),
    );
  });
});

describe('forms of metadata values', () => {
  it.each([
    ['20240229', true],
    ['20230229', false],
    ['20241301', false],
    ['20240101250000', false],
    ['20240101120000+0100', false],
    ['2024010112000', false],
    ['2024', true],
  ])('date %s: %s', (text, isDate) => {
    expect(parseDtm(text) !== undefined).toBe(isDate);
  });

  it('reads a person, a device and an institution', () => {
    expect(parsePersonValue('8999^NOM^Prenom^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS')).toEqual({
      id: '8999',
      isDevice: false,
    });
    expect(parsePersonValue('8999^DRIMBOX^EXEMPLE^^^^^^&1.2.250.1.71.4.2.1&ISO^U^^^EI')).toEqual({
      id: '8999',
      isDevice: true,
    });
    expect(parsePersonValue('8999^NOM^Prenom^^^^^^&1.2.3&ISO^D^^^IDNPS')).toBeUndefined();
    expect(parseInstitutionValue('NOM^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1990000001')).toEqual({
      id: '1990000001',
      name: 'NOM',
    });
    expect(parseInstitutionValue('NOM^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^')).toBeUndefined();
  });

  it('reads references with an authority or without, and none malformed', () => {
    expect(parseReferenceId('1.2^^^^urn:ihe:iti:xds:2016:studyInstanceUID')).toEqual({
      id: '1.2',
      kind: 'studyInstanceUid',
      authorityOid: '',
    });
    expect(parseReferenceId('1^^^&1.2&ISO^urn:ihe:iti:xds:2013:order')?.authorityOid).toBe('1.2');
    expect(parseReferenceId('1^^^1.2^urn:ihe:iti:xds:2013:order')).toBeUndefined();
    expect(parseReferenceId('1^^^&1.2&ISO^urn:ihe:iti:xds:2013:autre')).toBeUndefined();
  });
});
