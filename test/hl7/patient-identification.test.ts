import { describe, expect, test } from 'vitest';
import { buildOru } from '../peers/ris/index.ts';
import { cda, parseReport, refusalOf, setField } from './invented.ts';

const patientWith = (field: number, value: string) =>
  parseReport(buildOru({ cda, edit: setField('PID', field, value) })).patient;
const ins = (value: string, extra = ''): string => `${value}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS${extra}`;

describe('identifiers (PID-3)', () => {
  test('chooses by OID and type, not by order', () => {
    const patient = patientWith(3, `IPP9^^^AUT&1.2.250.1.999999.1.1&ISO^PI~ANY^^^X^VN~${ins('290017512345604')}`);
    expect(patient.ins).toEqual({
      value: '290017512345604',
      oid: '1.2.250.1.213.1.4.10',
      issuer: 'ASIP-SANTE-INS-NIR',
    });
    expect(patient.ipp).toEqual({ value: 'IPP9', issuerOid: '1.2.250.1.999999.1.1' });
  });

  test('an IPP whose authority has a name only has no issuer OID', () => {
    expect(patientWith(3, 'IPP9^^^AUT-EXEMPLE^PI').ipp).toEqual({ value: 'IPP9' });
  });

  test('an identifier of type INS without a national OID is given as it is, to be refused by comparison', () => {
    expect(patientWith(3, '290017512345604^^^X&1.2.3&ISO^INS').ins?.oid).toBe('1.2.3');
    const both = patientWith(3, `190017512345604^^^X&1.2.3&ISO^INS~${ins('290017512345604')}`);
    expect(both.ins?.value).toBe('290017512345604');
  });

  test('leaves out an INS whose validity ended (history of the identity)', () => {
    const old = ins('190017512345604', '^^20200101^20240101');
    expect(patientWith(3, `${old}~${ins('290017512345604', '^^20240101')}`).ins?.value).toBe('290017512345604');
  });

  test('refuses two current INS: which patient is it', () => {
    const two = `${ins('190017512345604')}~${ins('290017512345604')}`;
    expect(refusalOf(() => patientWith(3, two))).toBe('hl7/field-invalid PID^1^3');
    expect(patientWith(3, `${ins('290017512345604')}~${ins('290017512345604')}`).ins?.value).toBe('290017512345604');
  });
});

describe('traits', () => {
  test('reads birth name from type L and used name from type D, in any order', () => {
    expect(patientWith(5, 'DUSAGE^ANNA^^^^^D~DENAISSANCE^ANNA^ANNA MARIE^^^^L')).toMatchObject({
      birthFamilyName: 'DENAISSANCE',
      firstBirthGivenName: 'ANNA',
      birthGivenNames: 'ANNA MARIE',
      usedFamilyName: 'DUSAGE',
      usedGivenName: 'ANNA',
    });
  });

  test('takes a single name without type for the birth name, but never a used name', () => {
    expect(patientWith(5, 'SEUL^ANNA').birthFamilyName).toBe('SEUL');
    expect(patientWith(5, 'DUSAGE^ANNA^^^^^D')).not.toHaveProperty('birthFamilyName');
  });

  test('reads the family name of a name with parts (FN)', () => {
    expect(patientWith(5, 'DE EXEMPLE&DE&EXEMPLE^ANNA^^^^^L').birthFamilyName).toBe('DE EXEMPLE');
  });

  test('reads the place of birth from the address of type BDL only', () => {
    expect(patientWith(11, '1 rue^^PARIS^^75007^FRA^H^^99999~^^^^^^BDL^^2A004').birthPlace).toBe('2A004');
    expect(patientWith(11, '1 rue^^PARIS^^75007^FRA^H^^99999')).not.toHaveProperty('birthPlace');
  });

  test('reads the date of a birth date with time, leaves out what is none', () => {
    expect(patientWith(7, '199001010830').birthDate).toBe('19900101');
    expect(patientWith(7, '1er janvier')).not.toHaveProperty('birthDate');
  });

  test('gives all identity statuses, so that VALI with another one is not VALI (decision A2)', () => {
    expect(patientWith(32, 'VALI').identityStatus).toBe('VALI');
    expect(patientWith(32, 'VALI~DOUB').identityStatus).toBe('VALI~DOUB');
    expect(patientWith(32, '')).not.toHaveProperty('identityStatus');
  });
});
