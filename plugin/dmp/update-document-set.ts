/**
 * TD3.3c: deletes one document of the structure (ITI-57 Update Document Set, availability status Deleted).
 *
 * @see IHE ITI TF-2 3.57 · CI-SIS volet "Gestion de dossier patient partagé" · facts/spec.md b.4.1
 */
import { type CodedConcept, type InsIdentifier, parseOid } from '../standards/index.ts';
import { checkedEntryUuid, createRequestIds, slot, submitObjectsRequest, withAssociation } from './ebrim.ts';
import type { ExchangeRequest } from './exchange.ts';
import { buildSubmissionSet, type SubmissionAuthor, submissionSetId } from './submission-set.ts';
import { associationTypes, availabilityStatuses } from './xds-codes.ts';

export const updateDocumentSetAction = 'urn:ihe:iti:2010:UpdateDocumentSet';

export interface DeletionMetadata {
  readonly ins: InsIdentifier;
  readonly author: SubmissionAuthor;
  readonly contentType: CodedConcept;
  readonly sourceId: string;
  readonly submissionSetUniqueId: string;
  readonly submittedAtUtcMs: number;
}

/** Plain values, fixed once; the entryUUID of what is deleted is added at send time. */
export interface Deletion {
  readonly submissionSetUniqueId: string;
  /** lcm:SubmitObjectsRequest without its association. */
  readonly submitObjectsRequest: string;
}

/** @throws dmp/value-invalid, standards/oid-invalid */
export const buildDeletion = (metadata: DeletionMetadata): Deletion => ({
  submissionSetUniqueId: metadata.submissionSetUniqueId,
  submitObjectsRequest: submitObjectsRequest([
    buildSubmissionSet(createRequestIds(), {
      title: "Suppression d'un KOS",
      comments: "Reference d'Objets d'un Examen d'Imagerie",
      submittedAtUtcMs: metadata.submittedAtUtcMs,
      author: metadata.author,
      contentType: metadata.contentType,
      ins: metadata.ins,
      sourceId: parseOid(metadata.sourceId),
      uniqueId: parseOid(metadata.submissionSetUniqueId),
    }),
  ]),
});

/** @throws dmp/value-invalid */
export const buildUpdateDocumentSet = (deletion: Deletion, entryUuid: string): ExchangeRequest => ({
  transaction: 'TD3.3c',
  service: 'registry',
  action: updateDocumentSetAction,
  body: withAssociation(deletion.submitObjectsRequest, {
    id: 'Association01',
    type: associationTypes.updateAvailabilityStatus,
    source: submissionSetId,
    target: checkedEntryUuid(entryUuid),
    slots: [slot('OriginalStatus', [availabilityStatuses.approved]), slot('NewStatus', [availabilityStatuses.deleted])],
  }),
});
