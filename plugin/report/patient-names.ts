/**
 * Names of the patient, told apart by their qualifiers.
 *
 * `BR` birth name and first birth given name, no qualifier: all birth given names, `CL` used names (`SP` in samples
 * before 2021). A birth name is never guessed from another one.
 *
 * @see CI-SIS "Structuration minimale", patient/name · facts/cisis.md 2.2
 */
import type { PatientIdentity } from '../standards/index.ts';
import { attribute, type CdaElement, descend, fieldInvalid, fieldMissing, textOf } from './cda-element.ts';
import type { Warn } from './warnings.ts';

type PatientNames = Pick<
  PatientIdentity,
  'birthFamilyName' | 'firstBirthGivenName' | 'birthGivenNames' | 'usedFamilyName' | 'usedGivenName'
>;

/** What a conversion puts in place of a character it does not know: the name is no longer the patient's. */
const lostCharacter = '\ufffd';

type NamePart = 'family' | 'given';

/** @throws report/field-missing, report/field-invalid */
export const parsePatientNames = (patient: CdaElement, warn: Warn): PatientNames => {
  const birthFamilyName = birthPart(patient, 'family');
  const firstBirthGivenName = birthPart(patient, 'given');
  const usedFamilyName = partsWith(patient, 'family', 'CL')[0] ?? partsWith(patient, 'family', 'SP')[0];
  const usedGivenName = partsWith(patient, 'given', 'CL')[0];
  return {
    birthFamilyName,
    firstBirthGivenName,
    birthGivenNames: parseGivenNames(patient, firstBirthGivenName, warn),
    ...(usedFamilyName === undefined ? {} : { usedFamilyName }),
    ...(usedGivenName === undefined ? {} : { usedGivenName }),
  };
};

/** Texts of the parts that carry the qualifier (a list of tokens), or none when `''` is asked for. */
const partsWith = (patient: CdaElement, part: NamePart, qualifier: string): readonly string[] =>
  descend(patient, 'name', part).flatMap((at) => {
    const tokens = (attribute(at, 'qualifier') ?? '').split(' ');
    const text = textOf(at);
    if (text === undefined || !tokens.includes(qualifier)) return [];
    if (text.includes(lostCharacter)) throw fieldInvalid(at.path, 'a character was lost (U+FFFD)');
    return [text];
  });

const birthPart = (patient: CdaElement, part: NamePart): string => {
  const location = `${patient.path}/name/${part}[@qualifier='BR']`;
  const [name, ...others] = partsWith(patient, part, 'BR');
  if (name === undefined) throw fieldMissing(location);
  if (others.some((other) => other !== name)) throw fieldInvalid(location, 'more than one');
  return name;
};

/** Often one element with spaces; several are joined, each kept as sent. */
const parseGivenNames = (patient: CdaElement, firstBirthGivenName: string, warn: Warn): string => {
  const names = partsWith(patient, 'given', '').join(' ');
  if (names === '') {
    warn('given-names-missing');
    return firstBirthGivenName;
  }
  if (!names.toUpperCase().startsWith(firstBirthGivenName.toUpperCase())) warn('given-names-differ');
  return names;
};
