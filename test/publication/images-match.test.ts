import { describe, expect, test } from 'vitest';
import type { ObjectIdentity } from '../../plugin/orthanc/index.ts';
import { matchImages } from '../../plugin/publication/index.ts';
import { parseImagingReport } from '../../plugin/report/index.ts';
import { buildCda } from '../fixtures/report/build-cda.ts';

const insOid = '1.2.250.1.213.1.4.10';
const report = parseImagingReport(buildCda({}));
const withoutIpp = parseImagingReport(buildCda({ patient: { localIds: [] } }));
const withoutAccession = parseImagingReport(
  buildCda({
    orders: [{ placerOrderNumber: { value: 'DEM-0001', issuerOid: '1.2.250.1.999999.1.2' } }],
    patient: { localIds: [] },
  }),
);

const identity = (over: Partial<ObjectIdentity>): ObjectIdentity => ({
  studyInstanceUid: '1.2.250.1.999999.10.1',
  seriesInstanceUid: '1.2.250.1.999999.10.1.1',
  sopInstanceUid: '1.2.250.1.999999.10.1.1.1',
  patientId: '',
  issuerOfPatientId: '',
  issuerOfPatientIdOid: '',
  otherPatientIds: [],
  patientName: '',
  patientBirthName: '',
  birthDate: '',
  sex: '',
  accessionNumber: '',
  accessionIssuerOid: '',
  accessionIssuer: '',
  specificCharacterSet: '',
  ...over,
});

const traits = { patientName: 'EXEMPLE^CAMILLE', birthDate: '19850321', sex: 'F' };

const cases: readonly (readonly [string, typeof report, Partial<ObjectIdentity>, string])[] = [
  ['accession number alone matches', report, { accessionNumber: 'ACC0001' }, 'matched'],
  ['accession number with padding matches', report, { accessionNumber: 'ACC0001 ' }, 'matched'],
  ['local identifier (IPP) alone matches', report, { patientId: 'IPP-0042' }, 'matched'],
  ['INS as PatientID matches', report, { patientId: '285037512345691' }, 'matched'],
  [
    'INS among OtherPatientIDs matches',
    withoutIpp,
    { patientId: 'LOCAL', otherPatientIds: [{ id: '285037512345691', issuer: '', issuerOid: insOid }] },
    'matched',
  ],
  [
    'another accession number is a contradiction, even with the right patient',
    report,
    { accessionNumber: 'OTHER', patientId: 'IPP-0042' },
    'accession-number',
  ],
  [
    'another patient identifier is a contradiction, even with the right accession',
    report,
    { accessionNumber: 'ACC0001', patientId: 'IPP-9999' },
    'patient-identifier',
  ],
  [
    'another INS is a contradiction, even with the right IPP',
    report,
    { patientId: 'IPP-0042', otherPatientIds: [{ id: '185037512345698', issuer: '', issuerOid: insOid }] },
    'patient-identifier',
  ],
  [
    'another name and birth date contradict, even with the right accession',
    withoutIpp,
    { accessionNumber: 'ACC0001', patientName: 'AUTRE^LUC', birthDate: '19500101' },
    'name-and-birth-date',
  ],
  [
    'a used name is no contradiction',
    report,
    { accessionNumber: 'ACC0001', patientName: 'EXEMPLE-MODELE^CAMILLE', birthDate: '19850321' },
    'matched',
  ],
  [
    'a wrong birth date alone is no contradiction',
    report,
    { accessionNumber: 'ACC0001', patientName: 'Exemple^Camille', birthDate: '19850322' },
    'matched',
  ],
  ['images without keys match by birth name, birth date and sex', report, traits, 'matched'],
  ['images without keys and another sex are a contradiction', report, { ...traits, sex: 'M' }, 'traits'],
  [
    'images without keys and another birth date are a contradiction',
    report,
    { ...traits, birthDate: '19850322' },
    'traits',
  ],
  [
    'images without keys and without birth date cannot be compared',
    report,
    { patientName: 'EXEMPLE^CAMILLE', sex: 'F' },
    'unmatched',
  ],
  [
    'images with a key that the report lacks do not fall back on traits',
    withoutAccession,
    { ...traits, patientId: 'LOCAL' },
    'unmatched',
  ],
  ['nothing at all cannot be compared', report, {}, 'unmatched'],
];

describe('images against report (A4)', () => {
  test.each(cases)('%s', (_title, given, over, expected) => {
    const match = matchImages([{ seriesInstanceUid: '1.2.3', identity: identity(over) }], given);
    expect(match.kind === 'contradiction' ? match.what : match.kind).toBe(expected);
  });

  test('one series of another patient holds the whole study', () => {
    const match = matchImages(
      [
        { seriesInstanceUid: '1.2.3', identity: identity({ accessionNumber: 'ACC0001' }) },
        { seriesInstanceUid: '1.2.4', identity: identity({ accessionNumber: 'ACC0002' }) },
      ],
      report,
    );
    expect(match).toEqual({ kind: 'contradiction', seriesInstanceUid: '1.2.4', what: 'accession-number' });
  });

  test('a study without series cannot be compared', () => {
    expect(matchImages([], report).kind).toBe('unmatched');
  });
});
