/** Real TLS handshakes with invented certificates, good and bad. */
import { X509Certificate } from 'node:crypto';

import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createPeerCertificateCheck,
  type PeerCertificatePorts,
  peerCertificateOptions,
  type RevocationStatus,
} from '../../plugin/trust/index.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  makeCertificateAuthority,
  nowUtcMs,
  peerSubject,
} from '../fixtures/trust/certificate-authority.ts';
import { type CertificateListener, startCertificateListener } from '../fixtures/trust/certificate-listener.ts';
import { concatenatePem, type Credential, issueCredential } from '../peers/ca/openssl-authority.ts';

let ca: CertificateAuthority;
let listener: CertificateListener;
let good: Credential;
const asked: string[] = [];
let revocation: (chain: readonly X509Certificate[]) => RevocationStatus;

const ports = (): PeerCertificatePorts => ({
  authorities: ca.authorities,
  revocation: {
    check: (chain) => {
      asked.push(chain.map(({ subject }) => /CN=(.*)/.exec(subject)?.[1]).join(' < '));
      return Promise.resolve(revocation(chain));
    },
  },
  purposes: peerCertificateOptions.parse({ caFiles: ['x'] }).purposes,
  cacheMs: 0,
});

beforeAll(async () => {
  ca = await makeCertificateAuthority();
  good = await ca.issue('good');
  const server = await ca.issue('server', { profile: 'ssl' });
  listener = await startCertificateListener({ peers: ports(), server: { certificates: [server] } });
}, 60_000);
afterAll(async () => {
  await listener.stop();
  await ca.remove();
});
beforeEach(() => {
  asked.length = 0;
  revocation = () => ({ kind: 'good', source: 'test' });
});

const subjectText = peerSubject.map(([type, value]) => `${type}=${value}`).join(',');
const refusedWith = (code: string) => expect.objectContaining({ status: 403, verdict: code });

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  const limits = { minVersion: version, maxVersion: version } as const;
  const ask = (credential: Credential | undefined, more = {}) => listener.ask(credential, { ...limits, ...more });

  test('a certificate of the authority is accepted, with the accents of its name', async () => {
    expect(await ask(good)).toMatchObject({ status: 200, verdict: subjectText });
    expect(asked).toEqual([
      'db1.exemple < EXEMPLE AC IGC-SANTE ELEMENTAIRE ORGANISATIONS < EXEMPLE AC RACINE IGC-SANTE ELEMENTAIRE',
    ]);
  });

  test('no certificate: the connection stands, for the state of the service only (E3)', async () => {
    expect(await ask(undefined)).toEqual(refusedWith('trust/certificate-missing'));
  });

  test('a certificate that signed itself is not trusted, whatever name it gives itself', async () => {
    const validity = { notBeforeUtcMs: nowUtcMs - dayMs, notAfterUtcMs: nowUtcMs + dayMs };
    const path = ca.path(`self-${version}`);
    const selfSigned = await issueCredential({ profile: 'authCli', subject: peerSubject, validity, path });
    expect(await ask(selfSigned)).toEqual(refusedWith('trust/certificate-untrusted'));
  });

  test('a certificate of another authority with the very same names is not trusted', async () => {
    const rogueRoot = await ca.makeRoot(`rogue-root-${version}`);
    const rogue = await ca.makeIntermediate(`rogue-${version}`, rogueRoot);
    const leaf = await ca.issue(`rogue-leaf-${version}`, { issuer: rogue });
    expect(await ask(leaf)).toEqual(refusedWith('trust/certificate-untrusted'));
    const files = [leaf, rogue, rogueRoot].map(({ certificateFile }) => certificateFile);
    const withChain = { ...leaf, certificateFile: concatenatePem(files, ca.path(`rogue-chain-${version}.crt`)) };
    expect(await ask(withChain)).toEqual(refusedWith('trust/certificate-untrusted'));
    expect(asked).toEqual([]);
  });

  test('an expired certificate and one that is not valid yet are told apart', async () => {
    const expired = await ca.issue(`expired-${version}`, { toUtcMs: nowUtcMs - dayMs });
    const early = await ca.issue(`early-${version}`, { fromUtcMs: nowUtcMs + dayMs });
    expect(await ask(expired)).toEqual(refusedWith('trust/certificate-expired'));
    expect(await ask(early)).toEqual(refusedWith('trust/certificate-not-yet-valid'));
  });

  test('a certificate for servers only, one that says nothing, and one for signing are not for clients', async () => {
    for (const profile of ['ssl', 'bare', 'sign'] as const) {
      const leaf = await ca.issue(`${profile}-${version}`, { profile });
      expect(await ask(leaf)).toEqual(refusedWith('trust/certificate-purpose'));
    }
  });

  test('a revoked certificate, and one of which nobody knows, are refused', async () => {
    revocation = () => ({ kind: 'revoked', detail: 'on the list' });
    expect(await ask(good)).toEqual(refusedWith('trust/certificate-revoked'));
    revocation = () => ({ kind: 'unknown', detail: 'no list' });
    expect(await ask(good)).toEqual(refusedWith('trust/certificate-revocation-unknown'));
    revocation = () => {
      throw new Error('a fault in the check');
    };
    expect(await ask(good)).toEqual(refusedWith('trust/certificate-revocation-unknown'));
  });

  test('what is sent beside the certificate, in whatever order, changes nothing: authorities are configured', async () => {
    const [leaf, intermediate, root] = [good, ca.intermediate, ca.root].map(({ certificateFile }) => certificateFile);
    for (const [name, files] of [
      ['straight', [leaf!, intermediate!, root!]],
      ['crossed', [leaf!, root!, intermediate!]],
    ] as const) {
      const certificateFile = concatenatePem(files, ca.path(`${name}-${version}.crt`));
      expect(await ask({ ...good, certificateFile })).toMatchObject({ status: 200 });
    }
  });

  test('somebody who holds the certificate but not its key does not get through', async () => {
    const thief = { certificateFile: good.certificateFile, keyFile: (await ca.issue(`other-${version}`)).keyFile };
    await expect(ask(thief)).rejects.toThrow(/key values mismatch/i);
  });
});

describe('the connection', () => {
  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
    const old = listener.ask(good, { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' });
    await expect(old).rejects.toThrow(/alert protocol version/);
  });

  test.each(['AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'AES128-GCM-SHA256'])('%s is no cipher of ours', async (cipher) => {
    const weak = listener.ask(good, { maxVersion: 'TLSv1.2', ciphers: `${cipher}:@SECLEVEL=0` });
    await expect(weak).rejects.toThrow(/alert handshake failure/);
  });

  test('speaks HTTP/1.1 and nothing else', async () => {
    const socket = await listener.open(good, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test('is not negotiated again: a peer would change its certificate on the way', async () => {
    const socket = await listener.open(good, { maxVersion: 'TLSv1.2' });
    const failed = new Promise<Error | null>((resolve) => {
      socket.on('error', resolve);
      socket.renegotiate({}, resolve);
    });
    expect(await failed).toBeInstanceOf(Error);
    socket.destroy();
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('that resumes a session of %s keeps its identity', async (version) => {
    const limits = { minVersion: version, maxVersion: version } as const;
    const socket = connect(listener.clientOptions(good, limits));
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    listener.resumed.length = 0;
    // The client shows nothing this time: who it is stands in the session.
    const resumed = await listener.ask(undefined, { ...limits, session });
    expect(listener.resumed).toEqual([true]);
    expect(resumed).toMatchObject({ status: 200, verdict: subjectText });
  });
});

describe('the chain', () => {
  const check = (leaf: Credential, authorities: readonly Credential[], atUtcMs = nowUtcMs) =>
    createPeerCertificateCheck({ ...ports(), authorities: authorities.map(certificateOf) }).checkCertificate(
      certificateOf(leaf),
      atUtcMs,
    );
  const codeOf = async (...order: Parameters<typeof check>): Promise<string> => {
    const verdict = await check(...order);
    return verdict.kind === 'accepted' ? 'accepted' : verdict.code;
  };

  test('needs a configured root: an intermediate authority alone is none', async () => {
    expect(await codeOf(good, [ca.root, ca.intermediate])).toBe('accepted');
    expect(await codeOf(good, [ca.intermediate])).toBe('trust/certificate-untrusted');
    expect(await codeOf(good, [ca.root])).toBe('trust/certificate-untrusted');
  });

  test('ends with the first of its certificates', async () => {
    const brief = await ca.makeIntermediate('brief', ca.root, { toUtcMs: nowUtcMs + 10 * dayMs });
    const leaf = await ca.issue('brief-leaf', { issuer: brief });
    expect(await codeOf(leaf, [ca.root, brief], nowUtcMs + 9 * dayMs)).toBe('accepted');
    expect(await codeOf(leaf, [ca.root, brief], nowUtcMs + 11 * dayMs)).toBe('trust/certificate-expired');
  });

  test('holds by another way when an authority was renewed with the same key', async () => {
    const ended = await ca.makeIntermediate('ended', ca.root, { toUtcMs: nowUtcMs - dayMs });
    const next = await ca.makeIntermediate('next', ca.root, { keyFile: ended.keyFile });
    const leaf = await ca.issue('next-leaf', { issuer: next });
    expect(await codeOf(leaf, [ca.root, ended])).toBe('trust/certificate-expired');
    expect(await codeOf(leaf, [ca.root, ended, next])).toBe('accepted');
    expect(await codeOf(leaf, [ca.root, next, ended])).toBe('accepted');
  });

  test('is no longer than an authority allows (path length)', async () => {
    const below = await ca.makeIntermediate('below', ca.intermediate, {
      subject: [
        ['C', 'FR'],
        ['CN', 'EXEMPLE AC FILLE'],
      ],
    });
    const leaf = await ca.issue('below-leaf', { issuer: below });
    expect(await codeOf(leaf, [ca.root, ca.intermediate, below])).toBe('trust/certificate-untrusted');
  });

  test('does not go through a certificate that is no authority, nor through one that may not sign', async () => {
    const below = await ca.issue('below-client', { issuer: good });
    expect(await codeOf(below, [ca.root, ca.intermediate, good])).toBe('trust/certificate-untrusted');
    const bare = await ca.issue('bare', { profile: 'bare', issuer: ca.root });
    const belowBare = await ca.issue('below-bare', { issuer: bare });
    expect(await codeOf(belowBare, [ca.root, bare])).toBe('trust/certificate-untrusted');
    const mute = await ca.makeIntermediate('mute', ca.root, { profile: 'listsOnly' });
    const leaf = await ca.issue('mute-leaf', { issuer: mute });
    expect(await codeOf(leaf, [ca.root, mute])).toBe('trust/certificate-untrusted');
  });

  test.each([
    ['a client that is an authority', { profile: 'clientAuthority' as const }, 'purpose'],
    [
      'a client whose key may not sign',
      { profile: 'bare' as const, extensions: ['extendedKeyUsage = clientAuth', 'keyUsage = keyEncipherment'] },
      'purpose',
    ],
    [
      'a client of any purpose',
      { profile: 'bare' as const, extensions: ['extendedKeyUsage = anyExtendedKeyUsage'] },
      'purpose',
    ],
    ['a critical extension nobody knows', { extensions: ['1.2.250.1.999999.1 = critical,DER:0500'] }, 'untrusted'],
    ['a key of 1,024 bits', { keyBits: 1024 }, 'algorithm'],
    ['a signature with SHA-1', { digest: 'sha1' as const }, 'algorithm'],
  ])('does not accept %s', async (name, order, code) => {
    const leaf = await ca.issue(name.replaceAll(/\W/g, '-'), order);
    expect(await codeOf(leaf, [ca.root, ca.intermediate])).toBe(`trust/certificate-${code}`);
  });

  test('does not accept what stands under an authority with restrictions on names or for another purpose', async () => {
    const restricted = await ca.makeIntermediate('restricted', ca.root, {
      extensions: ['nameConstraints = permitted;DNS:exemple'],
    });
    expect(await codeOf(await ca.issue('restricted-leaf', { issuer: restricted }), [ca.root, restricted])).toBe(
      'trust/certificate-untrusted',
    );
    const servers = await ca.makeIntermediate('servers', ca.root, { extensions: ['extendedKeyUsage = serverAuth'] });
    expect(await codeOf(await ca.issue('servers-leaf', { issuer: servers }), [ca.root, servers])).toBe(
      'trust/certificate-purpose',
    );
  });

  test('of a certificate with any byte changed is never accepted', async () => {
    const der = certificateOf(good).raw;
    const peers = createPeerCertificateCheck(ports());
    let readable = 0;
    for (let at = 0; at < der.length; at += 3) {
      const changed = Buffer.from(der);
      changed[at] = changed[at]! ^ 0x11;
      const certificate = readLeniently(changed);
      if (certificate === undefined) continue;
      readable += 1;
      expect((await peers.checkCertificate(certificate, nowUtcMs)).kind).toBe('refused');
    }
    expect(readable).toBeGreaterThan(100);
  });
});

const readLeniently = (der: Buffer): X509Certificate | undefined => {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
};

describe('an acceptance', () => {
  const countingCheck = (cacheMs: number) => createPeerCertificateCheck({ ...ports(), cacheMs });

  test('is kept for a short while only, so that a revocation counts soon', async () => {
    const peers = countingCheck(60_000);
    const at = (offsetMs: number) => peers.checkCertificate(certificateOf(good), nowUtcMs + offsetMs);
    await at(0);
    await at(59_999);
    expect(asked.length).toBe(1);
    revocation = () => ({ kind: 'revoked', detail: 'on the list' });
    expect(await at(60_000)).toMatchObject({ kind: 'refused', code: 'trust/certificate-revoked' });
    expect(asked.length).toBe(2);
  });

  test('does not outlive the certificate', async () => {
    const leaf = await ca.issue('last-minute', { toUtcMs: nowUtcMs + 10_000 });
    const peers = countingCheck(60_000);
    expect(await peers.checkCertificate(certificateOf(leaf), nowUtcMs)).toMatchObject({ kind: 'accepted' });
    expect(await peers.checkCertificate(certificateOf(leaf), nowUtcMs + 11_000)).toMatchObject({
      kind: 'refused',
      code: 'trust/certificate-expired',
    });
  });

  test('is not used for a time before it was made: the clock was put back', async () => {
    const peers = countingCheck(60_000);
    await peers.checkCertificate(certificateOf(good), nowUtcMs);
    await peers.checkCertificate(certificateOf(good), nowUtcMs - 1);
    expect(asked.length).toBe(2);
  });

  test('is kept, a refusal is not', async () => {
    const peers = countingCheck(60_000);
    revocation = () => ({ kind: 'unknown', detail: 'no list yet' });
    expect(await peers.checkCertificate(certificateOf(good), nowUtcMs)).toMatchObject({ kind: 'refused' });
    revocation = () => ({ kind: 'good', source: 'test' });
    expect(await peers.checkCertificate(certificateOf(good), nowUtcMs)).toMatchObject({ kind: 'accepted' });
  });

  test('is shared by requests at the same time', async () => {
    const peers = countingCheck(60_000);
    await Promise.all(Array.from({ length: 100 }, () => peers.checkCertificate(certificateOf(good), nowUtcMs)));
    expect(asked.length).toBe(1);
  });

  test('that is kept costs far less than 1 ms a request', async () => {
    const peers = countingCheck(60_000);
    const socket = { getPeerX509Certificate: () => certificateOf(good) } as Pick<TLSSocket, 'getPeerX509Certificate'>;
    await peers.check(socket, nowUtcMs);
    const startedAtMs = performance.now();
    for (let turn = 0; turn < 2_000; turn += 1) await peers.check(socket, nowUtcMs);
    expect((performance.now() - startedAtMs) / 2_000).toBeLessThan(1);
  });
});

test('the options name what is accepted, clientAuth unless said otherwise', () => {
  expect(peerCertificateOptions.parse({ caFiles: ['ca.pem'] })).toEqual({
    caFiles: ['ca.pem'],
    purposes: ['1.3.6.1.5.5.7.3.2'],
    cacheSeconds: 60,
  });
  expect(peerCertificateOptions.safeParse({ caFiles: [] }).success).toBe(false);
});
