/**
 * May this report be taken? The checks that need neither PACS nor DMP, made before the acknowledgment (decisions A1, A2, B3).
 */
import { DrimboxError } from '../errors.ts';
import type { ReportTransmission } from '../hl7/index.ts';
import type { ImagingReport } from '../report/index.ts';
import { documentIdKey, insOids, isInsOid } from '../standards/index.ts';

export interface AdmissionRules {
  readonly environment: 'test' | 'production';
  /** What to do with a message that does not say whether the identity is qualified (PID-32 absent). */
  readonly identityStatusAbsent: 'accept' | 'refuse';
}

/** A1: a test message has no business in production. @throws publication/environment-mismatch */
export const checkProcessingId = (environment: AdmissionRules['environment'], processingId: string): void => {
  if (environment !== 'production' || processingId === 'P') return;
  throw new DrimboxError('publication/environment-mismatch', {
    detail: 'MSH-11 is not P and this DRIMbox is in production',
    context: { location: 'MSH^1^11' },
  });
};

/** MSH-10 has 199 characters at most (HL7 2.6); it is a key of the store. @throws hl7/field-invalid */
export const checkControlId = (controlId: string): void => {
  if (controlId.length <= 199 && !controlId.includes('\u0000')) return;
  throw new DrimboxError('hl7/field-invalid', { detail: 'MSH-10 too long', context: { location: 'MSH^1^10' } });
};

/** An OID has 256 characters at most, and so may have an extension. */
const maxDocumentKey = 512;

/** What cannot be kept is refused, not lost: U+0000 (PostgreSQL keeps none), identifiers too long for a key. */
export const checkStorable = (transmission: ReportTransmission, report: ImagingReport): void => {
  const { document: _document, ...header } = transmission;
  if (JSON.stringify([header, report]).includes('\\u0000')) {
    throw new DrimboxError('hl7/field-invalid', { detail: 'a value holds the character U+0000' });
  }
  const keys = [report.documentId, ...report.replaces].map(documentIdKey);
  if ([...keys, transmission.parentDocumentId ?? ''].some((key) => key.length > maxDocumentKey)) {
    throw new DrimboxError('report/field-invalid', { detail: 'a document identifier is too long' });
  }
};

/** A1: a test identity has no business in production, and the reverse. */
const checkEnvironment = (transmission: ReportTransmission, report: ImagingReport, rules: AdmissionRules): void => {
  checkProcessingId(rules.environment, transmission.processingId);
  for (const oid of [report.patient.ins.oid, transmission.patient.ins?.oid]) {
    if (oid === undefined || !isInsOid(oid)) continue;
    if (insOids[oid].environment !== rules.environment) {
      throw new DrimboxError('publication/environment-mismatch', {
        detail: `INS of the ${insOids[oid].environment} environment (${oid}) in a DRIMbox of ${rules.environment}`,
        context: { location: 'PID^1^3' },
      });
    }
  }
};

/** A2: INS value and OID are equal, and so are the local identifiers where both carry one of the same authority. */
const checkPatient = (transmission: ReportTransmission, report: ImagingReport): void => {
  const mismatch = (detail: string) =>
    new DrimboxError('publication/patient-mismatch', { detail, context: { location: 'PID^1^3' } });
  const { ins, ipp } = transmission.patient;
  if (ins === undefined) throw mismatch('PID-3 carries no INS');
  if (ins.value !== report.patient.ins.value || ins.oid !== report.patient.ins.oid) {
    throw mismatch('the INS of PID-3 is not that of the report');
  }
  const comparable = report.localPatientIds.filter(
    (local) => local.issuerOid === undefined || ipp?.issuerOid === undefined || local.issuerOid === ipp.issuerOid,
  );
  if (ipp !== undefined && comparable.length > 0 && !comparable.some((local) => local.value === ipp.value)) {
    throw mismatch('the local identifier (IPP) of PID-3 is not that of the report');
  }
};

/** A2: PID-32 present must be VALI (qualified identity). */
const checkIdentityStatus = (transmission: ReportTransmission, rules: AdmissionRules): void => {
  const status = transmission.patient.identityStatus;
  const isRefused = status === undefined || status === '' ? rules.identityStatusAbsent === 'refuse' : status !== 'VALI';
  if (isRefused) {
    throw new DrimboxError('publication/identity-not-validated', {
      detail: 'PID-32 is not VALI',
      context: { location: 'PID^1^32' },
    });
  }
};

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  a === undefined || a === '' || b === undefined || b === '' || a.toUpperCase() === b.toUpperCase();

/** Differences that do not refuse: the report (CDA) is believed, the journal says so. Codes only, no values. */
const warningsOf = (transmission: ReportTransmission, report: ImagingReport): readonly string[] => {
  const { patient, documentId } = transmission;
  const differing = [
    sameText(patient.birthFamilyName, report.patient.birthFamilyName) ? undefined : 'birth-name',
    sameText(patient.firstBirthGivenName, report.patient.firstBirthGivenName) ? undefined : 'first-given-name',
    sameText(patient.birthDate, report.patient.birthDate) ? undefined : 'birth-date',
    sameText(patient.sex, report.patient.sex) ? undefined : 'sex',
    sameText(patient.birthPlace, report.patient.birthPlace) ? undefined : 'birth-place',
  ].filter((field) => field !== undefined);
  const isOtherDocument =
    documentId !== undefined &&
    documentId.toUpperCase() !== report.documentId.root.toUpperCase() &&
    documentId !== documentIdKey(report.documentId);
  return [
    ...transmission.warnings,
    ...report.warnings,
    ...differing.map((field) => `pid-differs:${field}`),
    ...(isOtherDocument ? ['txa-12-differs'] : []),
  ];
};

/**
 * @returns warnings for the journal, as short codes without identity
 * @throws publication/environment-mismatch, publication/patient-mismatch, publication/identity-not-validated
 */
export const checkAdmission = (
  transmission: ReportTransmission,
  report: ImagingReport,
  rules: AdmissionRules,
): readonly string[] => {
  checkEnvironment(transmission, report, rules);
  checkPatient(transmission, report);
  checkIdentityStatus(transmission, rules);
  return warningsOf(transmission, report);
};
