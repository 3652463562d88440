/** Invented people, structure and examination for the tests of the stand-in. No such person, FINESS number or study exists. */
export interface SubmissionFacts {
  readonly patient: { readonly ins: string; readonly oid: string; readonly family: string; readonly given: string };
  readonly structureId: string;
  readonly structureName: string;
  readonly personId: string;
  readonly studyInstanceUid: string;
  readonly kosUniqueId: string;
  readonly setUniqueId: string;
  readonly signatureUniqueId: string;
  readonly nowMs: number;
  readonly replacesEntryUuid?: string;
}

/** A UID under 2.25 from a test's own counter. */
export const exampleUid = (series: number, number: number): string =>
  `2.25.99999900${series}${String(number).padStart(6, '0')}`;

/** Facts of the n-th submission: everything valid, all UIDs its own. */
export const exampleFacts = (number: number, changes: Partial<SubmissionFacts> = {}): SubmissionFacts => ({
  patient: { ins: '199017512345657', oid: '1.2.250.1.213.1.4.10', family: 'PAT-EXEMPLE', given: 'CAMILLE' },
  structureId: '1990000001',
  structureName: 'CLINIQUE EXEMPLE',
  personId: '899900000001',
  studyInstanceUid: exampleUid(1, number),
  kosUniqueId: exampleUid(2, number),
  setUniqueId: exampleUid(3, number),
  signatureUniqueId: exampleUid(4, number),
  nowMs: Date.now(),
  ...changes,
});

/** `YYYYMMDDHHMMSS` in UTC. */
export const utcDtm = (utcMs: number): string => new Date(utcMs).toISOString().replaceAll(/\D/g, '').slice(0, 14);

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
