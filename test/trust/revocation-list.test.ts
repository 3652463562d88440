/** Lists are made by OpenSSL with invented certificates. */
import { execFileSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCertificateFields } from '../../plugin/trust/certificate-fields.ts';
import { openSequence } from '../../plugin/trust/der-walk.ts';
import { isInScope, verifyRevocationList } from '../../plugin/trust/revocation-list.ts';
import type { DrimboxError } from '../../plugin/errors.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  makeCertificateAuthority,
  nowUtcMs,
} from '../fixtures/trust/certificate-authority.ts';
import { authorityNames } from '../peers/ca/certificate-profiles.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';

let ca: CertificateAuthority;
let good: Credential;
let revoked: Credential;

beforeAll(async () => {
  ca = await makeCertificateAuthority();
  good = await ca.issue('good');
  revoked = await ca.issue('revoked');
}, 60_000);
afterAll(() => ca.remove());

const serialOf = (credential: Credential): string => readCertificateFields(certificateOf(credential)).serialNumber;
const read = (bytes: Uint8Array, authority = ca.intermediate) => verifyRevocationList(bytes, certificateOf(authority));
const refusal = (bytes: Uint8Array, authority = ca.intermediate): string => {
  try {
    read(bytes, authority);
    return 'accepted';
  } catch (error) {
    expect(error).toMatchObject({ code: 'trust/revocation-list-refused' });
    return (error as DrimboxError).detail;
  }
};

const encode = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
};

/** A list as no `openssl` makes it: fields changed (version, algorithm, issuer, dates, entries…), then signed again. */
const rewriteList = (der: Buffer, change: (fields: readonly Uint8Array[]) => readonly Uint8Array[]): Buffer => {
  const [signed, algorithm] = openSequence(der);
  const fields = openSequence(signed!.whole).map(({ whole }) => whole);
  const changed = encode(0x30, ...change(fields));
  const signature = sign('sha256', changed, readFileSync(ca.intermediate.keyFile));
  return encode(0x30, changed, algorithm!.whole, encode(0x03, Buffer.of(0), signature));
};

describe('a revocation list', () => {
  test('gives its dates and the serial numbers it names (RFC 5280 §5.1)', () => {
    const list = read(ca.listOf(ca.intermediate, [revoked]));
    expect(list).toMatchObject({
      thisUpdateUtcMs: nowUtcMs - dayMs,
      nextUpdateUtcMs: nowUtcMs + dayMs,
      scope: 'all',
      points: [],
    });
    expect([...list.serialNumbers]).toEqual([serialOf(revoked)]);
    expect(list.serialNumbers.has(serialOf(good))).toBe(false);
  });

  test('is read from PEM too, and without entries', () => {
    const der = ca.listOf(ca.intermediate);
    const pem = `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
    expect(read(Buffer.from(pem)).serialNumbers.size).toBe(0);
  });

  test('one PEM file may hold the lists of several authorities: each finds its own', () => {
    const pemOf = (der: Buffer): string =>
      `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
    const both = Buffer.from(pemOf(ca.listOf(ca.root)) + pemOf(ca.listOf(ca.intermediate, [revoked])));
    expect([...read(both).serialNumbers]).toEqual([serialOf(revoked)]);
    expect(read(both, ca.root).serialNumbers.size).toBe(0);
    const rootOnly = Buffer.from(pemOf(ca.listOf(ca.root)));
    expect(refusal(rootOnly)).toBe('a list of another authority');
    expect(refusal(Buffer.from(pemOf(ca.listOf(ca.root)).repeat(51)))).toContain('more than 50 lists');
  });

  test('of an authority of the same name but another key is refused: the signature decides, not the name', async () => {
    const rogueRoot = await ca.makeRoot('rogue-root');
    const rogue = await ca.makeIntermediate('rogue', rogueRoot);
    expect(refusal(ca.listOf(rogue, [revoked]))).toMatch(/not signed by its authority/);
  });

  test('of another authority is refused, even one above', () => {
    expect(refusal(ca.listOf(ca.root))).toMatch(/another authority/);
  });

  test('signed with SHA-1 is refused', () => {
    expect(refusal(ca.listOf(ca.intermediate, [revoked], { digest: 'sha1' }))).toMatch(/accepted algorithm/);
  });

  test('of an authority that may not sign lists is refused (cRLSign)', async () => {
    const extensions = ['keyUsage = critical,keyCertSign'];
    const without = await ca.makeIntermediate('no-crl-sign', ca.root, { profile: 'bare', extensions });
    expect(refusal(ca.listOf(without), without)).toMatch(/may not sign/);
  });

  test('that is a delta list is refused: it says only what changed', () => {
    const extensions = ['2.5.29.27 = critical,DER:020101'];
    expect(refusal(ca.listOf(ca.intermediate, [revoked], { extensions }))).toMatch(/critical extension 2\.5\.29\.27/);
  });

  test('with a critical extension that is not understood is refused; with a plain one it is read', () => {
    const listWith = (extension: string): Buffer =>
      ca.listOf(ca.intermediate, [revoked], { extensions: [`1.2.250.1.999999.1 = ${extension}`] });
    expect(refusal(listWith('critical,DER:0500'))).toMatch(/critical extension 1\.2\.250\.1\.999999\.1/);
    expect(read(listWith('DER:0500')).serialNumbers.size).toBe(1);
  });

  test.each([
    ['indirect', 'indirectCRL = TRUE'],
    ['partial by reason', 'onlysomereasons = keyCompromise'],
    ['for attribute certificates', 'onlyAA = TRUE'],
  ])('that is %s is refused: it does not tell all of its authority', (_name, line) => {
    const extensions = ['issuingDistributionPoint = critical,@point', '[point]', line];
    expect(refusal(ca.listOf(ca.intermediate, [revoked], { extensions }))).toMatch(/indirect or partial/);
  });

  test('of end entities does not speak of authorities, nor the other way round', () => {
    const listOf = (line: string) =>
      read(
        ca.listOf(ca.intermediate, [], { extensions: ['issuingDistributionPoint = critical,@point', '[point]', line] }),
      );
    const users = listOf('onlyuser = TRUE');
    const authorities = listOf('onlyCA = TRUE');
    expect([users.scope, authorities.scope]).toEqual(['endEntities', 'authorities']);
    expect(isInScope(users, certificateOf(good), [])).toBe(true);
    expect(isInScope(users, certificateOf(ca.intermediate), [])).toBe(false);
    expect(isInScope(authorities, certificateOf(good), [])).toBe(false);
    expect(isInScope(authorities, certificateOf(ca.intermediate), [])).toBe(true);
  });

  test('of one distribution point speaks only of certificates that name it', () => {
    const url = 'http://crl.exemple/one.crl';
    const extensions = ['issuingDistributionPoint = critical,@point', '[point]', `fullname = URI:${url}`];
    const list = read(ca.listOf(ca.intermediate, [], { extensions }));
    expect(list.points).toEqual([url]);
    expect(isInScope(list, certificateOf(good), [])).toBe(false);
    expect(isInScope(list, certificateOf(good), ['http://crl.exemple/two.crl'])).toBe(false);
    expect(isInScope(list, certificateOf(good), ['http://crl.exemple/two.crl', url])).toBe(true);
  });

  test('without an end is refused: it would serve for ever', () => {
    const der = rewriteList(ca.listOf(ca.intermediate, [revoked]), (fields) => fields.filter((_, at) => at !== 4));
    expect(refusal(der)).toMatch(/without an end/);
  });

  test('with two names for its signature algorithm is refused', () => {
    const sha384 = Buffer.from('300d06092a864886f70d01010c0500', 'hex');
    const der = rewriteList(ca.listOf(ca.intermediate, [revoked]), (fields) => fields.with(1, sha384));
    expect(refusal(der)).toMatch(/two signature algorithms/);
  });

  describe('whose entry', () => {
    const serial = (): Buffer => encode(0x02, Buffer.from(serialOf(revoked), 'hex'));
    const date = encode(0x17, Buffer.from('251121000000Z'));
    const listWith = (...extensions: Buffer[]): Buffer =>
      rewriteList(ca.listOf(ca.intermediate, [revoked]), (fields) =>
        fields.with(5, encode(0x30, encode(0x30, serial(), date, encode(0x30, ...extensions)))),
      );
    const extension = (oid: string, ...parts: Buffer[]): Buffer => encode(0x30, Buffer.from(oid, 'hex'), ...parts);
    const critical = Buffer.from('0101ff', 'hex');
    const reason = (code: number): Buffer => extension('0603551d15', encode(0x04, encode(0x0a, Buffer.of(code))));

    test('is there for any reason is revoked, but for "removed from the list"', () => {
      for (const code of [0, 1, 2, 3, 4, 5, 6, 9, 10]) expect(read(listWith(reason(code))).serialNumbers.size).toBe(1);
      expect(read(listWith(reason(8))).serialNumbers.size).toBe(0);
    });

    test('is of another issuer (indirect list), or says what we do not understand, spoils the list', () => {
      expect(refusal(listWith(extension('0603551d1d', critical, encode(0x04, encode(0x30)))))).toMatch(/an entry/);
      expect(read(listWith(extension('0603551d18', encode(0x04, encode(0x30))))).serialNumbers.size).toBe(1);
    });
  });

  test('cut at any byte, or followed by others, is refused', () => {
    const der = ca.listOf(ca.intermediate, [revoked]);
    for (let length = 0; length < der.length; length += 1)
      expect(refusal(der.subarray(0, length))).not.toBe('accepted');
    expect(refusal(Buffer.concat([der, Buffer.of(0)]))).not.toBe('accepted');
  });

  test('with any bit changed is refused', () => {
    const der = ca.listOf(ca.intermediate, [revoked]);
    fc.assert(
      fc.property(fc.nat({ max: der.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(der);
        changed[at] = changed[at]! ^ mask;
        expect(refusal(changed)).not.toBe('accepted');
      }),
      { numRuns: 300 },
    );
  });

  test('of any bytes never throws but ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(refusal(bytes)).not.toBe('accepted');
      }),
    );
  });

  test('of 50,000 entries is read well under a second and only the numbers are kept', () => {
    const rows = Array.from({ length: 50_000 }, (_, index) => {
      const serial = (0x40aba54f6d520000n + BigInt(index)).toString(16).toUpperCase();
      return `R\t491231235959Z\t251121000000Z,keyCompromise\t${serial}\tunknown\t/CN=r\n`;
    });
    writeFileSync(ca.path('index.txt'), rows.join(''));
    writeFileSync(ca.path('crlnumber'), '01\n');
    const lines = ['[ca]', 'default_ca=a', '[a]', `database=${ca.path('index.txt')}`, `new_certs_dir=${ca.folder}`];
    lines.push(`crlnumber=${ca.path('crlnumber')}`, 'default_md=sha256', 'default_crl_days=10', '');
    writeFileSync(ca.path('big.cnf'), lines.join('\n'));
    const { certificateFile, keyFile } = ca.intermediate;
    const configured = ['ca', '-gencrl', '-config', ca.path('big.cnf'), '-cert', certificateFile, '-keyfile', keyFile];
    execFileSync('openssl', [...configured, '-out', ca.path('big.pem')], { stdio: 'pipe' });
    execFileSync('openssl', ['crl', '-in', ca.path('big.pem'), '-outform', 'der', '-out', ca.path('big.der')]);
    const der = readFileSync(ca.path('big.der'));
    expect(der.length).toBeGreaterThan(2_000_000);
    const startedAtMs = performance.now();
    const list = read(der);
    // Generous: it takes about a tenth of a second.
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
    expect(list.serialNumbers.size).toBe(50_000);
    expect(list.serialNumbers.has('40aba54f6d520007')).toBe(true);
  });

  test('is of the authority whose whole name is the same', async () => {
    const [first, ...rest] = authorityNames.intermediate;
    const other = await ca.makeIntermediate('other', ca.root, { subject: [first!, ['ST', 'Paris (75)'], ...rest] });
    expect(refusal(ca.listOf(other))).toMatch(/another authority/);
  });
});
