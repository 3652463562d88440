import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCa, type TestCa } from './ca/make-ca.ts';
import { isClientCertificate, isSigningCertificate } from './dmp/certificate-chain.ts';
import { structureOf } from './dmp-client/test-setting.ts';

const folder = mkdtempSync(join(tmpdir(), 'test-ca-'));
let ca: TestCa;

beforeAll(async () => {
  ca = await makeCa(folder);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const certificateOf = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

/** openssl's verdict, revocation of the whole chain included. */
const opensslVerdict = (file: string, purpose: string): string => {
  const parameters = ['verify', '-crl_check_all', '-purpose', purpose, '-CAfile', ca.rootCertificateFile];
  try {
    execFileSync(
      'openssl',
      [...parameters, '-untrusted', ca.intermediateCertificateFile, '-CRLfile', ca.crlFile, file],
      { stdio: 'pipe' },
    );
    return 'OK';
  } catch (error) {
    return /error \d+ at 0 depth lookup: (.*)/.exec(String((error as { stderr: Buffer }).stderr))?.[1] ?? 'refused';
  }
};

describe('test authority in the shape of IGC-Santé', () => {
  it('names a structure as IGC-Santé does: CN, OU = Struct_IdNat, O, ST, C (facts/identity.md 5.3)', () => {
    const { authCli } = structureOf(ca, '1990000002');
    const name = certificateOf(authCli.certificateFile).subject.split('\n').reverse().join(',');
    expect(name).toBe("CN=cabinet.exemple,OU=1990000002,O=CABINET EXEMPLE,ST=Côte-d'Or (21),C=FR");
  });

  it.each([
    ['authCli', 'sslclient', 'OK'],
    ['authCli', 'smimesign', 'unsuitable certificate purpose'],
    ['authCli', 'sslserver', 'unsuitable certificate purpose'],
    ['sign', 'smimesign', 'OK'],
    ['sign', 'sslclient', 'unsuitable certificate purpose'],
    ['ssl', 'sslserver', 'OK'],
    ['ssl', 'sslclient', 'unsuitable certificate purpose'],
  ] as const)('makes %s good for one purpose only: %s is %s', (kind, purpose, verdict) => {
    expect(opensslVerdict(structureOf(ca, '1990000001')[kind].certificateFile, purpose)).toBe(verdict);
  });

  it.each([
    ['rogueAuthCli', 'unable to get local issuer certificate'],
    ['rogueSign', 'unable to get local issuer certificate'],
    ['expiredAuthCli', 'certificate has expired'],
    ['expiredSign', 'certificate has expired'],
    ['revokedAuthCli', 'certificate revoked'],
    ['revokedSign', 'certificate revoked'],
  ] as const)('makes %s so that openssl refuses it: %s', (kind, verdict) => {
    expect(opensslVerdict(ca.negative[kind].certificateFile, 'any')).toBe(verdict);
  });

  it('is told apart by the stand-in: who signs is not who connects', () => {
    const { authCli, sign, ssl } = structureOf(ca, '1990000001');
    const kinds = [authCli, sign, ssl].map(({ certificateFile }) => {
      const certificate = certificateOf(certificateFile);
      return [isClientCertificate(certificate), isSigningCertificate(certificate)];
    });
    expect(kinds).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
  });

  it('gives the rogue authority the same names, so that only the signature tells', () => {
    const [ours, rogue] = [structureOf(ca, '1990000001').sign, ca.negative.rogueSign].map((each) =>
      certificateOf(each.certificateFile),
    );
    expect(rogue?.issuer).toBe(ours?.issuer);
    expect(rogue?.subject).toBe(ours?.subject);
  });

  it('finds what it made before, and adds only structures not yet made', async () => {
    const before = certificateOf(structureOf(ca, '1990000001').sign.certificateFile).fingerprint256;
    const grown = await makeCa(folder, { structures: [{ id: '1990000003', name: 'HOPITAL EXEMPLE' }] });
    expect(certificateOf(structureOf(grown, '1990000001').sign.certificateFile).fingerprint256).toBe(before);
    expect(opensslVerdict(structureOf(grown, '1990000003').authCli.certificateFile, 'sslclient')).toBe('OK');
    expect(await makeCa(folder)).toEqual(grown);
  });

  it('lets several processes ask at once: all get the same authority', async () => {
    const together = mkdtempSync(join(tmpdir(), 'test-ca-'));
    const made = await Promise.all([makeCa(together), makeCa(together), makeCa(together)]);
    expect(new Set(made.map(({ rootCertificateFile }) => certificateOf(rootCertificateFile).fingerprint256)).size).toBe(
      1,
    );
    rmSync(together, { recursive: true, force: true });
  });

  it('keeps private keys from other users', () => {
    expect(statSync(structureOf(ca, '1990000001').sign.keyFile).mode & 0o777).toBe(0o600);
  });
});
