/**
 * The token of a request: one `Authorization: Bearer` header and nothing around it.
 *
 * @see RFC 6750 §2.1 · RFC 9110 §11.2 (token68) · facts/spec.md b.5.1
 */
import { createHash } from 'node:crypto';

export type BearerCredentials =
  | { readonly kind: 'token'; readonly token: string /** SHA-256, hexadecimal. */; readonly hash: string }
  | { readonly kind: 'refused'; readonly code: 'trust/token-missing' | 'trust/token-malformed' };

/** What a request carries: a header, several of them (`headersDistinct.authorization`), or none. */
export type AuthorizationHeader = string | readonly string[] | undefined;

const scheme = /^bearer(?=\s|$)/i;
const credentials = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/**
 * Another scheme is no token; two headers, a list, or anything beside the token is malformed.
 *
 * @param maxTokenBytes  longer tokens are malformed
 */
export const parseBearerCredentials = (header: AuthorizationHeader, maxTokenBytes: number): BearerCredentials => {
  const headers = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  const [only] = headers;
  if (only === undefined) return { kind: 'refused', code: 'trust/token-missing' };
  if (headers.length > 1) return { kind: 'refused', code: 'trust/token-malformed' };
  if (!scheme.test(only)) return { kind: 'refused', code: 'trust/token-missing' };
  // Before the expression runs over it.
  if (only.length > maxTokenBytes + 64) return { kind: 'refused', code: 'trust/token-malformed' };
  const token = credentials.exec(only)?.[1];
  if (token === undefined || token.length > maxTokenBytes) return { kind: 'refused', code: 'trust/token-malformed' };
  return { kind: 'token', token, hash: createHash('sha256').update(token).digest('hex') };
};
