export { attemptMs, type SignInAttempt, signInAttempt } from './attempt.ts';
export type { BegunSignIn } from './code-flow.ts';
export { CivilTrait, lackingTraits } from './civil-scopes.ts';
export type { DecryptionKeys } from './decryption-keys.ts';
export { type FranceConnect, openFranceConnect } from './franceconnect.ts';
export type { LogoutRefused, LogoutVerdict } from './logout-token.ts';
export {
  franceConnectAddress,
  type FranceConnectOptions,
  franceConnectOptions,
  type ProviderAddress,
  pscAddress,
  type PscSignInOptions,
  pscSignInOptions,
  type SignInOptions,
  signInOptions,
} from './options.ts';
export { openProSanteConnect, type ProSanteConnect } from './pro-sante-connect.ts';
export {
  asProviderUnavailable,
  classifyAnswer,
  classifyFailure,
  type ProviderFailureCode,
  type ProviderUnavailable,
  type SignInRefusalCode,
  type SignInRefused,
} from './provider-failure.ts';
export { type LogoutOrder, type LogoutRequest, type ProviderSession, providerSession } from './provider-session.ts';
export { openSignInServices, type SignInServices, type SignInServicesPorts } from './sign-in-services.ts';
export type { SignedInResult, SignInPorts, SignInService } from './sign-in-service.ts';
export { buildCsrfToken, isCsrfToken } from './csrf-token.ts';
export { type ExerciseSituation, findSituation, parseExerciseSituations } from './exercise-situations.ts';
export { createGrants, type GrantAddition, type GrantLook, type Grants } from './grants.ts';
export type { Grant, GrantContent } from './grant-rows.ts';
export {
  type CheckIdentity,
  createIdentityCheck,
  type IdentityQuestion,
  type IdentityVerdict,
} from './identity-check.ts';
export {
  type ArchivedPatient,
  type ArchivedTraits,
  type IdentityMatch,
  matchIdentity,
  MismatchReason,
} from './identity-match.ts';
export { isOwnOrigin, type RequestSource } from './request-origin.ts';
export {
  buildClearCookie,
  buildSetCookie,
  CookieName,
  encodeSecret,
  isSecret,
  parseCookie,
  secretBytes,
} from './session-cookie.ts';
export { type SessionOptions, sessionOptions } from './session-options.ts';
export { createSessionPurge, type PurgeCounts, type PurgeSessions } from './session-purge.ts';
export type { Session } from './session-rows.ts';
export type { NewSession } from './session-start.ts';
export {
  createSessions,
  type ProviderLogout,
  type SessionPorts,
  type Sessions,
  type SessionStart,
} from './sessions.ts';
export {
  type AttemptOrder,
  type AttemptStart,
  type AttemptTaking,
  createSignInAttempts,
  type SignInAttempts,
} from './sign-in-attempts.ts';
export {
  type CivilTraits,
  IdentityProvider,
  type SignedIn,
  type SignedInPatient,
  type SignedInProfessional,
} from './signed-in.ts';
