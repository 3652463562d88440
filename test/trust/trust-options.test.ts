import { describe, expect, test } from 'vitest';
import { trustOptions } from '../../plugin/trust/index.ts';

const smallest = {
  peers: { caFiles: ['igc-sante.pem'] },
  whitelist: { url: 'https://liste.exemple/liste.xml' },
  psc: { environment: 'bas', clientId: 'drimbox-exemple', clientSecretFile: 'psc.secret' },
};

describe('The section Trust of the configuration', () => {
  test('needs authorities, a whitelist and Pro Santé Connect; revocation is looked up unless said otherwise', () => {
    const read = trustOptions.safeParse(smallest);
    expect(read.error?.issues ?? []).toEqual([]);
    expect(read.data?.revocation).toMatchObject({ refreshHours: 6, graceHours: 24 });
    expect(read.data?.peers).toMatchObject({ purposes: ['1.3.6.1.5.5.7.3.2'], cacheSeconds: 60 });
  });

  test.each(['peers', 'whitelist', 'psc'] as const)('is refused without %s', (section) => {
    const { [section]: _, ...rest } = smallest;
    expect(trustOptions.safeParse(rest).success).toBe(false);
  });

  test('is refused with an empty set of authorities, which would accept nobody', () => {
    expect(trustOptions.safeParse({ ...smallest, peers: { caFiles: [] } }).success).toBe(false);
  });

  test('is refused with a key that nobody knows', () => {
    expect(trustOptions.safeParse({ ...smallest, whiteList: {} }).success).toBe(false);
  });
});
