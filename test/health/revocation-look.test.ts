/** The doctor reads revocation lists made by openssl over real HTTP, and the service's own copies of them. Names are invented. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { type CheckResult, runDoctor, type TrustSetting } from '../../plugin/health/index.ts';
import { lookAtRevocation } from '../../plugin/health/revocation-look.ts';
import {
  createRevocation,
  distinguishedNameOf,
  formatDistinguishedName,
  revocationOptions,
  trustOptions,
} from '../../plugin/trust/index.ts';
import {
  type CertificateAuthority,
  certificateOf,
  dayMs,
  hourMs,
  makeCertificateAuthority,
  nowUtcMs,
} from '../fixtures/trust/certificate-authority.ts';
import { wellTrust } from '../fixtures/health/trust-facts.ts';
import type { Credential } from '../peers/ca/openssl-authority.ts';
import { type RevocationServer, startRevocationServer } from '../peers/revocation/revocation-server.ts';

let ca: CertificateAuthority;
let server: RevocationServer;
/** One of ours: its authority's list is where it says. */
let own: Credential;
let issuing: Credential;
beforeAll(async () => {
  ca = await makeCertificateAuthority();
  server = await startRevocationServer();
  const at = (path: string): string => `crlDistributionPoints = URI:${server.url}${path}`;
  issuing = await ca.makeIntermediate('issuing', ca.root, { extensions: [at('/racine.crl')] });
  own = await ca.issue('own', { profile: 'ssl', issuer: issuing, extensions: [at('/ac.crl?cle=secret')] });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});

const intermediateName = 'EXEMPLE AC IGC-SANTE ELEMENTAIRE ORGANISATIONS';
const rootName = 'EXEMPLE AC RACINE IGC-SANTE ELEMENTAIRE';
let folder = '';
let nowMs = nowUtcMs;
beforeEach(() => {
  nowMs = nowUtcMs;
  folder = ca.path(randomUUID());
  mkdirSync(folder);
  server.serve('/ac.crl?cle=secret', ca.listOf(issuing, [own]));
  server.serve('/racine.crl', ca.listOf(ca.root));
});
afterEach(() => server.misbehave(undefined));

const settingOf = (revocation: z.input<typeof revocationOptions>): TrustSetting => ({
  environment: 'test',
  folder,
  certificates: [{ name: 'db1.exemple', certificateFile: own.certificateFile }],
  trust: trustOptions.parse({
    peers: { caFiles: [ca.root.certificateFile, issuing.certificateFile] },
    revocation: { allowedHosts: [server.host], ...revocation },
    whitelist: { file: '/nulle/part.xml' },
    psc: { environment: 'bas', clientId: 'exemple', clientSecretFile: '/nulle/part' },
  }),
});

const look = async (revocation: z.input<typeof revocationOptions> = {}, timeoutMs = 5_000): Promise<CheckResult> => {
  const ports = { clock: () => nowMs, randomBytes: (size: number) => Buffer.alloc(size), timeoutMs };
  const { results } = await runDoctor({
    clock: () => nowMs,
    trust: { ...wellTrust(nowMs), revocation: () => lookAtRevocation(settingOf(revocation), ports) },
  });
  const result = results.find(({ name }) => name === 'revocation-lists');
  if (result === undefined) throw new Error('no check');
  return result;
};
const lineOf = ({ details = [] }: CheckResult, authority: string): string =>
  details.find((line) => line.startsWith(`${authority}, `)) ?? '';

/** The service fetches and keeps its lists. */
const runService = async (): Promise<void> => {
  const service = createRevocation(revocationOptions.parse({ allowedHosts: [server.host] }), {
    keep: join(folder, 'revocation'),
    clock: () => nowMs,
    alerts: { raise: () => undefined, clear: () => undefined },
    randomBytes: (size) => Buffer.alloc(size),
  });
  const chain = [own, issuing, ca.root].map(certificateOf);
  await service.start(ca.authorities);
  await service.check(chain, nowMs);
  service.stop();
};

describe('revocation lists, looked at by the doctor', () => {
  test('those that the authorities and our own certificates name are read, verified, counted', async () => {
    const result = await look();
    expect(result.state).toBe('ok');
    expect(result.details).toEqual([
      `${rootName}, ${server.url}/racine.crl : reçue, signature vérifiée, valable encore 24 h, 0 révoqué`,
      `${intermediateName}, ${server.url}/ac.crl : reçue, signature vérifiée, valable encore 24 h, 1 révoqué`,
    ]);
  });

  test('what may be a key of access in an address is not shown', async () =>
    expect(JSON.stringify(await look())).not.toContain('secret'));

  test('nothing is written: the copies are the service’s own', async () => {
    await look();
    server.misbehave((_, response) => response.destroy());
    expect(lineOf(await look(), rootName)).toContain('aucune copie');
  });

  test('a server that is down: a failure, or a warning while the copy of the service holds', async () => {
    await runService();
    server.misbehave((_, response) => void response.writeHead(503).end());
    const kept = await look();
    expect(kept.state).toBe('warning');
    expect(lineOf(kept, intermediateName)).toContain('HTTP status 503) ; copie gardée valable encore 24 h');
    nowMs += 3 * dayMs;
    const ended = await look();
    expect(ended.state).toBe('failed');
    expect(lineOf(ended, intermediateName)).toContain('copie gardée finie depuis 2 jours');
  });

  test('a server that says nothing is not waited for longer than the doctor has patience', async () => {
    server.misbehave(() => undefined);
    const result = await look({}, 1_000);
    expect(result.state).toBe('failed');
    expect(lineOf(result, rootName)).toContain('no answer in 1000 ms');
  });

  test.each([
    ['another authority’s', () => ca.listOf(ca.intermediate), 'trust/revocation-list-refused'],
    ['no list', () => Buffer.from('<html>Portail captif EXEMPLE</html>'), 'neither DER nor PEM'],
    [
      'one byte changed',
      () => {
        const bytes = Buffer.from(ca.listOf(issuing));
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 9) ^ 1, bytes.length - 9);
        return bytes;
      },
      'not signed by its authority',
    ],
    [
      'of the future',
      () => ca.listOf(issuing, [], { thisUpdateUtcMs: nowUtcMs + hourMs, nextUpdateUtcMs: nowUtcMs + dayMs }),
      'a list of the future',
    ],
  ])('a list that is not to be believed is refused: %s', async (_, list, detail) => {
    server.serve('/ac.crl?cle=secret', list());
    const result = await look();
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('bien celle de la liste') });
    expect(lineOf(result, intermediateName)).toContain(detail);
    expect(lineOf(result, rootName)).toContain('reçue, signature vérifiée');
  });

  test('an older list than the service has is refused: somebody replays it', async () => {
    await runService();
    server.serve(
      '/ac.crl?cle=secret',
      ca.listOf(issuing, [], { thisUpdateUtcMs: nowUtcMs - 2 * dayMs, nextUpdateUtcMs: nowUtcMs + dayMs }),
    );
    const result = await look();
    expect(result.state).toBe('warning');
    expect(lineOf(result, intermediateName)).toContain('older than the list we have) ; copie gardée valable');
  });

  test.each([
    [-hourMs, 'warning', 'finie depuis 1 h, 0 révoqué ; elle sert encore un temps'],
    [-25 * hourMs, 'failed', 'finie depuis 25 h, 0 révoqué ; elle ne sert plus'],
  ])('a list that ended %i ms ago is %s', async (end, state, text) => {
    const terms = { thisUpdateUtcMs: nowUtcMs - 5 * dayMs, nextUpdateUtcMs: nowUtcMs + end };
    server.serve('/ac.crl?cle=secret', ca.listOf(issuing, [], terms));
    const result = await look();
    expect(result.state).toBe(state);
    expect(lineOf(result, intermediateName)).toContain(text);
  });

  test('a host that nobody allowed is not asked', async () => {
    const before = server.requests.length;
    const result = await look({ allowedHosts: ['igc-sante.exemple'] });
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('AllowedHosts') });
    expect(server.requests).toHaveLength(before);
  });

  test('configured lists stand in the place of those of the certificates: a file, an address', async () => {
    const file = ca.path('liste.crl');
    writeFileSync(file, ca.listOf(issuing));
    const names = [issuing, ca.root].map((one) => formatDistinguishedName(distinguishedNameOf(certificateOf(one))));
    const result = await look({
      allowedHosts: [],
      lists: [
        { issuer: names[0] ?? '', files: [file, ca.path('absente.crl')] },
        { issuer: names[1] ?? '', urls: [`${server.url}/racine.crl`] },
      ],
    });
    expect(result.state).toBe('warning');
    expect(result.details?.join('\n')).toContain(`${intermediateName}, ${file} : reçue, signature vérifiée`);
    expect(result.details?.join('\n')).toContain('absente.crl : Le service de révocation ne répond pas.');
    expect(lineOf(result, rootName)).toContain('/racine.crl : reçue');
  });

  test('a list larger than the service takes is not taken', async () => {
    server.serve('/ac.crl?cle=secret', Buffer.alloc(2_000, 0x30));
    expect(lineOf(await look({ maxBytes: 1_500 }), intermediateName)).toContain('more than 1500 bytes');
  });
});
