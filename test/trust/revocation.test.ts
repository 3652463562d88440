/** Lists are fetched over real sockets from `test/peers/revocation`; all certificates are invented. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createPeerCertificateCheck,
  createRevocation,
  type RevocationOptions,
  revocationOptions,
  type RevocationService,
} from '../../plugin/trust/index.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  hourMs,
  makeCertificateAuthority,
  nowUtcMs,
  recordAlerts,
} from '../fixtures/trust/certificate-authority.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';
import { type RevocationServer, startRevocationServer } from '../peers/revocation/revocation-server.ts';

const minuteMs = 60_000;
const leafList = '/CRL/ACI-EL-ORG.crl';
const rootList = '/CRL/ACR-EL.crl';

let server: RevocationServer;
let ca: CertificateAuthority;
/** Signed by the root, its list is that of the root. */
let intermediate: Credential;
let good: Credential;
let revoked: Credential;
let folder: string;
let now: number;
let alerts: ReturnType<typeof recordAlerts>;
let services: RevocationService[];

beforeAll(async () => {
  server = await startRevocationServer();
  ca = await makeCertificateAuthority();
  const pointAt = (path: string): string[] => [`crlDistributionPoints = URI:${server.url}${path}`];
  intermediate = await ca.makeIntermediate('listed', ca.root, { extensions: pointAt(rootList) });
  good = await ca.issue('good', { issuer: intermediate, extensions: pointAt(leafList) });
  revoked = await ca.issue('revoked', { issuer: intermediate, extensions: pointAt(leafList) });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-revocation-'));
  now = nowUtcMs;
  alerts = recordAlerts();
  services = [];
  server.misbehave(undefined);
  server.serve(leafList, ca.listOf(intermediate, [revoked]));
  server.serve(rootList, ca.listOf(ca.root));
  server.requests.length = 0;
});
afterEach(async () => {
  for (const service of services) service.stop();
  await rm(folder, { recursive: true, force: true });
});

const create = (options: Partial<RevocationOptions> = {}): RevocationService => {
  const parsed = { ...revocationOptions.parse({ allowedHosts: [server.host], timeoutSeconds: 2 }), ...options };
  const service = createRevocation(parsed, {
    keep: join(folder, 'lists'),
    clock: () => now,
    alerts,
    randomBytes: (size) => Buffer.alloc(size, 7),
    every: () => () => undefined,
  });
  services.push(service);
  return service;
};
const chainOf = (leaf: Credential) => [leaf, intermediate, ca.root].map(certificateOf);
const check = (service: RevocationService, leaf = good, atUtcMs = now) => service.check(chainOf(leaf), atUtcMs);
const alertsOf = (code: string, path = leafList): string => `${code} ${server.url}${path}`;

/** Waits, on the machine's clock, for what happens in the background. */
const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 400 && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
};

describe('revocation by lists', () => {
  test('a certificate that no list of the chain names is good', async () => {
    expect(await check(create())).toEqual({ kind: 'good', source: 'crl' });
    expect(server.requests.toSorted()).toEqual([`GET ${leafList}`, `GET ${rootList}`]);
    expect(alerts.open()).toEqual([]);
  });

  test('a certificate that is on the list of its authority is revoked', async () => {
    expect(await check(create(), revoked)).toMatchObject({ kind: 'revoked' });
  });

  test('a revoked intermediate authority revokes what it issued: the whole chain but the root is looked up', async () => {
    server.serve(rootList, ca.listOf(ca.root, [intermediate]));
    expect(await check(create())).toMatchObject({ kind: 'revoked' });
  });

  test('nothing is fetched inside a request while a valid list is at hand', async () => {
    const service = create();
    await check(service);
    server.requests.length = 0;
    server.misbehave(() => undefined);
    now += 5 * hourMs;
    expect(await check(service)).toMatchObject({ kind: 'good' });
    expect(server.requests).toEqual([]);
  });

  test('a list that is due is fetched in the background: the request does not wait for it', async () => {
    // Longer than a test may last.
    const service = create({ timeoutSeconds: 600 });
    await check(service);
    server.requests.length = 0;
    server.misbehave(() => undefined);
    now += 7 * hourMs;
    expect(await check(service)).toMatchObject({ kind: 'good' });
    await until(() => server.requests.length === 2);
  });

  test('a new list counts as soon as it was fetched', async () => {
    const service = create();
    await check(service);
    server.serve(leafList, ca.listOf(intermediate, [good], { thisUpdateUtcMs: nowUtcMs + hourMs }));
    now += 7 * hourMs;
    await service.refreshDue();
    expect(await check(service)).toMatchObject({ kind: 'revoked' });
  });

  test('a list is fetched again before it ends, however seldom lists are refreshed', async () => {
    const service = create({ refreshHours: 168 });
    await check(service);
    server.requests.length = 0;
    now = nowUtcMs + dayMs - 6 * hourMs;
    await service.refreshDue();
    expect(server.requests).toEqual([]);
    now = nowUtcMs + dayMs - 4 * hourMs;
    await service.refreshDue();
    expect(server.requests.toSorted()).toEqual([`GET ${leafList}`, `GET ${rootList}`]);
  });

  test('many requests at once share one fetch of each list', async () => {
    const service = create();
    const found = await Promise.all(Array.from({ length: 50 }, () => check(service)));
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['good']));
    expect(server.requests.length).toBe(2);
  });

  test('a list that has ended serves with an alert for the grace, then fails closed', async () => {
    const service = create({ graceHours: 24 });
    await check(service);
    server.misbehave((_request, response) => response.writeHead(503).end());
    now = nowUtcMs + dayMs + hourMs;
    expect(await check(service)).toMatchObject({ kind: 'good' });
    await service.refreshDue();
    expect(alerts.open()).toContain(alertsOf('trust/revocation-list-stale'));
    expect(alerts.open()).toContain(alertsOf('trust/revocation-unreachable'));
    now = nowUtcMs + 2 * dayMs + hourMs;
    expect(await check(service)).toMatchObject({ kind: 'unknown', detail: 'the list of its authority is ended' });
    await service.refreshDue();
    expect(alerts.open()).toContain(alertsOf('trust/revocation-list-absent'));
    expect(alerts.open()).not.toContain(alertsOf('trust/revocation-list-stale'));
  });

  test('who was on a list that has ended stays revoked', async () => {
    const service = create();
    await check(service, revoked);
    server.misbehave((_request, response) => response.writeHead(503).end());
    now = nowUtcMs + 9 * dayMs;
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
  });

  test('without a grace a list ends when it says so', async () => {
    const service = create({ graceHours: 0 });
    await check(service);
    server.misbehave((_request, response) => response.writeHead(503).end());
    expect(await check(service, good, nowUtcMs + dayMs)).toMatchObject({ kind: 'good' });
    now = nowUtcMs + dayMs + 1;
    expect(await check(service)).toMatchObject({ kind: 'unknown' });
  });

  test('alerts end when the list can be had again', async () => {
    server.misbehave((_request, response) => response.writeHead(503).end());
    const service = create();
    expect(await check(service)).toMatchObject({ kind: 'unknown' });
    expect(alerts.open()).toContain(alertsOf('trust/revocation-list-absent'));
    server.misbehave(undefined);
    now += 6 * minuteMs;
    expect(await check(service)).toMatchObject({ kind: 'good' });
    expect(alerts.open()).toEqual([]);
  });

  test('a server that fails is left alone for a while: refused peers do not make it a target', async () => {
    server.misbehave((_request, response) => response.writeHead(500).end());
    const service = create();
    for (let turn = 0; turn < 5; turn += 1) expect(await check(service)).toMatchObject({ kind: 'unknown' });
    expect(server.requests.length).toBe(2);
  });

  test('a list signed by another is refused and the one at hand stays', async () => {
    const service = create();
    await check(service);
    const rogue = await ca.makeIntermediate('rogue', await ca.makeRoot('rogue-root'));
    server.serve(leafList, ca.listOf(rogue));
    now += 7 * hourMs;
    await service.refreshDue();
    expect(alerts.open()).toEqual([alertsOf('trust/revocation-list-refused')]);
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
  });

  test('an older list that is played back is refused: it would forget who was revoked since', async () => {
    const service = create();
    await check(service);
    server.serve(leafList, ca.listOf(intermediate, [], { thisUpdateUtcMs: nowUtcMs - 2 * dayMs }));
    now += 7 * hourMs;
    await service.refreshDue();
    expect(alerts.details.get(alertsOf('trust/revocation-list-refused'))).toBe('older than the list we have');
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
  });

  test('a list of the future is refused: our clock, or theirs, is wrong', async () => {
    server.serve(leafList, ca.listOf(intermediate, [], { thisUpdateUtcMs: now + hourMs }));
    expect(await check(create())).toMatchObject({ kind: 'unknown' });
    expect(alerts.details.get(alertsOf('trust/revocation-list-refused'))).toBe('a list of the future');
  });
});

describe('lists on disk', () => {
  test('serve a restart while the server is down, and only their owner may read them', async () => {
    await check(create());
    server.misbehave((request) => request.socket.destroy());
    const names = await readdir(join(folder, 'lists'));
    expect(names.length).toBe(2);
    for (const name of names) expect((await stat(join(folder, 'lists', name))).mode % 0o1000).toBe(0o600);
    now += hourMs;
    const restarted = create();
    expect(await check(restarted)).toMatchObject({ kind: 'good' });
    expect(await check(restarted, revoked)).toMatchObject({ kind: 'revoked' });
  });

  test('are verified when loaded: what was changed there is not believed', async () => {
    await check(create());
    server.misbehave((_request, response) => response.writeHead(503).end());
    for (const name of await readdir(join(folder, 'lists'))) {
      const path = join(folder, 'lists', name);
      const bytes = await readFile(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(path, bytes);
    }
    expect(await check(create())).toMatchObject({ kind: 'unknown' });
  });

  test('that cannot be written raise an alert and change nothing else', async () => {
    await writeFile(join(folder, 'lists'), 'not a folder');
    expect(await check(create())).toMatchObject({ kind: 'good' });
    expect(alerts.open()).toContain(alertsOf('trust/revocation-list-not-kept'));
  });

  test('are absent at the first start with the server down: everything is refused', async () => {
    server.misbehave((request) => request.socket.destroy());
    const service = create();
    await service.start([certificateOf(ca.root), certificateOf(intermediate)]);
    expect(await check(service)).toMatchObject({ kind: 'unknown' });
    expect(alerts.open()).toContain(alertsOf('trust/revocation-unreachable', rootList));
  });
});

describe('where lists are looked for', () => {
  test('a host that is not allowed is not asked, whatever a certificate says', async () => {
    const service = create({ allowedHosts: ['igc-sante.exemple'] });
    expect(await check(service)).toMatchObject({ kind: 'unknown' });
    expect(server.requests).toEqual([]);
  });

  test('a certificate without an address is looked up where its authority is configured', async () => {
    const bare = await ca.issue('bare', { issuer: intermediate });
    expect(await check(create(), bare)).toMatchObject({ kind: 'unknown' });
    const issuer = certificateOf(bare).issuer.split('\n').toReversed().join(', ');
    server.serve('/elsewhere.crl', ca.listOf(intermediate, [bare]));
    const lists = [{ issuer, urls: [`${server.url}/elsewhere.crl`], files: [] }];
    expect(await check(create({ lists }), bare)).toMatchObject({ kind: 'revoked' });
  });

  test('a file replaces the network', async () => {
    const file = join(folder, 'list.crl');
    await writeFile(file, ca.listOf(intermediate, [revoked]));
    const issuer = certificateOf(good).issuer.split('\n').toReversed().join(',');
    const service = create({ lists: [{ issuer, urls: [], files: [file] }] });
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
    expect(await check(service, good)).toMatchObject({ kind: 'good' });
    expect(server.requests).toEqual([`GET ${rootList}`]);
    await writeFile(file, ca.listOf(intermediate, [good]));
    now += 7 * hourMs;
    await service.refreshDue();
    expect(await check(service, good)).toMatchObject({ kind: 'revoked' });
  });

  test('at the start the lists of configured authorities are fetched before anybody calls', async () => {
    const issuer = certificateOf(good).issuer.split('\n').toReversed().join(',');
    const service = create({ lists: [{ issuer, urls: [`${server.url}${leafList}`], files: [] }] });
    await service.start([certificateOf(ca.root), certificateOf(intermediate)]);
    expect(server.requests.toSorted()).toEqual([`GET ${leafList}`, `GET ${rootList}`]);
    server.requests.length = 0;
    expect(await check(service)).toMatchObject({ kind: 'good' });
    expect(server.requests).toEqual([]);
  });

  test('a list of one kind of certificate does not clear another kind', async () => {
    const extensions = ['issuingDistributionPoint = critical,@point', '[point]', 'onlyCA = TRUE'];
    server.serve(leafList, ca.listOf(intermediate, [], { extensions }));
    expect(await check(create())).toMatchObject({
      kind: 'unknown',
      detail: 'the list does not speak of this certificate',
    });
  });
});

describe('a list that is fetched', () => {
  test.each([
    ['too long', { maxBytes: 1024 }, /more than 1024 bytes/],
    ['too slow', { timeoutSeconds: 0.2 }, /no answer in 200 ms/],
  ])('%s is given up', async (_name, options, detail) => {
    server.misbehave((_request, response) => {
      response.writeHead(200);
      if ('maxBytes' in options) response.end(Buffer.alloc(100_000));
      else response.write('x');
    });
    const service = create(options);
    expect(await check(service)).toMatchObject({ kind: 'unknown' });
    expect(alerts.details.get(alertsOf('trust/revocation-unreachable'))).toMatch(detail);
  });

  test('elsewhere is not followed: a redirection could lead anywhere', async () => {
    server.misbehave((_request, response) => response.writeHead(302, { location: `${server.url}/other` }).end());
    expect(await check(create())).toMatchObject({ kind: 'unknown' });
    expect(alerts.details.get(alertsOf('trust/revocation-unreachable'))).toMatch(/HTTP status 302/);
    expect(server.requests).not.toContain('GET /other');
  });
});

describe('options of revocation', () => {
  test('have the defaults of the documentation', () => {
    expect(revocationOptions.parse({})).toEqual({
      allowedHosts: ['igc-sante.esante.gouv.fr', 'ocsp.esante.gouv.fr'],
      lists: [],
      refreshHours: 6,
      retryMinutes: 5,
      graceHours: 24,
      timeoutSeconds: 30,
      maxBytes: 67_108_864,
    });
  });

  test('refuse a list without a place and an address that is not HTTP', () => {
    const issuer = 'CN=AC EXEMPLE';
    expect(revocationOptions.safeParse({ lists: [{ issuer }] }).success).toBe(false);
    expect(revocationOptions.safeParse({ lists: [{ issuer, urls: ['ldap://annuaire.exemple/'] }] }).success).toBe(
      false,
    );
  });
});

test('a peer is refused by what the lists of its chain say, with the reason, and served again when they can be had', async () => {
  const service = create();
  const authorities = [intermediate, ca.root].map(certificateOf);
  const purposes = ['1.3.6.1.5.5.7.3.2'];
  const peers = createPeerCertificateCheck({ authorities, revocation: service, purposes, cacheMs: 60_000 });
  const verdictOf = async (leaf: Credential): Promise<string> => {
    const verdict = await peers.checkCertificate(certificateOf(leaf), now);
    return verdict.kind === 'accepted' ? 'accepted' : verdict.code;
  };
  server.misbehave((request) => request.socket.destroy());
  expect(await verdictOf(good)).toBe('trust/certificate-revocation-unknown');
  server.misbehave(undefined);
  now += 6 * minuteMs;
  expect(await verdictOf(good)).toBe('accepted');
  expect(await verdictOf(revoked)).toBe('trust/certificate-revoked');
  server.serve(rootList, ca.listOf(ca.root, [intermediate], { thisUpdateUtcMs: nowUtcMs }));
  now += 7 * hourMs;
  await service.refreshDue();
  expect(await verdictOf(good)).toBe('trust/certificate-revoked');
});
