/** Wado and Trust: one without the other, and what must fit the environment (decision A1). */
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
