/** Certificates of every kind at the gate, over real TLS connections; the whitelist is a signed one, held by the keeper. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createPeerCertificateCheck,
  createPeerGate,
  createRevocation,
  createWhitelistKeeper,
  distinguishedNameKey,
  parseDistinguishedName,
  type PeerGate,
  type PeerIdentity,
  type RevocationChecker,
  revocationOptions,
  type RevocationStatus,
  type WhitelistKeeper,
} from '../../plugin/trust/index.ts';
import { type Forged, forgeRevocationList, type ForgedName } from '../fixtures/trust/certificate-forge.ts';
import { dayMs, makeTrustSpace, type TrustSpace } from '../fixtures/trust/certificate-trust.ts';
import { connectPeer, type GateServer, type PeerConnection, startGateServer } from '../fixtures/trust/peer-setting.ts';
import { makeWhitelistAuthority, nowUtcMs, type WhitelistAuthority } from '../fixtures/trust/whitelist-authority.ts';
import { buildList, dnOfDomain, signList } from '../fixtures/trust/whitelist-builder.ts';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const cacheMs = 60_000;

let trust: TrustSpace;
let signers: WhitelistAuthority;
let server: GateServer;
let gate: PeerGate;
let keeper: WhitelistKeeper;
let folder = '';
let clockMs = 0;
let revocation: RevocationStatus | Error = { kind: 'good', source: 'test' };
let looks = 0;
const connections: PeerConnection[] = [];

const scripted: RevocationChecker = {
  check: () => {
    looks += 1;
    return revocation instanceof Error ? Promise.reject(revocation) : Promise.resolve(revocation);
  },
};

const makeKeeper = (list: string | undefined): WhitelistKeeper =>
  createWhitelistKeeper(signers.options, {
    source: {
      fetch: () =>
        list === undefined
          ? Promise.reject(new Error('no list'))
          : Promise.resolve({ kind: 'content', bytes: Buffer.from(list), validator: '', confirmedAtUtcMs: nowUtcMs }),
    },
    keep: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
    trust: {
      authorities: signers.trust.authorities,
      revocation: { check: () => Promise.resolve({ kind: 'good', source: 'test' }) },
    },
    clock: () => nowUtcMs,
    alerts: { raise: () => undefined, clear: () => undefined },
  });

const makeGate = (checker: RevocationChecker = scripted, whitelist = keeper): PeerGate =>
  createPeerGate({
    certificates: createPeerCertificateCheck({
      authorities: trust.authorities,
      revocation: checker,
      purposes: [clientAuth],
      cacheMs,
    }),
    whitelist,
    clock: () => clockMs,
  });

beforeAll(async () => {
  trust = makeTrustSpace();
  signers = await makeWhitelistAuthority();
  folder = await mkdtemp(join(tmpdir(), 'drimbox-peer-gate-'));
  keeper = makeKeeper(signList(buildList({}), signers.signers.good));
  expect(await keeper.refresh()).toMatchObject({ kind: 'accepted' });
  server = await startGateServer(trust, () => gate);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await signers.remove();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  clockMs = Date.now();
  revocation = { kind: 'good', source: 'test' };
  looks = 0;
  gate = makeGate();
});
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

const come = async (peer?: Forged, order: Parameters<typeof connectPeer>[3] = {}): Promise<PeerConnection> => {
  const connection = await connectPeer(server.port, trust, peer, order);
  connections.push(connection);
  return connection;
};
const askOnce = async (peer?: Forged, order: Parameters<typeof connectPeer>[3] = {}): Promise<PeerIdentity> =>
  (await come(peer, order)).ask();

const known = {
  key: distinguishedNameKey(parseDistinguishedName(dnOfDomain(1))),
  subject: dnOfDomain(1),
  entry: '1',
};
const accepted: PeerIdentity = { kind: 'accepted', known };

describe('A DRIMbox of the trust space', () => {
  test('is known by its name, its key for limits and its number in the list (DB.CS.147)', async () => {
    expect(await askOnce(trust.good)).toEqual(accepted);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('comes with %s', async (version) => {
    const connection = await come(trust.good, { minVersion: version, maxVersion: version });
    expect(connection.socket.getProtocol()).toBe(version);
    expect(await connection.ask()).toEqual(accepted);
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)(
    'does not come with %s, whatever its certificate (DB.SO.111)',
    async (version) => {
      await expect(come(trust.good, { minVersion: version, maxVersion: version })).rejects.toThrow(
        /alert|protocol|version/i,
      );
    },
  );

  test('may send its authorities in any order, or none: ours decide', async () => {
    const [leaf, issuing, root] = [trust.good.pem, trust.issuing.pem, trust.root.pem];
    const rogue = trust.rogueIssuing.pem;
    for (const shown of [leaf, leaf + issuing, leaf + issuing + root, leaf + root + issuing, leaf + rogue + issuing]) {
      expect(await askOnce(trust.good, { shown })).toEqual(accepted);
    }
  });

  test('keeps its key when it renews its certificate', async () => {
    expect(await askOnce(trust.renewed)).toEqual(accepted);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('is still known in a session that is resumed (%s)', async (version) => {
    const options = { minVersion: version, maxVersion: version } as const;
    const first = await come(trust.good, options);
    expect(await first.ask()).toEqual(accepted);
    const again = await come(trust.good, { ...options, session: first.session() });
    expect(again.isResumed).toBe(true);
    expect(await again.ask()).toEqual(accepted);
    // Even without any certificate at hand: it is the session that it proved to hold.
    const bare = await come(undefined, { ...options, session: first.session() });
    if (bare.isResumed) expect(await bare.ask()).toEqual(accepted);
  });

  test('a session that was refused is refused when resumed', async () => {
    const first = await come(trust.wrong.serverOnly);
    expect(await first.ask()).toMatchObject({ code: 'trust/certificate-purpose' });
    const again = await come(trust.good, { session: first.session() });
    expect(again.isResumed).toBe(true);
    expect(await again.ask()).toMatchObject({ code: 'trust/certificate-purpose' });
  });

  test('may not renegotiate: who it is stays who it is', async () => {
    const { socket } = await come(trust.good, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    const failure = await new Promise<Error | null | undefined>((resolve) => {
      socket.once('error', resolve);
      socket.once('close', () => resolve(new Error('closed')));
      socket.renegotiate({}, resolve);
    });
    expect(failure).toBeInstanceOf(Error);
  });

  test('that was accepted a moment ago costs less than 1 ms', async () => {
    const connection = await come(trust.good);
    await connection.ask();
    const shown = { getPeerX509Certificate: () => trust.good.certificate };
    await gate.identifyPeer(shown);
    const startedAt = performance.now();
    for (let count = 0; count < 1000; count += 1) await gate.identifyPeer(shown);
    expect((performance.now() - startedAt) / 1000).toBeLessThan(1);
    expect(looks).toBe(1);
  });
});

describe('A certificate that is not accepted is refused with its reason', () => {
  test('none; but the state of the service is open to everybody (E3)', async () => {
    const connection = await come();
    expect(await connection.ask()).toEqual({ kind: 'refused', code: 'trust/certificate-missing' });
    expect(await connection.ask('/q/health')).toEqual({ kind: 'open' });
  });

  const reasons = {
    selfSigned: 'trust/certificate-untrusted',
    selfSignedAuthority: 'trust/certificate-untrusted',
    otherAuthority: 'trust/certificate-untrusted',
    ofPeer: 'trust/certificate-untrusted',
    ofAuthorityThatMayNotSign: 'trust/certificate-untrusted',
    tooDeep: 'trust/certificate-untrusted',
    criticalUnknown: 'trust/certificate-untrusted',
    expired: 'trust/certificate-expired',
    ofExpiredAuthority: 'trust/certificate-expired',
    early: 'trust/certificate-not-yet-valid',
    serverOnly: 'trust/certificate-purpose',
    noPurpose: 'trust/certificate-purpose',
    noDigitalSignature: 'trust/certificate-purpose',
    isAuthority: 'trust/certificate-purpose',
    ofAuthorityForMail: 'trust/certificate-purpose',
    weakKey: 'trust/certificate-algorithm',
    sha1: 'trust/certificate-algorithm',
  } as const satisfies Record<keyof TrustSpace['wrong'], string>;

  test.each(Object.entries(reasons))('%s: %s', async (kind, code) => {
    const peer = trust.wrong[kind as keyof TrustSpace['wrong']];
    expect(await askOnce(peer)).toEqual({ kind: 'refused', code, subject: known.subject });
    expect(looks, 'nobody is asked about the revocation of a certificate that is refused anyway').toBe(0);
  });

  test('of another authority with the same names, its whole chain sent along', async () => {
    const shown = trust.wrong.otherAuthority.pem + trust.rogueIssuing.pem + trust.rogueRoot.pem;
    expect(await askOnce(trust.wrong.otherAuthority, { shown })).toMatchObject({ code: 'trust/certificate-untrusted' });
  });

  test.each([
    ['revoked', { kind: 'revoked', detail: 'x' }, 'trust/certificate-revoked'],
    ['of unknown revocation: fail closed', { kind: 'unknown', detail: 'x' }, 'trust/certificate-revocation-unknown'],
    ['when the check itself breaks', new Error('x'), 'trust/certificate-revocation-unknown'],
  ] as const)('%s', async (_, status, code) => {
    revocation = status;
    expect(await askOnce(trust.good)).toEqual({ kind: 'refused', code, subject: known.subject });
  });

  test('an acceptance is believed for a minute, then looked at again, on the same connection', async () => {
    const connection = await come(trust.good);
    expect(await connection.ask()).toEqual(accepted);
    revocation = { kind: 'revoked', detail: 'x' };
    clockMs += cacheMs - 1;
    expect(await connection.ask()).toEqual(accepted);
    clockMs += 1;
    expect(await connection.ask()).toMatchObject({ code: 'trust/certificate-revoked' });
    revocation = { kind: 'good', source: 'test' };
    expect(await connection.ask(), 'a refusal is not remembered').toEqual(accepted);
  });

  test('an acceptance does not outlive the certificate, nor a clock that is put back', async () => {
    const ending = trust.peer({ notAfterUtcMs: clockMs + 30_000 });
    const connection = await come(ending);
    expect(await connection.ask()).toEqual(accepted);
    clockMs += 31_000;
    expect(await connection.ask()).toMatchObject({ code: 'trust/certificate-expired' });
    clockMs -= 60_000;
    await connection.ask();
    expect(looks).toBe(2);
  });
});

describe('Revocation lists of the authorities', () => {
  const listOf = async (issuer: Forged, revoked: readonly Forged[]): Promise<string> => {
    const file = join(folder, randomUUID());
    const now = Date.now();
    const dates = { thisUpdateUtcMs: now - dayMs, nextUpdateUtcMs: now + dayMs };
    await writeFile(file, forgeRevocationList({ issuer, revoked, ...dates }));
    return file;
  };
  const dn = (name: ForgedName): string =>
    name
      .map(([type, value]) => `${type}=${value}`)
      .toReversed()
      .join(',');
  const checkerOf = (rootFile: string, issuingFile: string): RevocationChecker =>
    createRevocation(
      revocationOptions.parse({
        lists: [
          { issuer: dn(trust.root.subject), files: [rootFile] },
          { issuer: dn(trust.issuing.subject), files: [issuingFile] },
        ],
      }),
      {
        keep: folder,
        clock: () => clockMs,
        alerts: { raise: () => undefined, clear: () => undefined },
        randomBytes: (size) => new Uint8Array(size),
      },
    );

  test('clear a certificate that they do not name', async () => {
    gate = makeGate(
      checkerOf(await listOf(trust.root, [trust.withdrawn]), await listOf(trust.issuing, [trust.renewed])),
    );
    expect(await askOnce(trust.good)).toEqual(accepted);
  });

  test('refuse the certificate they name, and only it', async () => {
    gate = makeGate(checkerOf(await listOf(trust.root, []), await listOf(trust.issuing, [trust.good])));
    expect(await askOnce(trust.good)).toMatchObject({ code: 'trust/certificate-revoked' });
    expect(await askOnce(trust.renewed)).toEqual(accepted);
  });

  test('refuse everything below an authority they name', async () => {
    gate = makeGate(checkerOf(await listOf(trust.root, [trust.issuing]), await listOf(trust.issuing, [])));
    expect(await askOnce(trust.good)).toMatchObject({ code: 'trust/certificate-revoked' });
  });

  test('that are missing refuse everybody: fail closed', async () => {
    gate = makeGate(checkerOf(await listOf(trust.root, []), join(folder, 'absent')));
    expect(await askOnce(trust.good)).toMatchObject({ code: 'trust/certificate-revocation-unknown' });
  });
});

describe('The whitelist, after the certificate (DB.CS.147, DB.CS.164)', () => {
  const named = (change: (name: ForgedName) => ForgedName): Forged =>
    trust.peer({ subject: change(trust.good.subject) });
  const with_ = (type: string, value: string) =>
    named((name) => name.map((part) => (part[0] === type ? ([part[0], value] as const) : part)));

  test.each([
    ['another operator', () => with_('CN', 'db77.exemple.fr')],
    ['the right name in another order', () => named((name) => name.toReversed())],
    ['an accent less', () => with_('ST', "Cote-d'Or (21)")],
    ['one part less', () => named((name) => name.slice(1))],
    ['one part more', () => named((name) => [...name, ['OU', '1']])],
    ['the whole list name as a common name', () => named(() => [['CN', dnOfDomain(1)]])],
  ] as const)('%s is not listed', async (_, peer) => {
    expect(await askOnce(peer())).toMatchObject({ kind: 'refused', code: 'trust/peer-not-listed' });
  });

  test('other case and spaces, composed or not, are the same name', async () => {
    expect(await askOnce(with_('O', 'Operateur  exemple'))).toMatchObject({ kind: 'accepted', known: { entry: '1' } });
    expect(await askOnce(with_('ST', "Co\u0302te-d'Or (21)"))).toMatchObject({
      kind: 'accepted',
      known: { key: known.key },
    });
  });

  test('a certificate without a name is on no list', async () => {
    expect(await askOnce(named(() => []))).toMatchObject({ kind: 'refused', code: 'trust/peer-not-listed' });
  });

  test('a name on the list does not help a certificate that is refused', async () => {
    expect(await askOnce(trust.wrong.otherAuthority)).toMatchObject({ code: 'trust/certificate-untrusted' });
  });

  test('without any list nobody is accepted: our fault, and said so (503)', async () => {
    const absent = makeKeeper(undefined);
    await absent.refresh();
    gate = makeGate(scripted, absent);
    expect(await askOnce(trust.good)).toEqual({
      kind: 'refused',
      code: 'trust/whitelist-absent',
      subject: known.subject,
    });
    expect(await askOnce(trust.wrong.selfSigned)).toMatchObject({ code: 'trust/certificate-untrusted' });
  });

  test('a peer that is taken off the list is refused at its next request, on the same connection', async () => {
    let list = signList(buildList({}), signers.signers.good);
    const changing = createWhitelistKeeper(signers.options, {
      source: {
        fetch: () =>
          Promise.resolve({ kind: 'content', bytes: Buffer.from(list), validator: '', confirmedAtUtcMs: nowUtcMs }),
      },
      keep: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
      trust: {
        authorities: signers.trust.authorities,
        revocation: { check: () => Promise.resolve({ kind: 'good', source: 'test' }) },
      },
      clock: () => nowUtcMs,
      alerts: { raise: () => undefined, clear: () => undefined },
    });
    await changing.refresh();
    gate = makeGate(scripted, changing);
    const connection = await come(trust.good);
    expect(await connection.ask()).toEqual(accepted);
    list = signList(buildList({}).replaceAll('CN=db1.exemple.fr', 'CN=db99.exemple.fr'), signers.signers.good);
    expect(await changing.refresh()).toMatchObject({ kind: 'accepted' });
    expect(await connection.ask()).toMatchObject({ code: 'trust/peer-not-listed' });
  });

  test('a fault of ours refuses (fail closed)', async () => {
    gate = createPeerGate({
      certificates: { check: () => Promise.reject(new Error('x')) },
      whitelist: keeper,
      clock: () => clockMs,
    });
    expect(await askOnce(trust.good)).toEqual({ kind: 'refused', code: 'general/internal' });
  });
});
