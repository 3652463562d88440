/**
 * What kind of activity a submission set comes from (XDS contentTypeCode), told by the patient class PV1-2.
 *
 * The mapping is the implementation guide's proposal. The labels are those of the code system
 * TRE_R209-TypeActivite (1.2.250.1.213.2.2, edition 2026-06-29): those of the value set JDV_J59-ContentTypeCode-DMP
 * could not be read, so equal labels are an assumption (the codes are not).
 *
 * @see IG "Transmission de document(s) CDA en HL7v2" mapping.md · facts/cisis.md 3.1
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const activity = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.contentTypes,
  displayName,
});

/** Those that the mapping uses, and `04`, the constant of the DMP's own samples. */
export const contentTypes: ValueSet = [
  activity('03', 'Hospitalisation complète (non compris hospitalisation de semaine)'),
  activity('04', 'Hospitalisation de Jour'),
  activity('07', 'Consultation Soins Externes'),
  activity('19', 'Traitement et Cure Ambulatoire'),
  activity('97', "Type d'activité indifferencié"),
];

/** PV1-2 (HL70004) → contentTypeCode */
const contentTypeOfClass: Readonly<Record<string, string>> = { I: '03', O: '07', R: '19', N: '97', E: '07' };

/** @param code of 1.2.250.1.213.2.2; undefined when this table does not have it */
export const contentTypeConcept = (code: string): CodedConcept | undefined => findConcept(contentTypes, code);

/** @param patientClass PV1-2: `I`, `O`, `R`, `N` or `E`; undefined for any other */
export const contentTypeOfPatientClass = (patientClass: string): CodedConcept | undefined => {
  const code = Object.hasOwn(contentTypeOfClass, patientClass) ? contentTypeOfClass[patientClass] : undefined;
  return code === undefined ? undefined : contentTypeConcept(code);
};
