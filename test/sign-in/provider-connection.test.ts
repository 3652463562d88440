/** A service that refuses our certificate says so, before or after the handshake; Node's own server would only hang up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { classifyFailure } from '../../plugin/sign-in/provider-failure.ts';
import { openProviderConnection } from '../../plugin/trust/index.ts';
import { makeCa, type TestCa } from '../peers/ca/make-ca.ts';
import { findFreePort } from '../peers/postgres/free-port.ts';

let ca: TestCa;
let server: ChildProcess | undefined;
beforeAll(async () => {
  ca = await makeCa('.cache/ca-psc');
}, 60_000);
afterEach(async () => {
  const started = server;
  server = undefined;
  if (started === undefined || started.exitCode !== null) return;
  started.kill();
  await once(started, 'exit');
});

const startOpenssl = async (version: '-tls1_2' | '-tls1_3'): Promise<number> => {
  const port = await findFreePort();
  const { certificateFile, keyFile } = ca.server;
  server = spawn(
    'openssl',
    [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-www', version, '-Verify', '3', '-verify_return_error'],
      ...['-cert', certificateFile, '-cert_chain', certificateFile, '-key', keyFile, '-CAfile', ca.chainFile],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await once(server.stdout ?? server, 'data');
  await delay(50);
  return port;
};

const limits = { connectTimeoutMs: 3_000, timeoutMs: 5_000, maxAnswerBytes: 65_536 };

const fetchAs = async (port: number, identity: { certificateFile?: string; keyFile?: string }): Promise<number> => {
  const connection = openProviderConnection({ ...limits, caFile: ca.rootCertificateFile, ...identity }, 'SignIn');
  try {
    return (await connection.fetch(`https://127.0.0.1:${port}/`, {})).status;
  } finally {
    await connection.close();
  }
};

test.each(['-tls1_2', '-tls1_3'] as const)(
  'by %s: sign-in/provider-refused-us, an administrator must act',
  async (version) => {
    const port = await startOpenssl(version);
    const failure: unknown = await fetchAs(port, ca.negative.rogueAuthCli).catch((thrown: unknown) => thrown);
    expect(classifyFailure(failure)).toMatchObject({ code: 'sign-in/provider-refused-us' });
  },
);

test('the right certificate is taken, by the same server', async () => {
  const identity = ca.structures['1990000001']?.authCli ?? {};
  expect(await fetchAs(await startOpenssl('-tls1_3'), identity)).toBe(200);
});
