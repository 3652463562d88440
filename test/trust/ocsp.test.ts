/** Answers are made by OpenSSL with invented certificates and go over real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildOcspRequest, type OcspQuestion } from '../../plugin/trust/ocsp-request.ts';
import { checkOcspResponse } from '../../plugin/trust/ocsp-response.ts';
import { createRevocation, revocationOptions, type RevocationService } from '../../plugin/trust/index.ts';
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
import {
  answerOcspQuestion,
  type OcspSetting,
  type RevocationServer,
  startRevocationServer,
} from '../peers/revocation/revocation-server.ts';

const minuteMs = 60_000;
const leafList = '/CRL/ACI-EL-ORG.crl';

let server: RevocationServer;
let ca: CertificateAuthority;
let responder: Credential;
let good: Credential;
let revoked: Credential;
/** Of the same authority; no responder knows it. */
let stranger: Credential;
let folder: string;
let now: number;
let alerts: ReturnType<typeof recordAlerts>;
let services: RevocationService[];

beforeAll(async () => {
  server = await startRevocationServer();
  ca = await makeCertificateAuthority();
  responder = await ca.issue('responder', { profile: 'ocspResponder' });
  const extensions = [
    `authorityInfoAccess = OCSP;URI:${server.url}/ocsp`,
    `crlDistributionPoints = URI:${server.url}${leafList}`,
  ];
  [good, revoked, stranger] = await Promise.all([
    ca.issue('good', { extensions }),
    ca.issue('revoked', { extensions }),
    ca.issue('stranger', { extensions }),
  ]);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await ca.remove();
});

const setting = (more: Partial<OcspSetting> = {}): OcspSetting => ({
  issuer: ca.intermediate,
  responder,
  statuses: [
    { certificateFile: good.certificateFile, isRevoked: false },
    { certificateFile: revoked.certificateFile, isRevoked: true },
  ],
  ...more,
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-ocsp-'));
  now = Date.now();
  alerts = recordAlerts();
  services = [];
  server.misbehave(undefined);
  server.rewrite(undefined);
  server.answerOcsp(setting());
  server.requests.length = 0;
});
afterEach(async () => {
  for (const service of services) service.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The intermediate authority stands for the root here: one link to look up. */
const chainOf = (leaf: Credential) => [leaf, ca.intermediate].map(certificateOf);

const create = (ocsp: Record<string, unknown> = {}): RevocationService => {
  const options = revocationOptions.parse({ allowedHosts: [server.host], timeoutSeconds: 2, ocsp });
  const ports = { keep: join(folder, 'lists'), clock: () => now, alerts, randomBytes, every: () => () => undefined };
  const service = createRevocation(options, ports);
  services.push(service);
  return service;
};
const check = (service: RevocationService, leaf = good) => service.check(chainOf(leaf), now);
const alert = (code: string): string => `${code} ${server.url}/ocsp`;
const posts = (): number => server.requests.filter((request) => request === 'POST /ocsp').length;

describe('revocation by OCSP', () => {
  test('a responder says who is good and who is revoked (RFC 6960)', async () => {
    const service = create();
    expect(await check(service)).toEqual({ kind: 'good', source: 'ocsp' });
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
    expect(server.requests).toEqual(['POST /ocsp', 'POST /ocsp']);
    expect(alerts.open()).toEqual([]);
  });

  test('the authority itself may answer', async () => {
    server.answerOcsp(setting({ responder: ca.intermediate }));
    expect(await check(create())).toMatchObject({ kind: 'good', source: 'ocsp' });
  });

  test('a responder may name itself by its key', async () => {
    server.answerOcsp(setting({ options: ['-nmin', '5', '-resp_key_id'] }));
    expect(await check(create())).toMatchObject({ kind: 'good', source: 'ocsp' });
  });

  test('an answer is kept until it ends, and no longer than configured', async () => {
    const service = create();
    await check(service);
    now += 4 * minuteMs;
    await check(service);
    expect(posts()).toBe(1);
    now += 2 * minuteMs;
    await check(service);
    expect(posts()).toBe(2);
    server.answerOcsp(setting({ options: ['-ndays', '5'] }));
    const brief = create({ maxAgeMinutes: 1 });
    await check(brief);
    now += 61_000;
    await check(brief);
    expect(posts()).toBe(4);
  });

  test('many requests at once share one question', async () => {
    const service = create();
    await Promise.all(Array.from({ length: 20 }, () => check(service)));
    expect(posts()).toBe(1);
  });

  test('who is unknown to the responder is looked up in the list', async () => {
    server.serve(leafList, ca.listOf(ca.intermediate, [stranger]));
    expect(await check(create(), stranger)).toMatchObject({ kind: 'revoked' });
    expect(server.requests).toEqual(['POST /ocsp', `GET ${leafList}`]);
  });

  test('an old "good" sent again does not bring back whom a list took away', async () => {
    server.serve(leafList, ca.listOf(ca.intermediate, [good, stranger]));
    const service = create();
    expect(await check(service)).toMatchObject({ kind: 'good', source: 'ocsp' });
    // The list is fetched for another certificate; from then on it is held.
    expect(await check(service, stranger)).toMatchObject({ kind: 'revoked' });
    expect(await check(service)).toMatchObject({ kind: 'revoked' });
  });

  test('a responder that fails gives way to the list, and is left alone for a while', async () => {
    server.serve(leafList, ca.listOf(ca.intermediate, [revoked]));
    server.answerOcsp(undefined);
    const service = create();
    expect(await check(service)).toEqual({ kind: 'good', source: 'crl' });
    expect(await check(service, revoked)).toMatchObject({ kind: 'revoked' });
    expect(posts()).toBe(1);
    expect(alerts.open()).toEqual([alert('trust/revocation-unreachable')]);
    server.answerOcsp(setting());
    now += 2 * minuteMs;
    expect(await check(service)).toEqual({ kind: 'good', source: 'ocsp' });
    expect(alerts.open()).toEqual([]);
  });

  test('a responder that is silent costs its time-out once', async () => {
    server.serve(leafList, ca.listOf(ca.intermediate));
    server.misbehave((request, response) => {
      if (request.method === 'GET') response.end(ca.listOf(ca.intermediate));
    });
    expect(await check(create({ timeoutSeconds: 0.2 }))).toEqual({ kind: 'good', source: 'crl' });
    expect(alerts.details.get(alert('trust/revocation-unreachable'))).toBe('no answer in 200 ms');
  });

  test('with neither responder nor list nobody is good', async () => {
    server.misbehave((_request, response) => response.writeHead(503).end());
    expect(await check(create())).toMatchObject({ kind: 'unknown', detail: expect.stringMatching(/OCSP.*; .*absent/) });
  });

  test('a host that is not allowed is not asked; a configured responder is', async () => {
    const options = revocationOptions.parse({ ocsp: {} });
    const ports = { keep: join(folder, 'lists'), clock: () => now, alerts, randomBytes, every: () => () => undefined };
    const elsewhere = createRevocation(options, ports);
    expect(await check(elsewhere)).toMatchObject({ kind: 'unknown' });
    expect(server.requests).toEqual([]);
    const configured = createRevocation(revocationOptions.parse({ ocsp: { url: `${server.url}/ocsp` } }), ports);
    expect(await check(configured)).toMatchObject({ kind: 'good', source: 'ocsp' });
  });
});

describe('an answer that is refused (trust/ocsp-refused)', () => {
  const expectRefused = async (detail: RegExp, ocsp: Record<string, unknown> = {}, leaf = good): Promise<void> => {
    server.misbehave(undefined);
    const service = create(ocsp);
    expect(await check(service, leaf)).toMatchObject({ kind: 'unknown' });
    expect(alerts.details.get(alert('trust/ocsp-refused'))).toMatch(detail);
  };
  beforeEach(() => server.serve(leafList, Buffer.from('no list')));

  test('is one with a changed byte in the signature', async () => {
    server.rewrite((answer) => {
      const at = answer.indexOf(certificateOf(responder).raw) - 30;
      answer[at] = answer[at]! ^ 1;
      return answer;
    });
    await expectRefused(/signature does not match|not an answer/);
  });

  test('is one that was made for another question (replay)', async () => {
    let first: Buffer | undefined;
    server.rewrite((answer) => (first ??= Buffer.from(answer)));
    expect(await check(create())).toMatchObject({ kind: 'good' });
    await expectRefused(/to another question/);
  });

  test('is one without our nonce where it is required', async () => {
    // The question without a nonce is asked in place of ours: so the answer has none.
    const question = { certificate: certificateOf(good), authority: certificateOf(ca.intermediate), nonce: undefined };
    const answer = await answerOcspQuestion(buildOcspRequest(question), setting());
    server.rewrite(() => answer);
    expect(await check(create())).toMatchObject({ kind: 'good', source: 'ocsp' });
    await expectRefused(/does not repeat our nonce/, { nonce: 'require' });
  });

  test('is one about another certificate', async () => {
    const question = { certificate: certificateOf(good), authority: certificateOf(ca.intermediate), nonce: undefined };
    const answer = await answerOcspQuestion(buildOcspRequest(question), setting());
    server.rewrite(() => answer);
    await expectRefused(/not one answer about this certificate/, {}, revoked);
  });

  test('is one of a responder of another authority', async () => {
    const rogue = await ca.makeIntermediate('rogue', await ca.makeRoot('rogue-root'));
    const rogueResponder = await ca.issue('rogue-responder', { profile: 'ocspResponder', issuer: rogue });
    server.answerOcsp(setting({ responder: rogueResponder }));
    await expectRefused(/gave no right/);
    const unlinked = await ca.issue('rogue-unlinked', { profile: 'unlinkedResponder', issuer: rogue });
    server.answerOcsp(setting({ responder: unlinked }));
    await expectRefused(/gave no right/);
    server.answerOcsp(setting({ responder: await ca.issue('unlinked', { profile: 'unlinkedResponder' }) }));
    expect(await check(create())).toMatchObject({ kind: 'good', source: 'ocsp' });
  });

  test.each([
    ['an ordinary client of the authority', {}],
    ['a responder whose certificate has ended', { profile: 'ocspResponder' as const, toUtcMs: nowUtcMs - dayMs }],
  ])('is one of %s', async (name, order) => {
    server.answerOcsp(setting({ responder: await ca.issue(name.replaceAll(' ', '-'), order) }));
    await expectRefused(/gave no right/);
  });

  test('is one that has ended', async () => {
    now = Date.now() + hourMs;
    await expectRefused(/has ended/, { nonce: 'off' });
  });

  test('is one of the future', async () => {
    now = Date.now() - hourMs;
    await expectRefused(/of the future/, { nonce: 'off' });
  });

  test('is anything else', async () => {
    server.rewrite(() => Buffer.from('<html>'));
    await expectRefused(/not an answer of OCSP/);
  });
});

describe('the question and the answer themselves', () => {
  const questionOf = (nonce?: Uint8Array): OcspQuestion => ({
    certificate: certificateOf(good),
    authority: certificateOf(ca.intermediate),
    nonce,
  });
  const rules = () => ({ atUtcMs: now, isNonceRequired: false, maxAgeMs: hourMs });

  test('"try later" is no answer', () => {
    const tryLater = Buffer.from('30030a0103', 'hex');
    expect(() => checkOcspResponse(tryLater, questionOf(), rules())).toThrow('trust/revocation-unreachable');
  });

  test('any changed byte of an answer, or any cut, is never another status', async () => {
    const nonce = createHash('sha256').update('nonce').digest();
    const question = questionOf(nonce);
    const answer = await answerOcspQuestion(buildOcspRequest(question), setting());
    expect(checkOcspResponse(answer, question, rules())).toMatchObject({ kind: 'good' });
    const outcome = (bytes: Uint8Array): string => {
      try {
        return checkOcspResponse(bytes, question, rules()).kind;
      } catch (error) {
        expect(error).toMatchObject({
          code: expect.stringMatching(/^trust\/(?:ocsp-refused|revocation-unreachable)$/),
        });
        return 'refused';
      }
    };
    for (let length = 0; length < answer.length; length += 7)
      expect(outcome(answer.subarray(0, length))).toBe('refused');
    fc.assert(
      fc.property(fc.nat({ max: answer.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(answer);
        changed[at] = changed[at]! ^ mask;
        // A byte that nobody signed and nobody reads (a certificate that is not needed) may change.
        expect(['refused', 'good']).toContain(outcome(changed));
      }),
      { numRuns: 300 },
    );
  });
});
