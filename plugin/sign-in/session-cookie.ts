/**
 * The two cookies of a browser: the session, and the mark of a browser that is about to sign in.
 *
 * `__Host-` ties a cookie to this very host (no Domain, Path=/, Secure): another host of the same domain can neither read nor
 * set it. HttpOnly keeps it from scripts. SameSite is Lax, not Strict: the identity provider sends the person back by a
 * navigation from its own site, and a Strict cookie would be missing from it, so no attempt could be bound to its browser;
 * under Lax it comes with top-level GET alone, and no GET of ours changes anything but the call-back, which needs `state`.
 * No Max-Age: a cookie ends with its browser, a session with the server's clock.
 *
 * @see RFC 6265bis 4.1.2, 4.1.3, 5.6 · facts/identity.md §6 (session rules)
 */

export const CookieName = {
  /** Of a person who signed in. */
  session: '__Host-drimbox',
  /** Of a browser, before: what it started no other one may finish. */
  browser: '__Host-drimbox-browser',
} as const;
export type CookieName = (typeof CookieName)[keyof typeof CookieName];

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Lax';

/** 32 bytes in base64url: of the last character only the bits in use. */
const secretPattern = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** Bytes of a cookie's value, a grant's value, a state. */
export const secretBytes = 32;

/** True for what `encodeSecret` wrote. */
export const isSecret = (text: unknown): text is string => typeof text === 'string' && secretPattern.test(text);

/** @param bytes  32 random bytes */
export const encodeSecret = (bytes: Uint8Array): string => {
  const secret = Buffer.from(bytes).toString('base64url');
  if (!isSecret(secret)) throw new TypeError(`a secret has ${secretBytes} bytes`);
  return secret;
};

/** Value of a Set-Cookie header. */
export const buildSetCookie = (name: CookieName, secret: string): string => {
  if (!isSecret(secret)) throw new TypeError('not a secret of ours');
  return `${name}=${secret}; ${attributes}`;
};

/** Set-Cookie that makes the browser forget. */
export const buildClearCookie = (name: CookieName): string => `${name}=; Max-Age=0; ${attributes}`;

/** A header longer than that is not read. */
const maxHeaderCharacters = 16_384;

/**
 * Reads one cookie, strictly: exact name, the form of a secret, no quotes.
 *
 * @param header  of the request, as received; absent: undefined
 * @returns undefined too when the name stands there twice: somebody tries to slip one in
 */
export const parseCookie = (header: string | undefined, name: CookieName): string | undefined => {
  if (header === undefined || header.length > maxHeaderCharacters) return undefined;
  const values = header
    .split(';')
    .map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && isSecret(value) ? value : undefined;
};
