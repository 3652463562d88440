/**
 * Tokens against forged forms, bound to the secret cookie of the browser: nothing is stored, and any sidecar can check them.
 *
 * Double submit, signed: the cookie is sent by the browser, the token by the form. The token is an HMAC under the cookie's
 * value, so it says nothing of the cookie, and a cookie planted by another host (which `__Host-` prevents) has no token.
 * A fresh mask makes it another text at each page: compression of the page gives nothing away (BREACH).
 *
 * @see OWASP Cross-Site Request Forgery Prevention (signed double submit) · RFC 2104
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isSecret } from './session-cookie.ts';

const macBytes = 32;
/** Mask and masked code, in base64url without padding. */
const tokenPattern = /^[A-Za-z0-9_-]{86}$/;

const codeOf = (cookie: string): Buffer => createHmac('sha256', cookie).update('drimbox csrf 1').digest();

const mask = (code: Uint8Array, pad: Uint8Array): Buffer => Buffer.from(code.map((byte, at) => byte ^ (pad[at] ?? 0)));

/**
 * @param cookie       value of the session cookie, or of the browser cookie before sign-in
 * @param randomBytes  of the composition root
 */
export const buildCsrfToken = (cookie: string, randomBytes: (count: number) => Uint8Array): string => {
  const pad = randomBytes(macBytes);
  return Buffer.concat([pad, mask(codeOf(cookie), pad)]).toString('base64url');
};

/** True for a token that was built for this cookie. */
export const isCsrfToken = (cookie: string | undefined, token: unknown): boolean => {
  if (!isSecret(cookie) || typeof token !== 'string' || !tokenPattern.test(token)) return false;
  const bytes = Buffer.from(token, 'base64url');
  const given = mask(bytes.subarray(macBytes), bytes.subarray(0, macBytes));
  return timingSafeEqual(given, codeOf(cookie));
};
