/** Real TLS handshakes: which certificate of ours a client is shown, and what becomes of it when files change. */
import { copyFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  buildSecureContextOptions,
  createServerCertificates,
  expiryDays,
  serverCertificatesOptions,
  type ServerCertificatesOptions,
} from '../../plugin/trust/index.ts';
import {
  type CertificateAuthority,
  dayMs,
  makeCertificateAuthority,
  nowUtcMs,
  peerSubject,
  recordAlerts,
} from '../fixtures/trust/certificate-authority.ts';
import { type CertificateListener, startCertificateListener } from '../fixtures/trust/certificate-listener.ts';
import type { SubjectName } from '../peers/ca/certificate-profiles.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';

let ca: CertificateAuthority;
let client: Credential;
let first: Credential;
let second: Credential;
/** Where the service reads its pairs. */
let files: readonly [Credential, Credential];
let listeners: CertificateListener[];
let now: number;

const named = (commonName: string): SubjectName => [...peerSubject.slice(0, 4), ['CN', commonName]];
const serverOf = (name: string, order: Parameters<CertificateAuthority['issue']>[1] = {}): Promise<Credential> =>
  ca.issue(`server-${name}-${(serial += 1)}`, {
    profile: 'bare',
    subject: named(name),
    extensions: ['extendedKeyUsage = serverAuth', `subjectAltName = DNS:${name}`],
    ...order,
  });
let serial = 0;

const put = (source: Credential, target: Credential): void => {
  copyFileSync(source.certificateFile, target.certificateFile);
  copyFileSync(source.keyFile, target.keyFile);
};

beforeAll(async () => {
  ca = await makeCertificateAuthority();
  client = await ca.issue('client');
  first = await serverOf('db1.exemple');
  second = await serverOf('db2.exemple');
}, 60_000);
afterAll(() => ca.remove());
beforeEach(() => {
  serial += 1;
  const place = (name: string): Credential => ({
    certificateFile: ca.path(`${name}-${serial}.pem`),
    keyFile: ca.path(`${name}-${serial}.key.pem`),
  });
  files = [place('first'), place('second')];
  put(first, files[0]);
  put(second, files[1]);
  listeners = [];
  now = nowUtcMs;
});
afterEach(async () => {
  for (const listener of listeners) await listener.stop();
});

const start = async (more: Partial<ServerCertificatesOptions> = {}): Promise<CertificateListener> => {
  const revocation = { check: () => Promise.resolve({ kind: 'good', source: 'test' } as const) };
  const listener = await startCertificateListener({
    peers: { authorities: ca.authorities, revocation, purposes: ['1.3.6.1.5.5.7.3.2'], cacheMs: 0 },
    server: { certificates: [...files], ...more },
    clock: () => now,
  });
  listeners.push(listener);
  return listener;
};
const invalid = (credential: Credential): string => `trust/server-certificate-invalid ${credential.certificateFile}`;

describe('several names on one listener (DB.SO.173)', () => {
  test('each client is shown the certificate of the name it asks for, in whatever case', async () => {
    const listener = await start();
    for (const [servername, shown] of [
      ['db1.exemple', 'db1.exemple'],
      ['db2.exemple', 'db2.exemple'],
      ['DB2.Exemple', 'db2.exemple'],
    ]) {
      expect(await listener.ask(client, { servername: servername! })).toMatchObject({ status: 200, serverName: shown });
    }
  });

  test('the client certificate is asked for whichever the name', async () => {
    const listener = await start();
    expect(await listener.ask(undefined, { servername: 'db2.exemple' })).toMatchObject({
      status: 403,
      verdict: 'trust/certificate-missing',
    });
  });

  test('a client that asks for no name, or for an unknown one, is shown the first', async () => {
    const listener = await start();
    expect(await listener.ask(client, { servername: '' })).toMatchObject({ serverName: 'db1.exemple' });
    expect(await listener.ask(client, { servername: 'autre.exemple' })).toMatchObject({ serverName: 'db1.exemple' });
  });

  test('an unknown name is refused where configured so', async () => {
    const listener = await start({ unknownName: 'refuse' });
    await expect(listener.ask(client, { servername: 'autre.exemple' })).rejects.toThrow();
    expect(await listener.ask(client, { servername: 'db2.exemple' })).toMatchObject({ serverName: 'db2.exemple' });
  });

  test('a certificate without alternative names is for its common name', async () => {
    put(await serverOf('db3.exemple', { extensions: ['extendedKeyUsage = serverAuth'] }), files[1]);
    const listener = await start();
    expect(await listener.ask(client, { servername: 'db3.exemple' })).toMatchObject({ serverName: 'db3.exemple' });
  });
});

describe('a new certificate', () => {
  test('is shown without a restart, and what is open goes on', async () => {
    const listener = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await listener.ask(client, { servername: 'db1.exemple' }, agent)).toMatchObject({ status: 200 });
    put(await serverOf('db9.exemple'), files[0]);
    await listener.certificates.reload();
    // The old connection, then new ones: by default, and by name.
    expect(await listener.ask(client, { servername: 'db1.exemple' }, agent)).toMatchObject({
      status: 200,
      serverName: 'db1.exemple',
    });
    expect(listener.sockets.length).toBe(1);
    agent.destroy();
    expect(await listener.ask(client, { servername: '' })).toMatchObject({ status: 200, serverName: 'db9.exemple' });
    expect(await listener.ask(client, { servername: 'db9.exemple' })).toMatchObject({ serverName: 'db9.exemple' });
    expect(await listener.ask(client, { servername: 'db2.exemple' })).toMatchObject({ serverName: 'db2.exemple' });
    expect(listener.alerts.open()).toEqual([]);
  });

  test('still asks for the certificate of the client, and keeps old protocols out', async () => {
    const listener = await start();
    put(await serverOf('db9.exemple'), files[0]);
    await listener.certificates.reload();
    expect(await listener.ask(undefined, { servername: '' })).toMatchObject({ verdict: 'trust/certificate-missing' });
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(listener.ask(client, old)).rejects.toThrow(/alert protocol version/);
  });

  test.each([
    ['is no certificate', () => writeFileSync(files[0].certificateFile, 'nothing')],
    ['is gone', () => rmSync(files[0].certificateFile)],
    ['has the key of another', () => copyFileSync(second.keyFile, files[0].keyFile)],
    ['has a key that cannot be read', () => writeFileSync(files[0].keyFile, 'nothing')],
  ])('that %s leaves the former in place and raises an alert, until it is mended', async (_name, spoil) => {
    const listener = await start();
    spoil();
    await listener.certificates.reload();
    expect(listener.alerts.open()).toEqual([invalid(files[0])]);
    expect(await listener.ask(client, { servername: 'db1.exemple' })).toMatchObject({ serverName: 'db1.exemple' });
    put(await serverOf('db1.exemple'), files[0]);
    await listener.certificates.reload();
    expect(listener.alerts.open()).toEqual([]);
  });

  test('that is for clients only, or not valid yet, does not replace one that serves', async () => {
    const listener = await start();
    put(await ca.issue('client-only'), files[0]);
    await listener.certificates.reload();
    expect(listener.alerts.open()).toEqual([invalid(files[0])]);
    put(await serverOf('db1.exemple', { fromUtcMs: now + dayMs }), files[0]);
    await listener.certificates.reload();
    expect(listener.alerts.details.get(invalid(files[0]))).toBe('the new certificate is not valid now');
    // The same files are taken when their day has come.
    now += 2 * dayMs;
    await listener.certificates.reload();
    expect(listener.alerts.open()).toEqual([]);
    expect(listener.certificates.listCertificates()[0]?.notBeforeUtcMs).toBe(nowUtcMs + dayMs);
  });

  test('is looked for by the timer, and files that did not change are not read again', async () => {
    const alerts = recordAlerts();
    let tick: (() => void) | undefined;
    let intervalMs = 0;
    const certificates = await createServerCertificates(serverCertificatesOptions.parse({ certificates: files }), {
      shared: buildSecureContextOptions(ca.authorities.map(String)),
      clock: () => now,
      alerts,
      every: (interval, work) => {
        [intervalMs, tick] = [interval, work];
        return () => (tick = undefined);
      },
    });
    certificates.start();
    expect(intervalMs).toBe(60_000);
    const before = certificates.defaultContext();
    tick?.();
    await certificates.reload();
    expect(certificates.defaultContext()).toBe(before);
    utimesSync(files[0].certificateFile, new Date(), new Date(now + 5_000));
    await certificates.reload();
    expect(certificates.defaultContext()).not.toBe(before);
    certificates.stop();
    expect(tick).toBeUndefined();
  });
});

describe('at the start', () => {
  test('every pair must be good: trust/server-certificate-invalid names the file, not its content', async () => {
    copyFileSync(first.keyFile, files[1].keyFile);
    await expect(start()).rejects.toMatchObject({
      code: 'trust/server-certificate-invalid',
      detail: `${files[1].keyFile} is not the key of ${files[1].certificateFile}`,
    });
    expect(serverCertificatesOptions.safeParse({ certificates: [] }).success).toBe(false);
  });
});

const [expires, expired] = ['trust/certificate-expires', 'trust/server-certificate-expired'].map(
  (code) => `${code} db1.exemple`,
);

describe('the end of a certificate', () => {
  const open = async (daysLeft: number): Promise<readonly string[]> => {
    const listener = await start();
    const [facts] = listener.certificates.listCertificates();
    now = facts!.notAfterUtcMs - daysLeft * dayMs;
    await listener.certificates.reload();
    return listener.alerts.open().filter((alert) => alert.includes('db1'));
  };

  test.each([
    [91, []],
    [90, [`${expires} 90`]],
    [61, [`${expires} 90`]],
    [60, [`${expires} 60`]],
    [30, [`${expires} 30`]],
    [8, [`${expires} 30`]],
    [7, [`${expires} 7`]],
    [0, [`${expires} 7`]],
    [-1, [expired]],
  ])('%i days away is told as %j (thresholds 90, 60, 30 and 7)', async (daysLeft, expected) => {
    expect(await open(daysLeft)).toEqual(expected);
    expect(expiryDays).toEqual([90, 60, 30, 7]);
  });

  test.each([
    [89, []],
    [23, []],
    [8, []],
    [7, [`${expires} 7`]],
    [-1, [expired]],
  ])('of a short one (90 days, of a public authority), %i days away: %j', async (daysLeft, expected) => {
    put(await serverOf('db1.exemple', { fromUtcMs: nowUtcMs, toUtcMs: nowUtcMs + 90 * dayMs }), files[0]);
    expect(await open(daysLeft)).toEqual(expected);
  });

  test('is told one threshold after the other, and no more after the renewal', async () => {
    const listener = await start();
    const [facts] = listener.certificates.listCertificates();
    const openAt = async (daysLeft: number) => {
      now = facts!.notAfterUtcMs - daysLeft * dayMs;
      await listener.certificates.reload();
      return listener.alerts.open().filter((alert) => alert.includes('db1'));
    };
    expect(await openAt(80)).toEqual([`${expires} 90`]);
    expect(await openAt(20)).toEqual([`${expires} 30`]);
    put(await serverOf('db1.exemple', { toUtcMs: nowUtcMs + 1000 * dayMs }), files[0]);
    expect(await openAt(20)).toEqual([]);
  });

  test('is shown by doctor', async () => {
    const listener = await start();
    const facts = listener.certificates.listCertificates();
    expect(facts.map(({ structureName, use }) => `${structureName} ${use}`)).toEqual([
      'db1.exemple server',
      'db2.exemple server',
    ]);
    expect(facts.map(({ notAfterUtcMs }) => notAfterUtcMs)).toEqual([nowUtcMs + 365 * dayMs, nowUtcMs + 365 * dayMs]);
  });
});
