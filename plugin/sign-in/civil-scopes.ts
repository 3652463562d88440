/**
 * Scopes of FranceConnect+ → traits that the identity match needs and would not get.
 *
 * @see facts/identity.md 3.3 (scopes and their claims, as in `fcp-high.scopes.ts` of FranceConnect+) · decision E7
 */
import { z } from 'zod';

/** What the match compares; without the first given name by itself it has to cut the text of all given names. */
export const CivilTrait = {
  birthName: 'birth name',
  givenNames: 'given names',
  firstGivenName: 'first given name',
  birthDate: 'birth date',
  gender: 'sex',
  birthPlace: 'birth place',
} as const;
export type CivilTrait = (typeof CivilTrait)[keyof typeof CivilTrait];

/** Claims that are read; that of the register (`rnipp_`) is the same trait. */
const traitOfClaim: Readonly<Record<string, CivilTrait>> = {
  family_name: CivilTrait.birthName,
  given_name: CivilTrait.givenNames,
  birthdate: CivilTrait.birthDate,
  gender: CivilTrait.gender,
  birthplace: CivilTrait.birthPlace,
  rnipp_family_name: CivilTrait.birthName,
  rnipp_given_name: CivilTrait.givenNames,
  // Only the register tells where a name ends: a list of the identity provider is not read.
  rnipp_given_name_array: CivilTrait.firstGivenName,
  rnipp_birthdate: CivilTrait.birthDate,
  rnipp_gender: CivilTrait.gender,
  rnipp_birthplace: CivilTrait.birthPlace,
};

const profile = [CivilTrait.givenNames, CivilTrait.birthName, CivilTrait.birthDate, CivilTrait.gender];
const pivot = [...profile, CivilTrait.birthPlace];

/** Scopes of more than the claim of their name. */
const traitsOfScope: Readonly<Record<string, readonly CivilTrait[]>> = {
  profile,
  birth: [CivilTrait.birthPlace],
  identite_pivot: pivot,
  rnipp_profile: [...profile, CivilTrait.firstGivenName],
  rnipp_birth: [CivilTrait.birthPlace],
  rnipp_identite_pivot: [...pivot, CivilTrait.firstGivenName],
  rnipp_given_name: [CivilTrait.givenNames, CivilTrait.firstGivenName],
  // A claim, not a scope.
  rnipp_given_name_array: [],
};

const ofClaim = (name: string): readonly CivilTrait[] => {
  const trait = traitOfClaim[name];
  return trait === undefined ? [] : [trait];
};

const claimsParameter = z.looseObject({ userinfo: z.record(z.string(), z.unknown()).optional() });

const claimNames = (claims: string | undefined): readonly string[] => {
  if (claims === undefined) return [];
  const read = claimsParameter.safeParse(JSON.parse(claims));
  return Object.keys(read.success ? (read.data.userinfo ?? {}) : {});
};

/**
 * @param scope   words with a space between
 * @param claims  parameter `claims`, JSON
 * @returns what is not asked for; whether FranceConnect+ grants what is asked for, the Datapass decides
 */
export const lackingTraits = (scope: string, claims?: string): readonly CivilTrait[] => {
  const ofScopes = scope.split(' ').flatMap((name) => traitsOfScope[name] ?? ofClaim(name));
  const given = new Set([...ofScopes, ...claimNames(claims).flatMap(ofClaim)]);
  return Object.values(CivilTrait).filter((trait) => !given.has(trait));
};
