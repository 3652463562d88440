import { describe, expect, test } from 'vitest';
import { describeConfiguration } from '../../plugin/config/index.ts';
import { faultsOf, load, minimalSection } from './given-files.ts';

describe('environment variables override keys', () => {
  test('text, number, boolean and closed value, on any level', () => {
    const configuration = load({
      env: {
        DRIMBOX_DMP__BASE_URL: 'https://autre.exemple.fr/services',
        DRIMBOX_HL7__LISTENERS__0__PORT: '0',
        DRIMBOX_ENVIRONMENT: 'production',
        DRIMBOX_KOS__WRITE_NON_STANDARD_EVIDENCE: 'false',
        DRIMBOX_DMP__STRUCTURES__0__NAME: 'AUTRE',
        DRIMBOX_STORE__MESSAGE_RETENTION_DAYS: '30',
      },
    });
    expect(configuration).toMatchObject({
      environment: 'production',
      kos: { writeNonStandardEvidence: false },
      store: { messageRetentionDays: 30 },
      hl7: { listeners: [{ port: 0 }] },
      dmp: { baseUrl: 'https://autre.exemple.fr/services', structures: [{ name: 'AUTRE', id: '1990000001' }] },
    });
  });

  test('DRIMBOX_STORE is short for Store.Url', () => {
    expect(load({ env: { DRIMBOX_STORE: 'postgres://u@127.0.0.1:5432/x' } }).store.url).toBe(
      'postgres://u@127.0.0.1:5432/x',
    );
    expect(
      load({ section: { ...minimalSection(), Store: { Url: 'postgres://u@h/x' } }, env: { DRIMBOX_STORE: 'embedded' } })
        .store.url,
    ).toBe('embedded');
  });

  test('a password in a URL is accepted from the environment', () =>
    expect(load({ env: { DRIMBOX_STORE: 'postgres://u:pw@127.0.0.1:5432/x' } }).warnings).toEqual([]));

  test('elements may be added to a list, in the order of their numbers', () => {
    const env: Record<string, string> = {};
    for (let n = 0; n < 11; n += 1) {
      env[`DRIMBOX_HL7__SENDERS__${n}__APPLICATION`] = `RIS-${n}`;
      env[`DRIMBOX_HL7__SENDERS__${n}__FACILITY`] = 'EXEMPLE';
    }
    expect(load({ env }).hl7.senders.map(({ application }) => application)).toEqual(
      Array.from({ length: 11 }, (_, n) => `RIS-${n}`),
    );
  });

  test('a list of texts with commas, or any list and section as JSON', () => {
    const configuration = load({
      env: {
        DRIMBOX_HL7__LISTENERS__0__ALLOWED_ADDRESSES: '192.0.2.1, 198.51.100.0/24',
        DRIMBOX_HL7__SENDERS: '[{ "Application": "A", "Facility": "B" }]',
        DRIMBOX_SOFTWARE: '{ "Name": "X" }',
      },
    });
    expect(configuration.hl7.listeners[0]?.allowedAddresses).toEqual(['192.0.2.1', '198.51.100.0/24']);
    expect(configuration.hl7.senders).toMatchObject([{ application: 'A', facility: 'B' }]);
    expect(configuration.software.name).toBe('X');
  });

  test('an optional section may come wholly from the environment', () => {
    const env = { DRIMBOX_ALERTS__WEBHOOK__URL: 'https://supervision.exemple.fr/' };
    expect(load({ env }).alerts.webhook?.url).toBe('https://supervision.exemple.fr/');
  });

  test.each([
    ['DRIMBOX_DMP__BASEURL', 'x', /did you mean DRIMBOX_DMP__BASE_URL/],
    ['DRIMBOX_STROE', 'x', /did you mean DRIMBOX_STORE/],
    ['DRIMBOX_HL7__LISTENERS__PORT', '1', /a list takes a position first: DRIMBOX_HL7__LISTENERS__0/],
    ['DRIMBOX_QWERTY', 'x', /two underscores/],
    ['DRIMBOX_', 'x', /two underscores/],
    ['DRIMBOX_LOG__LEVEL', '', /unset it/],
  ])('%s is a fault with a hint, not a wish passed over', (name, value, hint) =>
    expect(faultsOf({ env: { [name]: value } })).toContainEqual(
      expect.objectContaining({ path: name, hint: expect.stringMatching(hint) }),
    ),
  );

  test.each([
    ['DRIMBOX_ORTHANC__HOOK__PORT', '80a', 'must be a number'],
    ['DRIMBOX_KOS__WRITE_NON_STANDARD_EVIDENCE', 'yes', 'must be true or false'],
    ['DRIMBOX_HL7__SENDERS__1__APPLICATION', 'X', 'leaves a hole in the list'],
    ['DRIMBOX_SOFTWARE', 'x', 'is a whole section: give its keys one by one, or the section as JSON'],
  ])('%s=%s: %s', (path, value, problem) =>
    expect(faultsOf({ env: { [path]: value } })).toContainEqual(expect.objectContaining({ path, problem })),
  );

  test('two variables for one key are refused', () =>
    expect(faultsOf({ env: { DRIMBOX_STORE: 'embedded', DRIMBOX_STORE__URL: 'embedded' } })[0]?.problem).toMatch(
      /says the same key as DRIMBOX_STORE/,
    ));

  test('DRIMBOX_CONFIG, DRIMBOX_HEALTH_PORT, DRIMBOX_TEST_* and variables of others are left alone', () =>
    expect(
      load({
        env: {
          DRIMBOX_CONFIG: '/x',
          DRIMBOX_HEALTH_PORT: '8077',
          DRIMBOX_TEST_ANYTHING: '1',
          PATH: '/bin',
          DRIMBOXES: '2',
        },
      }).warnings,
    ).toEqual([]));

  test('every key has its variable, and no two keys the same', () => {
    const names = describeConfiguration().map(({ environmentVariable }) => environmentVariable);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('DRIMBOX_HL7__LISTENERS__<n>__MAX_FRAME_BYTES');
    expect(names.every((name) => /^DRIMBOX(_{1,2}([A-Z0-9]+|<n>))+$/.test(name))).toBe(true);
  });
});
