/**
 * The HL7 data types inside XDS metadata, as the CI-SIS constrains them: CX, CXi, XCN, XON, PID fields, DTM.
 *
 * Separators in a name are written as HL7 escapes, so nothing is lost and no component can be forged; an identifier that
 * holds one is refused, since an identifier is never altered. Names are cut so that a value keeps within 256 characters
 * (ebRIM LongName); identifiers are not.
 *
 * @see IHE ITI TF-3 4.2.3.1.7 · CI-SIS annexe "Liens entre le CDA et les métadonnées XDS" · HL7 v2.5 §2.7 (escapes)
 */
import { DrimboxError } from '../errors.ts';
import {
  type HealthOrganization,
  type HealthProfessional,
  type InsIdentifier,
  type IssuedIdentifier,
  oids,
  type PatientIdentity,
  structIdNat,
} from '../standards/index.ts';

/** ebRIM LongName: a slot value, the value of an external identifier. */
export const maxValueLength = 256;

const escapes: Readonly<Record<string, string>> = {
  '^': '\\S\\',
  '&': '\\T\\',
  '~': '\\R\\',
  '|': '\\F\\',
  '\\': '\\E\\',
};

const isSafe = (identifier: string): boolean => identifier !== '' && !/[\^&~|\\\s]/.test(identifier);

/** @throws dmp/value-invalid */
const checkedIdentifier = (identifier: string, what: string): string => {
  if (isSafe(identifier)) return identifier;
  throw new DrimboxError('dmp/value-invalid', { detail: `${what} is empty or holds a separator` });
};

/** Escapes a name, line ends and runs of spaces made one space, whole characters only up to the budget. */
const escapeName = (name: string, budget: number): string => {
  let escaped = '';
  for (const character of name.normalize('NFC').replace(/\s+/g, ' ').trim()) {
    const next = escapes[character] ?? character;
    if (escaped.length + next.length > budget) break;
    escaped += next;
  }
  return escaped;
};

/** Longest name we write: two of them and the identifiers fit in 256 characters. */
const maxNameLength = 80;

/** `8…^FAMILY^Given^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS` @throws dmp/value-invalid */
export const encodeXcn = (person: HealthProfessional): string =>
  [
    checkedIdentifier(person.id, 'the identifier of a professional'),
    escapeName(person.familyName, maxNameLength),
    escapeName(person.givenName, maxNameLength),
    '^^^^^',
  ].join('^') + `&${oids.healthProfessionals}&ISO^D^^^IDNPS`;

/** `Name^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^1…`, the identifier as Struct_IdNat. @throws dmp/value-invalid */
export const encodeXon = (organization: HealthOrganization): string => {
  const id = structIdNat(checkedIdentifier(organization.id, 'the identifier of a structure'));
  const rest = `^^^^^&${oids.healthOrganizations}&ISO^IDNST^^^${id}`;
  return escapeName(organization.name, Math.max(0, maxValueLength - rest.length)) + rest;
};

/** `INS^^^&OID&ISO^NH` */
export const encodeInsCx = (ins: InsIdentifier): string => `${ins.value}^^^&${ins.oid}&ISO^NH`;

/** The local identifier (IPP, type PI) when its authority is known, else the INS. @throws dmp/value-invalid */
export const encodeSourcePatientId = (patient: PatientIdentity): string =>
  patient.ipp?.issuerOid === undefined
    ? encodeInsCx(patient.ins)
    : `${checkedIdentifier(patient.ipp.value, 'the IPP')}^^^&${patient.ipp.issuerOid}&ISO^PI`;

/** PID-5, PID-7, PID-8 and, when known, PID-11: the traits of the INS identity. */
export const encodeSourcePatientInfo = (patient: PatientIdentity): string[] => [
  `PID-5|${escapeName(patient.birthFamilyName, maxNameLength)}^${escapeName(patient.firstBirthGivenName, maxNameLength)}^^^^^L`,
  `PID-7|${patient.birthDate}`,
  `PID-8|${patient.sex}`,
  ...(patient.birthPlace === undefined ? [] : [`PID-11|^^^^^^BDL^^${checkedIdentifier(patient.birthPlace, 'PID-11')}`]),
];

/** Types of the referenceIdList the DMP knows (JDV_J231). */
export const referenceIdTypes = {
  accession: 'urn:ihe:iti:xds:2013:accession',
  order: 'urn:ihe:iti:xds:2013:order',
  studyInstanceUid: 'urn:ihe:iti:xds:2016:studyInstanceUID',
} as const;

/** `value^^^&OID&ISO^type`; `value^^^^type` without an authority. @throws dmp/value-invalid */
export const encodeCxi = (identifier: IssuedIdentifier, type: keyof typeof referenceIdTypes): string => {
  const value = checkedIdentifier(identifier.value, `the ${type} identifier`);
  const authority =
    identifier.issuerOid === undefined || identifier.issuerOid === '' ? '' : `&${identifier.issuerOid}&ISO`;
  return `${value}^^^${authority}^${referenceIdTypes[type]}`;
};

/** DTM in UTC, to the second: `20260131235959` (decision C4). */
export const formatXdsTime = (atUtcMs: number): string =>
  new Date(atUtcMs).toISOString().replace(/[-T:]/g, '').slice(0, 14);
