/** Paths of the layout, and CR.TXT. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileOfUri, parseXdmPath, setFolder } from '../../plugin/archive/xdm-layout.ts';
import {
  buildReportReference,
  parseReportReference,
  type ReportReference,
} from '../../plugin/archive/xdm-report-reference.ts';
import { DrimboxError } from '../../plugin/errors.ts';

describe('paths', () => {
  test.each([
    ['KA202401/IHE_XDM/SS000001/METADATA.XML', 'KA202401/IHE_XDM/SS000001', 'SS000001', 'METADATA.XML'],
    ['IHE_XDM/SS000001/kos_1_1.dcm', 'IHE_XDM/SS000001', 'SS000001', 'KOS_1_1.DCM'],
    ['export/KA202401/ihe_xdm/SUBSET01/Cr.txt', 'export/KA202401/ihe_xdm/SUBSET01', 'SUBSET01', 'CR.TXT'],
  ])('%s', (name, set, folder, file) => {
    expect(parseXdmPath(name)).toEqual({ set, folder, file });
  });

  test.each(['KA202401/README.TXT', 'IHE_XDM/METADATA.XML', 'SS000001/METADATA.XML', 'IHE_XDM/SS000001/a/b.XML', ''])(
    '%j is in no submission set',
    (name) => {
      expect(parseXdmPath(name)).toBeUndefined();
    },
  );

  test.each([
    ['SS000001/KOS_1_1.DCM', 'KOS_1_1.DCM'],
    ['ss000001/kos_1_1.dcm', 'KOS_1_1.DCM'],
    ['KOS_1_1.DCM', 'KOS_1_1.DCM'],
    ['IHE_XDM/SS000001/KOS_1_1.DCM', 'KOS_1_1.DCM'],
    ['SS000002/KOS_1_1.DCM', undefined],
    ['../SS000001/KOS_1_1.DCM', undefined],
    ['/SS000001/KOS_1_1.DCM', undefined],
    ['SS000001/', undefined],
    ['', undefined],
  ])('the URI %j names %j in SS000001', (uri, file) => {
    expect(fileOfUri(uri, 'SS000001')).toBe(file);
  });

  test('numbers have six digits, and more when they must', () => {
    expect([setFolder(1), setFolder(999_999), setFolder(1_000_000)]).toEqual(['SS000001', 'SS999999', 'SS1000000']);
  });
});

describe('CR.TXT', () => {
  const ins = { value: '199017512345657', oid: '1.2.250.1.213.1.4.10' } as const;
  const parse = (text: string): ReportReference => parseReportReference(Buffer.from(text, 'utf8'));
  const refused = expect.objectContaining({ code: 'archive/xdm-report-invalid' });

  test('has six fields: report, INS, IPP (facts/spec.md b.15)', () => {
    const reference: ReportReference = {
      documentId: { root: '1.2.250.1.999999.20.1', extension: 'CR-1' },
      ins,
      ipp: { value: 'IPP1', issuerOid: '1.2.250.1.999999.1.1' },
    };
    const line = '1.2.250.1.999999.20.1;CR-1;199017512345657;1.2.250.1.213.1.4.10;IPP1;1.2.250.1.999999.1.1';
    expect(buildReportReference(reference)).toBe(line);
    expect(parse(`${line}\r\n`)).toEqual(reference);
  });

  test('reads back what it writes', () => {
    const oid = fc.nat().map((arc) => `1.2.250.1.999999.${arc}`);
    const word = fc.stringMatching(/^[A-Za-z0-9 _.éÉ/-]{0,20}[A-Za-z0-9é]$/);
    const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
      fc.option(value, { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({ root: oid, extension: optional(word), ipp: optional(word), issuerOid: optional(oid) }),
        (one) => {
          const reference: ReportReference = {
            documentId: { root: one.root, ...(one.extension === undefined ? {} : { extension: one.extension.trim() }) },
            ins,
            ...(one.ipp === undefined
              ? {}
              : {
                  ipp: { value: one.ipp.trim(), ...(one.issuerOid === undefined ? {} : { issuerOid: one.issuerOid }) },
                }),
          };
          expect(parse(buildReportReference(reference))).toEqual(reference);
        },
      ),
    );
  });

  test('takes an extension with semicolons, a report that is a UUID, no IPP', () => {
    expect(parse('1.2;a;b;199017512345657;1.2.250.1.213.1.4.10;;').documentId).toEqual({
      root: '1.2',
      extension: 'a;b',
    });
    const uuid = '00000000-0000-4000-8000-000000000001';
    expect(parse(`${uuid};;199017512345657;1.2.250.1.213.1.4.10;;`)).toEqual({ documentId: { root: uuid }, ins });
  });

  test.each([
    '',
    '1.2;;199017512345657;1.2.250.1.213.1.4.10;IPP',
    'root;;199017512345657;1.2.250.1.213.1.4.10;;',
    '1.2;;199017512345657;1.2.3;;',
    '1.2;;123;1.2.250.1.213.1.4.10;;',
    '1.2;;199017512345657;1.2.250.1.213.1.4.10;IPP;issuer',
    '1.2;;199017512345657;1.2.250.1.213.1.4.10;;\n1.2;;199017512345657;1.2.250.1.213.1.4.10;;',
    `1.2;${'x'.repeat(600)};199017512345657;1.2.250.1.213.1.4.10;;`,
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(refused);
  });

  test('refuses what is not UTF-8, and never throws anything else', () => {
    expect(() => parseReportReference(Buffer.from([0xff, 0xfe]))).toThrow(refused);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          parseReportReference(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DrimboxError);
          expect(error).toEqual(refused);
        }
      }),
    );
  });

  test('does not write what a line cannot hold', () => {
    const base = { documentId: { root: '1.2' }, ins };
    expect(() => buildReportReference({ ...base, ipp: { value: 'a;b' } })).toThrow(refused);
    expect(() => buildReportReference({ ...base, documentId: { root: '1.2', extension: 'a\nb' } })).toThrow(refused);
  });
});
