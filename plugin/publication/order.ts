/** Makes an order: every UID and every byte of it is fixed here, once (decision C2). */
import type { ArchivedReport, NewOrder, OrderCause, OrderHead } from '../archive/index.ts';
import { buildDeletion as buildDeletionRequest, buildSubmission } from '../dmp/index.ts';
import { findAgreement } from '../hl7/index.ts';
import { buildManifest } from '../kos/index.ts';
import type { WantedManifest } from './observation.ts';
import type { PublicationPorts } from './ports.ts';
import { contentTypeOf, submissionMetadataOf } from './submission-source.ts';
import { partyOfReport, partyOfSubmission } from './submitting-party.ts';

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
  const party =
    cause === 'pacs' && previous !== undefined
      ? partyOfSubmission(ports, previous, wanted.archived)
      : partyOfReport(ports, wanted);
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
      person: party.person,
      organization: party.organization,
      visibility: wanted.visibility,
      study: wanted.study,
      series: wanted.series,
      timeZone: site.timeZone,
      sourceId: ports.dmpSettings.sourceId,
      senderContentType: findAgreement(ports.senders, wanted.archived.transmission).contentType,
      defaultContentType: options.defaultContentType,
    },
    ids,
  );
  const submission = buildSubmission(metadata, kos, party.structure.signing, {
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
    structureId: party.structure.options.id,
    documentUid: ids.documentUniqueId,
    submissionSetUid: ids.submissionSetUniqueId,
    signatureUid: ids.signatureUniqueId,
    sender: party.sender,
    manifest: wanted.content,
    metadata: submission.submitObjectsRequest,
    kos,
    signature: submission.signature,
  };
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
  const { person, organization, sender } = partyOfSubmission(ports, published, archived);
  const deletion = buildDeletionRequest({
    ins: published.sender.ins,
    author: { person, organization: { ...organization, id: published.sender.structureId } },
    contentType: contentTypeOf({
      patientClass: transmission.patientClass,
      senderContentType: findAgreement(ports.senders, transmission).contentType,
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
    sender,
    manifest: {},
    metadata: deletion.submitObjectsRequest,
    kos: new Uint8Array(),
    signature: new Uint8Array(),
  };
};
