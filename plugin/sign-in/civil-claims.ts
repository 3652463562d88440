/**
 * Claims of FranceConnect+ → traits of a person: of the RNIPP where they are granted, else those of the identity provider.
 *
 * A claim that is missing becomes an empty text: the identity match denies what it cannot compare.
 *
 * @see facts/identity.md 3.3, 3.4 · decision E7
 */
import { z } from 'zod';
import type { CivilTraits } from './signed-in.ts';

const maxCharacters = 512;
const text = z.string().max(maxCharacters).optional().catch(undefined);
const gender = z.enum(['male', 'female', 'unspecified']).optional().catch(undefined);

const claimsShape = z.object({
  family_name: text,
  given_name: text,
  birthdate: text,
  gender,
  birthplace: text,
  birthcountry: text,
  rnipp_family_name: text,
  rnipp_given_name: text,
  rnipp_given_name_array: z.array(z.string().max(maxCharacters)).max(64).optional().catch(undefined),
  rnipp_birthdate: text,
  rnipp_gender: gender,
  rnipp_birthplace: text,
  rnipp_birthcountry: text,
});

/** Never throws: `preferred_username`, the used name, is not read. */
export const parseCivilTraits = (claims: unknown): CivilTraits => {
  const read = claimsShape.safeParse(claims);
  const known: Partial<z.output<typeof claimsShape>> = read.success ? read.data : {};
  const [firstGivenName] = known.rnipp_given_name_array ?? [];
  return {
    birthName: known.rnipp_family_name ?? known.family_name ?? '',
    givenNames: known.rnipp_given_name ?? known.given_name ?? '',
    ...(firstGivenName === undefined ? {} : { firstGivenName }),
    birthDate: known.rnipp_birthdate ?? known.birthdate ?? '',
    gender: known.rnipp_gender ?? known.gender ?? 'unspecified',
    birthPlace: known.rnipp_birthplace ?? known.birthplace ?? '',
    birthCountry: known.rnipp_birthcountry ?? known.birthcountry ?? '',
  };
};
