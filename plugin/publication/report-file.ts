/**
 * What `drimbox report read` says of a file, and the manifest that `drimbox kos build` makes from it. The same code as the
 * intake, without archive and without DMP.
 */
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { parseHl7Message, parseReportTransmission, parseStudyChange, senderOptions } from '../hl7/index.ts';
import { buildManifest } from '../kos/index.ts';
import { parseImagingReport, type ImagingReport } from '../report/index.ts';
import { checkAdmission } from './admission.ts';
import { readManifest } from './manifest-reading.ts';
import { resolvePerson } from './person.ts';
import type { PublicationPorts } from './ports.ts';

const isHl7 = (file: Uint8Array): boolean =>
  /^\s*\u000b?\s*[A-Z][A-Z0-9]{2}/.test(Buffer.from(file.subarray(0, 64)).toString('latin1'));

const withoutFraming = (file: Uint8Array): Uint8Array => {
  const start = file[0] === 0x0b ? 1 : 0;
  const end = file.indexOf(0x1c);
  return file.subarray(start, end === -1 ? file.length : end);
};

const describe = (report: ImagingReport) => ({
  documentId: report.documentId,
  replaces: report.replaces,
  level: report.level,
  patient: report.patient,
  legalAuthenticator: report.legalAuthenticator ?? null,
  facilityType: report.facilityType ?? null,
  practiceSetting: report.practiceSetting ?? null,
  orders: report.orders,
  studies: report.studies,
});

const lenientSender = senderOptions.parse({ application: '-', facility: '-' });

const readMessage = (file: Uint8Array): object => {
  const message = parseHl7Message(withoutFraming(file));
  if (message.type === 'OMI') {
    return { kind: 'study-change', studies: parseStudyChange(message).studyInstanceUids };
  }
  const transmission = parseReportTransmission(message, lenientSender);
  const report = parseImagingReport(transmission.document);
  const environment =
    report.patient.ins.oid === '1.2.250.1.213.1.4.8' || report.patient.ins.oid === '1.2.250.1.213.1.4.9'
      ? 'production'
      : 'test';
  const warnings = checkAdmission(transmission, report, { environment, identityStatusAbsent: 'accept' });
  return {
    kind: 'report',
    action: transmission.action,
    sentToDmp: transmission.sentToDmp,
    visibility: transmission.visibility,
    ...describe(report),
    person: resolvePerson(report, transmission, 'cda'),
    warnings,
  };
};

/** @returns what the file says, or `{ kind: 'refused', code, … }` with the acknowledgment a sender would get; never throws */
export const readReportFile = (file: Uint8Array): object => {
  try {
    if (isHl7(file)) return readMessage(file);
    const report = parseImagingReport(file);
    return { kind: 'document', ...describe(report), warnings: report.warnings };
  } catch (cause) {
    const error = asDrimboxError(cause);
    return {
      kind: 'refused',
      code: error.code,
      text: error.publicText,
      detail: error.detail,
      context: error.context,
      ack: error.ack,
    };
  }
};

type BuildPorts = Pick<PublicationPorts, 'index' | 'orthanc' | 'site' | 'manifests' | 'clock' | 'newUid'>;

const chooseStudy = (report: ImagingReport, wanted: string | undefined) => {
  const position = wanted === undefined ? 0 : report.studies.findIndex((study) => study.studyInstanceUid === wanted);
  const reported = report.studies[position];
  if (wanted === undefined && report.studies.length > 1) {
    throw new DrimboxError('cli/usage', {
      detail: `the report names ${report.studies.length} studies: say which with --study`,
    });
  }
  if (reported === undefined) throw new DrimboxError('cli/usage', { detail: 'the report does not name that study' });
  return reported;
};

/**
 * Builds the manifest of the examination that a report file names, from the PACS.
 *
 * @throws every refusal of the report, orthanc/*, publication/study-not-found, publication/study-duplicated,
 *         publication/images-mismatch, publication/images-unmatched, publication/order-unpaired, publication/person-unresolved
 */
export const buildFromReport = async (ports: BuildPorts, file: Uint8Array, wantedStudy: string | undefined) => {
  const document = isHl7(file)
    ? parseReportTransmission(parseHl7Message(withoutFraming(file)), lenientSender).document
    : file;
  const report = parseImagingReport(document);
  const reported = chooseStudy(report, wantedStudy);
  const organization = report.legalAuthenticator?.organization ?? report.custodian;
  if (organization === undefined) throw new DrimboxError('publication/person-unresolved');
  const lookup = await ports.index.lookup(reported.studyInstanceUid);
  if (lookup.kind === 'absent')
    throw new DrimboxError('publication/study-not-found', { detail: reported.studyInstanceUid });
  if (lookup.kind === 'duplicated')
    throw new DrimboxError('publication/study-duplicated', { detail: lookup.orthancIds.join(', ') });
  const { study } = lookup;
  const reading = await readManifest(ports, { report, organization, study });
  if (reading.kind === 'empty') throw new DrimboxError('kos/study-empty', { detail: 'only rejected objects' });
  if (reading.kind === 'hold') throw new DrimboxError(reading.code, { detail: reading.detail });
  const { content, series } = reading;
  const kos = buildManifest(
    content,
    {
      sopInstanceUid: ports.newUid(),
      seriesInstanceUid: ports.newUid(),
      createdAtUtcMs: ports.clock(),
      timeZone: ports.site.timeZone,
      instanceNumber: 1,
      manufacturer: ports.site.software.manufacturer,
      softwareVersion: ports.site.software.version,
      implementationClassUid: ports.site.implementationClassUid,
    },
    ports.manifests,
  );
  return {
    kos,
    studyInstanceUid: study.studyInstanceUid,
    instances: series.reduce((sum, one) => sum + one.instances.length, 0),
  };
};
