import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configurationFaults, formatFaults, loadConfiguration } from '../../plugin/config/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { configurationPath, faultsOf, fixture, givenFiles, load, minimalSection, type Section } from './given-files.ts';

const changed = (change: (section: Section) => void): Section => {
  const section = minimalSection();
  change(section);
  return section;
};
const pathsOf = (faults: readonly { path: string }[]): string[] => faults.map(({ path }) => path).sort();

describe('loading the configuration', () => {
  test('fills in the defaults, in camelCase', () => {
    const configuration = load();
    expect(configuration).toMatchObject({
      environment: 'test',
      siteTimeZone: 'Europe/Paris',
      uidRoot: '2.25',
      store: { url: 'embedded', folder: '/var/lib/drimbox' },
      orthanc: { url: 'http://127.0.0.1:8042', hook: { host: '127.0.0.1', port: 8077, secretFile: '/secrets/hook' } },
      hl7: { unknownSenders: 'accept', senders: [] },
      publication: { imagesDeadlineHours: 72, stabilitySeconds: 60, alertAfterFailures: 5 },
      kos: { writeNonStandardEvidence: true },
      log: { level: 'info' },
    });
    expect(configuration.warnings).toEqual([]);
  });

  test('software.oid is Dmp.SourceId: one key, so that they cannot disagree', () =>
    expect(load().software.oid).toBe('1.2.250.1.999999.1'));

  test('is frozen to its leaves', () => {
    const configuration = load();
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(configuration)).toBe(true);
    expect(() => {
      (configuration.dmp.structures[0] as { id: string }).id = 'other';
    }).toThrow(TypeError);
  });

  test('reads a folder as Orthanc does: every *.json whatever its case, no other file, ${…} substituted', () => {
    const configuration = loadConfiguration({ path: fixture('folder'), env: {}, files: givenFiles() });
    expect(configuration.retrieveUrlBase).toBe('https://db998.exemple.fr/drimbox');
    expect(configuration.files.map((file) => file.split('/').at(-1))).toEqual(['drimbox.JSON', 'orthanc.json']);
  });

  test('a variable that a file substitutes needs not be a key, even with our prefix', () => {
    const env = { DRIMBOX_HOST: 'db997.exemple.fr' };
    const configuration = loadConfiguration({ path: fixture('folder'), env, files: givenFiles() });
    expect(configuration.retrieveUrlBase).toBe('https://db997.exemple.fr/drimbox');
  });

  test('relative paths start from the folder of the configuration', () => {
    const { dmp } = loadConfiguration({ path: fixture('folder'), env: {}, files: givenFiles() });
    expect(dmp.caFile).toBe(fixture('folder/secrets/ca.pem'));
    expect(load({ section: changed((s) => void (s.Store = { Folder: 'data' })) }).store.folder).toBe(
      '/etc/orthanc/data',
    );
  });

  test('the secret of the hook is an absolute path: Orthanc opens it from another folder', () =>
    expect(faultsOf({ section: changed((s) => void (s.Orthanc.Hook.SecretFile = 'hook')) })).toEqual([
      expect.objectContaining({ path: 'DrimBox.Orthanc.Hook.SecretFile', problem: 'must be an absolute path' }),
    ]));

  test('a section in two files is refused with the names of both, as Orthanc refuses it', () => {
    try {
      loadConfiguration({ path: fixture('two-sections'), env: {} });
      expect.unreachable();
    } catch (error) {
      const [fault] = configurationFaults(error);
      expect(fault?.problem).toContain(fixture('two-sections/a.json'));
      expect(fault?.problem).toContain(fixture('two-sections/b.json'));
    }
  });

  test.each([
    ['{ "Drimbox": {} }', /"DrimBox"; "Drimbox" was found/],
    ['{ "Name": "PACS" }', /add a "DrimBox" object/],
  ])('a missing section is told: %s', (text, hint) => expect(faultsOf({ text })[0]?.hint).toMatch(hint));

  test.each([
    ['{ "DrimBox": [] }', 'DrimBox', 'must be an object'],
    ['[]', configurationPath, 'must be one JSON object'],
    ['{ "DrimBox": { "Environment": } }', `${configurationPath}:1:31`, 'expected a value'],
    ['{ "DrimBox": { "Log": {}, "Log": {} } }', 'DrimBox.Log', 'given twice'],
  ])('%s', (text, path, problem) =>
    expect(faultsOf({ text })).toContainEqual(
      expect.objectContaining({ path, problem: expect.stringContaining(problem) }),
    ),
  );

  test('a brace that closes the file too early is told: Orthanc would not read the rest either', () => {
    const text = `${JSON.stringify({ DrimBox: minimalSection() })}\n, "Other": {} }`;
    expect(load({ text }).warnings).toContainEqual(expect.objectContaining({ path: `${configurationPath}:2` }));
  });

  test('nothing at the path: config/unreadable', () => {
    const attempt = (): unknown => loadConfiguration({ path: '/nowhere/at/all', env: {} });
    expect(attempt).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
  });

  test('bytes that are not UTF-8 are a fault, not a mangled name', () => {
    const files = givenFiles({ [configurationPath]: new Uint8Array([0x7b, 0xe9, 0x7d]) });
    expect(() => loadConfiguration({ path: configurationPath, env: {}, files })).toThrow(/UTF-8/);
  });
});

describe('faults are told all at once (house-style 22)', () => {
  test('unknown keys, missing keys, wrong types, wrong values and missing files together', () => {
    const section = changed((s) => {
      delete s.Environment;
      s.RetreiveUrlBase = s.RetrieveUrlBase;
      s.SiteTimeZone = 'Europe/Pariss';
      s.Hl7.Listeners[0].Port = '2575';
      s.Hl7.Listeners[0].maxFrameBytes = 1;
      s.Dmp.Structures[0].AuthKey = '-----BEGIN PRIVATE KEY-----';
      delete s.Dmp.Lps;
      s.Log = { Level: 'information' };
    });
    expect(pathsOf(faultsOf({ section, files: { missing: ['/secrets/ca.pem'] } }))).toEqual([
      'DrimBox.Dmp.CaFile',
      'DrimBox.Dmp.Lps.HomologationNumber',
      'DrimBox.Dmp.Structures[0].AuthKey',
      'DrimBox.Environment',
      'DrimBox.Hl7.Listeners[0].Port',
      'DrimBox.Hl7.Listeners[0].maxFrameBytes',
      'DrimBox.Log.Level',
      'DrimBox.RetreiveUrlBase',
      'DrimBox.SiteTimeZone',
    ]);
  });

  const hintAt = (path: string, change: (section: Section) => void): string | undefined =>
    faultsOf({ section: changed(change) }).find((fault) => fault.path === path)?.hint;

  test.each<[string, string, (section: Section) => void, RegExp]>([
    ['nearest key', 'DrimBox.RetreiveUrlBase', (s) => void (s.RetreiveUrlBase = ''), /did you mean "RetrieveUrlBase"/],
    ['camelCase key', 'DrimBox.Dmp.baseUrl', (s) => void (s.Dmp.baseUrl = ''), /spelled exactly: "BaseUrl"/],
    ['inline secret', 'DrimBox.Orthanc.Password', (s) => void (s.Orthanc.Password = 'x'), /use "PasswordFile"/],
    ['no near key', 'DrimBox.Log.Zyxwv', (s) => void (s.Log = { Zyxwv: 1 }), /known keys here: Level/],
    ['nearest value', 'DrimBox.Log.Level', (s) => void (s.Log = { Level: 'warning' }), /did you mean "warn"/],
    [
      'PEM in a path',
      'DrimBox.Dmp.CaFile',
      (s) => void (s.Dmp.CaFile = '-----BEGIN CERTIFICATE-----/'),
      /the path of a PEM/,
    ],
  ])('gives a hint: %s', (_, path, change, hint) => {
    const files = { missing: ['/etc/orthanc/-----BEGIN CERTIFICATE-----'] };
    const fault = faultsOf({ section: changed(change), files }).find((one) => one.path === path);
    expect(fault?.hint).toMatch(hint);
  });

  test('a misspelt required key is told as unknown, and the right one as missing only when it is', () => {
    expect(hintAt('DrimBox.Enviroment', (s) => void (s.Enviroment = 'test'))).toContain('"Environment"');
  });

  test.each<[string, unknown, string]>([
    ['null', null, 'must be text between double quotes, not null'],
    ['a list', [], 'must be text between double quotes, not a list'],
    ['a number', 4, 'must be text between double quotes, not a number'],
    ['an object', {}, 'must be text between double quotes, not an object'],
  ])('says what was given instead of text: %s', (_, value, problem) =>
    expect(faultsOf({ section: changed((s) => void (s.SiteTimeZone = value)) })).toEqual([
      { path: 'DrimBox.SiteTimeZone', problem },
    ]),
  );

  test('no value of the configuration comes back in the error: it may be a secret', () => {
    const secret = 'S3CR3T-exemple';
    const section = changed((s) => {
      s.Store = { Url: `postgres://u:${secret}@127.0.0.1/x`, PasswordFile: secret };
      s.SiteTimeZone = secret;
      s.Log = { Level: secret };
      s.Orthanc.Password = secret;
      s.Orthanc.Hook.SecretFile = secret;
      s.Orthanc.Hook.Port = secret;
      s.Dmp.SourceId = secret;
      s.Dmp.BaseUrl = `https://u:${secret}@dmp.exemple.fr/`;
      s.Hl7.Listeners[0].AllowedAddresses = [secret];
    });
    const env = {
      DRIMBOX_ORTHANC__HOOK__PORT: secret,
      DRIMBOX_KOS__WRITE_NON_STANDARD_EVIDENCE: secret,
      DRIMBOX_HL7__SENDERS: `[${secret}`,
    };
    const missing = [`/etc/orthanc/${secret}`];
    try {
      load({ section, env, files: { missing } });
      expect.unreachable();
    } catch (error) {
      const told = `${formatFaults(error)} ${(error as Error).message} ${JSON.stringify(configurationFaults(error))}`;
      expect(configurationFaults(error).length).toBeGreaterThan(8);
      expect(told).not.toContain(secret);
    }
  });

  test('formatFaults writes each fault with its place and its remedy', () => {
    try {
      load({ section: changed((s) => void (s.Log = { Levle: 'info' })) });
      expect.unreachable();
    } catch (error) {
      expect(formatFaults(error)).toBe(
        'The configuration has one fault; nothing was started.\n\n' +
          '  DrimBox.Log.Levle\n    unknown key\n    → did you mean "Level"?\n',
      );
    }
  });

  test('a key name cannot write on the terminal', () => {
    const [fault] = faultsOf({ section: changed((s) => void (s['\u001b[2J\u202ekey'] = 1)) });
    expect(fault?.path).toBe('DrimBox.?[2J?key');
  });

  test('any JSON in the section gives a configuration or our own error (property)', () =>
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        fc.constantFrom('Dmp', 'Hl7', 'Orthanc', 'Store', 'Alerts', 'Software', ''),
        (value, key) => {
          const section = key === '' ? value : { ...minimalSection(), [key]: value };
          try {
            load({ section });
          } catch (error) {
            expect(error).toBeInstanceOf(DrimboxError);
            expect((error as DrimboxError).code).toMatch(/^config\//);
            expect(configurationFaults(error).length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 300 },
    ));

  test('any text gives a configuration or our own error (property)', () =>
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(
            '{',
            '}',
            '"',
            'DrimBox',
            'Dmp',
            ':',
            ',',
            '[',
            ']',
            '//',
            '/*',
            '*/',
            '\n',
            '1',
            '${A:-',
            '\\',
          ),
        }),
        (text) => {
          try {
            load({ text });
          } catch (error) {
            expect(error).toBeInstanceOf(DrimboxError);
            expect((error as DrimboxError).code).toBe('config/invalid');
          }
        },
      ),
    ));
});
