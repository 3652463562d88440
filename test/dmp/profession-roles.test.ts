import { describe, expect, it } from 'vitest';
import { rolesFromSpecialty } from '../../plugin/dmp/index.ts';

const roles = (code: string, displayName: string) =>
  rolesFromSpecialty({ code, codeSystem: '1.2.250.1.213.1.1.4.5', displayName }).map(
    (role) => `${role.code}^${role.codeSystem}^${role.displayName}`,
  );

describe('roles of a VIHF', () => {
  it('splits profession and speciality (JDV_J65: two roles for a physician)', () => {
    expect(roles('G15_10/SM44', 'Médecin - Radio-diagnostic (SM)')).toEqual([
      '10^1.2.250.1.71.1.2.7^Médecin',
      'SM44^1.2.250.1.71.4.2.5^Radio-diagnostic (SM)',
    ]);
  });

  it('has one role for a profession without specialities', () => {
    expect(roles('G15_98', 'Manipulateur ERM')).toEqual(['98^1.2.250.1.71.1.2.7^Manipulateur ERM']);
  });

  it.each(['G15_10', 'G15_21'])('falls back to AUTOMATE for %s without a speciality: the DMP refuses it', (code) => {
    expect(roles(code, 'x')).toEqual(['AUTOMATE^1.2.250.1.213.1.1.4.6^Automate']);
  });

  it.each(['', 'SM44', 'G16_10/SM44', 'G15_10/SM44/X'])(
    'falls back to AUTOMATE for %j, which is not such a code',
    (code) => {
      expect(roles(code, 'x')).toEqual(['AUTOMATE^1.2.250.1.213.1.1.4.6^Automate']);
    },
  );

  it('falls back to AUTOMATE when the report codes no speciality', () => {
    expect(rolesFromSpecialty(undefined).map((role) => role.code)).toEqual(['AUTOMATE']);
  });
});
