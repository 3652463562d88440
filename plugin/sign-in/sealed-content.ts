/**
 * What the database keeps for a browser, sealed under that browser's own secret: it can be read while the browser is there,
 * by no one else, and never again after the cookie is gone. So only the archive and the audit hold identities (decision A6).
 *
 * AES-256-GCM; the key comes from the secret by HKDF-SHA256; nonce, tag and ciphertext in one value. The name of the row is
 * authenticated: a sealed value moved to another row does not open.
 *
 * @see NIST SP 800-38D · RFC 5869
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;

const keyOf = (secret: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', Buffer.from(secret, 'base64url'), '', 'drimbox viewer content 1', 32));

/**
 * @param secret   value of a cookie of ours
 * @param rowName  which row it belongs to
 * @param content  anything JSON can hold
 * @param nonce    12 random bytes, never used before
 */
export const sealContent = (secret: string, rowName: string, content: unknown, nonce: Uint8Array): Buffer => {
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), nonce).setAAD(Buffer.from(rowName));
  const sealed = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
};

/** @returns undefined when it was sealed under another secret, for another row, or altered */
export const openContent = (secret: string, rowName: string, sealed: Uint8Array): unknown => {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(rowName)).setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
};

/** Bytes of a nonce. */
export const sealNonceBytes = nonceBytes;

/** SHA-256 of a list of texts, in base64url: no list is mistaken for another one. */
export const digestOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
