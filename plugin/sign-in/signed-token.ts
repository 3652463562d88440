/**
 * A token of a sign-in service, from text to claims: decrypted, its signature verified by the service's keys, its claims
 * those of this client, its dates by our clock.
 *
 * @see RFC 7515, 7516, 7519, 8725 · OpenID Connect Core 1.0 §3.1.3.7, §5.3.2, §10.2 · facts/identity.md 3.2
 */
import { compactDecrypt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from 'jose';
import type { PscKeys } from '../trust/index.ts';
import type { DecryptionKeys } from './decryption-keys.ts';
import { asProviderUnavailable, type ProviderUnavailable, refuse, type SignInRefused } from './provider-failure.ts';

export interface TokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly algorithms: readonly string[];
  readonly keys: PscKeys;
  /** Where the service encrypts: a token that is not encrypted for us is none. */
  readonly decryption?: DecryptionKeys;
  /** Header `typ`, in lower case, where there is one. */
  readonly types: readonly string[];
  readonly requiredClaims: readonly string[];
  /** Since `iat`. */
  readonly maxAgeMs?: number;
  readonly clockToleranceMs: number;
  readonly nowUtcMs: number;
}

export interface VerifiedToken {
  readonly kind: 'verified';
  readonly claims: JWTPayload;
  /** The signed token, out of its envelope: what a logout shows the service again. */
  readonly jws: string;
}

const decrypt = async (token: string, { keys, contentEncryption }: DecryptionKeys): Promise<string | undefined> => {
  if (token.split('.').length !== 5) return undefined;
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    const fitting = keys.filter((key) => key.algorithm === alg && (kid === undefined || key.kid === kid));
    const [found] = fitting;
    // The same rule as openid-client's: which key must be beyond doubt.
    if (found === undefined || fitting.length > 1) return undefined;
    const options = { keyManagementAlgorithms: [found.algorithm], contentEncryptionAlgorithms: [...contentEncryption] };
    const { plaintext } = await compactDecrypt(token, found.key, options);
    return Buffer.from(plaintext).toString('utf8');
  } catch {
    // Of jose and of the decoders below it: whatever it is, it is not for us.
    return undefined;
  }
};

type Signature = VerifiedToken | SignInRefused | 'unknown-signature';

const readFailure = (failure: unknown): SignInRefused | 'unknown-signature' => {
  if (failure instanceof errors.JWKSNoMatchingKey || failure instanceof errors.JWSSignatureVerificationFailed) {
    return 'unknown-signature';
  }
  if (failure instanceof errors.JWTExpired) return refuse('sign-in/token-expired', 'exp or iat');
  if (failure instanceof errors.JWTClaimValidationFailed) {
    return ['nbf', 'iat', 'exp'].includes(failure.claim)
      ? refuse('sign-in/token-expired', 'dates')
      : refuse('sign-in/token-mismatch', 'issuer, audience or a claim that is missing');
  }
  if (failure instanceof errors.JOSEError || failure instanceof TypeError) {
    return refuse('sign-in/token-invalid', 'not a token of an accepted algorithm');
  }
  throw failure;
};

const verify = async (jws: string, find: JWTVerifyGetKey, rules: TokenRules): Promise<Signature> => {
  try {
    const { payload, protectedHeader } = await jwtVerify(jws, find, {
      issuer: rules.issuer,
      audience: rules.clientId,
      algorithms: [...rules.algorithms],
      requiredClaims: [...rules.requiredClaims],
      currentDate: new Date(rules.nowUtcMs),
      clockTolerance: rules.clockToleranceMs / 1000,
      ...(rules.maxAgeMs === undefined ? {} : { maxTokenAge: rules.maxAgeMs / 1000 }),
    });
    const { typ } = protectedHeader;
    if (typ !== undefined && !rules.types.includes(String(typ).toLowerCase())) {
      return refuse('sign-in/token-invalid', 'token of another type');
    }
    return { kind: 'verified', claims: payload, jws };
  } catch (failure) {
    return readFailure(failure);
  }
};

/** The client alone, or it by name among several (OpenID Connect Core 1.0 §3.1.3.7, steps 3–5). */
const isForUs = ({ aud, azp }: JWTPayload, clientId: string): boolean => {
  if (azp !== undefined && azp !== clientId) return false;
  return !Array.isArray(aud) || aud.length === 1 || azp === clientId;
};

/** Never throws for what a token may be: it comes from outside. */
export const verifyToken = async (
  token: string,
  rules: TokenRules,
): Promise<VerifiedToken | SignInRefused | ProviderUnavailable> => {
  const jws = rules.decryption === undefined ? token : await decrypt(token, rules.decryption);
  if (jws === undefined) return refuse('sign-in/token-not-encrypted', 'not encrypted for us');
  let answer = await rules.keys.load();
  if (answer.kind === 'unavailable') return asProviderUnavailable(answer);
  let verdict = await verify(jws, answer.find, rules);
  if (verdict === 'unknown-signature') {
    // The service may have changed its keys since we read them.
    answer = await rules.keys.loadAgain();
    if (answer.kind === 'unavailable') return asProviderUnavailable(answer);
    verdict = await verify(jws, answer.find, rules);
  }
  if (verdict === 'unknown-signature') return refuse('sign-in/token-invalid', 'signature of another');
  if (verdict.kind === 'refused') return verdict;
  return isForUs(verdict.claims, rules.clientId) ? verdict : refuse('sign-in/token-mismatch', 'azp or audiences');
};
