/** The listener over real TLS: what is open to everybody, what is not, and how it ends. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startWadoListener, type WadoListener, wadoOptions } from '../../plugin/wado/index.ts';
import { makeCa } from '../peers/ca/make-ca.ts';
import type { TestCa } from '../peers/ca/test-ca.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-listener-'));
let ca: TestCa;
let listener: WadoListener | undefined;
let status: 'UP' | 'DOWN' = 'UP';
let answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
beforeAll(async () => {
  ca = await makeCa(folder);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await listener?.close(0);
  listener = undefined;
});

const optionsOf = (port = 0) =>
  wadoOptions.parse({
    host: '127.0.0.1',
    port,
    certificates: [{ name: 'localhost', certificateFile: ca.server.certificateFile, keyFile: ca.server.keyFile }],
  });
const start = async (): Promise<WadoListener> => {
  status = 'UP';
  answer = (_, response) => {
    response.end('asked');
    return Promise.resolve();
  };
  listener = await startWadoListener(optionsOf(), {
    tls: {
      cert: readFileSync(ca.server.certificateFile),
      key: readFileSync(ca.server.keyFile),
      requestCert: true,
      rejectUnauthorized: false,
    },
    answer: (request, response) => answer(request, response),
    status: () => Promise.resolve({ status, checks: [{ name: 'PACS', status }] }),
    basePaths: ['/dcm/rs'],
  });
  return listener;
};

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
const ask = (path: string): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: listener?.port, path, rejectUnauthorized: false, agent: false };
    get(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    }).on('error', reject);
  });

describe('the listener of images', () => {
  test.each(['/q/health', '/health', '/healthcheck', '/dcm/rs', '/dcm/rs/'])(
    'tells its state at %s to anybody, without a certificate (E3, DB.SO.182, DB.SO.183)',
    async (path) => {
      await start();
      const { status: code, body, headers } = await ask(path);
      expect([code, JSON.parse(body)]).toEqual([200, { status: 'UP', checks: [{ name: 'PACS', status: 'UP' }] }]);
      expect(headers['strict-transport-security']).toContain('max-age=63072000');
      expect(headers).not.toHaveProperty('x-powered-by');
      status = 'DOWN';
      expect((await ask(path)).status).toBe(503);
    },
  );

  test.each(['/', '/dcm', '/dcm/rs/studies/1.2.3', '/q/health/x', '/Q/HEALTH', '/q/health//'])(
    'asks the service about everything else: %s',
    async (path) => {
      await start();
      expect(await ask(path)).toMatchObject({ status: 200, body: 'asked' });
    },
  );

  test('a service that throws ends the connection, nothing else', async () => {
    await start();
    answer = () => Promise.reject(new Error('never'));
    await expect(ask('/dcm/rs/studies/1.2.3')).rejects.toThrow();
    expect((await ask('/health')).status).toBe(200);
  });

  test('a port that is taken is told by its code', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const ports = { tls: {}, answer, status: () => Promise.resolve({ status }), basePaths: [] };
    await expect(startWadoListener(optionsOf(port), ports)).rejects.toMatchObject({ code: 'wado/listen-failed' });
    await new Promise((resolve) => other.close(resolve));
  });

  test('bytes that are no TLS, and TLS that carries no HTTP, do not disturb it', async () => {
    const { port } = await start();
    const plain = await new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        socket.write('rubbish\r\n\r\n'),
      );
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(plain).toMatch(/^HTTP\/1.1 400 /);
    expect((await ask('/health')).status).toBe(200);
  });

  test('closing lets what is under way end, and cuts what does not', async () => {
    const { port } = await start();
    let respond: ((response: ServerResponse) => void) | undefined;
    const asked = new Promise<ServerResponse>((resolve) => (respond = resolve));
    answer = (_, response) => {
      respond?.(response);
      return new Promise(() => undefined);
    };
    const answered = ask('/dcm/rs/studies/1.2.3');
    const response = await asked;
    const idle = await new Promise<TLSSocket>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket));
    });
    idle.on('error', () => undefined);
    const closing = listener?.close(2_000);
    response.end('late');
    expect((await answered).body).toBe('late');
    await closing;
    await expect(ask('/health')).rejects.toThrow();
  });
});
