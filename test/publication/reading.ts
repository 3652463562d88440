/** What the pure tests of publication share: an invented report and its transmission, read by our own rooms. */
import { DrimboxError } from '../../plugin/errors.ts';
import { parseHl7Message, parseReportTransmission, type ReportTransmission } from '../../plugin/hl7/index.ts';
import { type ImagingReport, parseImagingReport } from '../../plugin/report/index.ts';
import { buildCda, type CdaOverrides } from '../fixtures/report/build-cda.ts';
import { buildOru, type MessagePatient, type ReportMessageOptions } from '../peers/ris/index.ts';

/** PID of the patient of `buildCda`. */
export const samePatient: MessagePatient = {
  ins: '285037512345691',
  ipp: 'IPP-0042',
  ippOid: '1.2.250.1.999999.1.1',
  birthFamilyName: 'EXEMPLE',
  firstBirthGivenName: 'CAMILLE',
  birthDate: '19850321',
  sex: 'F',
  birthPlace: '75112',
};

export const readReport = (cda: CdaOverrides = {}): ImagingReport => parseImagingReport(buildCda(cda));

export const readTransmission = (message: Partial<ReportMessageOptions> = {}): ReportTransmission =>
  parseReportTransmission(
    parseHl7Message(buildOru({ cda: buildCda(), ...message, patient: { ...samePatient, ...message.patient } })),
    { missingFlag: 'assume-no', missingDestination: 'send' },
  );

/** The code and place of a refusal, or `accepted`. */
export const refusalOf = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof DrimboxError)) throw error;
    return `${error.code} ${String(error.context['location'] ?? '')}`.trim();
  }
};
