/** Pro Santé Connect that fails, each way it can: over the stand-in, fail closed (E2). */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { TokenVerdict, TokenVerifier } from '../../plugin/trust/index.ts';
import { openPscSetting, type PscSetting } from '../fixtures/trust/psc-setting.ts';
import { exampleClients, personas, type MintOptions, type Persona } from '../peers/psc/index.ts';

let setting: PscSetting;
const bearer = (token: string): string => `Bearer ${token}`;
const mint = (persona: Persona = personas.doctor, options: MintOptions = {}): Promise<string> =>
  setting.psc.mintToken(persona, options);
const verify = (verifier: TokenVerifier, token: string): Promise<TokenVerdict> =>
  verifier.verify({ authorization: bearer(token) });

beforeAll(async () => {
  setting = await openPscSetting();
});
afterEach(() => setting.psc.faults.clear());
afterAll(() => setting.stop());

describe('Pro Santé Connect that fails: nothing is served (E2, fail closed)', () => {
  test('down: a token just seen is served until the cache ends, others are not', async () => {
    const verifier = setting.verifier();
    const known = await mint();
    const unknown = await mint(personas.radiologist);
    expect(await verify(verifier, known)).toMatchObject({ kind: 'accepted' });
    await setting.psc.faults.order({ kind: 'down' });
    expect(await verify(verifier, unknown)).toMatchObject({ kind: 'unavailable', code: 'trust/psc-unreachable' });
    expect(await verify(verifier, known)).toMatchObject({ kind: 'accepted' });
    setting.advance(31_000);
    expect(await verify(verifier, known)).toMatchObject({ kind: 'unavailable', code: 'trust/psc-unreachable' });
    await setting.psc.faults.clear();
    expect(await verify(verifier, known)).toMatchObject({ kind: 'accepted' });
    setting.advance(-31_000);
  });

  test('down since the start: without keys nothing is checked, so nothing is accepted', async () => {
    const token = await mint();
    await setting.psc.faults.order({ kind: 'down' });
    const verifier = setting.verifier();
    expect(await verify(verifier, token)).toMatchObject({ kind: 'unavailable', code: 'trust/psc-unreachable' });
  });

  test('slow: given up after the time-out', async () => {
    const verifier = setting.verifier({ timeoutMs: 300 });
    const token = await mint();
    await setting.psc.faults.order({ kind: 'slow', endpoints: ['introspection'], delayMs: 9_000 });
    const startedMs = Date.now();
    expect(await verify(verifier, token)).toMatchObject({ kind: 'unavailable', code: 'trust/psc-timeout' });
    expect(Date.now() - startedMs).toBeLessThan(8_000);
  });

  const rows = [
    [{ kind: 'error', status: 500 }, 'trust/psc-unreachable', 'HTTP 500'],
    [{ kind: 'error', status: 503 }, 'trust/psc-unreachable', 'HTTP 503'],
    [{ kind: 'error', status: 429 }, 'trust/psc-unreachable', 'HTTP 429'],
    [{ kind: 'error', status: 404 }, 'trust/psc-answer-invalid', 'HTTP 404'],
    [{ kind: 'nonsense' }, 'trust/psc-answer-invalid', 'OAUTH_RESPONSE_IS_NOT_JSON'],
    [{ kind: 'nonsense-json' }, 'trust/psc-answer-invalid', 'OAUTH_INVALID_RESPONSE'],
    [{ kind: 'nonsense-json', body: { active: true, exp: 'x' } }, 'trust/psc-answer-invalid', 'claims of other types'],
    [{ kind: 'nonsense-json', body: { active: true } }, 'trust/token-no-identity', undefined],
    [{ kind: 'other-subject' }, 'trust/psc-answer-invalid', 'the answer is about another token'],
    [{ kind: 'huge' }, 'trust/psc-answer-invalid', 'UND_ERR_RES_EXCEEDED_MAX_SIZE'],
    [{ kind: 'redirect' }, 'trust/psc-answer-invalid', 'HTTP 302'],
    [{ kind: 'refuse-client' }, 'trust/psc-refused-us', 'HTTP 401 invalid_client'],
    [{ kind: 'error', status: 403 }, 'trust/psc-refused-us', 'HTTP 403'],
  ] as const;
  test.each(rows)('introspection answers %j: %s', async (fault, code, detail) => {
    const verifier = setting.verifier();
    await setting.psc.faults.order({ ...fault, endpoints: ['introspection'] });
    const verdict = await verify(verifier, await mint());
    expect(verdict).toEqual(detail === undefined ? { kind: 'refused', code } : { kind: 'unavailable', code, detail });
  });

  test('cut in the middle of the answer', async () => {
    await setting.psc.faults.order({ kind: 'cut', endpoints: ['introspection'] });
    expect(await verify(setting.verifier(), await mint())).toMatchObject({
      kind: 'unavailable',
      code: 'trust/psc-unreachable',
    });
  });

  test.each([['error'], ['nonsense'], ['nonsense-json'], ['huge'], ['redirect']] as const)(
    'keys that answer %s: not accepted, unless the insecure option leaves it to introspection',
    async (kind) => {
      const token = await mint();
      await setting.psc.faults.order({ kind, endpoints: ['keys'] });
      expect(await verify(setting.verifier(), token)).toMatchObject({ kind: 'unavailable' });
      const insecure = setting.verifier({ allowInsecureMissingKeys: true });
      expect(await verify(insecure, token)).toMatchObject({ kind: 'accepted' });
    },
  );

  test('a server of another authority is not believed', async () => {
    const verifier = setting.verifier({ caFile: setting.ca.negative.rogueRootCertificateFile });
    expect(await verify(verifier, await mint())).toMatchObject({ kind: 'unavailable', code: 'trust/psc-tls-refused' });
  });

  test.each([
    ['a wrong secret', () => ({ clientId: exampleClients.consumer.clientId })],
    [
      'the certificate of another structure',
      () => ({ clientId: 'drimbox-mtls-exemple', ...setting.ca.structures['1990000002']?.authCli }),
    ],
    [
      'a certificate of another authority with the same names',
      () => ({ clientId: 'drimbox-mtls-exemple', ...setting.ca.negative.rogueAuthCli }),
    ],
  ])('%s: PSC refuses us', async (_, input) => {
    expect(await verify(setting.verifier(input()), await mint())).toMatchObject({
      kind: 'unavailable',
      code: 'trust/psc-refused-us',
    });
  });
});

describe('keys of Pro Santé Connect', () => {
  test('a new key is fetched when a token names it, at most once a minute', async () => {
    const verifier = setting.verifier();
    expect(await verify(verifier, await mint())).toMatchObject({ kind: 'accepted' });
    setting.psc.rotateKeys();
    const keyRequests = (): number => setting.psc.log.filter(({ endpoint }) => endpoint === 'keys').length;
    const before = keyRequests();
    const tokens = [await mint(), await mint(personas.radiologist)];
    for (const token of tokens) {
      expect(await verify(verifier, token)).toEqual({ kind: 'refused', code: 'trust/token-signature-invalid' });
    }
    expect(keyRequests()).toBe(before);
    setting.advance(61_000);
    for (const token of tokens) expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted' });
    expect(keyRequests()).toBe(before + 1);
    setting.advance(-61_000);
  });

  test('old keys serve while new ones cannot be had, not for ever', async () => {
    const verifier = setting.verifier({ keysRefreshMs: 60_000, keysMaxAgeMs: 3_600_000 });
    const claims = { exp: Math.floor(Date.now() / 1000) + 86_400 };
    const late = (): Promise<string> => mint(personas.doctor, { claims, expiresInSeconds: 86_400 });
    expect(await verify(verifier, await late())).toMatchObject({ kind: 'accepted' });
    await setting.psc.faults.order({ kind: 'error', endpoints: ['keys'] });
    setting.advance(1_800_000);
    expect(await verify(verifier, await late())).toMatchObject({ kind: 'accepted' });
    setting.advance(1_900_000);
    expect(await verify(verifier, await late())).toMatchObject({ kind: 'unavailable', code: 'trust/psc-unreachable' });
    setting.advance(-3_700_000);
  });
});

describe('alerts', () => {
  test('are raised once, cleared once, and hold nothing of token or person (A6)', async () => {
    const verifier = setting.verifier({ cacheMs: 0 });
    const token = await mint();
    setting.alerts.length = 0;
    await verify(verifier, token);
    expect(setting.alerts.toSorted()[0]).toMatch(/^clear trust\/psc-/);
    setting.alerts.length = 0;
    await setting.psc.faults.order({ kind: 'refuse-client', endpoints: ['introspection'] });
    await verify(verifier, token);
    await verify(verifier, token);
    expect(setting.alerts.filter((line) => line.startsWith('raise'))).toEqual([
      'raise trust/psc-refused-us: HTTP 401 invalid_client',
    ]);
    expect(await verify(verifier, 'a.b.c')).toEqual({ kind: 'refused', code: 'trust/token-malformed' });
    expect(setting.alerts).not.toContain('clear trust/psc-refused-us');
    await setting.psc.faults.clear();
    await verify(verifier, token);
    expect(setting.alerts).toContain('clear trust/psc-refused-us');
  });

  test('neither token, secret nor identity is in any verdict, alert or output of a failure (A6)', async () => {
    const written: string[] = [];
    const { stdout, stderr } = process;
    const [out, err] = [stdout.write.bind(stdout), stderr.write.bind(stderr)];
    const capture = (chunk: string | Uint8Array): boolean => written.push(String(chunk)) > 0;
    stdout.write = capture;
    stderr.write = capture;
    const token = await mint();
    try {
      for (const kind of ['nonsense-json', 'other-subject', 'error', 'cut', 'refuse-client', 'huge'] as const) {
        await setting.psc.faults.order({ kind, endpoints: ['introspection', 'userinfo'] });
        written.push(JSON.stringify(await verify(setting.verifier({ professions: ['10'] }), token)));
      }
      await delay(10);
    } finally {
      stdout.write = out;
      stderr.write = err;
    }
    const all = [...written, ...setting.alerts].join('\n');
    const [, payload = '', signature = ''] = token.split('.');
    const secrets = [
      payload,
      signature,
      exampleClients.source.secret,
      personas.doctor.nationalId,
      personas.doctor.familyName,
    ];
    for (const secret of secrets) expect(all).not.toContain(secret);
    expect(written.length).toBeGreaterThan(5);
  });
});

describe('the question of the doctor', () => {
  test('says that PSC answers and knows us, and what time it is there (G4)', async () => {
    const answer = await setting.verifier().probe();
    expect(answer).toMatchObject({ kind: 'answering' });
    expect(Math.abs((answer.kind === 'answering' ? (answer.dateUtcMs ?? 0) : 0) - Date.now())).toBeLessThan(60_000);
  });

  test('says when PSC does not know us', async () => {
    const verifier = setting.verifier({ clientId: exampleClients.consumer.clientId });
    expect(await verifier.probe()).toMatchObject({ kind: 'unavailable', code: 'trust/psc-refused-us' });
  });
});
