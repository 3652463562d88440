/**
 * A logout that Pro Santé Connect tells us of directly: the token of the back channel, checked, and believed once.
 *
 * @see OpenID Connect Back-Channel Logout 1.0 §2.4–2.6 · facts/identity.md 1.4
 */
import { z } from 'zod';
import type { DrimboxError } from '../errors.ts';
import type { ProviderUnavailable } from './provider-failure.ts';
import { IdentityProvider } from './signed-in.ts';
import { type TokenRules, verifyToken } from './signed-token.ts';

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const text = z.string().min(1).max(1024);

const logoutClaims = z
  .looseObject({
    jti: text,
    iat: z.number(),
    events: z.looseObject({ [logoutEvent]: z.record(z.string(), z.unknown()) }),
    sid: text.optional(),
    sub: text.optional(),
  })
  .refine(({ sid, sub }) => sid !== undefined || sub !== undefined)
  // With a nonce it would be an identity token.
  .refine((claims) => !('nonce' in claims));

export interface LogoutRefused {
  readonly kind: 'refused';
  readonly code: Extract<DrimboxError['code'], `sign-in/logout-${string}`>;
  /** English, of this room's own words. */
  readonly detail: string;
}

/** End the sessions of `sid` where it is there, else all those of `subject`. */
export interface LogoutOrder {
  readonly kind: 'logout';
  readonly provider: IdentityProvider;
  readonly issuer: string;
  readonly sid?: string;
  readonly subject?: string;
}

/** Ends them. Doing so again ends nothing more. */
export type EndSessions = (order: LogoutOrder) => Promise<unknown>;

export type LogoutVerdict = LogoutOrder | LogoutRefused | ProviderUnavailable;

/** How long a logout token is good after it was issued. */
const maxAgeMs = 300_000;
const maxTokenBytes = 16_384;

/**
 * Tokens whose sessions were ended. Of one process: a token that comes to another one, or after a restart, ends the same
 * sessions again, which are ended.
 */
export class LogoutTokensSeen {
  readonly #untilUtcMs = new Map<string, number>();

  has(jti: string): boolean {
    return this.#untilUtcMs.has(jti);
  }

  add(jti: string, nowUtcMs: number, keptMs: number): void {
    for (const [key, until] of this.#untilUtcMs) if (until <= nowUtcMs) this.#untilUtcMs.delete(key);
    this.#untilUtcMs.set(jti, nowUtcMs + keptMs);
  }
}

/**
 * The token counts as seen only once `end` has ended the sessions: when that fails the service sends the same one again.
 *
 * @param rules  of the identity token of the same client; types, claims and age are replaced by those of a logout token
 * @throws what `end` throws
 */
export const receiveLogoutToken = async (
  token: string,
  rules: TokenRules,
  seen: LogoutTokensSeen,
  end: EndSessions,
): Promise<LogoutVerdict> => {
  const refused = (detail: string): LogoutRefused => ({
    kind: 'refused',
    code: 'sign-in/logout-token-invalid',
    detail,
  });
  if (token.length > maxTokenBytes) return refused('too long');
  const verdict = await verifyToken(token, {
    ...rules,
    types: ['logout+jwt', 'jwt'],
    requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events'],
    maxAgeMs,
  });
  if (verdict.kind === 'unavailable') return verdict;
  if (verdict.kind === 'refused') return refused(`${verdict.code}: ${verdict.detail}`);
  const claims = logoutClaims.safeParse(verdict.claims);
  if (!claims.success) return refused('claims of another token');
  const { sid, sub, jti } = claims.data;
  if (seen.has(jti)) return { kind: 'refused', code: 'sign-in/logout-token-replayed', detail: 'jti was here before' };
  const order: LogoutOrder = {
    ...{ kind: 'logout', provider: IdentityProvider.proSanteConnect, issuer: rules.issuer },
    ...(sid === undefined ? {} : { sid }),
    ...(sub === undefined ? {} : { subject: sub }),
  };
  await end(order);
  seen.add(jti, rules.nowUtcMs, maxAgeMs + 2 * rules.clockToleranceMs);
  return order;
};
