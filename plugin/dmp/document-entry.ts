/**
 * One document entry as an ebRIM ExtrinsicObject.
 *
 * @see IHE ITI TF-3 4.2.3.2 · facts/spec.md b.4.4 · facts/cisis.md 3.2
 */
import { createHash } from 'node:crypto';
import type { CodedConcept, HealthProfessional, InsIdentifier } from '../standards/index.ts';
import { codeClassification, externalIdentifier, named, type RequestIds, slot, slotClassification } from './ebrim.ts';
import { authorSlots, type SubmissionAuthor } from './submission-set.ts';
import { documentEntrySchemes, objectTypes } from './xds-codes.ts';
import { encodeInsCx, encodeXcn } from './xds-datatypes.ts';
import { element } from './xml-text.ts';

/** Times are UTC, `YYYYMMDDHHMMSS`; the order of keys is that of the entry. */
export interface DocumentEntryContent {
  /** Id inside the request: `DocumentKOS`, `Signature01`. */
  readonly id: string;
  readonly mimeType: string;
  readonly creationTime: string;
  readonly languageCode: string;
  readonly legalAuthenticator: HealthProfessional;
  readonly serviceStartTime: string;
  readonly serviceStopTime?: string;
  readonly sourcePatientId: string;
  readonly sourcePatientInfo: readonly string[];
  readonly referenceIds: readonly string[];
  readonly title: string;
  readonly comments: string;
  readonly author: SubmissionAuthor;
  readonly classCode: CodedConcept;
  readonly typeCode: CodedConcept;
  readonly confidentiality: readonly CodedConcept[];
  readonly formatCode: CodedConcept;
  readonly facilityType: CodedConcept;
  readonly practiceSetting: CodedConcept;
  readonly events: readonly CodedConcept[];
  readonly ins: InsIdentifier;
  readonly uniqueId: string;
  /** The document itself: its SHA-1 (hex, as XDS fixes it) and size go in the entry. */
  readonly document: Uint8Array;
}

const entrySlots = (content: DocumentEntryContent): string[] => {
  const slots: readonly (readonly [string, readonly string[]])[] = [
    ['creationTime', [content.creationTime]],
    ['languageCode', [content.languageCode]],
    ['legalAuthenticator', [encodeXcn(content.legalAuthenticator)]],
    ['serviceStartTime', [content.serviceStartTime]],
    ['serviceStopTime', content.serviceStopTime === undefined ? [] : [content.serviceStopTime]],
    ['sourcePatientId', [content.sourcePatientId]],
    ['sourcePatientInfo', content.sourcePatientInfo],
    ['hash', [createHash('sha1').update(content.document).digest('hex')]],
    ['size', [String(content.document.byteLength)]],
    ['urn:ihe:iti:xds:2013:referenceIdList', content.referenceIds],
  ];
  return slots.filter(([, values]) => values.length > 0).map(([name, values]) => slot(name, values));
};

/** @throws dmp/value-invalid */
export const buildDocumentEntry = (ids: RequestIds, content: DocumentEntryContent): string => {
  const code = (scheme: keyof typeof documentEntrySchemes, concept: CodedConcept): string =>
    codeClassification(ids, content.id, documentEntrySchemes[scheme], concept);
  const identifier = (name: 'patientId' | 'uniqueId', value: string): string =>
    externalIdentifier(ids, content.id, documentEntrySchemes[name], value, `XDSDocumentEntry.${name}`);
  return element(
    'ExtrinsicObject',
    { id: content.id, mimeType: content.mimeType, objectType: objectTypes.stableDocument },
    ...entrySlots(content),
    named(content.title, content.comments),
    slotClassification(ids, content.id, documentEntrySchemes.author, authorSlots(content.author)),
    code('classCode', content.classCode),
    code('typeCode', content.typeCode),
    ...content.confidentiality.map((concept) => code('confidentialityCode', concept)),
    code('formatCode', content.formatCode),
    code('healthcareFacilityTypeCode', content.facilityType),
    code('practiceSettingCode', content.practiceSetting),
    ...content.events.map((concept) => code('eventCodeList', concept)),
    identifier('patientId', encodeInsCx(content.ins)),
    identifier('uniqueId', content.uniqueId),
  );
};
