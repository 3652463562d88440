/** The reports of one examination, one after the other, as a RIS would send them. Everything is invented. */
import { buildCtStudy, buildKeyObject, inventedSeries, type InventedInstance } from '../fixtures/dicom/index.ts';
import { buildExamination, examinationStudy, type ExaminationOptions } from '../fixtures/examination.ts';

type Changes = Pick<ExaminationOptions, 'message' | 'cda' | 'form'>;

export const documentIdOf = (number: number, version: number): string =>
  version === 1 ? `1.2.250.1.999999.20.${number}` : `1.2.250.1.999999.20.${number}.${version}`;

/** Version 1 of the report of an examination. */
export const buildInitial = (number: number, changes: Changes = {}): Uint8Array =>
  buildExamination({ number, ...changes }).message;

/** A later version, which replaces the one before it unless told. */
export const buildReplacement = (
  number: number,
  version: number,
  changes: Changes & { readonly parent?: string } = {},
): Uint8Array => {
  const { parent = documentIdOf(number, version - 1), message, cda, ...others } = changes;
  const root = documentIdOf(number, version);
  return buildExamination({
    number,
    ...others,
    cda: { documentId: { root }, replaces: [{ root: parent }], versionNumber: version, ...cda },
    message: {
      controlId: `EX${number}-V${version}`,
      action: 'replace',
      documentId: root,
      parentDocumentId: parent,
      ...message,
    },
  }).message;
};

/** Takes that version back. */
export const buildReportDeletion = (number: number, version: number, changes: Changes = {}): Uint8Array => {
  const root = documentIdOf(number, version);
  const { message, cda, ...others } = changes;
  return buildExamination({
    number,
    ...others,
    cda: { documentId: { root }, ...cda },
    message: { controlId: `EX${number}-D${version}`, action: 'delete', documentId: root, ...message },
  }).message;
};

/** Another invented patient, whose images carry the same local identifier: the report was written for the wrong one. */
export const otherPatient = { value: '185047512345657', oid: '1.2.250.1.213.1.4.10' };

/** What makes a message and its report be about the other patient. */
export const aboutOtherPatient: Changes = {
  cda: { patient: { ins: [otherPatient], sex: 'M' } },
  message: { patient: { ins: otherPatient.value, ipp: 'IPP-0042', birthDate: '19850321', sex: 'M' } },
};

/** The images of an examination: the larger study has those of the smaller one, and more. */
export const imagesOf = (
  number: number,
  seriesCount: number,
  instancesPerSeries: number,
): readonly InventedInstance[] =>
  buildCtStudy({ number, seriesCount, instancesPerSeries, study: examinationStudy(number) });

export const rejectionTitles = {
  '113001': 'Rejected for Quality Reasons',
  '113037': 'Rejected for Patient Safety Reasons',
  '113038': 'Incorrect Modality Worklist Entry',
  '113039': 'Data Retention Policy Expired',
} as const;
export type RejectionTitle = keyof typeof rejectionTitles;

/** A rejection note (IHE RAD IOCM) in a series of its own. */
export const buildNote = (
  number: number,
  title: RejectionTitle,
  rejected: readonly InventedInstance[],
  noteNumber = 1,
): InventedInstance => {
  const study = examinationStudy(number);
  const series = inventedSeries(study, 90 + noteNumber, 'KO', { bodyPartExamined: '' });
  return buildKeyObject(study, series, noteNumber, [title, rejectionTitles[title]], rejected);
};
