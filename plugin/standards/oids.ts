/**
 * Object identifiers of the code systems and authorities this project names.
 *
 * @see CI-SIS annexes · facts/spec.md b.1–b.4 · facts/identity.md §4
 */
export const oids = {
  /** PS_IdNat: health professionals (RPPS, ADELI…). */
  healthProfessionals: '1.2.250.1.71.4.2.1',
  /** Struct_IdNat: health structures (FINESS, SIRET…). */
  healthOrganizations: '1.2.250.1.71.4.2.2',
  /** JDV_J61/J02: sector of activity, SAxx. */
  activitySectors: '1.2.250.1.71.4.2.4',
  /** TRE_R01…: speciality (SMxx) in a VIHF role. */
  specialties: '1.2.250.1.71.4.2.5',
  /** TRE_G15: profession in a VIHF role. */
  professions: '1.2.250.1.71.1.2.7',
  /** Profession/speciality pairs `G15_10/SM44` as CDA codes them. */
  authorSpecialties: '1.2.250.1.213.1.1.4.5',
  /** `AUTOMATE` role. */
  automatonRoles: '1.2.250.1.213.1.1.4.6',
  practiceSettings: '1.2.250.1.213.1.1.4.9',
  documentClasses: '1.2.250.1.213.1.1.4.1',
  documentTypes: '1.2.250.1.213.1.1.4.12',
  /** MASQUE_PS, INVISIBLE_PATIENT, … */
  visibilityCodes: '1.2.250.1.213.1.1.4.13',
  /** HL7 confidentiality: N, R, V. */
  confidentiality: '2.16.840.1.113883.5.25',
  purposeOfUse: '1.2.250.1.213.1.1.4.248',
  contentTypes: '1.2.250.1.213.2.2',
  ccam: '1.2.250.1.213.2.5',
  loinc: '2.16.840.1.113883.6.1',
  snomedCt: '2.16.840.1.113883.6.96',
  dicomOntology: '1.2.840.10008.2.16.4',
  dicomUids: '1.2.840.10008.2.6.1',
} as const;
