/** Which patients have a record (DMP), open or closed. */
import type { Patient } from './vihf.ts';

export interface PatientRecord {
  readonly ins: string;
  readonly state: 'open' | 'closed';
}

export interface PatientDirectory {
  readonly stateOf: (patient: Patient) => 'open' | 'closed' | 'unknown';
}

const testInsOid = '1.2.250.1.213.1.4.10';

/** @param records  the only patients known; when absent every test INS has an open record */
export const createPatientDirectory = (records: readonly PatientRecord[] | undefined): PatientDirectory => ({
  stateOf: (patient) => {
    if (records === undefined) return patient.oid === testInsOid ? 'open' : 'unknown';
    return records.find(({ ins }) => ins === patient.ins)?.state ?? 'unknown';
  },
});
