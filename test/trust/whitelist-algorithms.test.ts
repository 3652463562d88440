import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkSignatureValue, digestBase64, isStrongKey } from '../../plugin/trust/whitelist-algorithms.ts';

const more = 'http://www.w3.org/2001/04/xmldsig-more#';
const signed = 'signed text';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const check = (method: string, key: KeyObject, value: Uint8Array, text = signed) =>
  checkSignatureValue(method, key, text, value).kind;

describe('a signature value', () => {
  test('of RSA, RSA-PSS and ECDSA (raw r and s, RFC 6931) matches its text and no other', () => {
    const bytes = Buffer.from(signed);
    const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const rows = [
      [`${more}rsa-sha384`, rsa.publicKey, sign('sha384', bytes, rsa.privateKey)],
      [
        'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
        rsa.publicKey,
        sign('sha256', bytes, { key: rsa.privateKey, ...pss }),
      ],
      [`${more}ecdsa-sha512`, ec.publicKey, sign('sha512', bytes, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })],
    ] as const;
    for (const [method, key, value] of rows) {
      expect(check(method, key, value)).toBe('matches');
      expect(check(method, key, value, 'another text')).toBe('differs');
      expect(check(method, key, Buffer.alloc(0))).toBe('differs');
    }
  });

  test('of a weak key, another kind of key, SHA-1, HMAC or an unknown method is refused', () => {
    const bytes = Buffer.from(signed);
    expect(check(`${more}rsa-sha256`, weak.publicKey, sign('sha256', bytes, weak.privateKey))).toBe('refused');
    expect(check(`${more}rsa-sha256`, ec.publicKey, sign('sha256', bytes, ec.privateKey))).toBe('refused');
    expect(check(`${more}ecdsa-sha256`, rsa.publicKey, sign('sha256', bytes, rsa.privateKey))).toBe('refused');
    for (const method of [
      'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
      `${more}hmac-sha256`,
      `${more}rsa-md5`,
      'toString',
      '',
    ])
      expect(check(method, rsa.publicKey, sign('sha256', bytes, rsa.privateKey))).toBe('refused');
    expect(digestBase64('http://www.w3.org/2000/09/xmldsig#sha1', signed)).toBeUndefined();
  });

  test('needs a key on a curve of 256 bits at least', () => {
    const curve = (namedCurve: string) => isStrongKey(generateKeyPairSync('ec', { namedCurve }).publicKey);
    expect([curve('secp384r1'), curve('secp224r1'), curve('secp256k1')]).toEqual([true, false, false]);
    expect(isStrongKey(generateKeyPairSync('ed25519').publicKey)).toBe(false);
  });
});
