/** The test authorities of IGC-Santé (`../shared`, absent from a user's machine). Nothing of them is copied here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createRevocation,
  distinguishedNameOf,
  formatDistinguishedName,
  loadAuthorities,
  revocationOptions,
} from '../../plugin/trust/index.ts';

const folder = join(import.meta.dirname, '../../../shared/data/trust');
const isPresent = existsSync(folder);
if (!isPresent) console.warn('test/official/certificate-authorities: skipped, ../shared is absent');

const files = ['igc-sante-test-racine-elementaire.pem', 'igc-sante-test-elementaire-organisations.pem'].map((name) =>
  join(folder, name),
);

describe.skipIf(!isPresent)('the test authorities of IGC-Santé', () => {
  test('are accepted in the test environment, the intermediate one under its root', async () => {
    const { certificates } = await loadAuthorities(files, 'test');
    expect(certificates.map((one) => formatDistinguishedName(distinguishedNameOf(one)).split(',')[0])).toEqual([
      'CN=TEST AC RACINE IGC-SANTE ELEMENTAIRE',
      'CN=TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS',
    ]);
  });

  test('are refused in production (A1)', async () => {
    await expect(loadAuthorities(files, 'production')).rejects.toMatchObject({ code: 'trust/ca-environment-mismatch' });
  });

  test('are refused without their root', async () => {
    await expect(loadAuthorities(files.slice(1), 'test')).rejects.toMatchObject({ code: 'trust/ca-invalid' });
  });

  test('name a list of revoked certificates that the default configuration fetches', async () => {
    const { certificates } = await loadAuthorities(files, 'test');
    const asked: string[] = [];
    const revocation = createRevocation(revocationOptions.parse({}), {
      keep: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
      clock: Date.now,
      alerts: { raise: () => undefined, clear: () => undefined },
      randomBytes: (size) => new Uint8Array(size),
      every: () => () => undefined,
      exchange: ({ url }) => {
        asked.push(url);
        return Promise.reject(new Error('no network in tests'));
      },
    });
    await revocation.start(certificates);
    revocation.stop();
    expect(asked).toEqual(['http://igc-sante.esante.gouv.fr/CRL/ACR-EL-TEST.crl']);
  });
});
