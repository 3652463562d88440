/** The doctor has the whitelist as the service would: over real HTTPS, signed, with the copy on disk. Everything is invented. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { type CheckResult, runDoctor, type TrustSetting } from '../../plugin/health/index.ts';
import { lookAtWhitelist } from '../../plugin/health/whitelist-look.ts';
import { createKeptFile, trustOptions, type whitelistOptions } from '../../plugin/trust/index.ts';
import { wellTrust } from '../fixtures/health/trust-facts.ts';
import {
  makeWhitelistAuthority,
  nowUtcMs,
  signerValidity,
  type WhitelistAuthority,
} from '../fixtures/trust/whitelist-authority.ts';
import { buildList, dnOfDomain, type ListOrder, signList } from '../fixtures/trust/whitelist-builder.ts';
import { startWhitelistServer, type WhitelistServer } from '../fixtures/trust/whitelist-server.ts';
import { authorityNames, type SubjectName } from '../peers/ca/certificate-profiles.ts';
import { type Credential, writeRevocationList } from '../peers/ca/openssl-authority.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** The certificate that the whitelist has for its first domain. */
const ownSubject: SubjectName = [
  ['C', 'FR'],
  ['ST', "Côte-d'Or (21)"],
  ['O', 'OPERATEUR EXEMPLE'],
  ['OU', '310000000000001'],
  ['CN', 'db1.exemple.fr'],
];
const dnOf = (subject: SubjectName): string =>
  subject
    .map(([type, value]) => `${type}=${value}`)
    .toReversed()
    .join(',');

let ca: WhitelistAuthority;
let server: WhitelistServer;
let own: Credential;
let stranger: Credential;
let rootList = '';
let emptyList = '';
let signerRevokedList = '';
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
  // Valid by the real clock, which TLS reads.
  const validity = { notBeforeUtcMs: Date.now() - dayMs, notAfterUtcMs: Date.now() + 30 * dayMs };
  server = await startWhitelistServer(await ca.issue('server', { profile: 'ssl', issuer: ca.root, validity }));
  own = await ca.issue('own', { profile: 'ssl', subject: ownSubject });
  stranger = await ca.issue('stranger', {
    profile: 'ssl',
    subject: [...ownSubject.slice(0, 4), ['CN', 'x.exemple.fr']],
  });
  const listOf = (name: string, issuer: Credential, revoked: readonly Credential[] = []): string => {
    const file = join(ca.folder, name);
    const files = revoked.map(({ certificateFile }) => certificateFile);
    writeRevocationList(issuer, files, nowUtcMs - dayMs, file, { thisUpdateUtcMs: nowUtcMs - dayMs });
    return file;
  };
  rootList = listOf('doctor-root.crl', ca.root);
  emptyList = listOf('doctor-empty.crl', ca.intermediate);
  signerRevokedList = listOf('doctor-revoked.crl', ca.intermediate, [ca.signers.good]);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});

let folder = '';
let nowMs = nowUtcMs;
beforeEach(() => {
  nowMs = nowUtcMs;
  folder = join(ca.folder, randomUUID());
  mkdirSync(folder);
  server.misbehave(undefined);
  server.serve(sign());
});

const sign = (order: ListOrder = {}, signer: Credential = ca.signers.good): string =>
  signList(buildList(order), signer);

interface Changes {
  readonly whitelist?: Partial<z.input<typeof whitelistOptions>>;
  readonly certificates?: TrustSetting['certificates'];
  /** Of the authority of the signer. */
  readonly list?: string;
  readonly timeoutMs?: number;
}

const settingOf = ({ whitelist = {}, certificates, list }: Changes): TrustSetting => {
  const { signerDns, signerIssuerDns } = ca.options;
  const https = { url: server.url, caFile: ca.root.certificateFile };
  return {
    environment: 'test',
    folder,
    certificates: certificates ?? [{ name: 'DB1.exemple.fr', certificateFile: own.certificateFile }],
    trust: trustOptions.parse({
      peers: { caFiles: [ca.root.certificateFile, ca.intermediate.certificateFile] },
      revocation: {
        lists: [
          { issuer: dnOf(authorityNames.intermediate), files: [list ?? emptyList] },
          { issuer: dnOf(authorityNames.root), files: [rootList] },
        ],
      },
      whitelist: { ...(whitelist.file === undefined ? https : {}), signerDns, signerIssuerDns, ...whitelist },
      psc: { environment: 'bas', clientId: 'exemple', clientSecretFile: '/nulle/part' },
    }),
  };
};

const look = async (changes: Changes = {}): Promise<CheckResult> => {
  const { timeoutMs = 5_000 } = changes;
  const ports = { clock: () => nowMs, randomBytes: (size: number) => Buffer.alloc(size), timeoutMs };
  const { results } = await runDoctor({
    clock: () => nowMs,
    trust: { ...wellTrust(nowMs), whitelist: () => lookAtWhitelist(settingOf(changes), ports) },
  });
  const result = results.find(({ name }) => name === 'whitelist');
  if (result === undefined) throw new Error('no check');
  return result;
};
const textOf = ({ details = [] }: CheckResult): string => details.join('\n');

/** As the service keeps it. */
const keep = (
  list: string,
  changes: Partial<{ acceptedAtUtcMs: number; confirmedAtUtcMs: number }> = {},
): Promise<void> =>
  createKeptFile(folder).save({
    bytes: Buffer.from(list),
    acceptedAtUtcMs: nowUtcMs - 2 * dayMs,
    confirmedAtUtcMs: nowUtcMs - 5 * hourMs,
    validator: '',
    ...changes,
  });

describe('the whitelist, looked at by the doctor (DB.CS.147, DB.CS.148, DB.CS.151)', () => {
  test('is well: source, signer, date, copy, and our own certificate in it', async () => {
    await keep(sign());
    expect(await look()).toMatchObject({
      state: 'ok',
      details: [
        `Source ${server.url} : liste reçue et acceptée`,
        'Signée par CN=Liste Blanche EXEMPLE,OU=319999999900020,O=AGENCE EXEMPLE,ST=Paris (75),C=FR, certificat valable jusqu’au 20/06/2026',
        'Générée le 11/03/2026 (il y a 15 h), 3 domaines',
        'Copie gardée : confirmée par la source il y a 5 h, acceptée le 10/03/2026',
        'DB1.exemple.fr : dans la liste',
      ],
    });
  });

  test('writes nothing: what the service keeps is the service’s', async () => {
    expect(textOf(await look())).toContain('Copie gardée : aucune');
    expect(readdirSync(folder)).toEqual([]);
    await keep(sign());
    const before = readFileSync(join(folder, 'whitelist.kept'));
    server.serve(sign({ generatedAt: '2026-03-12T08:00:00Z', count: 5 }));
    expect(textOf(await look())).toContain('5 domaines');
    expect(readFileSync(join(folder, 'whitelist.kept')).equals(before)).toBe(true);
  });

  test('an account or a key in the address is not shown', async () => {
    const url = `${server.url.replace('https://', 'https://compte:motdepasse@')}?cle=secrete`;
    const text = JSON.stringify(await look({ whitelist: { url } }));
    expect(text).toContain('/liste.xml :');
    expect(text).not.toMatch(/compte|motdepasse|secrete/);
  });

  test('a source that does not answer: failed without copy, a warning while the copy serves', async () => {
    server.misbehave((_, response) => void response.writeHead(503).end());
    const none = await look();
    expect(none).toMatchObject({ state: 'failed', remedy: expect.stringContaining('Trust.Whitelist.Url') });
    expect(textOf(none)).toContain('(trust/whitelist-unreachable, HTTP status 503)');
    expect(textOf(none)).not.toContain('DB1.exemple.fr');
    await keep(sign());
    const served = await look();
    expect(served).toMatchObject({ state: 'warning', message: expect.stringContaining('la copie gardée sert') });
    expect(textOf(served)).toContain('DB1.exemple.fr : dans la liste');
  });

  test('a source that says nothing is not waited for longer than the doctor has patience', async () => {
    server.misbehave(() => undefined);
    expect(textOf(await look({ timeoutMs: 1_000 }))).toContain('no answer in 1000 ms');
  });

  test('a server of another authority is not believed', async () => {
    const caFile = ca.signers.rogue.certificateFile;
    expect(textOf(await look({ whitelist: { caFile } }))).toMatch(/trust\/whitelist-unreachable, \w+/);
    const missing = await look({ whitelist: { caFile: '/nulle/part.pem' } });
    expect(missing).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('/nulle/part.pem cannot be read'),
    });
  });

  test.each([
    ['changed after it was signed', () => sign().replace('Opérateur 2', 'Opérateur 9'), 'whitelist-signature-invalid'],
    ['not signed', () => buildList(), 'whitelist-unsigned'],
    ['signed by an authority with our names', () => sign({}, ca.signers.rogue), 'whitelist-signer-untrusted'],
    ['signed by another', () => sign({}, ca.signers.otherName), 'whitelist-signer-unknown'],
    ['signed with a certificate that has ended', () => sign({}, ca.signers.expired), 'whitelist-signer-expired'],
    ['older than the copy', () => sign({ generatedAt: '2026-01-01T00:00:00Z' }), 'whitelist-too-old'],
    ['of the future', () => sign({ generatedAt: '2026-03-14T00:00:00Z' }), 'whitelist-from-future'],
    ['something else', () => '<html>Portail captif EXEMPLE</html>', 'whitelist-'],
  ])('a list that is %s is refused, and the copy serves', async (_, list, code) => {
    await keep(sign());
    server.serve(list());
    const result = await look();
    expect(result.state).toBe('warning');
    expect(result.details?.[0]).toContain(`(trust/${code}`);
    expect(textOf(result)).toContain('3 domaines');
  });

  test('a signer who was revoked: neither the list nor the copy serves', async () => {
    await keep(sign());
    const result = await look({ list: signerRevokedList });
    expect(result).toMatchObject({ state: 'failed', message: expect.stringContaining('toutes refusées') });
    expect(textOf(result)).toContain('Copie gardée : Le certificat du signataire');
    expect(result.details?.[0]).toContain('(trust/whitelist-signer-revoked');
  });

  test('a signer whose revocation nobody can tell: fails closed, as the service does', async () => {
    const result = await look({ list: join(ca.folder, 'absente.crl') });
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('(CRL)') });
    expect(result.details?.[0]).toContain('(trust/whitelist-revocation-unknown');
  });

  test('a copy that somebody changed is not believed, and told', async () => {
    await keep(sign().replace('Opérateur 2', 'Opérateur 9'));
    const result = await look();
    expect(result).toMatchObject({ state: 'warning', message: expect.stringContaining('ne peut pas servir') });
    expect(textOf(result)).toMatch(/Copie gardée : .*trust\/whitelist-signature-invalid/);
    writeFileSync(join(folder, 'whitelist.kept'), 'rubbish');
    expect(textOf(await look())).toMatch(/Copie gardée : .*trust\/whitelist-not-kept/);
  });

  test('a copy whose signer’s certificate has ended serves for a time of grace, then no more', async () => {
    await keep(sign());
    server.misbehave((_, response) => response.destroy());
    nowMs = signerValidity.notAfterUtcMs + dayMs;
    const grace = await look({ whitelist: { maxAgeHours: 8760 } });
    expect(grace.state).toBe('warning');
    expect(grace.remedy).toContain('Trust.Whitelist.SignerGraceDays');
    nowMs = signerValidity.notAfterUtcMs + 31 * dayMs;
    const ended = await look();
    expect(ended.state).toBe('failed');
    expect(textOf(ended)).toContain('trop ancienne pour servir');
  });

  test('a file that nobody renewed is told stale, by its age', async () => {
    const file = join(folder, 'liste.xml');
    writeFileSync(file, sign());
    const at = (nowUtcMs - 4 * dayMs) / 1000;
    utimesSync(file, at, at);
    expect(await look({ whitelist: { file } })).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('depuis trop longtemps'),
      details: expect.arrayContaining([`Source ${file} : liste reçue et acceptée`]),
    });
    expect(textOf(await look({ whitelist: { file: join(folder, 'absent.xml') } }))).toContain('ENOENT');
  });

  test.each([
    ['a certificate of another name', 'db9.exemple.fr', () => stranger.certificateFile, 'failed', 'pas dans la liste'],
    ['another certificate', 'db1.exemple.fr', () => stranger.certificateFile, 'failed', 'avec un autre certificat'],
    ['another name', 'db9.exemple.fr', () => own.certificateFile, 'warning', 'sous un autre nom'],
    ['no certificate at all', 'db1.exemple.fr', () => '/nulle/part.pem', 'failed', 'son certificat est illisible'],
  ])('we with %s: said as it is', async (_, name, certificateFile, state, line) => {
    const result = await look({ certificates: [{ name, certificateFile: certificateFile() }] });
    expect(result).toMatchObject({ state, remedy: expect.stringContaining('Wado.Certificates') });
    expect(result.details?.at(-1)).toMatch(new RegExp(`^${name} : .*${line}`));
  });

  test('we with several names: each has its line; the older elements of the list are understood', async () => {
    server.serve(sign({ elements: 'old' }));
    const result = await look({
      certificates: [
        { name: 'db1.exemple.fr', certificateFile: own.certificateFile },
        { name: 'db4.exemple.fr', certificateFile: stranger.certificateFile },
      ],
    });
    expect(result.state).toBe('warning');
    expect(result.details?.slice(-2)).toEqual(['db1.exemple.fr : dans la liste', 'db4.exemple.fr : pas dans la liste']);
    expect(dnOfDomain(1)).toBe(dnOf(ownSubject));
  });
});
