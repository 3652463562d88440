/**
 * Userinfo of Pro Santé Connect → a professional.
 *
 * Read with tolerance: what is not needed may be missing or of any shape; without a national identifier nobody is let in.
 *
 * @see facts/identity.md 1.5 · decision E4
 */
import { z } from 'zod';
import { parseExerciseSituations } from './exercise-situations.ts';
import { type ProviderUnavailable, refuse, type SignInRefused, unavailable } from './provider-failure.ts';
import type { SignedInProfessional } from './signed-in.ts';

const nationalIdText = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z/._-]{0,63}$/);
const nationalId = nationalIdText.optional().catch(undefined);

/** Spaces are evened out; characters that turn or hide text on a screen are left out. */
const name = z
  .string()
  .transform((text) =>
    text
      .toWellFormed()
      .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
      .trim()
      .slice(0, 120),
  )
  .catch('');

const claimsShape = z.looseObject({
  sub: z.string(),
  SubjectNameID: nationalId,
  preferred_username: nationalId,
  family_name: name,
  given_name: name,
});

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** @param subject  of the identity token: claims of another are refused */
export const parsePscUserinfo = (
  text: string,
  subject: string,
):
  | { readonly kind: 'professional'; readonly professional: SignedInProfessional }
  | SignInRefused
  | ProviderUnavailable => {
  const claims = claimsShape.safeParse(parseJson(text));
  if (!claims.success) return unavailable('sign-in/provider-answer-invalid', 'userinfo is not claims of a subject');
  const {
    sub,
    SubjectNameID,
    preferred_username: username,
    family_name: familyName,
    given_name: givenName,
  } = claims.data;
  if (sub !== subject) return refuse('sign-in/subject-mismatch', 'userinfo of another subject');
  const identifier = SubjectNameID ?? username;
  if (identifier === undefined) return refuse('sign-in/identity-incomplete', 'no national identifier');
  if (familyName === '') return refuse('sign-in/identity-incomplete', 'no family name');
  return {
    kind: 'professional',
    professional: {
      ...{ kind: 'professional', nationalId: identifier, familyName, givenName },
      situations: parseExerciseSituations(claims.data),
    },
  };
};
