/** The ebRIM of a submission, in the order of rim.xsd. @see facts/cisis.md 3 */
import { createHash } from 'node:crypto';
import { escapeXml, type SubmissionFacts, utcDtm } from './example-facts.ts';

const slot = (name: string, ...values: string[]): string =>
  `<Slot name="${name}"><ValueList>${values.map((value) => `<Value>${escapeXml(value)}</Value>`).join('')}</ValueList></Slot>`;

const localized = (element: string, value: string): string =>
  `<${element}><LocalizedString charset="UTF8" value="${escapeXml(value)}" xml:lang="FR"/></${element}>`;

type Code = readonly [code: string, codeSystem: string, name: string];

/** Builds objects with identifiers that are unique in the submission. */
const createWriter = () => {
  let count = 0;
  const nextId = (): string => {
    count += 1;
    return `id${count}`;
  };
  return {
    nextId,
    code: (object: string, scheme: string, [code, codeSystem, name]: Code): string =>
      `<Classification classificationScheme="urn:uuid:${scheme}" classifiedObject="${object}" id="${nextId()}" nodeRepresentation="${code}">` +
      `${slot('codingScheme', codeSystem)}${localized('Name', name)}</Classification>`,
    author: (object: string, scheme: string, person: string, institution: string): string =>
      `<Classification classificationScheme="urn:uuid:${scheme}" classifiedObject="${object}" id="${nextId()}" nodeRepresentation="">` +
      `${slot('authorPerson', person)}${slot('authorInstitution', institution)}</Classification>`,
    identifier: (object: string, scheme: string, name: string, value: string): string =>
      `<ExternalIdentifier id="${nextId()}" identificationScheme="urn:uuid:${scheme}" registryObject="${object}" value="${escapeXml(value)}">` +
      `${localized('Name', name)}</ExternalIdentifier>`,
  };
};
type Writer = ReturnType<typeof createWriter>;

const personValue = (facts: SubmissionFacts): string =>
  `${facts.personId}^MEDECIN-EXEMPLE^DOMINIQUE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS`;
const institutionValue = (facts: SubmissionFacts): string =>
  `${facts.structureName}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^${facts.structureId}`;
const patientValue = (facts: SubmissionFacts): string => `${facts.patient.ins}^^^&${facts.patient.oid}&ISO^NH`;

export const buildSubmissionSet = (facts: SubmissionFacts, writer: Writer, uniqueId: string): string => {
  const id = 'SubmissionSet01';
  return (
    `<RegistryPackage id="${id}">${slot('submissionTime', utcDtm(facts.nowMs))}${localized('Name', 'KOS')}${localized('Description', 'exemple')}` +
    writer.author(id, 'a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d', personValue(facts), institutionValue(facts)) +
    writer.code(id, 'aa543740-bdda-424e-8c96-df4873be8500', ['07', '1.2.250.1.213.2.2', 'Consultation']) +
    `<Classification classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd" classifiedObject="${id}" id="${writer.nextId()}"/>` +
    writer.identifier(id, '6b5aea1a-874d-4603-a4bc-96a0a7b38446', 'XDSSubmissionSet.patientId', patientValue(facts)) +
    writer.identifier(id, '554ac39e-e3fe-47fe-b233-965d2a147832', 'XDSSubmissionSet.sourceId', '1.2.250.1.999999.1') +
    `${writer.identifier(id, '96fdda7c-d067-4183-912e-bf5ee74998a8', 'XDSSubmissionSet.uniqueId', uniqueId)}</RegistryPackage>`
  );
};

interface EntryParts {
  readonly id: string;
  readonly mimeType: string;
  readonly language: string;
  readonly bytes: Uint8Array;
  readonly extraSlots: string;
  readonly title: string;
  readonly codes: readonly (readonly [scheme: string, code: Code])[];
  readonly uniqueId: string;
}

const entry = (facts: SubmissionFacts, writer: Writer, parts: EntryParts): string => {
  const now = utcDtm(facts.nowMs);
  const hash = createHash('sha1').update(parts.bytes).digest('hex');
  return (
    `<ExtrinsicObject id="${parts.id}" mimeType="${parts.mimeType}" objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1">` +
    slot('creationTime', now) +
    slot('languageCode', parts.language) +
    slot('legalAuthenticator', personValue(facts)) +
    slot('serviceStartTime', utcDtm(facts.nowMs - 86_400_000)) +
    slot('serviceStopTime', utcDtm(facts.nowMs - 86_000_000)) +
    slot('sourcePatientId', 'IPP-EXEMPLE-1^^^&1.2.250.1.999999.2&ISO^PI') +
    slot('hash', hash) +
    slot('size', String(parts.bytes.length)) +
    parts.extraSlots +
    localized('Name', parts.title) +
    localized('Description', 'KOS') +
    writer.author(parts.id, '93606bcf-9494-43ec-9b4e-a7748d1a838d', personValue(facts), institutionValue(facts)) +
    parts.codes.map(([scheme, code]) => writer.code(parts.id, scheme, code)).join('') +
    writer.identifier(
      parts.id,
      '58a6f841-87b3-4a3e-92fd-a8ffeff98427',
      'XDSDocumentEntry.patientId',
      patientValue(facts),
    ) +
    `${writer.identifier(parts.id, '2e82c1f6-a085-4c72-9da3-8640a32e42ab', 'XDSDocumentEntry.uniqueId', parts.uniqueId)}</ExtrinsicObject>`
  );
};

const confidentiality = 'f4f85eac-e6cb-4883-b524-f2705394840f';
const eventCode = '2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4';
const place = [
  ['f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1', ['SA08', '1.2.250.1.71.4.2.4', 'Exemple']],
  ['cccf5598-8b07-4b77-a05e-ae952c785ead', ['AMBULATOIRE', '1.2.250.1.213.1.1.4.9', 'Ambulatoire']],
] as const;

const kosEntry = (facts: SubmissionFacts, writer: Writer, kos: Uint8Array): string =>
  entry(facts, writer, {
    id: 'DocumentKOS',
    mimeType: 'application/dicom',
    language: 'fr-FR',
    bytes: kos,
    extraSlots:
      slot(
        'sourcePatientInfo',
        `PID-5|${facts.patient.family}^${facts.patient.given}^^^^^L`,
        'PID-7|19900101',
        'PID-8|F',
        'PID-11|^^^^^^BDL^^75056',
      ) +
      slot(
        'urn:ihe:iti:xds:2013:referenceIdList',
        'ACN-EXEMPLE-1^^^&1.2.250.1.999999.3&ISO^urn:ihe:iti:xds:2013:accession',
        `${facts.studyInstanceUid}^^^&1.2.3.4.5.6&ISO^urn:ihe:iti:xds:2016:studyInstanceUID`,
        'OPN-EXEMPLE-1^^^&1.2.250.1.999999.4&ISO^urn:ihe:iti:xds:2013:order',
      ),
    title: "Reference d'Objets d'un Examen d'Imagerie",
    codes: [
      ['41a5887f-8865-4c09-adf7-e362475b143a', ['31', '1.2.250.1.213.1.1.4.1', 'Imagerie médicale']],
      [
        'f0306f51-975f-434e-a61c-c59651d33983',
        ['IMG-KOS', '1.2.250.1.213.1.1.4.12', "Reference d'objets d'un examen d'imagerie"],
      ],
      [confidentiality, ['N', '2.16.840.1.113883.5.25', 'Normal']],
      ['a09d5840-386c-46f2-b5ad-9c3699a4309d', ['1.2.840.10008.5.1.4.1.1.88.59', '1.2.840.10008.2.6.1', 'KOS']],
      ...place,
      [eventCode, ['67734004', '2.16.840.1.113883.6.96', 'Thorax']],
      [eventCode, ['CT', '1.2.840.10008.2.16.4', 'Scanner']],
    ],
    uniqueId: facts.kosUniqueId,
  });

const signatureEntry = (facts: SubmissionFacts, writer: Writer, signature: Uint8Array): string =>
  entry(facts, writer, {
    id: 'Signature01',
    mimeType: 'text/xml',
    language: 'art',
    bytes: signature,
    extraSlots: '',
    title: 'Source',
    codes: [
      ['41a5887f-8865-4c09-adf7-e362475b143a', ['urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1', 'URN', 'Digital Signature']],
      ['f0306f51-975f-434e-a61c-c59651d33983', ['E1762', 'ASTM', 'Full Document']],
      [confidentiality, ['N', '2.16.840.1.113883.5.25', 'Normal']],
      [confidentiality, ['MASQUE_PS', '1.2.250.1.213.1.1.4.13', 'Masqué aux professionnels de santé']],
      [confidentiality, ['INVISIBLE_PATIENT', '1.2.250.1.213.1.1.4.13', 'Non visible par le patient']],
      [
        'a09d5840-386c-46f2-b5ad-9c3699a4309d',
        ['http://www.w3.org/2000/09/xmldsig#', 'URN', 'Default Signature Style'],
      ],
      ...place,
      [eventCode, ['1.2.840.10065.1.12.1.14', '1.2.840.10065.1.12', 'Source']],
    ],
    uniqueId: facts.signatureUniqueId,
  });

const association = (type: string, id: string, source: string, target: string, slots: string): string =>
  `<Association associationType="${type}" id="${id}" sourceObject="${source}" targetObject="${target}">${slots}</Association>`;

const namespaces =
  'xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" ' +
  'xmlns:xds="urn:ihe:iti:xds-b:2007" xmlns:xop="http://www.w3.org/2004/08/xop/include"';

/** The Body of ITI-41. */
export const buildProvideAndRegister = (facts: SubmissionFacts, kos: Uint8Array, signature: Uint8Array): string => {
  const writer = createWriter();
  const original = slot('SubmissionSetStatus', 'Original');
  const member = 'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember';
  const replaces =
    facts.replacesEntryUuid === undefined
      ? ''
      : association('urn:ihe:iti:2007:AssociationType:RPLC', 'as4', 'DocumentKOS', facts.replacesEntryUuid, '');
  return (
    `<xds:ProvideAndRegisterDocumentSetRequest ${namespaces}><lcm:SubmitObjectsRequest><RegistryObjectList>` +
    buildSubmissionSet(facts, writer, facts.setUniqueId) +
    kosEntry(facts, writer, kos) +
    signatureEntry(facts, writer, signature) +
    association(member, 'as1', 'SubmissionSet01', 'DocumentKOS', original) +
    association(member, 'as2', 'SubmissionSet01', 'Signature01', original) +
    association('urn:ihe:iti:2007:AssociationType:signs', 'as3', 'Signature01', 'SubmissionSet01', original) +
    replaces +
    '</RegistryObjectList></lcm:SubmitObjectsRequest><xds:Document id="DocumentKOS"><xop:Include href="cid:0.2"/></xds:Document>' +
    '<xds:Document id="Signature01"><xop:Include href="cid:0.3"/></xds:Document></xds:ProvideAndRegisterDocumentSetRequest>'
  );
};

/** The Body of ITI-57: deletion of one entry. */
export const buildDeletion = (facts: SubmissionFacts, entryUuid: string): string =>
  `<lcm:SubmitObjectsRequest ${namespaces}><RegistryObjectList>${buildSubmissionSet(facts, createWriter(), facts.setUniqueId)}` +
  association(
    'urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus',
    'as1',
    'SubmissionSet01',
    entryUuid,
    slot('OriginalStatus', 'urn:oasis:names:tc:ebxml-regrep:StatusType:Approved') +
      slot('NewStatus', 'urn:asip:ci-sis:2010:StatusType:Deleted'),
  ) +
  '</RegistryObjectList></lcm:SubmitObjectsRequest>';

/** The Body of ITI-18: GetDocuments by uniqueId, references only. */
export const buildGetDocuments = (uniqueId: string): string =>
  '<query:AdhocQueryRequest xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">' +
  '<query:ResponseOption returnComposedObjects="true" returnType="ObjectRef"/><AdhocQuery id="urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4">' +
  `${slot('$XDSDocumentEntryUniqueId', `('${uniqueId}')`)}</AdhocQuery></query:AdhocQueryRequest>`;

/** The Body of TD0.2. */
export const buildExistenceTest = (facts: SubmissionFacts): string =>
  '<PRPA_IN201307UV02 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0"><id root="2.25.999999002" extension="m1"/>' +
  `<creationTime value="${utcDtm(facts.nowMs)}"/><interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201307UV02"/>` +
  '<processingCode code="D"/><processingModeCode code="T"/><acceptAckCode code="AL"/>' +
  '<receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.250.1.213.4.1.1.1"/></device></receiver>' +
  '<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="1.2.250.1.999999.1"/></device></sender>' +
  '<attentionLine xsi:nil="true"/><controlActProcess classCode="CACT" moodCode="EVN">' +
  '<reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/><queryByParameter><queryId root="2.25.999999002" extension="q1"/>' +
  `<statusCode code="new"/><parameterList><dataSource xsi:nil="true"/><patientIdentifier><value root="${facts.patient.oid}" extension="${facts.patient.ins}"/>` +
  '<semanticsText>Patient.id</semanticsText></patientIdentifier></parameterList></queryByParameter></controlActProcess></PRPA_IN201307UV02>';
