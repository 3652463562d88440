import { describe, expect, test } from 'vitest';
import { parseDistinguishedName, whitelistOptions } from '../../plugin/trust/index.ts';

const faults = (given: unknown): readonly string[] =>
  whitelistOptions.safeParse(given).error?.issues.map(({ message }) => message) ?? [];

describe('options of the whitelist', () => {
  test('name the signer of ANS and its authorities by default, and those names can be read', () => {
    const { signerDns, signerIssuerDns, refreshHours, maxAgeHours } = whitelistOptions.parse({ file: 'liste.xml' });
    for (const name of [...signerDns, ...signerIssuerDns])
      expect(parseDistinguishedName(name).length).toBeGreaterThan(4);
    expect([refreshHours, maxAgeHours]).toEqual([24, 72]);
  });

  test('refuse a name that cannot be read, which nobody could match', () => {
    expect(faults({ file: 'liste.xml', signerDns: ['Liste Blanche'] })).toEqual([
      'must be a distinguished name: CN=…,OU=…,C=FR',
    ]);
    expect(faults({ file: 'liste.xml', signerIssuerDns: [] })).toHaveLength(1);
  });

  test('take one source: an address or a file', () => {
    expect(faults({})).toEqual(['either Url or File']);
    expect(faults({ url: 'https://liste.exemple/', file: 'liste.xml' })).toEqual(['either Url or File']);
    expect(faults({ url: 'ftp://liste.exemple/' })).not.toEqual([]);
  });

  test('accept http:// only when told so loudly', () => {
    expect(faults({ url: 'http://liste.exemple/' })).toEqual([
      'Url must be https:// (AllowInsecureUrl accepts http://)',
    ]);
    expect(faults({ url: 'http://liste.exemple/', allowInsecureUrl: true })).toEqual([]);
  });
});
