/** Wado, Trust, Viewer and SignIn: one without the other, and what must fit the environment (decision A1). */
import { describe, expect, test } from 'vitest';
import { faultsOf, load, minimalSection, type Section } from './given-files.ts';

const withImages = (): Section => {
  const section = minimalSection();
  section['Wado'] = {
    Certificates: [{ Name: 'db1.exemple.fr', CertificateFile: '/etc/db1.pem', KeyFile: '/etc/db1-key.pem' }],
  };
  section['Trust'] = {
    Peers: { CaFiles: ['/etc/racine.pem'] },
    Whitelist: { File: '/etc/liste.xml' },
    Psc: { Environment: 'bas', ClientId: 'exemple', ClientSecretFile: '/etc/psc-secret' },
  };
  return section;
};
const changed = (change: (section: Section) => void): Section => {
  const section = withImages();
  change(section);
  return section;
};
type Row = [string, (section: Section) => void, string, RegExp];

describe('the sections Wado and Trust', () => {
  test('are optional together', () => {
    expect(load({ section: minimalSection() })).not.toHaveProperty('wado');
    const { wado, trust, warnings } = load({ section: withImages() });
    expect([wado?.port, trust?.psc.environment, warnings]).toEqual([8443, 'bas', []]);
  });

  test.each<Row>([
    ['Wado without Trust', (s) => void delete s.Trust, 'DrimBox.Trust', /goes with it/],
    ['Trust without Wado', (s) => void delete s.Wado, 'DrimBox.Wado', /goes with it/],
    [
      'the production of Pro Santé Connect in test',
      (s) => void (s.Trust.Psc.Environment = 'production'),
      'DrimBox.Trust.Psc.Environment',
      /must be "bas"/,
    ],
    ['the port of a listener', (s) => void (s.Wado.Port = 2575), 'DrimBox.Wado.Port', /same port/],
    ['no authority', (s) => void (s.Trust.Peers.CaFiles = []), 'DrimBox.Trust.Peers.CaFiles', /./],
    ['a base path with dots', (s) => void (s.Wado.BasePaths = ['/a/../b']), 'DrimBox.Wado.BasePaths[0]', /path/],
    ['no list', (s) => void delete s.Trust.Whitelist.File, 'DrimBox.Trust.Whitelist', /either Url or File/],
  ])('refuses %s', (_, change, path, problem) => {
    const faults = faultsOf({ section: changed(change) });
    expect(faults).toEqual([expect.objectContaining({ path, problem: expect.stringMatching(problem) })]);
  });

  test.each<Row>([
    [
      'a whitelist fetched in clear',
      (s) => void (s.Trust.Whitelist = { Url: 'http://exemple.invalid/l.xml', AllowInsecureUrl: true }),
      'DrimBox.Trust.Whitelist.AllowInsecureUrl',
      /INSECURE/,
    ],
    [
      'tokens without a look at their signature',
      (s) => void (s.Trust.Psc.AllowInsecureMissingKeys = true),
      'DrimBox.Trust.Psc.AllowInsecureMissingKeys',
      /INSECURE/,
    ],
  ])('says at each start: %s', (_, change, path, problem) => {
    const { warnings } = load({ section: changed(change) });
    expect(warnings).toEqual([expect.objectContaining({ path, problem: expect.stringMatching(problem) })]);
  });
});

const withViewer = (environment: 'test' | 'production' = 'test'): Section => {
  const section = withImages();
  section['Environment'] = environment;
  section['Trust'].Psc.Environment = environment === 'test' ? 'bas' : 'production';
  section['Viewer'] = {
    Certificates: [{ Name: 'vi1.exemple.fr', CertificateFile: '/etc/vi1.pem', KeyFile: '/etc/vi1-key.pem' }],
  };
  section['SignIn'] = {
    ProSanteConnect: {
      Environment: environment === 'test' ? 'bas' : 'production',
      ClientId: 'exemple',
      ClientSecretFile: '/etc/vi-psc-secret',
    },
    FranceConnect: {
      Environment: environment === 'test' ? 'integration' : 'production',
      Clients: [{ Hosts: ['vi1.exemple.fr'], ClientId: 'exemple', ClientSecretFile: '/etc/vi-fc-secret' }],
      EncryptionKeyFiles: ['/etc/vi-fc.pem'],
    },
  };
  return section;
};
const aboutViewer = (warnings: readonly { readonly path: string; readonly problem: string }[]) =>
  warnings.filter(({ path }) => /Viewer|SignIn/.test(path)).map(({ path, problem }) => ({ path, problem }));
const custom = {
  Environment: 'custom',
  Issuer: 'https://service.exemple',
  DiscoveryUrl: 'https://service.exemple/.well-known/openid-configuration',
};
type ViewerRow = [string, 'test' | 'production', (section: Section) => void, string, RegExp];

describe('the sections Viewer and SignIn', () => {
  test('are optional together, and have addresses of their own', () => {
    expect(load({ section: withImages() })).not.toHaveProperty('viewer');
    const { viewer, signIn, warnings } = load({ section: withViewer() });
    expect([viewer?.port, signIn?.proSanteConnect?.environment, warnings]).toEqual([8444, 'bas', []]);
  });

  test('may offer one service alone', () => {
    for (const service of ['ProSanteConnect', 'FranceConnect']) {
      const section = withViewer();
      delete section['SignIn'][service];
      expect(load({ section }).warnings).toEqual([]);
    }
  });

  test.each<ViewerRow>([
    ['Viewer without SignIn', 'test', (s) => void delete s.SignIn, 'DrimBox.SignIn', /goes with it/],
    ['SignIn without Viewer', 'test', (s) => void delete s.Viewer, 'DrimBox.Viewer', /goes with it/],
    [
      'Viewer without Wado',
      'test',
      (s) => {
        delete s.Wado;
        delete s.Trust;
      },
      'DrimBox.Wado',
      /Viewer goes with it/,
    ],
    [
      'the production of Pro Santé Connect in test',
      'test',
      (s) => void (s.SignIn.ProSanteConnect.Environment = 'production'),
      'DrimBox.SignIn.ProSanteConnect.Environment',
      /must be "bas"/,
    ],
    [
      'the production of FranceConnect+ in test: real people would sign in',
      'test',
      (s) => void (s.SignIn.FranceConnect.Environment = 'production'),
      'DrimBox.SignIn.FranceConnect.Environment',
      /must be "integration"/,
    ],
    [
      'invented professionals in production',
      'production',
      (s) => void (s.SignIn.ProSanteConnect.Environment = 'bas'),
      'DrimBox.SignIn.ProSanteConnect.Environment',
      /must be "production"/,
    ],
    [
      'invented patients in production',
      'production',
      (s) => void (s.SignIn.FranceConnect.Environment = 'integration'),
      'DrimBox.SignIn.FranceConnect.Environment',
      /must be "production"/,
    ],
    [
      'two certificates for one name',
      'test',
      (s) => void s.Viewer.Certificates.push(s.Viewer.Certificates[0]),
      'DrimBox.Viewer.Certificates[1].Name',
      /another certificate/,
    ],
    ['no service at all', 'test', (s) => void (s.SignIn = {}), 'DrimBox.SignIn', /nobody could sign in/],
    ['the port of Wado', 'test', (s) => void (s.Viewer.Port = 8443), 'DrimBox.Viewer.Port', /same port/],
  ])('refuse %s', (_, environment, change, path, problem) => {
    const section = withViewer(environment);
    change(section);
    const about = faultsOf({ section }).filter((fault) => /Viewer|SignIn|Wado/.test(fault.path));
    expect(about).toEqual([expect.objectContaining({ path, problem: expect.stringMatching(problem) })]);
  });

  test.each(['ProSanteConnect', 'FranceConnect'])(
    'take a %s at other addresses in test, and it is told at each start in production',
    (service) => {
      const path = `DrimBox.SignIn.${service}.Environment`;
      const section = withViewer();
      Object.assign(section['SignIn'][service], custom);
      expect(load({ section }).warnings).toEqual([]);
      const real = withViewer('production');
      Object.assign(real['SignIn'][service], custom);
      const told = { path, problem: expect.stringMatching(/INSECURE/) };
      const warnings = load({ section: real }).warnings.filter((one) => one.path.startsWith('DrimBox.SignIn'));
      expect(warnings).toEqual([expect.objectContaining(told)]);
    },
  );

  const clients = 'DrimBox.SignIn.FranceConnect.Clients[0].Hosts';
  test.each<[string, (section: Section) => void, readonly [string, RegExp][]]>([
    [
      'a host of FranceConnect+ without a certificate',
      (s) => void s.SignIn.FranceConnect.Clients[0].Hosts.push('vi2.exemple.fr'),
      [[clients, /^"vi2\.exemple\.fr" has no certificate/]],
    ],
    [
      'a certificate whose name no client of FranceConnect+ has: patients could not sign in there',
      (s) => void s.Viewer.Certificates.push({ Name: 'vi2.exemple.fr', CertificateFile: '/a.pem', KeyFile: '/a.key' }),
      [['DrimBox.Viewer.Certificates[1].Name', /patients cannot sign in there/]],
    ],
    [
      'a slip of the pen in either, as both',
      (s) => void (s.SignIn.FranceConnect.Clients[0].Hosts = ['vi-1.exemple.fr']),
      [
        ['DrimBox.Viewer.Certificates[0].Name', /patients cannot sign in there/],
        [clients, /^"vi-1\.exemple\.fr" has no certificate/],
      ],
    ],
    [
      'no scope of the register: who has several given names is refused (E7)',
      (s) => void (s.SignIn.FranceConnect.Scope = 'openid identite_pivot'),
      [['DrimBox.SignIn.FranceConnect.Scope', /patients with several of them are refused/]],
    ],
    [
      'no birth place: everybody is refused (E7)',
      (s) => void (s.SignIn.FranceConnect.Scope = 'openid rnipp_profile'),
      [['DrimBox.SignIn.FranceConnect.Scope', /ask for birth place: every patient is refused/]],
    ],
  ])('tell at each start of %s', (_, change, expected) => {
    const section = withViewer();
    change(section);
    expect(aboutViewer(load({ section }).warnings)).toEqual(
      expected.map(([path, problem]) => ({ path, problem: expect.stringMatching(problem) })),
    );
  });

  test('professionals alone need no client of FranceConnect+ for their names', () => {
    const section = withViewer();
    delete section['SignIn'].FranceConnect;
    section['Viewer'].Certificates.push({ Name: 'vi2.exemple.fr', CertificateFile: '/a.pem', KeyFile: '/a.key' });
    expect(aboutViewer(load({ section }).warnings)).toEqual([]);
  });
});
