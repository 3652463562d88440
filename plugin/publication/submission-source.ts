/** From report and PACS to the metadata of the submission (facts/cisis.md §3, decision C5). Pure. */
import type { TransmissionHeader } from '../archive/index.ts';
import type { SubmissionMetadata } from '../dmp/index.ts';
import { DrimboxError } from '../errors.ts';
import type { SeriesContent, StudyContent } from '../orthanc/index.ts';
import type { ImagingReport, ReportedStudy } from '../report/index.ts';
import {
  contentTypeConcept,
  contentTypeOfPatientClass,
  modalityConcept,
  structIdNat,
  toUtcDtm,
  type CodedConcept,
  type HealthOrganization,
  type HealthProfessional,
  type ImagingOrder,
  type Visibility,
} from '../standards/index.ts';

export interface SubmissionSource {
  readonly report: ImagingReport;
  readonly transmission: TransmissionHeader;
  readonly reported: ReportedStudy;
  readonly order: ImagingOrder | undefined;
  readonly person: HealthProfessional;
  readonly organization: HealthOrganization;
  readonly visibility: Visibility;
  readonly study: StudyContent;
  readonly series: readonly SeriesContent[];
  readonly timeZone: string;
  readonly sourceId: string;
  readonly senderContentType: string | undefined;
  readonly defaultContentType: string;
}

export interface SubmissionIds {
  readonly documentUniqueId: string;
  readonly submissionSetUniqueId: string;
  readonly signatureUniqueId: string;
  readonly atUtcMs: number;
}

/** Acquisition modalities of the PACS; only when it names none, those of the report. */
const modalitiesOf = (source: SubmissionSource): readonly CodedConcept[] => {
  const codes = new Set(source.series.map((series) => series.modality));
  const known = [...codes].flatMap((code) => modalityConcept(code) ?? []);
  return known.length > 0 ? known : source.reported.modalities;
};

const distinct = (concepts: readonly CodedConcept[]): readonly CodedConcept[] => [
  ...new Map(concepts.map((concept) => [concept.code, concept])).values(),
];

/** From the patient class of the message, else what is agreed with the sender, else the site's default. */
export const contentTypeOf = (source: {
  readonly patientClass: string | undefined;
  readonly senderContentType: string | undefined;
  readonly defaultContentType: string;
}): CodedConcept => {
  const byClass = contentTypeOfPatientClass(source.patientClass ?? '');
  const code = source.senderContentType ?? source.defaultContentType;
  const concept = byClass ?? contentTypeConcept(code);
  if (concept !== undefined) return concept;
  throw new DrimboxError('report/field-invalid', { detail: `contentTypeCode ${code} is not in the table` });
};

const required = (concept: CodedConcept | undefined, what: string): CodedConcept => {
  if (concept !== undefined) return concept;
  throw new DrimboxError('report/field-missing', { detail: `the report has no ${what}`, context: { location: what } });
};

/** Of the exam as the report times it, else as the PACS does, else of the report itself; UTC. */
const serviceStartOf = ({ reported, study, report, timeZone }: SubmissionSource): string => {
  const fromPacs = /^\d{8}$/.test(study.studyDate)
    ? study.studyDate + (/^\d{6}/.exec(study.studyTime)?.[0] ?? '')
    : undefined;
  return toUtcDtm(reported.start ?? fromPacs ?? report.effectiveTime, timeZone);
};

/** @throws report/field-missing, report/field-invalid, standards/date-invalid */
export const submissionMetadataOf = (source: SubmissionSource, ids: SubmissionIds): SubmissionMetadata => {
  const { report, reported, person, organization } = source;
  return {
    patient: report.patient,
    author: { person, organization: { ...organization, id: structIdNat(organization.id) } },
    legalAuthenticator: report.legalAuthenticator?.person ?? person,
    contentType: contentTypeOf({ ...source, patientClass: source.transmission.patientClass }),
    facilityType: required(report.facilityType, 'healthCareFacility/code'),
    practiceSetting: required(reported.practiceSetting ?? report.practiceSetting, 'standardIndustryClassCode'),
    visibility: source.visibility,
    confidentiality: report.confidentiality,
    modalities: distinct(modalitiesOf(source)),
    regions: distinct(reported.regions),
    studyInstanceUid: reported.studyInstanceUid,
    order: source.order ?? {},
    serviceStartUtc: serviceStartOf(source),
    ...(reported.stop === undefined ? {} : { serviceStopUtc: toUtcDtm(reported.stop, source.timeZone) }),
    submissionSetUniqueId: ids.submissionSetUniqueId,
    sourceId: source.sourceId,
    signatureUniqueId: ids.signatureUniqueId,
    documentUniqueId: ids.documentUniqueId,
    documentCreatedAtUtcMs: ids.atUtcMs,
    submittedAtUtcMs: ids.atUtcMs,
  };
};
