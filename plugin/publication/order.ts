/** Makes an order: every UID and every byte of it is fixed here, once (decision C2). */
import type { ArchivedReport, NewOrder, OrderCause, OrderHead } from '../archive/index.ts';
import {
  buildDeletion as buildDeletionRequest,
  automatonRole,
  buildSubmission,
  rolesFromSpecialty,
  type DmpStructure,
} from '../dmp/index.ts';
import { DrimboxError } from '../errors.ts';
import { buildManifest } from '../kos/index.ts';
import { findSender } from '../hl7/index.ts';
import { oids, structIdNat, type CodedConcept, type HealthProfessional } from '../standards/index.ts';
import type { WantedManifest } from './observation.ts';
import type { PublicationPorts } from './ports.ts';
import { resolvePerson } from './person.ts';
import { contentTypeOf, submissionMetadataOf } from './submission-source.ts';

/** Role of the structure, for a professional whose speciality the report does not give. */
const configuredSpecialty = (structure: DmpStructure): CodedConcept | undefined =>
  structure.options.role === undefined
    ? undefined
    : { code: structure.options.role, codeSystem: oids.authorSpecialties, displayName: '' };

/** What the report says of the person, else what the structure is configured with, else the automaton (decision A7). */
const rolesOf = (person: HealthProfessional, structure: DmpStructure): readonly CodedConcept[] => {
  const roles = rolesFromSpecialty(person.specialty);
  const configured = configuredSpecialty(structure);
  return roles[0] === automatonRole && configured !== undefined ? rolesFromSpecialty(configured) : roles;
};

/** The VIHF of a submission: person, structure, role and sector (decisions A3, A7). */
const senderOf = (wanted: WantedManifest): NewOrder['sender'] => {
  const { structure, person, archived, organization } = wanted;
  return {
    structureId: structIdNat(organization.id),
    sector: archived.report.facilityType?.code ?? structure.options.sector ?? '',
    person,
    roles: rolesOf(person, structure),
    ins: archived.report.patient.ins,
  };
};

/**
 * @param previous  the order whose document this one replaces, if any
 * @throws kos/*, dmp/value-invalid, report/field-missing, report/field-invalid
 */
export const buildOrder = (
  ports: PublicationPorts,
  wanted: WantedManifest,
  previous: OrderHead | undefined,
  cause: OrderCause,
): NewOrder => {
  const atUtcMs = ports.clock();
  const ids = {
    documentUniqueId: ports.newUid(),
    submissionSetUniqueId: ports.newUid(),
    signatureUniqueId: ports.newUid(),
    atUtcMs,
  };
  const { site, options } = ports;
  const version = (previous?.version ?? 0) + 1;
  const kos = buildManifest(
    wanted.content,
    {
      sopInstanceUid: ids.documentUniqueId,
      seriesInstanceUid: ports.newUid(),
      createdAtUtcMs: atUtcMs,
      timeZone: site.timeZone,
      instanceNumber: version,
      manufacturer: site.software.manufacturer,
      softwareVersion: site.software.version,
      implementationClassUid: site.implementationClassUid,
    },
    ports.manifests,
  );
  const metadata = submissionMetadataOf(
    {
      report: wanted.archived.report,
      transmission: wanted.archived.transmission,
      reported: wanted.reported,
      order: wanted.order,
      person: wanted.person,
      organization: wanted.organization,
      visibility: wanted.visibility,
      study: wanted.study,
      series: wanted.series,
      timeZone: site.timeZone,
      sourceId: ports.dmpSettings.sourceId,
      senderContentType: findSender(ports.senders, wanted.archived.transmission).contentType,
      defaultContentType: options.defaultContentType,
    },
    ids,
  );
  const submission = buildSubmission(metadata, kos, wanted.structure.signing, {
    signature: ports.dmpSettings.signature,
    studyUidAuthority: ports.dmpSettings.studyUidAuthority,
  });
  return {
    studyInstanceUid: wanted.study.studyInstanceUid,
    kind: previous === undefined ? 'publish' : 'replace',
    cause,
    reportId: wanted.archived.id,
    previousSubmissionId: previous?.id,
    version,
    fingerprint: wanted.fingerprint,
    structureId: wanted.structure.options.id,
    documentUid: ids.documentUniqueId,
    submissionSetUid: ids.submissionSetUniqueId,
    signatureUid: ids.signatureUniqueId,
    sender: {
      ...senderOf(wanted),
      ...(wanted.visibility.secretConnection && ports.dmpSettings.secretConnection !== undefined
        ? { secretConnection: ports.dmpSettings.secretConnection }
        : {}),
    },
    manifest: wanted.content,
    metadata: submission.submitObjectsRequest,
    kos,
    signature: submission.signature,
  };
};

/** Who published it, as the report said: resolved once more from the same archived report. */
const authorOf = (ports: PublicationPorts, archived: ArchivedReport) => {
  const { report, transmission } = archived;
  const resolved = resolvePerson(report, transmission, findSender(ports.senders, transmission).personSource);
  if (resolved.kind === 'resolved') return resolved;
  throw new DrimboxError('publication/person-unresolved', { detail: 'the archived report no longer resolves' });
};

/**
 * The order that takes a published document out of the DMP, in the name of who published it.
 *
 * @param archived  the report with which it was published
 */
export const buildDeletion = (
  ports: PublicationPorts,
  published: OrderHead,
  archived: ArchivedReport,
  cause: OrderCause,
): NewOrder => {
  const submissionSetUid = ports.newUid();
  const { transmission } = archived;
  const { organization, ...resolved } = authorOf(ports, archived);
  const person = 'familyName' in published.sender.person ? published.sender.person : resolved.person;
  const deletion = buildDeletionRequest({
    ins: published.sender.ins,
    author: { person, organization: { ...organization, id: published.sender.structureId } },
    contentType: contentTypeOf({
      patientClass: transmission.patientClass,
      senderContentType: findSender(ports.senders, transmission).contentType,
      defaultContentType: ports.options.defaultContentType,
    }),
    sourceId: ports.dmpSettings.sourceId,
    submissionSetUniqueId: submissionSetUid,
    submittedAtUtcMs: ports.clock(),
  });
  return {
    studyInstanceUid: published.studyInstanceUid,
    kind: 'delete',
    cause,
    reportId: archived.id,
    previousSubmissionId: published.id,
    version: published.version,
    fingerprint: '',
    structureId: published.structureId,
    documentUid: published.documentUid,
    submissionSetUid,
    signatureUid: '',
    sender: published.sender,
    manifest: {},
    metadata: deletion.submitObjectsRequest,
    kos: new Uint8Array(),
    signature: new Uint8Array(),
  };
};
