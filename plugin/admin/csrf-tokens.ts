/**
 * Tokens against cross-site requests: another site can make a browser send a request to Orthanc with the password that the
 * browser keeps, but it cannot read the answer that holds the token (decision F1).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { DrimboxError } from '../errors.ts';

export interface CsrfTokens {
  /** A token for this user, good for one hour. */
  issue(user: string): { readonly token: string; readonly expiresAtUtcMs: number };
  /** @throws admin/csrf-invalid: absent, altered, expired, of another user or of another start of the service */
  check(user: string, token: string | undefined): void;
}

const lifetimeMs = 3_600_000;

/** `expiry.signature`: expiry in decimal milliseconds, HMAC-SHA256 in base64url. */
const form = /^([1-9][0-9]{0,15})\.([A-Za-z0-9_-]{43})$/;

/** @param key  drawn at start and kept nowhere: 32 random bytes */
export const createCsrfTokens = (key: Uint8Array, clock: () => number): CsrfTokens => {
  // As JSON, no user name can be mistaken for another one with another expiry.
  const sign = (user: string, expiresAtUtcMs: number): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([user, expiresAtUtcMs]))
      .digest();
  return {
    issue: (user) => {
      const expiresAtUtcMs = clock() + lifetimeMs;
      return { token: `${expiresAtUtcMs}.${sign(user, expiresAtUtcMs).toString('base64url')}`, expiresAtUtcMs };
    },
    check: (user, token) => {
      const [, expiry = '', signature = ''] = form.exec(token ?? '') ?? [];
      const given = Buffer.from(signature, 'base64url');
      const expected = sign(user, Number(expiry));
      const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
      if (!isSigned || Number(expiry) <= clock()) throw new DrimboxError('admin/csrf-invalid', { detail: 'token' });
    },
  };
};
