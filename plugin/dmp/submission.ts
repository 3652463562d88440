/**
 * What one publication holds: the metadata, the manifest and the document that signs both. Its bytes are fixed once
 * (decision C2); a retry sends the same, and the VIHF and the association to a replaced entry are added at send time.
 *
 * @see IHE ITI TF-3 4.2 · facts/spec.md b.4.3–b.4.5 · decisions C2, C4, C5
 */
import {
  type CodedConcept,
  type HealthProfessional,
  type ImagingOrder,
  parseOid,
  type PatientIdentity,
  type Visibility,
} from '../standards/index.ts';
import { buildDocumentEntry } from './document-entry.ts';
import { buildDocumentSignature, type DocumentSignatureOptions } from './document-signature.ts';
import { association, createRequestIds, slot, submitObjectsRequest } from './ebrim.ts';
import type { SigningIdentity } from './signing-identity.ts';
import { buildSubmissionSet, type SubmissionAuthor, submissionSetId } from './submission-set.ts';
import {
  associationTypes,
  confidentialityCodes,
  eventCodes,
  manifestCodes,
  normalConfidentiality,
  signatureCodes,
  visibilityCodes,
} from './xds-codes.ts';
import {
  encodeCxi,
  encodeInsCx,
  encodeSourcePatientId,
  encodeSourcePatientInfo,
  formatXdsTime,
} from './xds-datatypes.ts';

export interface SubmissionMetadata {
  readonly patient: PatientIdentity;
  /** Author of the set and of both entries (decisions A3, C5). */
  readonly author: SubmissionAuthor;
  readonly legalAuthenticator: HealthProfessional;
  readonly contentType: CodedConcept;
  readonly facilityType: CodedConcept;
  readonly practiceSetting: CodedConcept;
  readonly visibility: Visibility;
  /** As the report codes it: N, R, V. */
  readonly confidentiality: CodedConcept;
  readonly modalities: readonly CodedConcept[];
  readonly regions: readonly CodedConcept[];
  readonly studyInstanceUid: string;
  readonly order: ImagingOrder;
  /** UTC, `YYYYMMDDHHMMSS`. */
  readonly serviceStartUtc: string;
  readonly serviceStopUtc?: string;
  readonly submissionSetUniqueId: string;
  readonly sourceId: string;
  readonly signatureUniqueId: string;
  /** SOPInstanceUID of the manifest. */
  readonly documentUniqueId: string;
  readonly documentCreatedAtUtcMs: number;
  readonly submittedAtUtcMs: number;
}

export interface SubmissionOptions {
  readonly signature: DocumentSignatureOptions;
  /** CX.4 of the study in referenceIdList; every official sample has `1.2.3.4.5.6`, IHE allows none (empty). */
  readonly studyUidAuthority: string;
}

/** Plain values: can be stored and sent later. */
export interface Submission {
  readonly submissionSetUniqueId: string;
  readonly documentUniqueId: string;
  readonly signatureUniqueId: string;
  /** lcm:SubmitObjectsRequest, valid by itself; kept as the metadata of the archive. */
  readonly submitObjectsRequest: string;
  readonly kos: Uint8Array;
  readonly signature: Uint8Array;
}

/** Ids of the two documents inside the request. */
export const documentIds = { kos: 'DocumentKOS', signature: 'Signature01' } as const;

const referenceIds = (metadata: SubmissionMetadata, studyUidAuthority: string): string[] => [
  ...(metadata.order.accessionNumber === undefined ? [] : [encodeCxi(metadata.order.accessionNumber, 'accession')]),
  encodeCxi({ value: metadata.studyInstanceUid, issuerOid: studyUidAuthority }, 'studyInstanceUid'),
  ...(metadata.order.placerOrderNumber === undefined ? [] : [encodeCxi(metadata.order.placerOrderNumber, 'order')]),
];

const original = [slot('SubmissionSetStatus', ['Original'])];

/**
 * @param documents  as they will be sent: their hash and size stand in the entries
 * @returns lcm:SubmitObjectsRequest
 * @throws dmp/value-invalid, standards/oid-invalid
 */
export const buildSubmitObjectsRequest = (
  metadata: SubmissionMetadata,
  documents: { readonly kos: Uint8Array; readonly signature: Uint8Array },
  options: Pick<SubmissionOptions, 'studyUidAuthority'>,
): string => {
  const ids = createRequestIds();
  const submittedAt = formatXdsTime(metadata.submittedAtUtcMs);
  const both = {
    legalAuthenticator: metadata.legalAuthenticator,
    author: metadata.author,
    facilityType: metadata.facilityType,
    practiceSetting: metadata.practiceSetting,
    ins: metadata.patient.ins,
  };
  return submitObjectsRequest([
    buildSubmissionSet(ids, {
      title: "Publication d'un KOS",
      comments: "Reference d'Objets d'un Examen d'Imagerie",
      submittedAtUtcMs: metadata.submittedAtUtcMs,
      author: metadata.author,
      contentType: metadata.contentType,
      ins: metadata.patient.ins,
      sourceId: parseOid(metadata.sourceId),
      uniqueId: parseOid(metadata.submissionSetUniqueId),
    }),
    buildDocumentEntry(ids, {
      ...both,
      id: documentIds.kos,
      mimeType: 'application/dicom',
      creationTime: formatXdsTime(metadata.documentCreatedAtUtcMs),
      languageCode: 'fr-FR',
      serviceStartTime: metadata.serviceStartUtc,
      ...(metadata.serviceStopUtc === undefined ? {} : { serviceStopTime: metadata.serviceStopUtc }),
      sourcePatientId: encodeSourcePatientId(metadata.patient),
      sourcePatientInfo: encodeSourcePatientInfo(metadata.patient),
      referenceIds: referenceIds(metadata, options.studyUidAuthority),
      title: "Reference d'Objets d'un Examen d'Imagerie",
      comments: 'KOS',
      classCode: manifestCodes.class,
      typeCode: manifestCodes.type,
      confidentiality: confidentialityCodes(metadata.confidentiality, metadata.visibility),
      formatCode: manifestCodes.format,
      events: eventCodes(metadata.regions, metadata.modalities),
      uniqueId: parseOid(metadata.documentUniqueId),
      document: documents.kos,
    }),
    buildDocumentEntry(ids, {
      ...both,
      id: documentIds.signature,
      mimeType: 'text/xml',
      creationTime: submittedAt,
      languageCode: 'art',
      serviceStartTime: submittedAt,
      serviceStopTime: submittedAt,
      sourcePatientId: encodeInsCx(metadata.patient.ins),
      sourcePatientInfo: [],
      referenceIds: [],
      title: 'Source',
      comments: '',
      classCode: signatureCodes.class,
      typeCode: signatureCodes.type,
      // The signature document is of no use to a reader: hidden from all, whatever the report says.
      confidentiality: [
        normalConfidentiality,
        visibilityCodes.maskedFromProfessionals,
        visibilityCodes.invisibleToPatient,
      ],
      formatCode: signatureCodes.format,
      events: [signatureCodes.event],
      uniqueId: parseOid(metadata.signatureUniqueId),
      document: documents.signature,
    }),
    ...[documentIds.kos, documentIds.signature].map((target, index) =>
      association({
        id: `Association0${index + 1}`,
        type: associationTypes.hasMember,
        source: submissionSetId,
        target,
        slots: original,
      }),
    ),
    association({
      id: 'Association03',
      type: associationTypes.signs,
      source: documentIds.signature,
      target: submissionSetId,
      slots: original,
    }),
  ]);
};

/**
 * @param kos      the manifest, exactly as it will be sent
 * @param signing  the structure's ORG SIGN certificate and key
 * @throws dmp/value-invalid, dmp/certificate-unreadable, standards/oid-invalid
 */
export const buildSubmission = (
  metadata: SubmissionMetadata,
  kos: Uint8Array,
  signing: SigningIdentity,
  options: SubmissionOptions,
): Submission => {
  const signature = buildDocumentSignature(
    {
      uniqueId: parseOid(metadata.signatureUniqueId),
      submissionSetUniqueId: parseOid(metadata.submissionSetUniqueId),
      documents: [{ uniqueId: parseOid(metadata.documentUniqueId), bytes: kos }],
      signedAtUtcMs: metadata.submittedAtUtcMs,
    },
    signing,
    options.signature,
  );
  return {
    submissionSetUniqueId: metadata.submissionSetUniqueId,
    documentUniqueId: metadata.documentUniqueId,
    signatureUniqueId: metadata.signatureUniqueId,
    submitObjectsRequest: buildSubmitObjectsRequest(metadata, { kos, signature }, options),
    kos,
    signature,
  };
};
