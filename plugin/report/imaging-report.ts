/**
 * An imaging report (CDA R2, level 1 or 3) as the rest of the DRIMbox sees it.
 *
 * Only the header is read; the body (a PDF or sections) is checked as XML and left alone.
 *
 * @see HL7 CDA R2 · CI-SIS IMG-CR-IMG 2024.01 · facts/cisis.md 2 · facts/spec.md b.1.4
 */
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';
import {
  type CodedConcept,
  type DocumentId,
  type HealthOrganization,
  type ImagingOrder,
  type IssuedIdentifier,
  oids,
  type PatientIdentity,
} from '../standards/index.ts';
import { authorPracticeSetting, parseFacilityType } from './care-setting.ts';
import { type CdaElement, cdaNamespace, only } from './cda-element.ts';
import { conceptOf } from './concepts.ts';
import { parseDocumentHeader } from './document-header.ts';
import { parseOrders } from './orders.ts';
import { type Participant, parseAuthors, parseCustodian, parseLegalAuthenticator } from './participants.ts';
import { parsePatient } from './patient.ts';
import { parseStudies, type ReportedStudy } from './studies.ts';
import { createWarningList, type Warn } from './warnings.ts';
import { parseXml } from './xml-document.ts';

/** Options of the room. */
export const reportOptions = z.strictObject({
  maxBytes: z
    .int()
    .positive()
    .default(20 * 1024 * 1024)
    .describe('Largest CDA document accepted, in bytes (20 MiB).'),
});

/** What the report says; nothing here was compared with the HL7 message or the PACS. */
export interface ImagingReport {
  /** An OID or a UUID, with or without extension. */
  readonly documentId: DocumentId;
  /** Never a key: different reports share one (decision B1). */
  readonly setId?: DocumentId;
  readonly versionNumber?: number;
  /** Documents that this one replaces (RPLC). */
  readonly replaces: readonly DocumentId[];
  /** 1: embedded PDF, 3: sections. */
  readonly level: 1 | 3;
  /** '' when there is none. */
  readonly title: string;
  /** HL7 timestamp as sent. */
  readonly effectiveTime: string;
  /** `fr-FR` when the report says none. */
  readonly languageCode: string;
  readonly confidentiality: CodedConcept;
  readonly patient: PatientIdentity;
  /** Every local identifier of the patient; the first is `patient.ipp`. */
  readonly localPatientIds: readonly IssuedIdentifier[];
  readonly authors: readonly Participant[];
  readonly legalAuthenticator?: Participant;
  readonly custodian?: HealthOrganization;
  readonly facilityType?: CodedConcept;
  /** Of the structure that performed the first study that says one, else of an author's structure. */
  readonly practiceSetting?: CodedConcept;
  readonly orders: readonly ImagingOrder[];
  /** At least one, in document order, each once (decision B4). */
  readonly studies: readonly ReportedStudy[];
  /** Remarks, without identities: codes of `warnings.ts`, those on one study with its position (`modality-unknown:1`). */
  readonly warnings: readonly string[];
}

/** LOINC "CR d'imagerie médicale". */
const imagingReportCode = '18748-4';

/**
 * Reads an imaging report.
 *
 * @param document  the CDA document, UTF-8, UTF-16, ISO-8859-1, ISO-8859-15 or windows-1252
 * @param limits    `maxBytes`, 20 MiB by default
 * @throws report/too-large, report/xml-invalid, report/xml-forbidden, report/not-a-cda, report/type-unsupported,
 *   report/field-missing, report/field-invalid, report/ins-missing, report/study-missing, standards/ins-invalid;
 *   those on a field carry `context.location`, its XPath
 * @see facts/cisis.md 2 · decisions A2, B1, B4
 */
export const parseImagingReport = (
  document: Uint8Array,
  limits: { readonly maxBytes: number } = reportOptions.parse({}),
): ImagingReport => {
  const { warn, list } = createWarningList();
  const { root, remarks } = parseXml(document, limits.maxBytes);
  for (const remark of remarks) warn(remark);
  const cda: CdaElement = { element: root, path: '/ClinicalDocument' };
  checkIsImagingReport(cda);

  const { identity, localIds } = parsePatient(cda, warn);
  const studies = parseStudies(cda, warn);
  const report = {
    ...parseDocumentHeader(cda, warn),
    patient: identity,
    localPatientIds: localIds,
    authors: parseAuthors(cda, warn),
    ...parseResponsibles(cda, studies, warn),
    orders: parseOrders(cda, warn),
    studies,
  };
  // Strings cut from the document keep all of it in memory, the PDF too: a clone does not.
  return structuredClone({ ...report, warnings: list() });
};

const checkIsImagingReport = (cda: CdaElement): void => {
  const { element } = cda;
  if (element.localName !== 'ClinicalDocument' || element.namespaceURI !== cdaNamespace) {
    throw new DrimboxError('report/not-a-cda', { context: { location: '/*' } });
  }
  const code = only(cda, 'code');
  const type = code === undefined ? undefined : conceptOf(code);
  if (type?.code !== imagingReportCode || type.codeSystem !== oids.loinc) {
    throw new DrimboxError('report/type-unsupported', { context: { location: `${cda.path}/code` } });
  }
};

/** Who answers for the report and in which setting. */
const parseResponsibles = (cda: CdaElement, studies: readonly ReportedStudy[], warn: Warn) => {
  const legalAuthenticator = parseLegalAuthenticator(cda, warn);
  const custodian = parseCustodian(cda);
  const facilityType = parseFacilityType(cda, warn);
  const performed = studies.find((study) => study.practiceSetting !== undefined);
  const practiceSetting = performed?.practiceSetting ?? authorPracticeSetting(cda, warn);
  if (practiceSetting === undefined) warn('practice-setting-missing');
  return {
    ...(legalAuthenticator === undefined ? {} : { legalAuthenticator }),
    ...(custodian === undefined ? {} : { custodian }),
    ...(facilityType === undefined ? {} : { facilityType }),
    ...(practiceSetting === undefined ? {} : { practiceSetting }),
  };
};
