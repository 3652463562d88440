import { describe, expect, test } from 'vitest';
import type { ReportTransmission } from '../../plugin/hl7/index.ts';
import { type AdmissionRules, checkAdmission } from '../../plugin/publication/index.ts';
import type { ImagingReport } from '../../plugin/report/index.ts';
import type { CdaOverrides } from '../fixtures/report/build-cda.ts';
import type { MessagePatient, ReportMessageOptions } from '../peers/ris/index.ts';
import { readReport, readTransmission, refusalOf } from './reading.ts';

const testNir = '1.2.250.1.213.1.4.10';
const demonstrationNir = '1.2.250.1.213.1.4.11';
const nir = '1.2.250.1.213.1.4.8';
const nia = '1.2.250.1.213.1.4.9';
const insValue = '285037512345691';

const rules = (changes: Partial<AdmissionRules> = {}): AdmissionRules => ({
  environment: 'test',
  identityStatusAbsent: 'accept',
  ...changes,
});

const underOid = (oid: string): { cda: CdaOverrides; patient: MessagePatient } => ({
  cda: { patient: { ins: [{ value: insValue, oid }] } },
  patient: { insOid: oid },
});

const admit = (
  given: { cda?: CdaOverrides; patient?: MessagePatient; message?: Partial<ReportMessageOptions> },
  accepted: AdmissionRules = rules(),
): string =>
  refusalOf(() =>
    checkAdmission(
      readTransmission({ ...given.message, patient: { ...given.patient } }),
      readReport(given.cda),
      accepted,
    ),
  );

describe('environment (A1)', () => {
  const production = rules({ environment: 'production' });
  const mismatch = 'publication/environment-mismatch';
  test.each([
    ['test INS in test', testNir, 'T', rules(), 'accepted'],
    ['demonstration INS in test', demonstrationNir, 'T', rules(), 'accepted'],
    ['test INS in test, with MSH-11 P: test platforms send P', testNir, 'P', rules(), 'accepted'],
    ['production NIR in test', nir, 'P', rules(), `${mismatch} PID^1^3`],
    ['production NIA in test', nia, 'T', rules(), `${mismatch} PID^1^3`],
    ['production NIR in production', nir, 'P', production, 'accepted'],
    ['production NIA in production', nia, 'P', production, 'accepted'],
    ['test INS in production', testNir, 'P', production, `${mismatch} PID^1^3`],
    ['demonstration INS in production', demonstrationNir, 'P', production, `${mismatch} PID^1^3`],
    ['MSH-11 T in production', nir, 'T', production, `${mismatch} MSH^1^11`],
    ['MSH-11 D in production', nir, 'D', production, `${mismatch} MSH^1^11`],
  ] as const)('%s', (_title, oid, processingId, given, outcome) => {
    expect(admit({ ...underOid(oid), message: { processingId } }, given)).toBe(outcome);
  });

  test('a test INS in the message of a production report is refused though the report is right', () => {
    const { cda } = underOid(nir);
    expect(admit({ cda: cda ?? {}, patient: { insOid: testNir }, message: { processingId: 'P' } }, production)).toBe(
      `${mismatch} PID^1^3`,
    );
  });
});

describe('same patient in PID and report (A2)', () => {
  const mismatch = 'publication/patient-mismatch PID^1^3';
  const cases: readonly (readonly [string, { cda?: CdaOverrides; patient?: MessagePatient }, string])[] = [
    ['same INS, OID and IPP', {}, 'accepted'],
    ['another INS', { patient: { ins: '185037512345698' } }, mismatch],
    ['the same INS under another test OID', { patient: { insOid: demonstrationNir } }, mismatch],
    ['no INS in PID-3', { patient: { ins: null } }, mismatch],
    ['another IPP of the same authority', { patient: { ipp: 'IPP-0043' } }, mismatch],
    ['no IPP in PID: not compared', { patient: { ipp: null } }, 'accepted'],
    ['no IPP in the report: not compared', { cda: { patient: { localIds: [] } } }, 'accepted'],
    [
      'another IPP, of another authority: not comparable',
      { patient: { ipp: 'AUTRE-1', ippOid: '1.2.250.1.999999.7' } },
      'accepted',
    ],
    [
      'one of several local identifiers of the report is that of PID',
      {
        cda: {
          patient: {
            localIds: [
              { value: 'ANCIEN', issuerOid: '1.2.250.1.999999.1.1' },
              { value: 'IPP-0042', issuerOid: '1.2.250.1.999999.1.1' },
            ],
          },
        },
      },
      'accepted',
    ],
    [
      'IPP without authority in the report: compared by its value',
      { cda: { patient: { localIds: [{ value: 'IPP-0043' }] } } },
      mismatch,
    ],
  ];
  test.each(cases)('%s', (_title, given, outcome) => {
    expect(admit(given)).toBe(outcome);
  });

  test('a report without IPP and a PID whose IPP has no authority are not refused', () => {
    expect(admit({ cda: { patient: { localIds: [] } }, patient: { ippOid: '' } })).toBe('accepted');
  });
});

describe('qualified identity (A2, PID-32)', () => {
  const refused = 'publication/identity-not-validated PID^1^32';
  test.each([
    ['VALI is taken', 'VALI', 'refuse', 'accepted'],
    ['PROV is refused', 'PROV', 'accept', refused],
    ['VIDE is refused', 'VIDE', 'accept', refused],
    ['VALI and DOUTE together are refused', 'VALI~DOUTE', 'accept', refused],
    ['absent is taken where the RIS is configured so', null, 'accept', 'accepted'],
    ['absent is refused where the RIS is configured so', null, 'refuse', refused],
  ] as const)('%s', (_title, identityStatus, identityStatusAbsent, outcome) => {
    expect(admit({ patient: { identityStatus } }, rules({ identityStatusAbsent }))).toBe(outcome);
  });
});

describe('remarks that do not refuse', () => {
  const warningsOf = (patient: MessagePatient, message: Partial<ReportMessageOptions> = {}): readonly string[] =>
    checkAdmission(readTransmission({ ...message, patient }), readReport(), rules());

  test.each([
    ['birth name', { birthFamilyName: 'AUTRE' }, 'pid-differs:birth-name'],
    ['first given name', { firstBirthGivenName: 'LOU' }, 'pid-differs:first-given-name'],
    ['birth date', { birthDate: '19850322' }, 'pid-differs:birth-date'],
    ['sex', { sex: 'M' }, 'pid-differs:sex'],
    ['birth place', { birthPlace: '75113' }, 'pid-differs:birth-place'],
  ])('another %s is said, without the values', (_title, patient, warning) => {
    expect(warningsOf(patient)).toContain(warning);
  });

  test('capitals and absent traits are no difference', () => {
    const warnings = warningsOf({ birthFamilyName: 'Exemple', firstBirthGivenName: 'camille', birthPlace: '' });
    expect(warnings.filter((warning) => warning.startsWith('pid-differs'))).toEqual([]);
  });

  const withTxa = (documentId: string): [ReportTransmission, ImagingReport] => [
    { ...readTransmission(), documentId },
    readReport({ documentId: { root: '1.2.250.1.999999.20.7', extension: 'cr-1' } }),
  ];
  test.each([
    ['the root alone', '1.2.250.1.999999.20.7', false],
    ['root and extension', '1.2.250.1.999999.20.7^cr-1', false],
    ['another root', '1.2.250.1.999999.20.8', true],
    ['another extension', '1.2.250.1.999999.20.7^cr-2', true],
  ])('TXA-12 with %s: differs is %s', (_title, documentId, differs) => {
    const [transmission, report] = withTxa(documentId);
    expect(checkAdmission(transmission, report, rules()).includes('txa-12-differs')).toBe(differs);
  });

  test('remarks of the message and of the report are kept', () => {
    const transmission = readTransmission({ flags: { DESTDMP: null } });
    const report = readReport({ studies: [{ modalities: ['RM'] }] });
    const warnings = checkAdmission(transmission, report, rules());
    expect(warnings).toContain('flag-missing:DESTDMP');
    expect(warnings).toContain('modality-read-as-mr:1');
  });
});
