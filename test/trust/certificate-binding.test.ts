/** Fingerprints in `cnf`: four ways of writing the same 32 bytes (facts/identity.md 1.7). The bytes are invented. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBinding, parseConfirmation, parseThumbprint } from '../../plugin/trust/certificate-binding.ts';

const bytes = createHash('sha256').update('EXEMPLE').digest();
const hex = bytes.toString('hex');

describe('a fingerprint', () => {
  test.each([
    ['base64url of the bytes (RFC 8705)', bytes.toString('base64url')],
    ['base64url with padding', `${bytes.toString('base64url')}=`],
    ['base64 of the bytes', bytes.toString('base64')],
    ['base64 of the hexadecimal text (CI-SIS)', Buffer.from(hex).toString('base64')],
    ['base64url of the hexadecimal text', Buffer.from(hex).toString('base64url')],
    ['base64 of the hexadecimal text in capitals', Buffer.from(hex.toUpperCase()).toString('base64')],
    ['hexadecimal', hex],
    ['hexadecimal with colons, as OpenSSL prints it', hex.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:')],
  ])('is read from %s', (_, text) => {
    expect(Buffer.from(parseThumbprint(text) ?? []).toString('hex')).toBe(hex);
  });

  test.each([
    ['', 'nothing'],
    [hex.slice(2), '31 bytes'],
    [`${hex}00`, '33 bytes'],
    [createHash('sha1').update('EXEMPLE').digest('base64url'), 'SHA-1'],
    [`${bytes.toString('base64url')}!`, 'a foreign sign'],
    [` ${bytes.toString('base64url')}`, 'a blank'],
    ['A'.repeat(10_000), 'far too much'],
  ])('%s: %s is none', (text) => {
    expect(parseThumbprint(text)).toBeUndefined();
  });

  test('never throws and is 32 bytes or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[0-9a-f:]{0,100}$/)), (text) => {
        const found = parseThumbprint(text);
        expect(found === undefined || found.length === 32).toBe(true);
      }),
    );
  });
});

describe('the claim cnf', () => {
  test('may be an object, a bare fingerprint, absent, or something else', () => {
    const thumbprint = expect.objectContaining({ length: 32 });
    expect(parseConfirmation({ 'x5t#S256': hex })).toEqual({ kind: 'certificate', thumbprint });
    expect(parseConfirmation(hex)).toEqual({ kind: 'certificate', thumbprint });
    expect(parseConfirmation(undefined)).toEqual({ kind: 'absent' });
    expect(parseConfirmation(null)).toEqual({ kind: 'absent' });
    for (const other of [{}, { jkt: 'x' }, { 'x5t#S256': 7 }, [], 7, true, 'x']) {
      expect(parseConfirmation(other)).toEqual({ kind: 'unreadable' });
    }
  });

  test('that cannot be read matches nobody; one that is absent binds to nobody', () => {
    expect(compareBinding({ kind: 'unreadable' }, undefined)).toBe('mismatch');
    expect(compareBinding({ kind: 'certificate', thumbprint: bytes }, undefined)).toBe('mismatch');
    expect(compareBinding({ kind: 'absent' }, undefined)).toBe('absent');
  });
});
