/**
 * The submission set as an ebRIM RegistryPackage, for a publication (ITI-41) and for a deletion (ITI-57).
 *
 * @see IHE ITI TF-3 4.2.3.3 · facts/spec.md b.4.3 · facts/cisis.md 3.1
 */
import {
  type CodedConcept,
  type HealthOrganization,
  type HealthProfessional,
  type InsIdentifier,
  oids,
} from '../standards/index.ts';
import {
  codeClassification,
  externalIdentifier,
  named,
  nodeClassification,
  type RequestIds,
  slot,
  slotClassification,
} from './ebrim.ts';
import { submissionSetSchemes } from './xds-codes.ts';
import { encodeInsCx, encodeXcn, encodeXon, formatXdsTime } from './xds-datatypes.ts';
import { element } from './xml-text.ts';

/** The person and structure a submission is made for, resolved once (decisions A3, C5). */
export interface SubmissionAuthor {
  readonly person: HealthProfessional;
  readonly organization: HealthOrganization;
}

export interface SubmissionSetContent {
  readonly title: string;
  readonly comments: string;
  readonly submittedAtUtcMs: number;
  readonly author: SubmissionAuthor;
  /** From PV1-2 (JDV_J59): 03, 07, 19, 97… */
  readonly contentType: CodedConcept;
  readonly ins: InsIdentifier;
  /** OID of this software at this site. */
  readonly sourceId: string;
  readonly uniqueId: string;
}

/** Id of the submission set inside a request. */
export const submissionSetId = 'SubmissionSet01';

/** authorPerson, authorInstitution and, where the report codes it, authorSpecialty. */
export const authorSlots = ({ person, organization }: SubmissionAuthor): string[] => [
  slot('authorPerson', [encodeXcn(person)]),
  slot('authorInstitution', [encodeXon(organization)]),
  ...(person.specialty?.codeSystem === oids.authorSpecialties && person.specialty.displayName !== ''
    ? [slot('authorSpecialty', [encodeSpecialty(person.specialty)])]
    : []),
];

const encodeSpecialty = ({ code, displayName, codeSystem }: CodedConcept): string =>
  `${code}^${displayName.replace(/[\^&~|\\]/g, ' ').slice(0, 180)}^${codeSystem}`;

/** @throws dmp/value-invalid */
export const buildSubmissionSet = (ids: RequestIds, content: SubmissionSetContent): string => {
  const identifier = (name: 'patientId' | 'sourceId' | 'uniqueId', value: string): string =>
    externalIdentifier(ids, submissionSetId, submissionSetSchemes[name], value, `XDSSubmissionSet.${name}`);
  return element(
    'RegistryPackage',
    { id: submissionSetId },
    slot('submissionTime', [formatXdsTime(content.submittedAtUtcMs)]),
    named(content.title, content.comments),
    slotClassification(ids, submissionSetId, submissionSetSchemes.author, authorSlots(content.author)),
    codeClassification(ids, submissionSetId, submissionSetSchemes.contentTypeCode, content.contentType),
    nodeClassification(ids, submissionSetId, submissionSetSchemes.node),
    identifier('patientId', encodeInsCx(content.ins)),
    identifier('sourceId', content.sourceId),
    identifier('uniqueId', content.uniqueId),
  );
};
