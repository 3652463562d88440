import { randomUUID } from 'node:crypto';
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createFileSource,
  createHttpsSource,
  createKeptFile,
  createWhitelistKeeper,
  distinguishedNameKey,
  type KeptWhitelist,
  nextRefreshDelayMs,
  parseDistinguishedName,
  type RevocationStatus,
  type WhitelistKeeper,
  type WhitelistOptions,
  type WhitelistSource,
} from '../../plugin/trust/index.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';
import {
  makeWhitelistAuthority,
  nowUtcMs,
  signerValidity,
  type WhitelistAuthority,
} from '../fixtures/trust/whitelist-authority.ts';
import { buildList, dnOfDomain, type ListOrder, signList } from '../fixtures/trust/whitelist-builder.ts';
import { startWhitelistServer, type WhitelistServer } from '../fixtures/trust/whitelist-server.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const keyOf = (number: number): string => distinguishedNameKey(parseDistinguishedName(dnOfDomain(number)));

let ca: WhitelistAuthority;
let server: WhitelistServer;
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
  // Valid by the real clock, which TLS reads.
  const validity = { notBeforeUtcMs: Date.now() - dayMs, notAfterUtcMs: Date.now() + 30 * dayMs };
  server = await startWhitelistServer(await ca.issue('server', { profile: 'ssl', issuer: ca.root, validity }));
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});

let nowMs = nowUtcMs;
let folder = '';
let revocation: RevocationStatus = { kind: 'good', source: 'test' };
let alerts = new Map<string, string>();
let scheduled: { readonly delayMs: number; readonly work: () => void }[] = [];
const keepers: WhitelistKeeper[] = [];
beforeEach(async () => {
  nowMs = nowUtcMs;
  folder = join(ca.folder, randomUUID());
  await mkdir(folder);
  revocation = { kind: 'good', source: 'test' };
  alerts = new Map();
  scheduled = [];
  server.misbehave(undefined);
  server.serve(sign());
});
afterEach(() => Promise.all(keepers.splice(0).map((keeper) => keeper.stop())));

const sign = (order: ListOrder = {}, signer: Credential = ca.signers.good): string =>
  signList(buildList(order), signer);
const clock = (): number => nowMs;

const httpsSource = (more: Partial<Parameters<typeof createHttpsSource>[0]> = {}): WhitelistSource =>
  createHttpsSource(
    {
      url: server.url,
      authoritiesPem: readFileSync(ca.root.certificateFile, 'utf8'),
      timeoutMs: 20_000,
      maxBytes: ca.options.maxBytes,
      ...more,
    },
    clock,
  );

const makeKeeper = (options: Partial<WhitelistOptions> = {}, source = httpsSource()): WhitelistKeeper => {
  const keeper = createWhitelistKeeper(
    { ...ca.options, ...options },
    {
      source,
      keep: createKeptFile(folder),
      trust: { authorities: ca.trust.authorities, revocation: { check: () => Promise.resolve(revocation) } },
      clock,
      alerts: { raise: (code, detail) => alerts.set(code, detail), clear: (code) => alerts.delete(code) },
      schedule: (delayMs, work) => {
        scheduled.push({ delayMs, work });
        return () => undefined;
      },
    },
  );
  keepers.push(keeper);
  return keeper;
};

const openAlerts = (): string[] => [...alerts.keys()].toSorted();
const started = async (keeper: WhitelistKeeper): Promise<WhitelistKeeper> => {
  await keeper.start();
  await keeper.refresh();
  return keeper;
};

describe('the whitelist of a service that runs (DB.CS.147, 148, 151)', () => {
  test('is downloaded over HTTPS, verified, and knows an operator by the name of its certificate', async () => {
    const keeper = makeKeeper();
    expect(keeper.current()).toBeUndefined();
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted', entries: 3 });
    expect(keeper.match(keyOf(2))).toMatchObject({ db: 'db2.exemple.fr' });
    expect(keeper.match(keyOf(9))).toBeUndefined();
    expect(keeper.current()).toMatchObject({ staleness: 'fresh', signerState: 'valid', acceptedAtUtcMs: nowUtcMs });
    expect(openAlerts()).toEqual([]);
  });

  test('is asked for once by calls at the same time, then by its ETag', async () => {
    const keeper = makeKeeper();
    const before = server.statuses.length;
    await Promise.all([keeper.refresh(), keeper.refresh()]);
    nowMs += dayMs;
    expect(await keeper.refresh()).toMatchObject({ kind: 'unchanged' });
    expect(server.statuses.slice(before)).toEqual([200, 304]);
    expect(keeper.current()).toMatchObject({ acceptedAtUtcMs: nowUtcMs, confirmedAtUtcMs: nowUtcMs + dayMs });
  });

  test('of 2,000 operators answers in much less than 1 ms', async () => {
    server.serve(sign({ count: 2000 }));
    const keeper = makeKeeper();
    await keeper.refresh();
    const begin = performance.now();
    for (let number = 1; number <= 2000; number += 1) keeper.match(keyOf(number));
    // With the making of the key; 2 s would be 1 ms each.
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(keeper.match(keyOf(2000))?.db).toBe('db2000.exemple.fr');
  });

  test('is refreshed daily, and after failures 5, 10, 20, 40, 60, 60 minutes later', async () => {
    expect(nextRefreshDelayMs(ca.options, 0)).toBe(dayMs);
    expect([1, 2, 3, 4, 5, 50].map((failures) => nextRefreshDelayMs(ca.options, failures) / 60_000)).toEqual([
      5, 10, 20, 40, 60, 60,
    ]);
    await started(makeKeeper());
    await expect.poll(() => scheduled.map(({ delayMs }) => delayMs)).toEqual([dayMs]);
    server.misbehave((_, response) => response.writeHead(500).end());
    scheduled[0]?.work();
    await expect.poll(() => scheduled.map(({ delayMs }) => delayMs)).toEqual([dayMs, 300_000]);
    scheduled[1]?.work();
    await expect.poll(() => scheduled.map(({ delayMs }) => delayMs)).toEqual([dayMs, 300_000, 600_000]);
    server.misbehave(undefined);
    scheduled[2]?.work();
    await expect.poll(() => scheduled.map(({ delayMs }) => delayMs)).toEqual([dayMs, 300_000, 600_000, dayMs]);
  });
});

describe('the last good copy (DB.CS.164)', () => {
  test('is served while the source is unreachable, with an alert that goes when it is back', async () => {
    const keeper = makeKeeper();
    await keeper.refresh();
    server.misbehave((_, response) => response.writeHead(503).end());
    expect(await keeper.refresh()).toMatchObject({
      kind: 'failed',
      code: 'trust/whitelist-unreachable',
      detail: 'HTTP status 503',
    });
    expect(openAlerts()).toEqual(['trust/whitelist-unreachable']);
    expect(keeper.match(keyOf(1))).toBeDefined();
    server.misbehave(undefined);
    await keeper.refresh();
    expect(openAlerts()).toEqual([]);
  });

  test('survives a restart without network, in a file only its owner reads', async () => {
    await makeKeeper().refresh();
    expect((await stat(join(folder, 'whitelist.kept'))).mode & 0o777).toBe(0o600);
    server.misbehave((_, response) => response.destroy());
    const keeper = await started(makeKeeper());
    expect(keeper.match(keyOf(1))).toBeDefined();
    expect(openAlerts()).toEqual(['trust/whitelist-unreachable']);
  });

  test('is verified again when it is loaded: a changed byte is not believed', async () => {
    await makeKeeper().refresh();
    const file = join(folder, 'whitelist.kept');
    await writeFile(file, (await readFile(file, 'utf8')).replace('db1.exemple.fr</db>', 'db7.exemple.fr</db>'));
    server.misbehave((_, response) => response.destroy());
    const keeper = await started(makeKeeper());
    expect(keeper.current()).toBeUndefined();
    expect(openAlerts()).toEqual([
      'trust/whitelist-absent',
      'trust/whitelist-signature-invalid',
      'trust/whitelist-unreachable',
    ]);
  });

  test('cut or of another format: trust/whitelist-not-kept, and the source mends it', async () => {
    await writeFile(join(folder, 'whitelist.kept'), '{"format":1');
    const keeper = makeKeeper();
    await keeper.start();
    expect(openAlerts()).toContain('trust/whitelist-not-kept');
    await keeper.refresh();
    expect(keeper.current()).toBeDefined();
    expect(openAlerts()).toEqual([]);
  });

  test('that cannot be written: the list is served, with trust/whitelist-not-kept', async () => {
    await writeFile(join(folder, 'file'), '');
    folder = join(folder, 'file');
    const keeper = makeKeeper();
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted' });
    expect(keeper.match(keyOf(1))).toBeDefined();
    expect(openAlerts()).toEqual(['trust/whitelist-not-kept']);
  });

  test.each([
    ['trust/whitelist-unsigned', () => buildList()],
    ['trust/whitelist-malformed', () => '<html><body>Maintenance</body>'],
    ['trust/whitelist-signer-unknown', () => sign({}, ca.signers.otherName)],
    ['trust/whitelist-signer-untrusted', () => sign({}, ca.signers.rogue)],
    ['trust/whitelist-signer-expired', () => sign({}, ca.signers.expired)],
    ['trust/whitelist-signature-invalid', () => sign().replace('vi1.', 'vi7.')],
    ['trust/whitelist-empty', () => sign({ domains: '' })],
    ['trust/whitelist-empty', () => sign({ domains: '<Domaine><db>db1.exemple.fr</db></Domaine>' })],
    ['trust/whitelist-from-future', () => sign({ generatedAt: '2026-03-14T00:00:00Z' })],
    ['trust/whitelist-too-old', () => sign({ generatedAt: '2026-03-11T18:06:51Z' })],
  ])('is served when the new one is refused: %s', async (code, make) => {
    const keeper = makeKeeper();
    await keeper.refresh();
    server.serve(make());
    expect(await keeper.refresh()).toMatchObject({ kind: 'failed', code });
    expect(openAlerts()).toEqual([code]);
    expect(keeper.current()?.list.entries).toHaveLength(3);
    server.serve(sign({ count: 4 }));
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted', entries: 4 });
    expect(openAlerts()).toEqual([]);
  });
});

describe('a date that goes back', () => {
  test('is refused, an equal one is accepted (decision G6), after a restart too', async () => {
    await makeKeeper().refresh();
    const keeper = makeKeeper();
    server.misbehave((_, response) => response.destroy());
    await started(keeper);
    server.misbehave(undefined);
    server.serve(sign({ generatedAt: '2026-03-10T18:06:52Z' }));
    expect(await keeper.refresh()).toMatchObject({ code: 'trust/whitelist-too-old' });
    server.serve(sign({ count: 5 }));
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted', entries: 5 });
  });
});

describe('age', () => {
  test('beyond MaxAgeHours: trust/whitelist-stale, still served; beyond RefuseAfterHours: nobody is accepted', async () => {
    const keeper = makeKeeper({ refuseAfterHours: 168 });
    await keeper.refresh();
    server.misbehave((_, response) => response.destroy());
    nowMs = nowUtcMs + 72 * hourMs;
    await keeper.refresh();
    expect(openAlerts()).toEqual(['trust/whitelist-unreachable']);
    nowMs += 1;
    await keeper.refresh();
    expect(keeper.current()?.staleness).toBe('stale');
    expect(alerts.get('trust/whitelist-stale')).toContain('2026-03-12T10:00:00.000Z');
    nowMs = nowUtcMs + 168 * hourMs + 1;
    expect(keeper.current()).toBeUndefined();
    expect(keeper.match(keyOf(1))).toBeUndefined();
    await keeper.refresh();
    expect(openAlerts()).toEqual(['trust/whitelist-absent', 'trust/whitelist-unreachable']);
  });

  test('without RefuseAfterHours the last good copy serves on', async () => {
    const keeper = makeKeeper();
    await keeper.refresh();
    nowMs += 60 * dayMs;
    expect(keeper.match(keyOf(1))).toBeDefined();
  });

  test('is not that of a clock that ran ahead and was put right', async () => {
    const keeper = makeKeeper();
    nowMs += dayMs;
    await keeper.refresh();
    nowMs -= dayMs;
    await keeper.refresh();
    expect(keeper.current()).toMatchObject({ confirmedAtUtcMs: nowMs });
  });

  test('of a file is that of its modification', async () => {
    const file = join(folder, 'liste.xml');
    await writeFile(file, sign());
    await utimes(file, new Date(nowUtcMs - 80 * hourMs), new Date(nowUtcMs - 80 * hourMs));
    const keeper = makeKeeper({}, createFileSource(file, ca.options.maxBytes, clock));
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted' });
    expect(openAlerts()).toEqual(['trust/whitelist-stale']);
    await writeFile(file, sign({ count: 4 }));
    await utimes(file, new Date(nowUtcMs), new Date(nowUtcMs));
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted', entries: 4 });
    expect(await keeper.refresh()).toMatchObject({ kind: 'unchanged' });
    expect(openAlerts()).toEqual([]);
  });
});

describe('the signer of the list in force', () => {
  test('whose certificate ends: served for SignerGraceDays with an alert, then no longer', async () => {
    const keeper = makeKeeper({ signerGraceDays: 10 });
    await keeper.refresh();
    nowMs = signerValidity.notAfterUtcMs + 5 * dayMs;
    expect(await keeper.refresh()).toMatchObject({ kind: 'failed', code: 'trust/whitelist-signer-expired' });
    expect(keeper.current()?.signerState).toBe('grace');
    expect(openAlerts()).toContain('trust/whitelist-signer-expired');
    const restarted = await started(makeKeeper({ signerGraceDays: 10 }));
    expect(restarted.match(keyOf(1))).toBeDefined();
    nowMs = signerValidity.notAfterUtcMs + 10 * dayMs + 1;
    expect(restarted.match(keyOf(1))).toBeUndefined();
    server.serve(sign({ count: 4 }, ca.signers.next));
    expect(await restarted.refresh()).toMatchObject({ kind: 'accepted', entries: 4 });
    expect(openAlerts()).toEqual([]);
  });

  test('revoked meanwhile: nobody is accepted any more', async () => {
    const keeper = makeKeeper();
    await keeper.refresh();
    revocation = { kind: 'revoked', detail: 'x' };
    await keeper.refresh();
    expect(keeper.current()).toBeUndefined();
    expect(openAlerts()).toEqual(['trust/whitelist-absent', 'trust/whitelist-signer-revoked']);
    const restarted = await started(makeKeeper());
    expect(restarted.current()).toBeUndefined();
    revocation = { kind: 'good', source: 'test' };
    server.serve(sign({}, ca.signers.next));
    expect(await restarted.refresh()).toMatchObject({ kind: 'accepted' });
  });

  test('of the kept list revoked while a new list comes: the new one is not thrown away with it', async () => {
    const statuses: RevocationStatus[] = [
      { kind: 'good', source: 'test' },
      { kind: 'revoked', detail: 'the signer of the kept list' },
    ];
    const kept = Promise.withResolvers<KeptWhitelist>();
    const source = httpsSource();
    const keeper = createWhitelistKeeper(ca.options, {
      source,
      keep: { load: () => kept.promise, save: () => Promise.resolve() },
      trust: {
        authorities: ca.trust.authorities,
        revocation: { check: () => Promise.resolve(statuses.shift() ?? revocation) },
      },
      clock,
      alerts: { raise: (code, detail) => alerts.set(code, detail), clear: (code) => alerts.delete(code) },
      schedule: () => () => undefined,
    });
    keepers.push(keeper);
    const starting = keeper.start();
    expect(await keeper.refresh()).toMatchObject({ kind: 'accepted' });
    kept.resolve({ bytes: Buffer.from(sign()), acceptedAtUtcMs: nowMs, confirmedAtUtcMs: nowMs, validator: '' });
    await starting;
    expect(statuses).toEqual([]);
    expect(keeper.match(keyOf(2))).toBeDefined();
  });

  test('of whom nobody can tell whether revoked: no new list; one in force serves on; a kept one waits', async () => {
    const keeper = makeKeeper();
    await keeper.refresh();
    revocation = { kind: 'unknown', detail: 'x' };
    server.serve(sign({ count: 4 }));
    expect(await keeper.refresh()).toMatchObject({ code: 'trust/whitelist-revocation-unknown' });
    expect(keeper.current()?.list.entries).toHaveLength(3);
    const restarted = await started(makeKeeper());
    expect(restarted.current()).toBeUndefined();
    server.misbehave((_, response) => response.destroy());
    revocation = { kind: 'good', source: 'test' };
    await restarted.refresh();
    expect(restarted.current()?.list.entries).toHaveLength(3);
  });
});

describe('a service that stops', () => {
  test('leaves a silent source at once, and plans nothing more', async () => {
    server.misbehave(() => undefined);
    const keeper = makeKeeper();
    await keeper.start();
    await keeper.stop();
    expect(scheduled).toEqual([]);
  });
});
