/**
 * In which situations a professional practises: one for each activity of each exercise that Pro Santé Connect names.
 *
 * The directory is uneven: whatever is missing is left out, whatever has another shape is ignored, a code without label is
 * shown as the code. Names of situations are of structures and qualifications, still they describe one person.
 *
 * @see facts/identity.md 1.5 (userinfo, `SubjectRefPro` may be missing)
 */
import { createHash } from 'node:crypto';
import {
  facilityTypeConcept,
  knowHowLabels,
  pharmacistSectionLabels,
  professionLabels,
  structIdNat,
  trainingProfessionLabels,
} from '../standards/index.ts';

export interface ExerciseSituation {
  /** The same at every sign-in, opaque: for a form. */
  readonly key: string;
  /** TRE_G15, as `10`. */
  readonly professionCode: string;
  /** `C` civilian, `M` military, `E` in training; '' when not told. */
  readonly categoryCode: string;
  /** `SM44`; absent when the exercise has none. */
  readonly knowHowCode?: string;
  /** `SA07`; absent when the activity has none. */
  readonly sectorCode?: string;
  /** Struct_IdNat; absent when the activity has no structure. */
  readonly structureId?: string;
  /** What a screen shows: « Médecin – Radio-diagnostic (SM) – Centre d'imagerie Exemple ». */
  readonly label: string;
}

/** Far more than a person has; the answer of a provider is bounded like any other. */
const maxSituations = 64;
const maxCharacters = 120;

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const listOf = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.slice(0, maxSituations).map(fieldsOf) : [];

/** Characters that turn or hide text on a screen are left out. */
const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
        .toWellFormed()
        .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
        .trim()
        .slice(0, maxCharacters)
        .toWellFormed()
    : '';

const codeOf = (value: unknown): string => {
  const text = typeof value === 'number' ? String(value) : textOf(value);
  return /^[0-9A-Za-z._-]{1,64}$/.test(text) ? text : '';
};

/** `10^1.2.250.1.71.1.2.7` → `10` */
const codeOfPair = (value: unknown): string => codeOf(textOf(value).split('^')[0]);

const labelIn = (labels: Readonly<Record<string, string>>, code: string): string | undefined =>
  Object.hasOwn(labels, code) ? labels[code] : undefined;

const professionLabel = (code: string, category: string, section: string): string => {
  const training = category === 'E' ? labelIn(trainingProfessionLabels, code) : undefined;
  const pharmacist = code === '21' ? labelIn(pharmacistSectionLabels, section) : undefined;
  return training ?? pharmacist ?? labelIn(professionLabels, code) ?? code;
};

/** Site before legal entity, FINESS before SIRET. */
const structureIdOf = (activity: Fields): string => {
  const finess = codeOf(activity['numeroFinessSite']) || codeOf(activity['numeroFinessetablissementJuridique']);
  if (finess !== '') return structIdNat(finess);
  const siret = codeOf(activity['numeroSiretSite']);
  return siret === '' ? codeOf(activity['identifiantTechniqueDeLaStructure']) : `3${siret}`;
};

const structureNameOf = (activity: Fields): string =>
  textOf(activity['raisonSocialeSite']) || textOf(activity['enseigneCommercialeSite']);

interface Parts {
  readonly profession: string;
  readonly category: string;
  readonly knowHow: string;
  readonly section: string;
  readonly sector: string;
  readonly structureId: string;
  readonly structureName: string;
}

const keyOf = (parts: Parts): string =>
  createHash('sha256')
    .update(JSON.stringify([parts.profession, parts.category, parts.knowHow, parts.section, parts.sector]))
    .update(JSON.stringify([parts.structureId === '' ? parts.structureName : parts.structureId]))
    .digest('base64url')
    .slice(0, 22);

/** Without the name of a structure the sector says where: « Cabinet individuel ». */
const labelOf = (parts: Parts): string => {
  const place = parts.structureName || (facilityTypeConcept(parts.sector)?.displayName ?? parts.sector);
  return [
    professionLabel(parts.profession, parts.category, parts.section),
    labelIn(knowHowLabels, parts.knowHow) ?? parts.knowHow,
    place || parts.structureId,
  ]
    .filter((text) => text !== '')
    .join(' – ');
};

const buildSituation = (parts: Parts): ExerciseSituation => ({
  key: keyOf(parts),
  professionCode: parts.profession,
  categoryCode: parts.category,
  ...(parts.knowHow === '' ? {} : { knowHowCode: parts.knowHow }),
  ...(parts.sector === '' ? {} : { sectorCode: parts.sector }),
  ...(parts.structureId === '' ? {} : { structureId: parts.structureId }),
  label: labelOf(parts),
});

const situationsOfExercise = (exercise: Fields): readonly ExerciseSituation[] => {
  const profession = codeOf(exercise['codeProfession']);
  if (profession === '') return [];
  const activities = listOf(exercise['activities']);
  return (activities.length === 0 ? [{}] : activities).map((activity: Fields) =>
    buildSituation({
      profession,
      category: codeOf(exercise['codeCategorieProfessionnelle']),
      knowHow: codeOf(exercise['codeSavoirFaire']),
      section: codeOf(activity['codeSectionPharmacien']),
      sector: codeOf(activity['codeSecteurDactivite']),
      structureId: structureIdOf(activity),
      structureName: structureNameOf(activity),
    }),
  );
};

/** The claims beside `SubjectRefPro`: of one situation only, when the provider knows it. */
const situationOfClaims = (userinfo: Fields): readonly ExerciseSituation[] => {
  const roles = [userinfo['SubjectRole']].flat();
  const profession = codeOfPair(roles[0]);
  if (profession === '') return [];
  return [
    buildSituation({
      profession,
      category: '',
      knowHow: codeOfPair(roles[1]),
      section: '',
      sector: codeOfPair(userinfo['Secteur_Activite']),
      structureId: codeOf(userinfo['SubjectOrganizationID']),
      structureName: textOf(userinfo['SubjectOrganization']),
    }),
  ];
};

/**
 * Reads the situations out of a userinfo answer. Never throws; what cannot be read is no situation.
 *
 * @returns each once, in the order of the answer; none when the answer names no profession
 */
export const parseExerciseSituations = (userinfo: unknown): readonly ExerciseSituation[] => {
  const claims = fieldsOf(userinfo);
  const named = listOf(fieldsOf(claims['SubjectRefPro'])['exercices']).flatMap(situationsOfExercise);
  const found = named.length === 0 ? situationOfClaims(claims) : named;
  const keys = found.map(({ key }) => key);
  return found.filter(({ key }, at) => keys.indexOf(key) === at).slice(0, maxSituations);
};

/** @returns the situation of that key, when it is one of those offered */
export const findSituation = (situations: readonly ExerciseSituation[], key: string): ExerciseSituation | undefined =>
  situations.find((situation) => situation.key === key);
