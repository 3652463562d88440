import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInsIdentifier, type PatientIdentity } from '../../plugin/standards/index.ts';
import {
  encodeCxi,
  encodeSourcePatientId,
  encodeSourcePatientInfo,
  encodeXcn,
  encodeXon,
  formatXdsTime,
} from '../../plugin/dmp/xds-datatypes.ts';
import { eventCodes } from '../../plugin/dmp/xds-codes.ts';

const patient: PatientIdentity = {
  ins: parseInsIdentifier('199017512345657', '1.2.250.1.213.1.4.10'),
  birthFamilyName: 'EXEMPLE',
  firstBirthGivenName: 'CAMILLE',
  birthGivenNames: 'CAMILLE',
  birthDate: '19900101',
  sex: 'F',
};
const invalid = expect.objectContaining({ code: 'dmp/value-invalid' });
const errorOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

describe('HL7 data types of the metadata', () => {
  it('writes a professional as XCN with IDNPS (CI-SIS)', () => {
    expect(encodeXcn({ id: '899900000017', familyName: 'EXEMPLE', givenName: 'Noëlle' })).toBe(
      '899900000017^EXEMPLE^Noëlle^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS',
    );
  });

  it('writes a structure as XON with IDNST, a bare FINESS as Struct_IdNat', () => {
    const expected = 'RADIO TEST^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1750000001';
    expect(encodeXon({ id: '750000001', name: 'RADIO TEST' })).toBe(expected);
    expect(encodeXon({ id: '1750000001', name: 'RADIO TEST' })).toBe(expected);
  });

  it('escapes separators in a name, so that a name cannot forge a component', () => {
    expect(encodeXon({ id: '1750000001', name: 'A & B ^ C ~ D | E \\ F' })).toContain(
      'A \\T\\ B \\S\\ C \\R\\ D \\F\\ E \\E\\ F^^^^^&',
    );
  });

  it.each(['', '75^000', '75&1', 'a b', 'a|b', 'a~b', 'a\\b'])(
    'refuses the identifier %j: an identifier is never altered',
    (id) => {
      expect(errorOf(() => encodeXon({ id, name: 'X' }))).toEqual(invalid);
      expect(errorOf(() => encodeXcn({ id, familyName: 'X', givenName: 'Y' }))).toEqual(invalid);
      expect(errorOf(() => encodeCxi({ value: id }, 'accession'))).toEqual(invalid);
    },
  );

  it('keeps the number of components and the length whatever the names are', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.string({ maxLength: 400 }), (familyName, givenName) => {
        const xcn = encodeXcn({ id: '899900000017', familyName, givenName });
        expect(xcn.split('^')).toHaveLength(13);
        expect(xcn.length).toBeLessThanOrEqual(256);
        const xon = encodeXon({ id: '1750000001', name: familyName });
        expect(xon.split('^')).toHaveLength(10);
        expect(xon.length).toBeLessThanOrEqual(256);
        expect(xon).toMatch(/\^1750000001$/);
      }),
      { numRuns: 200 },
    );
  });

  it('gives the IPP with its authority, else the INS (CI-SIS: IPP otherwise INS)', () => {
    expect(encodeSourcePatientId({ ...patient, ipp: { value: 'IPP1', issuerOid: '1.2.250.1.999999.1' } })).toBe(
      'IPP1^^^&1.2.250.1.999999.1&ISO^PI',
    );
    expect(encodeSourcePatientId(patient)).toBe('199017512345657^^^&1.2.250.1.213.1.4.10&ISO^NH');
    expect(encodeSourcePatientId({ ...patient, ipp: { value: 'IPP1' } })).toMatch(/\^NH$/);
  });

  it('gives the traits of the INS, the birth place only when known', () => {
    expect(encodeSourcePatientInfo(patient)).toEqual(['PID-5|EXEMPLE^CAMILLE^^^^^L', 'PID-7|19900101', 'PID-8|F']);
    expect(encodeSourcePatientInfo({ ...patient, birthPlace: '2A004' }).at(-1)).toBe('PID-11|^^^^^^BDL^^2A004');
  });

  it('writes reference identifiers as CXi, with or without an authority', () => {
    expect(encodeCxi({ value: 'A1', issuerOid: '1.2.3' }, 'accession')).toBe(
      'A1^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:accession',
    );
    expect(encodeCxi({ value: '1.2', issuerOid: '' }, 'studyInstanceUid')).toBe(
      '1.2^^^^urn:ihe:iti:xds:2016:studyInstanceUID',
    );
  });

  it('writes times in UTC to the second (decision C4)', () => {
    expect(formatXdsTime(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe('20261231235959');
  });

  it('writes regions then modalities once each, in today’s schemes (decision C5)', () => {
    const concept = (code: string, codeSystem: string) => ({ code, codeSystem, displayName: code });
    expect(
      eventCodes(
        [concept('63337009', '1.2.250.1.213.2.5'), concept('63337009', '2.16.840.1.113883.6.96')],
        [concept('MR', '1.2.250.1.213.1.1.5.618'), concept('PT', '')],
      ).map(({ code, codeSystem }) => `${codeSystem}^${code}`),
    ).toEqual(['2.16.840.1.113883.6.96^63337009', '1.2.840.10008.2.16.4^MR', '1.2.840.10008.2.16.4^PT']);
  });
});
