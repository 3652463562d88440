/**
 * Roles of a VIHF from the profession and speciality that a report codes in one value.
 *
 * @see CI-SIS JDV_J01 (`G15_10/SM44`), JDV_J65 · TRE_G15 (professions) · GI DMP: a speciality is mandatory for physicians
 *      (10) and pharmacists (21)
 */
import { type CodedConcept, oids } from '../standards/index.ts';

const needsSpecialty: ReadonlySet<string> = new Set(['10', '21']);

export const automatonRole: CodedConcept = {
  code: 'AUTOMATE',
  codeSystem: oids.automatonRoles,
  displayName: 'Automate',
};

/**
 * `G15_10/SM44` "Médecin - Radiologie (SM)" → profession 10 and speciality SM44; `G15_98` → profession 98.
 *
 * @returns `AUTOMATE` when there is no speciality, one of another kind, or a physician or pharmacist without a
 *          speciality (the DMP refuses them) — the fallback the CI-SIS gives "if nothing else is possible"
 */
export const rolesFromSpecialty = (specialty: CodedConcept | undefined): readonly CodedConcept[] => {
  const parts = /^G15_([0-9A-Z]+)(?:\/([0-9A-Z]+))?$/.exec(specialty?.code ?? '');
  const profession = parts?.[1];
  const knowHow = parts?.[2];
  if (specialty === undefined || profession === undefined) return [automatonRole];
  if (needsSpecialty.has(profession) && knowHow === undefined) return [automatonRole];
  const label = /^(.*?) - (.*)$/.exec(specialty.displayName);
  const professionRole: CodedConcept = {
    code: profession,
    codeSystem: oids.professions,
    displayName: label?.[1] ?? (knowHow === undefined ? specialty.displayName : ''),
  };
  return knowHow === undefined
    ? [professionRole]
    : [
        professionRole,
        { code: knowHow, codeSystem: oids.specialties, displayName: label?.[2] ?? specialty.displayName },
      ];
};
