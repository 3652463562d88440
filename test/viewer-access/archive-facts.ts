/**
 * What the archive says of a report and its studies, and who asks: invented, each part to be changed by a test. The INS has a
 * test OID.
 */
import { expect } from 'vitest';
import type {
  LinkedReport,
  LinkedStudy,
  ReportLinkFacts,
  ServedManifest,
  Serving,
  ServingRefusal,
} from '../../plugin/archive/index.ts';
import type { InsIdentifier, PatientIdentity } from '../../plugin/standards/index.ts';
import {
  type AccessPorts,
  decideAccess,
  type IdentityAnswer,
  type ReportLink,
  type StudyPatient,
  type Viewer,
} from '../../plugin/viewer-access/index.ts';

export interface Traits {
  readonly name: string;
}

export const camille: InsIdentifier = { value: '285031234567869', oid: '1.2.250.1.213.1.4.10' };
export const alex: InsIdentifier = { value: '190031234567869', oid: '1.2.250.1.213.1.4.10' };
export const patientOf = (ins: InsIdentifier, birthFamilyName = 'EXEMPLE'): PatientIdentity => ({
  ins,
  birthFamilyName,
  firstBirthGivenName: 'CAMILLE',
  birthGivenNames: 'CAMILLE',
  birthDate: '19850321',
  sex: 'F',
  birthPlace: '63113',
});

export const study = '1.2.250.1.999999.30.1';
export const otherStudy = '1.2.250.1.999999.30.2';
export const series = '1.2.250.1.999999.30.1.1';
export const root = '1.2.250.1.999999.20.1';
export const kosOf = (uid: string): string => `${uid}.99`;
export const link: ReportLink = {
  studyInstanceUid: study,
  accessionNumber: 'ACN-1',
  reportId: { root, extension: 'CR' },
};
export const key = `${root}^CR`;
export const author = '810000000001';

export const reportOf = (changes: Partial<LinkedReport> = {}): LinkedReport => ({
  id: 7,
  documentKey: key,
  state: 'current',
  ins: camille,
  patient: patientOf(camille),
  orders: [{ accessionNumber: { value: 'ACN-1' } }],
  studies: [study],
  ...changes,
});
export const studyOf = (uid = study, changes: Partial<LinkedStudy> = {}): LinkedStudy => ({
  studyInstanceUid: uid,
  kosSopInstanceUid: kosOf(uid),
  manifestPatient: patientOf(camille),
  accessionNumbers: ['ACN-1'],
  ...changes,
});
export const manifestOf = (uid = study, changes: Partial<ServedManifest> = {}): ServedManifest => ({
  submissionId: 1,
  studyInstanceUid: uid,
  ins: camille,
  structureId: '1990000001',
  series: new Map([[series, [{ sopInstanceUid: `${series}.1`, sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }]]]),
  restrictions: { maskedFromProfessionals: false, invisibleToPatient: false, invisibleToRepresentatives: false },
  authorIds: [author],
  ...changes,
});
export const restricted = (...names: readonly (keyof ServedManifest['restrictions'])[]): Partial<ServedManifest> => ({
  restrictions: { ...manifestOf().restrictions, ...Object.fromEntries(names.map((name) => [name, true])) },
});

export interface World {
  readonly facts?: Partial<ReportLinkFacts>;
  readonly servings?: Readonly<Record<string, Serving>>;
  readonly match?: (traits: Traits, patient: StudyPatient) => 'match' | 'mismatch' | 'refused';
}

const answerOf = (kind: IdentityAnswer['kind']): IdentityAnswer =>
  kind === 'mismatch' ? { kind, reasons: ['birth-date-differs'] } : { kind };

export const portsOf = ({ facts = {}, servings = {}, match = () => 'match' }: World): AccessPorts<Traits> => ({
  loadReportLink: ({ studyInstanceUid, documentKey }) => {
    expect({ studyInstanceUid, documentKey }).toEqual({ studyInstanceUid: study, documentKey: key });
    return Promise.resolve({ reports: [reportOf()], studies: [studyOf()], ...facts });
  },
  findStandingManifest: (uid) => Promise.resolve(uid === study ? kosOf(study) : undefined),
  loadServing: (kos) => {
    const uid = kos.slice(0, -3);
    return Promise.resolve(servings[uid] ?? { kind: 'served', manifest: manifestOf(uid) });
  },
  matchIdentity: (traits, archived, uid) => {
    // What counts against a person is the asked study alone.
    expect(uid).toBe(study);
    return Promise.resolve(answerOf(match(traits, archived)));
  },
  compareIdentity: (traits, archived) => answerOf(match(traits, archived)),
});
export const served = (manifest: ServedManifest): Serving => ({ kind: 'served', manifest });
export const closed = (why: ServingRefusal): Serving => ({ kind: 'refused', why });

export const patient: Viewer<Traits> = { kind: 'patient', traits: { name: 'EXEMPLE' } };
export const doctor: Viewer<Traits> = { kind: 'professional', nationalId: '810000000099' };
export const writer: Viewer<Traits> = { kind: 'professional', nationalId: author };
export const everybody = [
  ['the patient', patient],
  ['a professional', doctor],
  ['the author', writer],
] as const;

export const decide = (world: World, viewer: Viewer<Traits>, asked: ReportLink = link) =>
  decideAccess(portsOf(world), asked, viewer);
export const grant = (uid = study) => ({
  studyInstanceUid: uid,
  kosSopInstanceUid: kosOf(uid),
  ins: camille,
});
