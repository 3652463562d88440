/**
 * Schemes and constant codes of the metadata of a KOS and of its signature document.
 *
 * @see IHE ITI TF-3 4.2.5.2 (UUIDs) · CI-SIS volet "Partage de documents de santé" · JDV_J06, J07, J08, J10 ·
 *      facts/spec.md b.4.3–b.4.5 · the ANS publication sample (2024)
 */
import { type CodedConcept, oids, type Visibility } from '../standards/index.ts';

export const objectTypes = { stableDocument: 'urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1' } as const;

export const submissionSetSchemes = {
  node: 'urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd',
  author: 'urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d',
  contentTypeCode: 'urn:uuid:aa543740-bdda-424e-8c96-df4873be8500',
  patientId: 'urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446',
  sourceId: 'urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832',
  uniqueId: 'urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8',
} as const;

export const documentEntrySchemes = {
  author: 'urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d',
  classCode: 'urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a',
  typeCode: 'urn:uuid:f0306f51-975f-434e-a61c-c59651d33983',
  confidentialityCode: 'urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f',
  formatCode: 'urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d',
  healthcareFacilityTypeCode: 'urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1',
  practiceSettingCode: 'urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead',
  eventCodeList: 'urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4',
  patientId: 'urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427',
  uniqueId: 'urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab',
} as const;

export const associationTypes = {
  hasMember: 'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember',
  signs: 'urn:ihe:iti:2007:AssociationType:signs',
  replace: 'urn:ihe:iti:2007:AssociationType:RPLC',
  updateAvailabilityStatus: 'urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus',
} as const;

export const availabilityStatuses = {
  approved: 'urn:oasis:names:tc:ebxml-regrep:StatusType:Approved',
  deleted: 'urn:asip:ci-sis:2010:StatusType:Deleted',
} as const;

const concept = (code: string, codeSystem: string, displayName: string): CodedConcept => ({
  code,
  codeSystem,
  displayName,
});

export const manifestCodes = {
  class: concept('31', oids.documentClasses, 'Imagerie médicale'),
  type: concept('IMG-KOS', oids.documentTypes, "Reference d'objets d'un examen d'imagerie"),
  format: concept(
    '1.2.840.10008.5.1.4.1.1.88.59',
    oids.dicomUids,
    "Document de Références d'objets d'imagerie selon profil IHE RAD XDS-I",
  ),
} as const;

export const signatureCodes = {
  class: concept('urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1', 'URN', 'Digital Signature'),
  type: concept('E1762', 'ASTM', 'Full Document'),
  format: concept('http://www.w3.org/2000/09/xmldsig#', 'URN', 'Default Signature Style'),
  event: concept('1.2.840.10065.1.12.1.14', '1.2.840.10065.1.12', 'Source'),
} as const;

export const normalConfidentiality = concept('N', oids.confidentiality, 'Normal');
export const visibilityCodes = {
  maskedFromProfessionals: concept('MASQUE_PS', oids.visibilityCodes, 'Masqué aux professionnels de santé'),
  invisibleToPatient: concept('INVISIBLE_PATIENT', oids.visibilityCodes, 'Non visible par le patient'),
  invisibleToRepresentatives: concept(
    'INVISIBLE_REPRESENTANTS_LEGAUX',
    oids.visibilityCodes,
    'Non visible par les représentants légaux du patient',
  ),
} as const;

/** The confidentiality of the report, then one code per active flag. `secretConnection` belongs to the VIHF. */
export const confidentialityCodes = (confidentiality: CodedConcept, visibility: Visibility): CodedConcept[] => [
  confidentiality.code === normalConfidentiality.code ? normalConfidentiality : confidentiality,
  ...(visibility.maskedFromProfessionals ? [visibilityCodes.maskedFromProfessionals] : []),
  ...(visibility.invisibleToPatient ? [visibilityCodes.invisibleToPatient] : []),
  ...(visibility.invisibleToRepresentatives ? [visibilityCodes.invisibleToRepresentatives] : []),
];

/** Schemes that older samples give to regions (value set, CCAM) and modalities (value set): same codes, read as today's. */
const currentSchemes: Readonly<Record<string, string>> = {
  '1.2.250.1.213.1.1.5.695': oids.snomedCt,
  '1.2.250.1.213.2.5': oids.snomedCt,
  '1.2.250.1.213.1.1.5.618': oids.dicomOntology,
};

/** Regions, then modalities, each once, in the schemes of decision C5; no act. */
export const eventCodes = (regions: readonly CodedConcept[], modalities: readonly CodedConcept[]): CodedConcept[] => {
  const withScheme = (found: CodedConcept, usual: string): CodedConcept => ({
    ...found,
    codeSystem: found.codeSystem === '' ? usual : (currentSchemes[found.codeSystem] ?? found.codeSystem),
  });
  const all = [
    ...regions.map((region) => withScheme(region, oids.snomedCt)),
    ...modalities.map((modality) => withScheme(modality, oids.dicomOntology)),
  ];
  return [...new Map(all.map((code) => [`${code.codeSystem}^${code.code}`, code])).values()];
};
