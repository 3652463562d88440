/** What is told of Pro Santé Connect when it cannot be asked; the handshakes are refused by OpenSSL itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openProviderConnection } from '../../plugin/trust/provider-connection.ts';
import { classifyPscFailure, classifyStatus } from '../../plugin/trust/psc-failure.ts';
import { pscOptions } from '../../plugin/trust/index.ts';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { findFreePort } from '../peers/postgres/free-port.ts';

let ca: TestCa;
let server: ChildProcess | undefined;
beforeAll(async () => {
  ca = await makeCa('.cache/ca-psc');
});
const stopOpenssl = async (): Promise<void> => {
  const running = server;
  server = undefined;
  if (running === undefined) return;
  const ended = once(running, 'exit');
  running.kill();
  await ended;
};
afterEach(stopOpenssl);

/** A server that wants a certificate of our authority, and says why when it is refused. */
const startOpenssl = async (version: '-tls1_2' | '-tls1_3' = '-tls1_3'): Promise<number> => {
  const port = await findFreePort();
  const { certificateFile, keyFile } = ca.server;
  server = spawn(
    'openssl',
    [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-cert', certificateFile, '-key', keyFile, '-www'],
      ...[version, '-Verify', '3', '-verify_return_error', '-CAfile', ca.chainFile],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await once(server.stdout ?? server, 'data');
  await delay(50);
  return port;
};

const failureOf = async (port: number, identity: object): Promise<unknown> => {
  const connection = openProviderConnection(
    pscOptions.parse({ environment: 'bas', clientId: 'x', caFile: ca.rootCertificateFile, ...identity }),
    'Trust.Psc',
  );
  try {
    await connection.fetch(`https://127.0.0.1:${port}/`, {});
    return undefined;
  } catch (failure) {
    return failure;
  } finally {
    await connection.close();
  }
};

describe('a handshake that PSC refuses', () => {
  test.each([
    ['without a certificate', () => ({ clientSecretFile: ca.rootCertificateFile })],
    ['with one of another authority', () => ca.negative.rogueAuthCli],
    ['with an expired one', () => ca.negative.expiredAuthCli],
  ])('%s: it refuses us, an administrator must act', async (_, identity) => {
    // TLS 1.2 says so in the handshake, TLS 1.3 only after it.
    for (const version of ['-tls1_2', '-tls1_3'] as const) {
      const failure = await failureOf(await startOpenssl(version), identity());
      await stopOpenssl();
      expect(classifyPscFailure(failure)).toMatchObject({
        kind: 'unavailable',
        code: 'trust/psc-refused-us',
        detail: expect.stringMatching(/ALERT/),
      });
    }
  });

  test('with the right one nothing fails', async () => {
    const identity = ca.structures['1990000001']?.authCli;
    expect(await failureOf(await startOpenssl(), identity ?? {})).toBeUndefined();
  });
});

test('a certificate and a key that are no pair (one was replaced, the other not yet) leave the old ones', async () => {
  const { authCli } = ca.structures['1990000001'] ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-psc-'));
  const keyFile = join(folder, 'replaced.key');
  copyFileSync(authCli?.keyFile ?? '', keyFile);
  const identity = { certificateFile: authCli?.certificateFile, keyFile };
  const options = pscOptions.parse({
    ...{ environment: 'bas', clientId: 'x', caFile: ca.rootCertificateFile },
    ...identity,
  });
  const connection = openProviderConnection(options, 'Trust.Psc');
  copyFileSync(ca.server.keyFile, keyFile);
  expect(() => connection.reload()).toThrow(expect.objectContaining({ code: 'config/invalid' }));
  const port = await startOpenssl();
  const answer = await connection.fetch(`https://127.0.0.1:${port}/`, {});
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
  await connection.close();
  rmSync(folder, { recursive: true });
});

describe('what was thrown', () => {
  test.each([
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'trust/psc-unreachable'],
    [
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }),
      'trust/psc-unreachable',
    ],
    [new DOMException('x', 'TimeoutError'), 'trust/psc-timeout'],
    [Object.assign(new Error('x'), { code: 'UND_ERR_CONNECT_TIMEOUT' }), 'trust/psc-timeout'],
    [Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), 'trust/psc-tls-refused'],
    [Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'trust/psc-tls-refused'],
    ['a text', 'trust/psc-unreachable'],
    [undefined, 'trust/psc-unreachable'],
    [{ status: 400, error: 'unauthorized_client' }, 'trust/psc-refused-us'],
    [{ status: 400, error: 'invalid_request' }, 'trust/psc-answer-invalid'],
  ])('%s becomes %s', (failure, code) => {
    expect(classifyPscFailure(failure)).toMatchObject({ kind: 'unavailable', code });
  });

  test('is not quoted: only codes pass (A6)', () => {
    const failure = Object.assign(new Error('899000000011 EXEMPLE'), {
      code: '899000000011 EXEMPLE',
      status: 400,
      error: 'dr exemple',
    });
    expect(JSON.stringify(classifyPscFailure(failure))).not.toMatch(/exemple|8990/i);
    expect(classifyStatus(400, 'dr_exemple').detail).toBe('HTTP 400');
  });

  test('in a ring of causes ends', () => {
    const ring: { cause?: unknown } = {};
    ring.cause = ring;
    expect(classifyPscFailure(ring)).toMatchObject({ code: 'trust/psc-unreachable' });
  });
});
