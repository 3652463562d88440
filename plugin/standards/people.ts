/**
 * Patients, professionals and structures as every room speaks of them.
 *
 * @see CI-SIS "Structuration minimale" · référentiel INS · ANNUAIRE SANTÉ (PS_IdNat, Struct_IdNat)
 */
import type { InsIdentifier } from './identifiers.ts';

/** A code of a terminology. `displayName` may be empty. */
export interface CodedConcept {
  readonly code: string;
  /** OID of the code system. */
  readonly codeSystem: string;
  readonly displayName: string;
}

/** An identifier with the authority that gave it: IPP, accession number, placer order number. */
export interface IssuedIdentifier {
  readonly value: string;
  /** OID of the authority; absent when the sender gave none. */
  readonly issuerOid?: string;
}

/** A CDA or HL7 document identifier: an OID or a UUID, with or without extension. */
export interface DocumentId {
  readonly root: string;
  readonly extension?: string;
}

/** `root` or `root^extension`: the key by which a document is archived. UUIDs in capitals. */
export const documentIdKey = (id: DocumentId): string =>
  id.extension === undefined || id.extension === ''
    ? id.root.toUpperCase()
    : `${id.root.toUpperCase()}^${id.extension}`;

export type Sex = 'M' | 'F' | 'U';

/** The traits of the INS identity, and the local identifier (IPP) where there is one. */
export interface PatientIdentity {
  readonly ins: InsIdentifier;
  readonly ipp?: IssuedIdentifier;
  readonly birthFamilyName: string;
  readonly firstBirthGivenName: string;
  /** All birth given names, as sent (often one string with spaces). */
  readonly birthGivenNames: string;
  readonly usedFamilyName?: string;
  readonly usedGivenName?: string;
  /** `YYYYMMDD`; day or month may be `00` in a provisional identity. */
  readonly birthDate: string;
  readonly sex: Sex;
  /** INSEE code of the place (COG) or country of birth, 5 characters. */
  readonly birthPlace?: string;
}

/** A health professional. `id` is PS_IdNat (`8` + RPPS…), under OID 1.2.250.1.71.4.2.1. */
export interface HealthProfessional {
  readonly id: string;
  readonly familyName: string;
  readonly givenName: string;
  /** Profession / speciality as CDA codes it: `G15_10/SM44` in 1.2.250.1.213.1.1.4.5. */
  readonly specialty?: CodedConcept;
}

/** A structure. `id` is Struct_IdNat (`1` + FINESS, `3` + SIRET, …) or a bare FINESS, under OID 1.2.250.1.71.4.2.2. */
export interface HealthOrganization {
  readonly id: string;
  readonly name: string;
}

/** An imaging order: what the requester called it (placer) and what the imaging department did (accession number). */
export interface ImagingOrder {
  readonly placerOrderNumber?: IssuedIdentifier;
  readonly accessionNumber?: IssuedIdentifier;
}

/** Who may see a document (MetaDMPMSS flags of the HL7 message). */
export interface Visibility {
  /** MASQUE_PS */
  readonly maskedFromProfessionals: boolean;
  /** INVISIBLE_PATIENT */
  readonly invisibleToPatient: boolean;
  /** INVISIBLE_REP_LEGAUX */
  readonly invisibleToRepresentatives: boolean;
  /** CONNEXION_SECRETE */
  readonly secretConnection: boolean;
}

/**
 * Struct_IdNat of a structure: a bare FINESS of 9 characters gets its prefix `1`; anything else is kept.
 *
 * @see facts/cisis.md 2.4 (an assumption: official samples carry both forms)
 */
export const structIdNat = (id: string): string => (/^[0-9][0-9AB][0-9]{7}$/.test(id) ? `1${id}` : id);
