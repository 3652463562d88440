/** Whole reports as a RIS sends them, about 330 kB each. Every patient is invented, under the test OID of the INS. */
import { buildExamination } from '../../test/fixtures/examination.ts';

/** A PDF of that size makes a CDA of 245 kB, and a message of 330 kB. */
const pdfBytes = 181_000;

/** Woman, born in March 1985, département 75: 13 digits and their key. */
const insOf = (patientNumber: number): string => {
  const digits = String(2_850_375_000_000 + patientNumber);
  const key = 97n - (BigInt(digits) % 97n);
  return digits + String(key).padStart(2, '0');
};

export interface InventedReport {
  readonly studyInstanceUid: string;
  readonly message: Uint8Array;
}

/**
 * @param number         of the report, of its study and of its document
 * @param patientNumber  reports of one number are of one patient
 */
export const buildInventedReport = (number: number, patientNumber: number): InventedReport => {
  const value = insOf(patientNumber);
  const ipp = `IPP-${patientNumber}`;
  const ippOid = '1.2.250.1.999999.1.1';
  const { studyInstanceUid, message } = buildExamination({
    number,
    instancesPerSeries: 1,
    cda: {
      pdfBytes,
      patient: { ins: [{ value, oid: '1.2.250.1.213.1.4.10' }], localIds: [{ value: ipp, issuerOid: ippOid }] },
    },
    message: {
      patient: {
        ...{ ins: value, ipp, ippOid, birthFamilyName: 'EXEMPLE', firstBirthGivenName: 'CAMILLE' },
        ...{ birthDate: '19850321', sex: 'F', birthPlace: '75112' },
      },
    },
  });
  return { studyInstanceUid, message };
};
