import { describe, expect, test } from 'vitest';
import { parseImagingReport } from '../../plugin/report/index.ts';
import { buildCda, buildCdaText, inventedPatient } from '../fixtures/report/build-cda.ts';
import { parseText, refusalOf, spoil } from '../fixtures/report/refusal.ts';

const role = '/ClinicalDocument/recordTarget/patientRole';
const text = buildCdaText();
const ins = (value: string, kind: number) => ({ value, oid: `1.2.250.1.213.1.4.${kind}` });
const withIns = (...numbers: { value: string; oid: string }[]) => buildCda({ patient: { ins: numbers } });

describe('INS (decision A2)', () => {
  test('reads the number with the OID that says its kind', () => {
    expect(parseImagingReport(withIns(ins('185037512345691'.slice(0, 15), 8))).patient.ins).toEqual(
      ins('185037512345691', 8),
    );
  });

  test('reads a Corsican number', () => {
    expect(parseImagingReport(withIns(ins('185032A12345691', 8))).patient.ins.value).toBe('185032A12345691');
  });

  test.each([
    ['no id under an INS arc', '<id root="1.2.250.1.213.1.4.10" extension="285037512345691"/>', ''],
    ['only a null INS', 'extension="285037512345691"', 'nullFlavor="UNK"'],
    ['the older INS-C only', 'root="1.2.250.1.213.1.4.10"', 'root="1.2.250.1.213.1.4.2"'],
  ])('refuses a report without INS: %s', (_, passage, by) => {
    expect(refusalOf(spoil(text, passage, by))).toEqual({ code: 'report/ins-missing', location: `${role}/id` });
  });

  test('refuses a malformed number, and says where but not what', () => {
    expect(refusalOf(withIns(ins('2850375123456', 10)))).toEqual({
      code: 'standards/ins-invalid',
      location: `${role}/id[1]/@extension`,
    });
    expect(refusalOf(spoil(text, ' extension="285037512345691"', ''))).toEqual({
      code: 'report/field-missing',
      location: `${role}/id[1]/@extension`,
    });
  });

  test('takes the INS-NIR before the INS-NIA, whatever their order, with a remark', () => {
    const nia = ins('285037599999991', 9);
    const nir = ins('285037512345691', 8);
    for (const numbers of [
      [nia, nir],
      [nir, nia],
    ]) {
      expect(parseImagingReport(withIns(...numbers))).toMatchObject({
        patient: { ins: nir },
        warnings: ['ins-several'],
      });
    }
  });

  test('accepts the same number twice', () => {
    const nir = ins('285037512345691', 10);
    expect(parseImagingReport(withIns(nir, nir))).toMatchObject({ patient: { ins: nir }, warnings: [] });
  });

  test.each([
    ['two numbers of one kind', ins('285037512345691', 8), ins('185037512345691', 8)],
    ['a production and a test number', ins('285037512345691', 8), ins('285037512345691', 10)],
  ])('refuses %s: which patient is meant is open', (_, one, other) => {
    expect(refusalOf(withIns(one, other))).toEqual({ code: 'report/field-invalid', location: `${role}/id` });
  });

  test.each(['recordTarget', 'patientRole', 'patient'])('refuses two %s: which patient is meant is open', (name) => {
    const element = new RegExp(`<${name}>.*</${name}>`, 's').exec(text)?.[0] ?? '';
    expect(refusalOf(spoil(text, element, element + element))).toMatchObject({ code: 'report/field-invalid' });
  });
});

describe('local identifiers', () => {
  test('keeps all of them, the first as IPP', () => {
    const localIds = [
      { value: 'IPP-1', issuerOid: '2.25.1' },
      { value: 'IPP-2', issuerOid: '2.25.99999999999999999999' },
    ];
    const report = parseImagingReport(buildCda({ patient: { localIds } }));
    expect(report).toMatchObject({
      patient: { ipp: localIds[0] },
      localPatientIds: localIds,
      warnings: ['local-id-several'],
    });
  });

  test('never takes an older national number (INS-C) for an IPP', () => {
    const localIds = [{ value: '0123456789012345678901', issuerOid: '1.2.250.1.213.1.4.2' }];
    const report = parseImagingReport(buildCda({ patient: { localIds } }));
    expect(report.patient).not.toHaveProperty('ipp');
    expect(report.localPatientIds).toEqual([]);
  });
});

describe('names', () => {
  test.each([
    ['a comment', 'EX<!-- x -->EMPLE'],
    ['a CDATA section', 'EX<![CDATA[EMPL]]>E'],
    ['a processing instruction', 'EXEM<?x y?>PLE'],
    ['a character reference', 'EXE&#77;P&#x4C;E'],
    ['spaces and line ends around', '\n  EXEMPLE\t'],
  ])('are whole when they hold %s', (_, name) => {
    expect(parseText(spoil(text, '>EXEMPLE<', `>${name}<`)).patient.birthFamilyName).toBe('EXEMPLE');
  });

  test('keep accents, apostrophes and escaped characters as sent', () => {
    const birthFamilyName = "D'EXEMPLE-ÇÀ <Ÿ> & Œ";
    expect(parseImagingReport(buildCda({ patient: { birthFamilyName } })).patient.birthFamilyName).toBe(
      birthFamilyName,
    );
  });

  test('are told apart by qualifier, not by position', () => {
    const family = '<family qualifier="BR">EXEMPLE</family>';
    const moved = spoil(spoil(text, family, ''), '</name>', `${family}</name>`);
    expect(parseText(moved).patient).toEqual(parseText(text).patient);
  });

  test('take SP as used name where there is no CL', () => {
    const old = spoil(text, '<family qualifier="CL">', '<family qualifier="SP">');
    expect(parseText(old).patient.usedFamilyName).toBe(inventedPatient.usedFamilyName);
  });

  test('are not those of a guardian', () => {
    const guardian =
      '<guardian><guardianPerson><name><family qualifier="BR">TUTEUR</family></name></guardianPerson></guardian>';
    expect(parseText(spoil(text, '<birthplace>', `${guardian}<birthplace>`)).patient.birthFamilyName).toBe('EXEMPLE');
  });

  test('are refused with a lost character (U+FFFD): it is no longer the name of the patient', () => {
    expect(refusalOf(spoil(text, '>CAMILLE INÈS<', '>CAMILLE IN\ufffdS<'))).toEqual({
      code: 'report/field-invalid',
      location: `${role}/patient/name/given[1]`,
    });
  });

  test('say when the list of given names does not begin with the first one', () => {
    expect(parseImagingReport(buildCda({ patient: { birthGivenNames: 'INÈS CAMILLE' } })).warnings).toEqual([
      'given-names-differ',
    ]);
  });

  const family = `${role}/patient/name/family[@qualifier='BR']`;
  const given = `${role}/patient/name/given[@qualifier='BR']`;
  test.each([
    [
      'no birth name (never guessed from the used one)',
      '<family qualifier="BR">EXEMPLE</family>',
      '',
      'missing',
      family,
    ],
    ['an empty birth name', '>EXEMPLE<', '> <!-- --> <', 'missing', family],
    [
      'two birth names',
      '<family qualifier="BR">',
      '<family qualifier="BR">AUTRE</family><family qualifier="BR">',
      'invalid',
      family,
    ],
    ['no first birth given name', '<given qualifier="BR">CAMILLE</given>', '', 'missing', given],
    [
      'two first birth given names',
      '<given qualifier="BR">',
      '<given qualifier="BR">ZOÉ</given><given qualifier="BR">',
      'invalid',
      given,
    ],
  ])('are refused with %s', (_, passage, by, kind, location) => {
    expect(refusalOf(spoil(text, passage, by))).toEqual({ code: `report/field-${kind}`, location });
  });
});

describe('other traits', () => {
  test.each([
    ['19850321', '19850321'],
    ['198503210430+0100', '19850321'],
    ['19850321043000.000', '19850321'],
    ['19850000', '19850000'],
  ])('birth date %s is %s: the date only, day and month may be unknown', (birthDate, expected) => {
    expect(parseImagingReport(buildCda({ patient: { birthDate } })).patient.birthDate).toBe(expected);
  });

  const birthTime = `${role}/patient/birthTime`;
  const gender = `${role}/patient/administrativeGenderCode`;
  test.each([
    ['no birth date', /<birthTime[^>]*>/, '', 'missing', birthTime],
    ['a null birth date', /<birthTime[^>]*>/, '<birthTime nullFlavor="UNK"/>', 'missing', `${birthTime}/@value`],
    ['a year only', /<birthTime[^>]*>/, '<birthTime value="1985"/>', 'invalid', `${birthTime}/@value`],
    ['a month 13', /<birthTime[^>]*>/, '<birthTime value="19851301"/>', 'invalid', `${birthTime}/@value`],
    ['a French date', /<birthTime[^>]*>/, '<birthTime value="21/03/1985"/>', 'invalid', `${birthTime}/@value`],
    [
      'two birth dates',
      /<birthTime[^>]*>/,
      '<birthTime value="19850321"/><birthTime value="19850322"/>',
      'invalid',
      birthTime,
    ],
    ['no sex', /<administrativeGenderCode[^>]*>/, '', 'missing', gender],
    [
      'a null sex',
      /<administrativeGenderCode[^>]*>/,
      '<administrativeGenderCode nullFlavor="UNK"/>',
      'missing',
      `${gender}/@code`,
    ],
    [
      'an unknown sex code',
      /<administrativeGenderCode[^>]*>/,
      '<administrativeGenderCode code="X"/>',
      'invalid',
      `${gender}/@code`,
    ],
  ])('are refused with %s', (_, passage, by, kind, location) => {
    expect(refusalOf(text.replace(passage, by))).toEqual({ code: `report/field-${kind}`, location });
  });

  test.each([
    ['M', 'M'],
    ['F', 'F'],
    ['U', 'U'],
    ['UN', 'U'],
  ])('sex %s is %s', (code, expected) => {
    expect(parseText(spoil(text, 'Code code="F"', `Code code="${code}"`)).patient.sex).toBe(expected);
  });

  test('a birth place that is no INSEE code is left out with a remark', () => {
    const report = parseImagingReport(buildCda({ patient: { birthPlace: 'PARIS 12' } }));
    expect(report.patient).not.toHaveProperty('birthPlace');
    expect(report.warnings).toEqual(['birth-place-invalid']);
    expect(parseImagingReport(buildCda({ patient: { birthPlace: '99109' } })).patient.birthPlace).toBe('99109');
  });
});
