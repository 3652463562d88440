/**
 * The invented world of the life-of-a-KOS story: a few people, each with a few studies, and how their reports and images are
 * written. Two INS for each person: reports are now and then written for the wrong one.
 */
import { buildCtInstance, buildKeyObject, inventedSeries } from '../fixtures/dicom/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import { buildCda, inventedPatient, inventedStudy as reportedStudy } from '../fixtures/report/build-cda.ts';
import { buildMdm, buildOmi, buildOru } from '../peers/ris/index.ts';

export const people = 5;
export const studiesPerPerson = 3;

/** Two series of three images. */
export const imagesPerStudy = 6;
const imagesPerSeries = 3;

export type StudyNumber = number;

export const allStudies: readonly StudyNumber[] = Array.from(
  { length: people * studiesPerPerson },
  (_, index) => index + 1,
);
export const personOf = (study: StudyNumber): number => Math.trunc((study - 1) / studiesPerPerson) + 1;
export const studiesOf = (person: number): readonly StudyNumber[] =>
  allStudies.filter((study) => personOf(study) === person);

export const uidOf = (study: StudyNumber): string => examinationStudy(study).studyInstanceUid;
/** Image 1–6 of a study. */
export const imageUidOf = (study: StudyNumber, image: number): string =>
  `${seriesUidOf(study, image)}.${((image - 1) % imagesPerSeries) + 1}`;
const seriesUidOf = (study: StudyNumber, image: number): string =>
  `${uidOf(study)}.${Math.trunc((image - 1) / imagesPerSeries) + 1}`;
export const imagesOfSeries = (series: 1 | 2): readonly number[] =>
  Array.from({ length: imagesPerSeries }, (_, index) => (series - 1) * imagesPerSeries + index + 1);

/** Under whose PatientID images stand in the PACS: their own, or somebody else's. */
export type Owner = 'own' | 'twin';

const patientIdOf = (study: StudyNumber, owner: Owner): string =>
  owner === 'own' ? `IPP-C${personOf(study)}` : `IPP-T${personOf(study)}`;

const studyFor = (study: StudyNumber, owner: Owner, edition: number) => {
  const invented = examinationStudy(study);
  return {
    ...invented,
    studyDescription: `${invented.studyDescription} ${edition}`,
    patient: { ...invented.patient, id: patientIdOf(study, owner) },
  };
};

/** @param edition  another one has other bytes under the same UIDs */
export const buildImage = (study: StudyNumber, image: number, owner: Owner, edition: number): Uint8Array => {
  const of = studyFor(study, owner, edition);
  const number = Math.trunc((image - 1) / imagesPerSeries) + 1;
  return buildCtInstance(of, inventedSeries(of, number, 'CT'), ((image - 1) % imagesPerSeries) + 1).bytes;
};

export const noteTitles = ['113001', '113037', '113038', '113039'] as const;
export type NoteTitle = (typeof noteTitles)[number];
export const noteUidOf = (study: StudyNumber, note: number): string => `${uidOf(study)}.${90 + note}.1`;

/** Rejects these images. `note` is 1, 2…: each in a series of its own. */
export const buildNote = (
  study: StudyNumber,
  note: number,
  title: NoteTitle,
  images: readonly number[],
): Uint8Array => {
  const of = studyFor(study, 'own', 0);
  const rejected = images.map((image) => ({
    studyInstanceUid: uidOf(study),
    seriesInstanceUid: seriesUidOf(study, image),
    sopInstanceUid: imageUidOf(study, image),
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  }));
  const series = inventedSeries(of, 90 + note, 'KO', { bodyPartExamined: '' });
  return buildKeyObject(of, series, 1, [title, 'Rejection'], rejected).bytes;
};

/** `P1`…: whose record a report is for. */
export type Record = 'first' | 'second';
const insOid = '1.2.250.1.213.1.4.10';
const insOf: Readonly<globalThis.Record<Record, { readonly value: string; readonly sex: 'F' | 'M' }>> = {
  first: { value: inventedPatient.ins[0]?.value ?? '', sex: 'F' },
  second: { value: '185047512345657', sex: 'M' },
};
export const insValueOf = (record: Record): string => insOf[record].value;

export interface Flags {
  readonly hiddenFromPatient: boolean;
  readonly maskedFromProfessionals: boolean;
}

/** One report as the story sends it. */
export interface Report {
  readonly controlId: string;
  readonly document: string;
  readonly action: 'initial' | 'replace' | 'delete';
  readonly parent?: string;
  readonly person: number;
  readonly record: Record;
  readonly studies: readonly StudyNumber[];
  readonly flags: Flags;
  readonly form: 'ORU' | 'MDM';
}

/** What the manifest of a report says of the act: it tells the version that was published. */
export const actOf = (document: string): string => `Acte ${document}`;

const orderOf = (study: StudyNumber) => ({
  placerOrderNumber: { value: `DEM-${study}`, issuerOid: '1.2.250.1.999999.1.2' },
  accessionNumber: { value: examinationStudy(study).accessionNumber, issuerOid: '1.2.250.1.999999.1.3' },
});

const yes = (flag: boolean): string => (flag ? 'Y' : 'N');

export const buildReport = (report: Report): Uint8Array => {
  const { value, sex } = insOf[report.record];
  const ipp = `IPP-C${report.person}`;
  const cda = buildCda({
    documentId: { root: report.document },
    patient: { ins: [{ value, oid: insOid }], sex, localIds: [{ value: ipp, issuerOid: '1.2.250.1.999999.1.1' }] },
    orders: report.studies.map(orderOf),
    studies: report.studies.map((study) => ({
      uids: [uidOf(study)],
      act: { ...reportedStudy.act, displayName: actOf(report.document) },
    })),
    replaces: report.parent === undefined ? [] : [{ root: report.parent }],
  });
  const { birthFamilyName, firstBirthGivenName, birthDate, birthPlace } = inventedPatient;
  return (report.form === 'MDM' ? buildMdm : buildOru)({
    cda,
    controlId: report.controlId,
    action: report.action,
    documentId: report.document,
    ...(report.parent === undefined ? {} : { parentDocumentId: report.parent }),
    patient: {
      ins: value,
      ipp,
      ippOid: '1.2.250.1.999999.1.1',
      birthFamilyName,
      firstBirthGivenName,
      birthDate,
      birthPlace,
      sex,
    },
    flags: {
      INVISIBLE_PATIENT: yes(report.flags.hiddenFromPatient),
      MASQUE_PS: yes(report.flags.maskedFromProfessionals),
    },
  });
};

export const buildHint = (studies: readonly StudyNumber[], controlId: string, orderControl: 'NW' | 'CA'): Uint8Array =>
  buildOmi({ studyInstanceUids: studies.map(uidOf), controlId, orderControl });
