/**
 * What a token says of itself, checked before Pro Santé Connect is asked: cheap refusals first, the signature last.
 *
 * It saves questions; it decides nothing alone: only introspection knows whether a token is still good.
 *
 * @see RFC 7519 · RFC 8725 (algorithms) · facts/identity.md 1.4, 1.8
 */
import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from 'jose';
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { classifyPscFailure, type PscUnavailable } from './psc-failure.ts';
import type { KeyAnswer, PscKeys } from './psc-keys.ts';

export type TokenRefusalCode = Extract<ErrorCode, `trust/token-${string}`>;

/** The token, or who sends it, is not good. */
export interface TokenRefused {
  readonly kind: 'refused';
  readonly code: TokenRefusalCode;
}

export const refused = (code: TokenRefusalCode): TokenRefused => ({ kind: 'refused', code });

/** Times in seconds since 1970, as RFC 7519 has them. */
const claimsShape = z.looseObject({
  iss: z.string(),
  sub: z.string().optional(),
  exp: z.number(),
  nbf: z.number().optional(),
  typ: z.string().optional(),
  azp: z.string().optional(),
  jti: z.string().optional(),
  cnf: z.unknown().optional(),
});
export type TokenClaims = z.output<typeof claimsShape>;

export type PrecheckedToken =
  | { readonly kind: 'passed' /** Absent for an opaque token. */; readonly claims?: TokenClaims }
  | TokenRefused
  | PscUnavailable;

export interface PrecheckOptions {
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceMs: number;
  readonly allowOpaqueTokens: boolean;
  readonly allowInsecureMissingKeys: boolean;
}

const threeParts = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const accessTokenTypes = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

interface Decoded {
  readonly header: ReturnType<typeof decodeProtectedHeader>;
  readonly claims: TokenClaims;
}

const decodeToken = (token: string): Decoded | undefined => {
  try {
    return { header: decodeProtectedHeader(token), claims: claimsShape.parse(decodeJwt(token)) };
  } catch (failure) {
    // Of jose, of zod, and of the decoders below them: whatever it is, the token is not a JWT.
    if (failure instanceof Error) return undefined;
    throw failure;
  }
};

const checkClaims = (
  { header, claims }: Decoded,
  options: PrecheckOptions,
  nowUtcMs: number,
): TokenRefused | undefined => {
  if (claims.iss !== options.issuer) return refused('trust/token-issuer-unknown');
  if (header.typ !== undefined && !accessTokenTypes.has(String(header.typ).toLowerCase())) {
    return refused('trust/token-kind-refused');
  }
  // Keycloak: `ID`, `Refresh` and `Logout` are other tokens, signed by the same key.
  if (claims.typ !== undefined && claims.typ.toLowerCase() !== 'bearer') return refused('trust/token-kind-refused');
  if (claims.exp * 1000 + options.clockToleranceMs <= nowUtcMs) return refused('trust/token-expired');
  if (claims.nbf !== undefined && claims.nbf * 1000 - options.clockToleranceMs > nowUtcMs) {
    return refused('trust/token-not-yet-valid');
  }
  if (!options.algorithms.includes(String(header.alg))) return refused('trust/token-signature-invalid');
  return undefined;
};

type Signature = 'valid' | 'invalid' | 'key-unknown';

const verifySignature = async (
  token: string,
  answer: Extract<KeyAnswer, { kind: 'keys' }>,
  algorithms: readonly string[],
): Promise<Signature> => {
  try {
    await compactVerify(token, answer.find, { algorithms: [...algorithms] });
    return 'valid';
  } catch (failure) {
    if (failure instanceof errors.JWKSNoMatchingKey) return 'key-unknown';
    if (failure instanceof errors.JOSEError || failure instanceof TypeError) return 'invalid';
    throw failure;
  }
};

const checkSignature = async (
  token: string,
  keys: PscKeys,
  options: PrecheckOptions,
): Promise<TokenRefused | PscUnavailable | undefined> => {
  let answer = await keys.load();
  let signature: Signature = 'key-unknown';
  if (answer.kind === 'keys') signature = await verifySignature(token, answer, options.algorithms);
  if (answer.kind === 'keys' && signature === 'key-unknown') {
    answer = await keys.loadAgain();
    if (answer.kind === 'keys') signature = await verifySignature(token, answer, options.algorithms);
  }
  if (answer.kind === 'unavailable') return options.allowInsecureMissingKeys ? undefined : answer;
  return signature === 'valid' ? undefined : refused('trust/token-signature-invalid');
};

/** Never throws: a token comes from outside. */
export const precheckToken = async (
  token: string,
  keys: PscKeys,
  options: PrecheckOptions,
  nowUtcMs: number,
): Promise<PrecheckedToken> => {
  if (!threeParts.test(token)) {
    return options.allowOpaqueTokens && !token.includes('.') ? { kind: 'passed' } : refused('trust/token-malformed');
  }
  const decoded = decodeToken(token);
  if (decoded === undefined) return refused('trust/token-malformed');
  const fault = checkClaims(decoded, options, nowUtcMs);
  if (fault !== undefined) return fault;
  try {
    return (await checkSignature(token, keys, options)) ?? { kind: 'passed', claims: decoded.claims };
  } catch (failure) {
    return classifyPscFailure(failure);
  }
};
