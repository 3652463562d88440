import { describe, expect, test } from 'vitest';
import { faultsOf, load, minimalSection, type Section } from './given-files.ts';

const changed = (change: (section: Section) => void): Section => {
  const section = minimalSection();
  change(section);
  return section;
};
type Row = [string, (section: Section) => void, string, RegExp];

describe('what one section alone cannot tell', () => {
  test.each<Row>([
    [
      'http:// without its loud key',
      (s) => void (s.RetrieveUrlBase = 'http://x.exemple.fr'),
      'DrimBox.RetrieveUrlBase',
      /must be https/,
    ],
    [
      'a slash at the end',
      (s) => void (s.RetrieveUrlBase = 'https://x.exemple.fr/'),
      'DrimBox.RetrieveUrlBase',
      /slash/,
    ],
    ['a query', (s) => void (s.RetrieveUrlBase = 'https://x.exemple.fr/?a=1'), 'DrimBox.RetrieveUrlBase', /query/],
    [
      'a password in Store.Url',
      (s) => void (s.Store = { Url: 'postgres://u:pw@h/x' }),
      'DrimBox.Store.Url',
      /holds a password/,
    ],
    [
      'a password as a parameter',
      (s) => void (s.Store = { Url: 'postgres://u@h/x?password=pw' }),
      'DrimBox.Store.Url',
      /holds a password/,
    ],
    [
      'a password in SmtpUrl',
      (s) => void (s.Alerts = { Email: { SmtpUrl: 'smtps://u:pw@h:465', From: 'a@exemple.fr', To: ['b@exemple.fr'] } }),
      'DrimBox.Alerts.Email.SmtpUrl',
      /holds a password/,
    ],
    [
      'hook on the port of a listener',
      (s) => void (s.Orthanc.Hook.Port = 2575),
      'DrimBox.Orthanc.Hook.Port',
      /same port as DrimBox.Hl7.Listeners\[0\].Port/,
    ],
    [
      'a port taken on every interface',
      (s) => void (s.Hl7.Listeners = [{ Host: '0.0.0.0', Port: 8077, AllowedAddresses: ['192.0.2.1'] }]),
      'DrimBox.Orthanc.Hook.Port',
      /same port/,
    ],
    [
      'localhost is 127.0.0.1',
      (s) => void Object.assign(s.Hl7.Listeners[0], { Host: 'localhost', Port: 8077 }),
      'DrimBox.Orthanc.Hook.Port',
      /same port/,
    ],
    [
      'a path after the mail server',
      (s) =>
        void (s.Alerts = { Email: { SmtpUrl: 'smtps://h:465/x?a=b', From: 'a@exemple.fr', To: ['b@exemple.fr'] } }),
      'DrimBox.Alerts.Email.SmtpUrl',
      /nothing after it/,
    ],
    [
      'an account on the mail server without its password',
      (s) =>
        void (s.Alerts = {
          Email: { SmtpUrl: 'smtps://h:465', From: 'a@exemple.fr', To: ['b@exemple.fr'], Username: 'u' },
        }),
      'DrimBox.Alerts.Email',
      /Username and PasswordFile go together/,
    ],
    [
      'a recipient that is no address',
      (s) =>
        void (s.Alerts = {
          Email: { SmtpUrl: 'smtp://h', From: 'a@exemple.fr', To: ['b@exemple.fr\nBcc: c@exemple.fr'] },
        }),
      'DrimBox.Alerts.Email.To[0]',
      /e-mail address/,
    ],
    [
      'a name of the site on two lines',
      (s) => void (s.Alerts = { SiteName: 'A\nBcc: c@exemple.fr' }),
      'DrimBox.Alerts.SiteName',
      /expected form/,
    ],
    [
      'a user in the address of a webhook',
      (s) => void (s.Alerts = { Webhook: { Url: 'https://u@x.exemple.fr/' } }),
      'DrimBox.Alerts.Webhook.Url',
      /no user/,
    ],
    [
      'a webhook in clear',
      (s) => void (s.Alerts = { Webhook: { Url: 'http://x.exemple.fr/' } }),
      'DrimBox.Alerts.Webhook.Url',
      /must be https/,
    ],
    [
      'a structure twice',
      (s) => void s.Dmp.Structures.push(structuredClone(s.Dmp.Structures[0])),
      'DrimBox.Dmp.Structures[1]',
      /share an identifier/,
    ],
    [
      'a sender twice',
      (s) =>
        void (s.Hl7.Senders = [
          { Application: 'A', Facility: 'B' },
          { Application: 'A', Facility: 'B' },
        ]),
      'DrimBox.Hl7.Senders',
      /listed twice/,
    ],
    [
      'a UID root that leaves no room',
      (s) => void (s.UidRoot = '1.2.250.1.999999.1234567890'),
      'DrimBox.UidRoot',
      /at most 24/,
    ],
    ['a UID root that is no OID', (s) => void (s.UidRoot = '2.25.01'), 'DrimBox.UidRoot', /not an OID/],
    ['an offset for a time zone', (s) => void (s.SiteTimeZone = '+01:00'), 'DrimBox.SiteTimeZone', /IANA/],
    [
      'the DMP in clear',
      (s) => void (s.Dmp.BaseUrl = 'http://dmp.exemple.fr/'),
      'DrimBox.Dmp.BaseUrl',
      /must be a URL/,
    ],
  ])('refuses %s', (_, change, path, problem) =>
    expect(faultsOf({ section: changed(change) })).toContainEqual(
      expect.objectContaining({ path, problem: expect.stringMatching(problem) }),
    ),
  );

  test.each<Row>([
    [
      'AllowInsecureRetrieveUrl',
      (s) => Object.assign(s, { RetrieveUrlBase: 'http://x.exemple.fr', AllowInsecureRetrieveUrl: true }),
      'DrimBox.RetrieveUrlBase',
      /^INSECURE/,
    ],
    [
      'AllowPasswordInUrl',
      (s) => void (s.Store = { Url: 'postgres://u:pw@h/x', AllowPasswordInUrl: true }),
      'DrimBox.Store.Url',
      /^INSECURE/,
    ],
    [
      'AllowInsecureUrl',
      (s) => void (s.Alerts = { Webhook: { Url: 'http://x.exemple.fr/', AllowInsecureUrl: true } }),
      'DrimBox.Alerts.Webhook.Url',
      /^INSECURE/,
    ],
    [
      'a listener open to any machine',
      (s) => void (s.Hl7.Listeners[0].Host = '0.0.0.0'),
      'DrimBox.Hl7.Listeners[0]',
      /^INSECURE/,
    ],
    [
      'a hook open to other machines',
      (s) => void (s.Orthanc.Hook.Host = '192.0.2.1'),
      'DrimBox.Orthanc.Hook.Host',
      /^INSECURE/,
    ],
    [
      'a test DMP in production',
      (s) =>
        Object.assign(s, { Environment: 'production', Dmp: { ...s.Dmp, BaseUrl: 'https://lps.dev9.dmp.gouv.fr/x' } }),
      'DrimBox.Dmp.BaseUrl',
      /test server/,
    ],
    [
      'the production DMP in test',
      (s) => void (s.Dmp.BaseUrl = 'https://lps2.dmp.gouv.fr/x'),
      'DrimBox.Dmp.BaseUrl',
      /production DMP/,
    ],
    [
      'the example’s OID in production',
      (s) => void (s.Environment = 'production'),
      'DrimBox.Dmp.SourceId',
      /invented OID/,
    ],
  ])('accepts %s, and warns at each start (house-style 23)', (_, change, path, problem) =>
    expect(load({ section: changed(change) }).warnings).toContainEqual(
      expect.objectContaining({ path, problem: expect.stringMatching(problem) }),
    ),
  );

  test('a port of 0 takes any free one and collides with nothing', () => {
    const section = changed((s) => void (s.Hl7.Listeners = [{ Port: 0 }, { Port: 0 }]));
    expect(load({ section }).hl7.listeners).toHaveLength(2);
  });

  test('one port on two addresses is no collision', () =>
    expect(
      load({
        section: changed(
          (s) => void (s.Hl7.Listeners[0] = { Host: '192.0.2.1', Port: 8077, AllowedAddresses: ['192.0.2.2'] }),
        ),
      }).warnings,
    ).toEqual([]));

  test('every certificate and secret must be there', () =>
    expect(faultsOf({ files: { missing: ['/secrets/auth.key', '/secrets/hook'] } }).map(({ path }) => path)).toEqual([
      'DrimBox.Orthanc.Hook.SecretFile',
      'DrimBox.Dmp.Structures[0].AuthKeyFile',
    ]));

  test('all that is wrong with the alerts is told at once, secrets that cannot be read too (house-style 22)', () => {
    const section = changed(
      (s) =>
        void (s.Alerts = {
          RemindHours: -1,
          Email: { SmtpUrl: 'http://h', Username: 'u', From: 'nobody', To: [], CaFile: '/secrets/alerts-ca.pem' },
          Webhook: { Url: 'https://x.exemple.fr/', SecretFile: '/secrets/webhook' },
        }),
    );
    const faults = faultsOf({ section, files: { missing: ['/secrets/alerts-ca.pem', '/secrets/webhook'] } });
    expect(faults.map(({ path }) => path).toSorted()).toEqual([
      'DrimBox.Alerts.Email',
      'DrimBox.Alerts.Email.CaFile',
      'DrimBox.Alerts.Email.From',
      'DrimBox.Alerts.Email.SmtpUrl',
      'DrimBox.Alerts.Email.To',
      'DrimBox.Alerts.RemindHours',
      'DrimBox.Alerts.Webhook.SecretFile',
    ]);
  });

  test('a key or secret that everybody may read is a warning; a certificate is not', () =>
    expect(load({ files: { modes: { '/secrets/sign.key': 0o644, '/secrets/sign.pem': 0o644 } } }).warnings).toEqual([
      expect.objectContaining({ path: 'DrimBox.Dmp.Structures[0].SignKeyFile' }),
    ]));
});
