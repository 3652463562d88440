/**
 * What is known of an active token: whose it is, of which software, until when, bound to what.
 *
 * These facts name a person: they go to the audit and nowhere else (decision A6).
 *
 * @see facts/identity.md 1.5, 1.6 · decision E4
 */
import { type Confirmation, parseConfirmation } from './certificate-binding.ts';
import type { PscUnavailable } from './psc-failure.ts';
import type { IntrospectionAnswer } from './token-introspection.ts';
import { refused, type TokenClaims, type TokenRefused } from './token-precheck.ts';

export interface TokenFacts {
  readonly kind: 'facts';
  /** National identifier of the professional: `8` and the RPPS, or what PSC gives instead (test identities). */
  readonly nationalId: string;
  /** Software that obtained the token (`azp`). */
  readonly clientId: string;
  readonly expiresAtUtcMs: number;
  /** `sub`; empty when PSC gives none. */
  readonly subject: string;
  /** Values of `SubjectRole`, as `10^1.2.250.1.213.1.1.5.5`; empty when unknown. */
  readonly roles: readonly string[];
  readonly confirmation: Confirmation;
}

/** No blank, no control character, nothing that a log or a header could stumble on. PS_IdNat may hold `/`. */
const nationalId = /^[0-9A-Za-z][0-9A-Za-z/._-]{2,63}$/;
const clientId = /^[\x21-\x7E]{1,256}$/;
const role = /^[0-9A-Za-z]{1,16}\^[0-9]+(\.[0-9]+)*$/;

/** The values of `SubjectRole` that are a code and its table. */
export const parseRoles = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim])
    .slice(0, 32)
    .filter((value): value is string => typeof value === 'string' && value.length <= 128 && role.test(value));

const invalid = (detail: string): PscUnavailable => ({ kind: 'unavailable', code: 'trust/psc-answer-invalid', detail });

/** Both say the same, or one of them says nothing. */
const agree = (asked: string | undefined, answered: string | null | undefined): boolean =>
  asked === undefined || answered === undefined || answered === null || asked === answered;

interface Expected {
  readonly issuer: string;
  readonly clockToleranceMs: number;
}

const isOfThatToken = (answer: IntrospectionAnswer, claims: TokenClaims | undefined): boolean =>
  agree(claims?.sub, answer.sub) &&
  agree(claims?.jti, answer.jti) &&
  agree(claims?.azp, answer.azp ?? answer.client_id);

/**
 * Reads an introspection; what the token said of itself fills what the answer leaves out.
 *
 * @returns facts; or a refusal; or, when the answer speaks of another token or says too little, "no answer"
 */
export const readTokenFacts = (
  answer: IntrospectionAnswer,
  claims: TokenClaims | undefined,
  expected: Expected,
  nowUtcMs: number,
): TokenFacts | TokenRefused | PscUnavailable => {
  if (!answer.active) return refused('trust/token-inactive');
  if (typeof answer.iss === 'string' && answer.iss !== expected.issuer) return refused('trust/token-issuer-unknown');
  if (typeof answer.typ === 'string' && answer.typ.toLowerCase() !== 'bearer')
    return refused('trust/token-kind-refused');
  if (!isOfThatToken(answer, claims)) return invalid('the answer is about another token');
  const exp = Math.min(answer.exp ?? Infinity, claims?.exp ?? Infinity);
  if (!Number.isFinite(exp)) return invalid('no exp');
  if (exp * 1000 + expected.clockToleranceMs <= nowUtcMs) return refused('trust/token-expired');
  if (typeof answer.nbf === 'number' && answer.nbf * 1000 - expected.clockToleranceMs > nowUtcMs) {
    return refused('trust/token-not-yet-valid');
  }
  const client = answer.azp ?? answer.client_id ?? claims?.azp;
  if (client === undefined || !clientId.test(client)) return invalid('no azp');
  const identity = answer.SubjectNameID ?? answer.preferred_username;
  if (typeof identity !== 'string' || !nationalId.test(identity)) return refused('trust/token-no-identity');
  return {
    kind: 'facts',
    nationalId: identity,
    clientId: client,
    expiresAtUtcMs: exp * 1000,
    subject: answer.sub ?? claims?.sub ?? '',
    roles: parseRoles(answer.SubjectRole),
    confirmation: parseConfirmation(answer.cnf ?? claims?.cnf),
  };
};
