/**
 * Confidentiality levels (`N`, `R`, `V`) and the codes that hide a document (XDS confidentialityCode).
 *
 * @see ANS, JDV_J08_XdsConfidentialityCode_CISIS, 1.2.250.1.213.1.1.5.463, edition 2020-04-24
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const level = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.confidentiality,
  displayName,
});
const visibility = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.visibilityCodes,
  displayName,
});

export const confidentialityCodes: ValueSet = [
  level('N', 'Normal'),
  level('R', 'Restreint'),
  level('V', 'Très restreint'),
  visibility('INVISIBLE_PATIENT', 'Non visible par le patient'),
  visibility('INVISIBLE_REPRESENTANTS_LEGAUX', 'Non visible par les représentants légaux du patient'),
  visibility('MASQUE_PS', 'Masqué aux professionnels de santé'),
];

/** @param code `N`, `MASQUE_PS`…; undefined when the value set does not have it */
export const confidentialityConcept = (code: string): CodedConcept | undefined =>
  findConcept(confidentialityCodes, code);
