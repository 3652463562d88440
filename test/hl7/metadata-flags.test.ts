import { describe, expect, test } from 'vitest';
import { buildOru, type FlagCode } from '../peers/ris/index.ts';
import { cda, parseReport, policy, refusalOf } from './invented.ts';

const flagged = (flags: Partial<Record<FlagCode, string | null>>) => parseReport(buildOru({ cda, flags }));
const withObservation = (observation: string) =>
  parseReport(buildOru({ cda, edit: (segments) => [...segments, observation] }));
const none = {
  maskedFromProfessionals: false,
  invisibleToPatient: false,
  invisibleToRepresentatives: false,
  secretConnection: false,
};

describe('who may see the report (OBX MetaDMPMSS)', () => {
  test.each([
    ['MASQUE_PS', 'maskedFromProfessionals'],
    ['INVISIBLE_PATIENT', 'invisibleToPatient'],
    ['INVISIBLE_REP_LEGAUX', 'invisibleToRepresentatives'],
    ['CONNEXION_SECRETE', 'secretConnection'],
  ] as const)('%s sets %s and nothing else', (code, key) => {
    expect(flagged({ [code]: 'Y' }).visibility).toEqual({ ...none, [key]: true });
    expect(flagged({ [code]: 'N' }).visibility).toEqual(none);
  });

  test.each(['INVISIBLE_REPRESENTANTS_LEGAUX', 'INVISIBLE_REPRENSANTS_LEGAUX'])(
    'knows the older spelling %s (samples)',
    (code) => {
      const edit = (segments: string[]) => segments.map((one) => one.replace('INVISIBLE_REP_LEGAUX', code));
      const flags = { INVISIBLE_REP_LEGAUX: 'Y' };
      expect(parseReport(buildOru({ cda, flags, edit })).visibility.invisibleToRepresentatives).toBe(true);
    },
  );

  test('reads MODIF_CONF_CODE under both names, and DESTDMP', () => {
    expect(flagged({ MODIF_CONF_CODE: 'Y' }).changesConfidentiality).toBe(true);
    const edit = (segments: string[]) =>
      segments.map((one) => one.replace('MODIF_CONF_CODE', 'MODIF_CONFIDENTIALITYCODE'));
    expect(parseReport(buildOru({ cda, flags: { MODIF_CONF_CODE: 'Y' }, edit })).changesConfidentiality).toBe(true);
    expect(flagged({ DESTDMP: 'N' }).sentToDmp).toBe(false);
  });

  test('a known code hides the document whatever coding system is written', () => {
    const edit = (segments: string[]) => segments.map((one) => one.replace('^MetaDMPMSS', ''));
    expect(parseReport(buildOru({ cda, flags: { INVISIBLE_PATIENT: 'Y' }, edit })).visibility.invisibleToPatient).toBe(
      true,
    );
  });

  test('refuses a restriction it does not know: misspelled, it would show what is to be hidden', () => {
    const code = 'OBX|9|CE|INVISIBLE_PATIENTS^x^MetaDMPMSS||Y^^expandedYes-NoIndicator||||||F';
    expect(refusalOf(() => withObservation(code))).toBe('hl7/value-unknown OBX^8^3');
  });

  test('ignores the codes of the messaging services, warns about others by their place only', () => {
    expect(withObservation('OBX|9|CE|DESTMSSANTEPAT^x^MetaDMPMSS||Y||||||F').warnings).toEqual([]);
    expect(withObservation('OBX|9|CE|NOM DU PATIENT^x^MetaDMPMSS||Y||||||F').warnings).toEqual(['flag-unknown:OBX^8']);
  });

  test.each(['O', '1', 'oui', 'TRUE'])('refuses the value %s', (value) => {
    expect(refusalOf(() => flagged({ INVISIBLE_PATIENT: value }))).toBe('hl7/value-unknown OBX^3^5');
  });

  test('reads a small y', () => {
    expect(flagged({ MASQUE_PS: 'y' }).visibility.maskedFromProfessionals).toBe(true);
  });

  test('refuses a flag given twice with two values, accepts it twice with one', () => {
    const again = (value: string) => `OBX|9|CE|MASQUE_PS^x^MetaDMPMSS||${value}||||||F`;
    expect(refusalOf(() => withObservation(again('Y')))).toBe('hl7/field-invalid OBX^8^5');
    expect(withObservation(again('N')).visibility).toEqual(none);
  });
});

describe('absent flags follow the agreement with the sender', () => {
  test('assume-no: N with a warning', () => {
    const transmission = flagged({ MASQUE_PS: null, INVISIBLE_PATIENT: '' });
    expect(transmission.visibility).toEqual(none);
    expect(transmission.warnings).toEqual(['flag-missing:MASQUE_PS', 'flag-missing:INVISIBLE_PATIENT']);
  });

  test('refuse: error 101', () => {
    const bytes = buildOru({ cda, flags: { INVISIBLE_REP_LEGAUX: null } });
    expect(refusalOf(() => parseReport(bytes, { ...policy, missingFlag: 'refuse' }))).toBe('hl7/field-missing OBX');
  });

  test.each([
    ['send', true],
    ['do-not-send', false],
  ] as const)('DESTDMP absent: %s', (missingDestination, sentToDmp) => {
    const bytes = buildOru({ cda, flags: { DESTDMP: null } });
    const transmission = parseReport(bytes, { missingFlag: 'refuse', missingDestination });
    expect(transmission.sentToDmp).toBe(sentToDmp);
    expect(transmission.warnings).toEqual(['flag-missing:DESTDMP']);
  });
});
