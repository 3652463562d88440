/**
 * Settings in which care was given (XDS practiceSettingCode).
 *
 * @see ANS, JDV_J04_XdsPracticeSettingCode_CISIS, 1.2.250.1.213.1.1.5.467, edition 2024-09-27
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const setting = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.practiceSettings,
  displayName,
});
const other = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.automatonRoles,
  displayName,
});

export const practiceSettings: ValueSet = [
  other('EXP_PATIENT', 'Expression personnelle du patient'),
  other('SNR', 'Service numérique référencé'),
  setting('AMBULATOIRE', 'Ambulatoire'),
  setting('AMO', "Organisme d'assurance maladie obligatoire"),
  setting('DEPISTAGE', 'Dépistage'),
  setting('ESSMS', 'Etablissement ou Service Social ou Médico-Social'),
  setting('ETABLISSEMENT', 'Etablissement de santé'),
  setting('HAD', 'Hospitalisation à domicile'),
  setting('MAD', 'Maintien à domicile'),
  setting('PALLIATIF', 'Soins palliatifs'),
  setting('SAD', 'Soins à domicile'),
  setting('SAMU_SMUR', 'SAMU/SMUR'),
];

/** @param code `AMBULATOIRE`…; undefined when the value set does not have it */
export const practiceSettingConcept = (code: string): CodedConcept | undefined => findConcept(practiceSettings, code);
