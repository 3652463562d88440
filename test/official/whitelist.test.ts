/** The whitelist that ANS signed (`../shared`, absent from a user's machine). Nothing of it is copied here. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asDrimboxError } from '../../plugin/errors.ts';
import { parseAuthorities, verifyWhitelist, whitelistOptions } from '../../plugin/trust/index.ts';

const folder = join(import.meta.dirname, '../../../shared/data/trust');
const isPresent = existsSync(folder);
if (!isPresent) console.warn('test/official/whitelist: skipped, ../shared is absent');

const read = (name: string): Buffer => readFileSync(join(folder, name));
const list = (): string => read('liste-blanche-informative-2024.xml').toString('utf8');
const authorityFiles = ['igc-sante-test-racine-elementaire.pem', 'igc-sante-test-elementaire-organisations.pem'];
const inside = Date.parse('2025-06-01T00:00:00Z');

const verify = (xml: string, atUtcMs = inside) => {
  const authorities = authorityFiles.flatMap((name) => parseAuthorities(read(name)));
  const options = whitelistOptions.parse({ url: 'https://liste.exemple/' });
  return verifyWhitelist(Buffer.from(xml), { ...options, authorities }, atUtcMs);
};
const refusal = (xml: string, atUtcMs = inside): Promise<string> =>
  verify(xml, atUtcMs).then(
    () => 'accepted',
    (cause: unknown) => asDrimboxError(cause).code,
  );

describe.skipIf(!isPresent)('the whitelist of ANS, April 2024 (DB.CS.148)', () => {
  test('verifies with the default signer and the CAs of IGC-Santé, inside the validity of its signer', async () => {
    const verified = await verify(list());
    expect(verified.signer).toMatchObject({
      subject: 'CN=Liste Blanche DRIM-M,OU=318751275100020,O=AGENCE DU NUMERIQUE EN SANTE,ST=Paris (75),C=FR',
      notAfterUtcMs: Date.parse('2026-09-12T10:00:44Z'),
    });
    expect(verified.signedAtUtcMs).toBe(Date.parse('2024-04-30T12:33:45Z'));
    expect(verified.list.generatedAtUtcMs).toBe(Date.parse('2024-04-22T11:08:12Z'));
    expect(verified.list.entries.map(({ db }) => db)).toEqual([
      'db1.111.mesimagesmedicales.fr',
      'db1.112.mesimagesmedicales.fr',
      'db1.345.mesimagesmedicales.fr',
      'db2.345.mesimagesmedicales.fr',
      'db1.867.mesimagesmedicales.fr',
      'db2.867.mesimagesmedicales.fr',
    ]);
    expect(verified.list.entries.every(({ operatorNames }) => operatorNames.length === 1)).toBe(true);
    expect(verified.list.warnings).toEqual([]);
  });

  test('is refused before and after the validity of its signer', async () => {
    expect(await refusal(list(), Date.parse('2023-09-12T10:00:43Z'))).toBe('trust/whitelist-signer-expired');
    expect(await refusal(list(), Date.parse('2023-09-12T10:00:45Z'))).toBe('accepted');
    expect(await refusal(list(), Date.parse('2026-09-12T10:00:43Z'))).toBe('accepted');
    expect(await refusal(list(), Date.parse('2026-09-12T10:00:45Z'))).toBe('trust/whitelist-signer-expired');
  });

  test('is refused after one changed byte, wherever a value stands', async () => {
    for (const [from, to] of [
      ['db1.111.mesimagesmedicales.fr</Nom>', 'db1.119.mesimagesmedicales.fr</Nom>'],
      ['OU=31598513500187', 'OU=31598513500188'],
      ['2024-04-22T11:08:12Z', '2034-04-22T11:08:12Z'],
      ['versionFormat="1.0.0"', 'versionFormat="1.0.1"'],
      ['BHGE6A14m1wu', 'BHGE6A14m1wv'],
      ['+T9YhAANYteyV', '+T9YhAANYteyW'],
    ] as const) {
      const changed = list().replace(from, to);
      expect(changed).not.toBe(list());
      expect(await refusal(changed)).toBe('trust/whitelist-signature-invalid');
    }
  });

  test('is refused with a second signature, and without any', async () => {
    const signature = /<ds:Signature .*<\/ds:Signature>/s.exec(list())?.[0] ?? '';
    expect(await refusal(list().replace(signature, signature + signature))).toBe('trust/whitelist-signature-shape');
    expect(await refusal(list().replace(signature, ''))).toBe('trust/whitelist-unsigned');
  });

  test('is refused with a changed filter', async () => {
    for (const [from, to] of [
      ['Filter="subtract"', 'Filter="union"'],
      ['Filter="subtract"', 'Filter="intersect"'],
      ['/descendant::ds:Signature<', '/descendant::ds:Signature | /descendant::*[local-name()="Domaine"]<'],
      ['http://www.w3.org/2002/06/xmldsig-filter2"><', 'http://www.w3.org/2000/09/xmldsig#enveloped-signature"><'],
    ] as const) {
      expect(await refusal(list().replace(from, to))).toBe('trust/whitelist-signature-shape');
    }
  });

  test('is refused when only the authority or only the root is known', async () => {
    for (const name of authorityFiles) {
      const options = whitelistOptions.parse({ url: 'https://liste.exemple/' });
      const trust = { ...options, authorities: parseAuthorities(read(name)) };
      await expect(verifyWhitelist(Buffer.from(list()), trust, inside)).rejects.toMatchObject({
        code: 'trust/whitelist-signer-untrusted',
      });
    }
  });
});

const drimbox = (...words: readonly string[]): Promise<{ status: number; out: string }> =>
  new Promise((resolve) => {
    const command = join(import.meta.dirname, '../../plugin/cli.ts');
    execFile(process.execPath, [command, 'whitelist', 'verify', ...words], (failure, out) => {
      resolve({ status: failure === null ? 0 : Number(failure.code), out });
    });
  });

describe.skipIf(!isPresent)('drimbox whitelist verify, on the whitelist of ANS', () => {
  const words = [
    join(folder, 'liste-blanche-informative-2024.xml'),
    '--ca',
    ...authorityFiles.map((name) => join(folder, name)),
  ];

  test('without a revocation list says so and exits 0 (decision G6)', async () => {
    const { status, out } = await drimbox(...words, '--at', '2025-06-01');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'accepted',
      signer: 'CN=Liste Blanche DRIM-M,OU=318751275100020,O=AGENCE DU NUMERIQUE EN SANTE,ST=Paris (75),C=FR',
      issuer: 'CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS,OU=IGC-SANTE TEST,OU=0002 187512751,O=ASIP-SANTE,C=FR',
      signedAt: '2024-04-30T12:33:45.000Z',
      revocation: 'not checked',
      generatedAt: '2024-04-22T11:08:12.000Z',
    });
  });

  test('outside the validity of its signer exits 1 with the reason', async () => {
    const { status, out } = await drimbox(...words, '--at', '2026-10-01');
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ kind: 'refused', code: 'trust/whitelist-signer-expired' });
  });
});
