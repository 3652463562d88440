import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseImagingReport, reportOptions } from '../../plugin/report/index.ts';
import { buildCda, buildCdaText } from '../fixtures/report/build-cda.ts';
import { parseText, refusalOf, spoil } from '../fixtures/report/refusal.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/report/${name}`, import.meta.url));

describe('golden reports', () => {
  test.each([
    ['golden-three-studies', 'level 1, three studies, one order, big OID arcs, split texts, a UUID parent'],
    ['golden-old-ris', 'before 2021: SP names, region in the code, RM, extension studyInstanceUID'],
    ['golden-prefixed', 'level 3, prefixed namespace, two ids in one serviceEvent, two orders'],
  ])('reads %s exactly (%s)', (name) => {
    expect(parseImagingReport(fixture(`${name}.xml`))).toEqual(JSON.parse(fixture(`${name}.json`).toString('utf8')));
  });
});

describe('the document (decision B1)', () => {
  test('keeps what the builder of fixtures wrote', () => {
    const report = parseImagingReport(
      buildCda({
        documentId: { root: '2.25.4711', extension: 'CR-1' },
        versionNumber: 7,
        replaces: [{ root: '2.25.4710', extension: 'CR-0' }, { root: '0AF1C9E0-0000-4000-8000-ABCDEF012345' }],
        confidentiality: 'V',
      }),
    );
    expect(report).toMatchObject({
      documentId: { root: '2.25.4711', extension: 'CR-1' },
      setId: { root: '1.2.250.1.999999.21.1' },
      versionNumber: 7,
      replaces: [{ root: '2.25.4710', extension: 'CR-0' }, { root: '0AF1C9E0-0000-4000-8000-ABCDEF012345' }],
      level: 1,
      title: 'Compte-rendu de scanner cérébral',
      effectiveTime: '20260312101500+0100',
      languageCode: 'fr-FR',
      confidentiality: { code: 'V', displayName: 'Très restreint' },
      warnings: [],
    });
  });

  test('tells level 3 by its structuredBody', () => {
    expect(parseImagingReport(buildCda({ level: 3 })).level).toBe(3);
  });

  test('ignores related documents other than RPLC: an addendum replaces nothing', () => {
    const text = buildCdaText({ replaces: [{ root: '2.25.1' }] });
    expect(parseText(spoil(text, 'typeCode="RPLC"', 'typeCode="APND"')).replaces).toEqual([]);
  });

  test('leaves out a parent id it cannot use, with a remark: TXA-13 may still tell the lineage', () => {
    const report = parseText(spoil(buildCdaText({ replaces: [{ root: '2.25.1' }] }), 'root="2.25.1"', 'root="n° 12"'));
    expect(report).toMatchObject({ replaces: [], warnings: ['replaced-document-invalid'] });
  });

  test('does not need setId, versionNumber, title, language: old reports lack them', () => {
    let text = buildCdaText();
    for (const element of [/<setId[^>]*>/, /<versionNumber[^>]*>/, /<title>.*<\/title>/, /<languageCode[^>]*>/]) {
      text = text.replace(element, '');
    }
    const report = parseText(text);
    expect(report).toMatchObject({ title: '', languageCode: 'fr-FR', warnings: ['title-missing', 'language-missing'] });
    expect(report).not.toHaveProperty('setId');
    expect(report).not.toHaveProperty('versionNumber');
  });

  test.each([
    ['setId', 'root="1.2.250.1.999999.21.1"', 'root="LOT-1"', 'set-id-invalid', 'setId'],
    ['versionNumber', '<versionNumber value="1"/>', '<versionNumber value="1b"/>', 'version-invalid', 'versionNumber'],
  ])('ignores a malformed %s with a remark: it is never a key', (_, passage, by, remark, property) => {
    const report = parseText(spoil(buildCdaText(), passage, by));
    expect(report.warnings).toEqual([remark]);
    expect(report).not.toHaveProperty(property);
  });

  test('keeps a confidentiality it does not know, with a remark', () => {
    expect(parseImagingReport(buildCda({ confidentiality: 'Z' }))).toMatchObject({
      confidentiality: { code: 'Z', codeSystem: '2.16.840.1.113883.5.25' },
      warnings: ['confidentiality-unknown'],
    });
  });

  const root = '/ClinicalDocument';
  const text = buildCdaText();
  const id = '<id root="1.2.250.1.999999.20.1"/>';
  const time = '<effectiveTime value="20260312101500+0100"/>';
  const confidentiality = '<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>';
  const body = /<nonXMLBody>.*<\/nonXMLBody>/s.exec(text)?.[0] ?? '';
  test.each([
    ['no id', id, '', 'report/field-missing', `${root}/id`],
    ['a null id', id, '<id nullFlavor="UNK"/>', 'report/field-missing', `${root}/id`],
    ['a null id with a root', id, '<id nullFlavor="UNK" root="2.25.1"/>', 'report/field-missing', `${root}/id`],
    ['an id without root', id, '<id extension="1"/>', 'report/field-missing', `${root}/id/@root`],
    ['an id that is no OID', id, '<id root="CR-12"/>', 'report/field-invalid', `${root}/id`],
    ['two ids', id, `${id}${id}`, 'report/field-invalid', `${root}/id`],
    ['no time', time, '', 'report/field-missing', `${root}/effectiveTime`],
    ['a null time', time, '<effectiveTime nullFlavor="UNK"/>', 'report/field-missing', `${root}/effectiveTime/@value`],
    [
      'a day out of the calendar',
      time,
      '<effectiveTime value="20260230"/>',
      'report/field-invalid',
      `${root}/effectiveTime/@value`,
    ],
    ['no confidentiality', confidentiality, '', 'report/field-missing', `${root}/confidentialityCode`],
    ['no body', body, '', 'report/field-missing', `${root}/component/nonXMLBody`],
    ['two bodies', body, `${body}<structuredBody/>`, 'report/field-invalid', `${root}/component`],
  ])('refuses %s and says where, without the value', (_, passage, by, code, location) => {
    expect(refusalOf(spoil(text, passage, by))).toEqual({ code, location });
  });
});

describe('the type', () => {
  test('refuses another document than an imaging report: a request must not be taken for one', () => {
    const expected = { code: 'report/type-unsupported', location: '/ClinicalDocument/code' };
    expect(refusalOf(spoil(buildCdaText(), '18748-4', '55115-0'))).toEqual(expected);
    expect(refusalOf(spoil(buildCdaText(), 'codeSystem="2.16.840.1.113883.6.1"', 'codeSystem="1.2.3"'))).toEqual(
      expected,
    );
    expect(refusalOf(spoil(buildCdaText(), '<code code="18748-4"', '<code codex="18748-4"'))).toEqual(expected);
  });

  test.each([
    ['another root', '<Document xmlns="urn:hl7-org:v3"/>'],
    ['no namespace', buildCdaText().replace('xmlns="urn:hl7-org:v3"', '')],
    ['another namespace', buildCdaText().replace('urn:hl7-org:v3', 'urn:hl7-org:v2')],
  ])('refuses %s as not a CDA', (_, text) => {
    expect(refusalOf(text)).toEqual({ code: 'report/not-a-cda', location: '/*' });
  });
});

describe('professionals and structures (decision A3)', () => {
  const signer = { id: '899999999905', familyName: 'SIGNATAIRE', givenName: 'Noé' };

  test('reads the legal authenticator with structure, apart from the authors', () => {
    const report = parseImagingReport(
      buildCda({ legalAuthenticator: { person: signer, organization: { id: '199999992', name: 'Site B & fils' } } }),
    );
    expect(report.legalAuthenticator).toEqual({
      person: signer,
      organization: { id: '199999992', name: 'Site B & fils' },
    });
    expect(report.authors.map((author) => author.person?.id)).toEqual(['899999999901']);
    expect(report.custodian).toEqual({ id: '1999999991', name: "Centre d'imagerie Exemple" });
  });

  test('accepts a report without legal authenticator, or without its structure, with a remark: the message may name them', () => {
    const without = parseImagingReport(buildCda({ legalAuthenticator: null }));
    expect(without).not.toHaveProperty('legalAuthenticator');
    expect(without.warnings).toEqual(['legal-authenticator-missing']);
    const incomplete = parseImagingReport(buildCda({ legalAuthenticator: { person: signer } }));
    expect(incomplete.legalAuthenticator).toEqual({ person: signer });
    expect(incomplete.warnings).toEqual(['legal-authenticator-incomplete']);
  });

  test('refuses two legal authenticators: nobody knows who signs', () => {
    const text = buildCdaText();
    const element = /<legalAuthenticator>.*?<\/legalAuthenticator>/s.exec(text)?.[0] ?? '';
    expect(refusalOf(spoil(text, element, element + element))).toEqual({
      code: 'report/field-invalid',
      location: '/ClinicalDocument/legalAuthenticator',
    });
  });

  test('takes only national identifiers: a local number must not pass for an RPPS', () => {
    const text = buildCdaText({ legalAuthenticator: { person: signer } });
    const report = parseText(
      spoil(text, 'root="1.2.250.1.71.4.2.1" extension="899999999905"', 'root="1.2.250.1.999999.9" extension="12"'),
    );
    expect(report).not.toHaveProperty('legalAuthenticator');
  });

  test('takes the type of facility from the encounter and says when it is unknown', () => {
    expect(parseImagingReport(buildCda({ facilityType: 'SA05' })).facilityType?.displayName).toBe('Centre de santé');
    expect(parseImagingReport(buildCda({ facilityType: 'SA11' }))).toMatchObject({
      facilityType: { code: 'SA11' },
      warnings: ['facility-type-unknown'],
    });
  });

  test('takes the practice setting of the performer, else of an author', () => {
    const setting = /<standardIndustryClassCode[^>]*><\/standardIndustryClassCode>/;
    const text = buildCdaText({ studies: [{ practiceSetting: 'HAD' }] });
    expect(parseText(text).practiceSetting).toMatchObject({ code: 'HAD', displayName: 'Hospitalisation à domicile' });
    const without = text.replace(setting, '');
    expect(parseText(without).warnings).toEqual(['practice-setting-missing']);
    const author = '</name></representedOrganization></assignedAuthor>';
    const moved = spoil(without, author, author.replace('</rep', `${setting.exec(text)?.[0]}</rep`));
    expect(parseText(moved).practiceSetting?.code).toBe('HAD');
  });
});

describe('limits', () => {
  test('accepts 20 MiB by default', () => {
    expect(reportOptions.parse({})).toEqual({ maxBytes: 20_971_520 });
    expect(reportOptions.safeParse({ maxBytes: 0 }).success).toBe(false);
  });

  test('refuses one byte over the limit and accepts the limit', () => {
    const document = buildCda();
    expect(parseImagingReport(document, { maxBytes: document.byteLength }).level).toBe(1);
    expect(() => parseImagingReport(document, { maxBytes: document.byteLength - 1 })).toThrow('report/too-large');
  });

  test('reads a report of 330 kB', () => {
    const document = buildCda({ pdfBytes: 245_000 });
    expect(document.byteLength).toBeGreaterThan(330_000);
    expect(parseImagingReport(document)).toEqual(parseImagingReport(buildCda()));
  });
});
