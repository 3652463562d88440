/**
 * Who signed in, as the identity provider told it. These facts name a person: they live in a session, sealed, and in the
 * audit, nowhere else (decision A6).
 *
 * @see facts/identity.md 1.5 (Pro Santé Connect), 3.3 (FranceConnect+)
 */
import type { ExerciseSituation } from './exercise-situations.ts';

/** Whoever says who a person is. */
export const IdentityProvider = { proSanteConnect: 'psc', franceConnect: 'franceconnect' } as const;
export type IdentityProvider = (typeof IdentityProvider)[keyof typeof IdentityProvider];

/** The traits of a person's civil identity: of the RNIPP where FranceConnect+ gives them, else the plain ones (decision E7). */
export interface CivilTraits {
  /** Never the used name. */
  readonly birthName: string;
  /** All given names, as sent: one text with spaces. */
  readonly givenNames: string;
  /** The first of them, exact: `rnipp_given_name_array[0]`; absent when only the text is known. */
  readonly firstGivenName?: string;
  /** `YYYY-MM-DD`; month and day `00` when presumed. */
  readonly birthDate: string;
  readonly gender: 'male' | 'female' | 'unspecified';
  /** INSEE code of the commune (COG), 5 characters; '' when born abroad. */
  readonly birthPlace: string;
  /** INSEE code of the country: `99100` is France. */
  readonly birthCountry: string;
}

export interface SignedInProfessional {
  readonly kind: 'professional';
  /** `8` and the RPPS, or what Pro Santé Connect gives instead (test identities). */
  readonly nationalId: string;
  readonly familyName: string;
  readonly givenName: string;
  /** The one chosen; absent until then. */
  readonly situation?: ExerciseSituation | undefined;
  readonly situations: readonly ExerciseSituation[];
}

export interface SignedInPatient {
  readonly kind: 'patient';
  /** `sub` of FranceConnect+: of this service alone (pairwise). */
  readonly subject: string;
  readonly traits: CivilTraits;
}

export type SignedIn = SignedInProfessional | SignedInPatient;
